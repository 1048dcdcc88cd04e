//! Every route of every case, with real mail through real MTAs.
//!
//! A case is rendered for its programs, which run in a world of `mailswitch verify`'s. Each question of `routes.txt` becomes
//! a message, and so do one address of every class of addresses and every literal one, by what the plan says. `checks` holds
//! the plan against `routes.txt`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mailswitch::emit::{Context, feature};
use mailswitch::plan::route::Router;
use mailswitch::plan::{EmitMode, Mta, Plan, Target, TargetKind};
use mailswitch::source::Sources;
use mailswitch::verify::ask::{Ask, Recipient, asks};
use mailswitch::verify::judge::{lines, summary};
use mailswitch::verify::weather::Weather;
use mailswitch::verify::{Means, Part, run};

use super::case::{Case, cases};
use super::routes::{asked_at, question_of};
use crate::support;

/// So many worlds at once.
const WORKERS: usize = 3;
/// More literal addresses than any case has.
const ALL: usize = 1000;

/// Which program each MTA of a case is.
#[derive(Clone, Copy, Debug)]
enum Cast {
    All(TargetKind),
    AsDeclared,
    /// The first MTA is the first of these, the next one the second, and so on in turn.
    InTurn([TargetKind; 2]),
}

/// What a case came to.
pub(crate) struct Result {
    pub(crate) addresses: usize,
    pub(crate) wrong: Vec<String>,
}

#[test]
fn postfix_takes_every_route() {
    every_case(Cast::All(TargetKind::Postfix));
}

#[test]
fn exim_takes_every_route() {
    every_case(Cast::All(TargetKind::Exim));
}

#[test]
fn relay_takes_every_route() {
    every_case(Cast::All(TargetKind::Relay));
}

#[test]
fn estates_of_postfix_and_exim_take_every_route() {
    every_case(Cast::AsDeclared);
}

#[test]
fn estates_of_exim_and_relay_take_every_route() {
    every_case(Cast::InTurn([TargetKind::Exim, TargetKind::Relay]));
}

#[test]
fn estates_of_relay_and_postfix_take_every_route() {
    every_case(Cast::InTurn([TargetKind::Relay, TargetKind::Postfix]));
}

/// Runs the cases that can be cast so.
fn every_case(cast: Cast) {
    let begin = Instant::now();
    let chosen: Vec<Case> = cases().into_iter().filter(|case| fits(case, cast)).collect();
    let count = chosen.len();
    let waiting = Mutex::new(chosen.into_iter());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(case) = waiting.lock().unwrap().next() else { return };
                    let result = one_case(&case, cast);
                    results.lock().unwrap().push(result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    assert_eq!(results.len(), count, "a case did not come to its end");
    let addresses: usize = results.iter().map(|result| result.addresses).sum();
    let wrong: Vec<&str> = results.iter().flat_map(|result| result.wrong.iter().map(String::as_str)).collect();
    let name = format!("{cast:?}");
    let took = begin.elapsed().as_secs();
    println!("{name}: {addresses} addresses in {count} cases, {} wrong, {took} s", wrong.len());
    assert!(wrong.is_empty(), "{name}: {} of {addresses} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn fits(case: &Case, cast: Cast) -> bool {
    let plan = case.plan();
    let sound = !case.read("diagnostics.txt").is_some_and(|text| text.contains(": error["));
    let complete = plan.mtas.iter().all(|mta| mta.emits() == EmitMode::Complete);
    let impossible = case.impossible();
    let kinds = kinds(&plan, cast);
    let possible = kinds.iter().all(|kind| !impossible.contains_key(kind.as_str()));
    let told_apart = match cast {
        Cast::All(_) => true,
        Cast::AsDeclared => BTreeSet::from_iter(kinds) == BTreeSet::from([TargetKind::Postfix, TargetKind::Exim]),
        Cast::InTurn(_) => kinds.len() > 1,
    };
    sound && complete && possible && told_apart && !case.routes().is_empty()
}

fn kinds(plan: &Plan, cast: Cast) -> Vec<TargetKind> {
    let kind = |(at, mta): (usize, &Mta)| match cast {
        Cast::All(kind) => kind,
        Cast::AsDeclared => mta.target.value.kind,
        Cast::InTurn(kinds) => kinds[at % kinds.len()],
    };
    plan.mtas.iter().enumerate().map(kind).collect()
}

fn one_case(case: &Case, cast: Cast) -> Result {
    let (mut plan, sources) = case.plan_and_sources();
    let kinds = kinds(&plan, cast);
    for (mta, kind) in plan.mtas.iter_mut().zip(&kinds).filter(|(mta, kind)| mta.target.value.kind != **kind) {
        mta.target.value = Target { kind: *kind, version: None };
    }
    play(case, &plan, &sources, &[support::EXIM_ROOT.into()])
}

/// Runs a case's MTAs as the plan has them, on machines with these layers over their own files.
pub(crate) fn play(case: &Case, plan: &Plan, sources: &Sources, layers: &[PathBuf]) -> Result {
    let router = Router::new(plan);
    let context = Context { plan, router: &router, sources };
    let render = |id| {
        let kind = plan.mta(id).target.value.kind;
        Part { kind, files: feature::target(kind).unwrap().render(context, id).unwrap() }
    };
    let parts: Vec<Part> = plan.mta_ids().map(render).collect();
    let mut all = written_down(case, &router);
    all.extend(asks(&router, ALL));
    let weather = weather(case);
    let means = Means {
        layers: layers.to_vec(),
        program: support::program().into(),
        patience: Duration::from_secs(20),
        together: 1,
    };
    let addresses = all.iter().map(|ask| ask.recipients.len()).sum();
    let named = |text: &str| format!("{}: {text}", case.name);
    let wrong = match run(plan, &parts, &all, &weather, &means, &|_| ()) {
        Err(error) => vec![named(&format!("does not start: {error}"))],
        Ok(report) => {
            let disagreements = report.disagreements.iter().map(|one| {
                let ask = &all[one.ask];
                let (at, who) = (&plan.mta(ask.mta).name, if ask.anyone { "anyone" } else { "a trusted client" });
                let expected = &ask.expected;
                let seen: Vec<String> = lines(&one.saw).into_iter().chain(one.log.clone()).collect();
                let what = format!("{} at {at} from {who} {}", ask.wires(), summary(&one.saw));
                format!("{what}; expected {expected:?}\n      {}", seen.join("\n      "))
            });
            disagreements.chain(report.problems.iter().cloned()).map(|text| named(&text)).collect()
        }
    };
    Result { addresses, wrong }
}

/// The questions of `routes.txt`.
fn written_down(case: &Case, router: &Router<'_>) -> Vec<Ask> {
    let mut asks = Vec::new();
    for route in case.routes() {
        let recipients = route
            .recipients
            .iter()
            .map(|recipient| Recipient { question: question_of(&recipient.address), wire: recipient.wire.clone() });
        let recipients: Vec<Recipient> = recipients.collect();
        for mta in asked_at(router.plan, &route) {
            let ask = Ask::of_message(router, mta, route.anyone, recipients.clone());
            asks.push(Ask { null_sender: route.null_sender, ..ask });
        }
    }
    asks
}

/// `world.txt`: a host that is down in each line.
fn weather(case: &Case) -> Weather {
    let text = case.read("world.txt").unwrap_or_default();
    let down = text.lines().map(|line| line.strip_prefix("down ").unwrap_or_else(|| panic!("world.txt: {line}")));
    Weather { down: down.map(str::to_owned).collect(), ..Weather::default() }
}
