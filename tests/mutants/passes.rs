//! The passes of `mailswitch verify`, one at a time.

use std::fmt;
use std::time::Duration;

use mailswitch::emit::File;
use mailswitch::plan::route::Router;
use mailswitch::verify::ask::{Ask, asks};
use mailswitch::verify::judge::summary;
use mailswitch::verify::share::{Share, count, loads};
use mailswitch::verify::weather::{Tls, Weather, storms};
use mailswitch::verify::{Means, Part, forms, run};

use super::estate::Estate;
use crate::support;

/// More literal addresses than an estate here has.
const ALL: usize = 100;
/// So many questions in a message: an MTA that refuses them all must not hang up before it has answered the last.
const TOGETHER: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Calm,
    FirstHostsDown,
    CheapestDown,
    NoTls,
    OtherName,
    OtherAuthority,
    TooLarge,
    /// A thousand messages: slow.
    Shares,
}

impl Pass {
    pub(super) const ALL: [Pass; 8] = [
        Pass::Calm,
        Pass::FirstHostsDown,
        Pass::CheapestDown,
        Pass::NoTls,
        Pass::OtherName,
        Pass::OtherAuthority,
        Pass::TooLarge,
        Pass::Shares,
    ];

    /// The storm that `mailswitch verify` would make of the estate.
    fn weather(self, router: &Router<'_>, all: &[Ask]) -> Option<(Weather, Vec<Ask>)> {
        let mut storms = storms(router).into_iter();
        let storm = match self {
            Pass::FirstHostsDown => storms.find(|storm| storm.name.contains("the first smart host down")),
            Pass::CheapestDown => storms.find(|storm| storm.name.contains("cheapest")),
            Pass::NoTls => storms.find(|storm| storm.weather.tls == Tls::Absent),
            Pass::OtherName => storms.find(|storm| storm.weather.tls == Tls::OtherName),
            Pass::OtherAuthority => storms.find(|storm| storm.weather.tls == Tls::OtherAuthority),
            Pass::Calm | Pass::TooLarge | Pass::Shares => None,
        }?;
        let asks = storm.asks(all);
        Some((storm.weather, asks))
    }
}

/// How it shows that something is wrong.
#[derive(Debug)]
pub(super) enum Caught {
    ByMail(String),
    ByChecker(String),
}

impl fmt::Display for Caught {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caught::ByMail(what) => write!(formatter, "by mail: {what}"),
            Caught::ByChecker(what) => write!(formatter, "without mail: {what}"),
        }
    }
}

/// Runs the folders, and holds what they do against the estate's plan.
pub(super) fn hold(estate: &Estate, parts: &[Vec<File>], pass: Pass, patience: Duration) -> Option<Caught> {
    let parts: Vec<Part> = parts.iter().map(|files| Part { kind: estate.kind(), files: files.clone() }).collect();
    let router = Router::new(&estate.plan);
    let means = Means {
        layers: vec![support::EXIM_ROOT.into()],
        program: support::program().into(),
        patience,
        together: TOGETHER,
    };
    let all = asks(&router, ALL);
    if pass == Pass::Shares {
        return shares(estate, &parts, &all, &means);
    }
    let (weather, asks) = match pass {
        Pass::Calm => (Weather::default(), all),
        Pass::TooLarge => (Weather::default(), forms::too_large(&estate.plan, &all)),
        storm => storm.weather(&router, &all)?,
    };
    let report = match run(&estate.plan, &parts, &asks, &weather, &means, &|_| ()) {
        Ok(report) => report,
        Err(error) => return Some(Caught::ByChecker(error.to_string())),
    };
    if let Some(one) = report.disagreements.first() {
        let ask = &asks[one.ask];
        let who = if ask.anyone { "anyone" } else { "a trusted client" };
        let at = &estate.plan.mta(ask.mta).name;
        let count = report.disagreements.len();
        return Some(Caught::ByMail(format!("{count}: {} at {at} from {who} {}", ask.wires(), summary(&one.saw))));
    }
    report.problems.first().map(|problem| Caught::ByChecker(problem.clone()))
}

fn shares(estate: &Estate, parts: &[Part], all: &[Ask], means: &Means) -> Option<Caught> {
    let loads = loads(&estate.plan, all);
    if loads.is_empty() {
        return None;
    }
    match count(&estate.plan, parts, &loads, means, &|_| ()) {
        Ok(shares) => shares.iter().find(|share| !share.is_fair()).map(unfair),
        Err(error) => Some(Caught::ByChecker(error.to_string())),
    }
}

fn unfair(share: &Share) -> Caught {
    Caught::ByMail(format!("shared as {:?}, each {} to {}", share.counts, share.least, share.most))
}
