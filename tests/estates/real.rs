//! Random sound estates on real Postfix, real Exim and the relay, mixed as each estate says, with real mail.
//!
//! `MAILSWITCH_LONG=1 cargo test --release estates::real -- --nocapture` is the long form: it goes on until it has compared
//! `TRIPLES` (1,000,000) of estate, address and MTA. `ESTATES=seed:first:count` runs these estates only. An estate that
//! disagrees is made small, and `KEEP=name` writes it down as a golden case; `SHOW=1` prints every estate, `ONLY=text` asks
//! only for addresses that hold it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mailswitch::emit::{Context, feature};
use mailswitch::lab;
use mailswitch::plan::route::Router;
use mailswitch::plan::route::decide::VisitEnd;
use mailswitch::plan::{MtaId, Plan, TargetKind};
use mailswitch::verify::ask::{Ask, asks};
use mailswitch::verify::judge::{lines, summary};
use mailswitch::verify::weather::{Weather, storms};
use mailswitch::verify::{Means, Part, Report, run};

use super::{Asked, Size, keep, nth, shrink};
use crate::oracle::dsl::to_dsl;
use crate::oracle::estate::Estate;
use crate::properties::read;
use crate::support;

/// So many estates at once, unless the environment says otherwise: their MTAs wait for each other most of the time.
const WORKERS: usize = 3;
/// More literal addresses than any estate has.
const ALL: usize = 100_000;
/// An estate with more questions is asked only some of them twice.
const MANY: usize = 2000;
/// Questions to an MTA that it asks the next hop about.
const PROBED: usize = 60;
/// Recipients of a message.
const TOGETHER: usize = 40;
/// An estate is made smaller for so long.
const SHRINKING: Duration = Duration::from_secs(150);

/// What has been compared so far.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    estates: usize,
    given_up: usize,
    /// Of estate, address and MTA; asked by a trusted client and by anyone, or in large estates by one of them.
    triples: usize,
    questions: usize,
    mailed: usize,
    messages: usize,
    /// Questions in a world where something is wrong.
    stormy: usize,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.estates += other.estates;
        self.given_up += other.given_up;
        self.triples += other.triples;
        self.questions += other.questions;
        self.mailed += other.mailed;
        self.messages += other.messages;
        self.stormy += other.stormy;
    }
}

/// What went wrong, and the questions that show it.
type Wrong = (String, Vec<Asked>);

#[test]
fn random_estates_take_every_route() {
    let long = std::env::var("MAILSWITCH_LONG").is_ok();
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let goal = if long { number("TRIPLES", 1_000_000) } else { 1_000 };
    let seed = number("SEED", 4) as u64;
    let wanted = std::env::var("ESTATES").unwrap_or_default();
    let named: Vec<u64> = wanted.split(':').filter_map(|number| number.parse().ok()).collect();
    let (seed, mut indices) = match named[..] {
        [seed, first, count] => (seed, first..first + count),
        _ => (seed, 0..u64::MAX),
    };
    let begin = Instant::now();
    let state = Mutex::new((Tally::default(), None::<(u64, Estate, Wrong)>));
    let next = Mutex::new(move || indices.next());
    std::thread::scope(|scope| {
        for _ in 0..number("WORKERS", WORKERS) {
            scope.spawn(|| {
                loop {
                    let over = |(tally, wrong): &(Tally, Option<_>)| tally.triples >= goal || wrong.is_some();
                    if over(&state.lock().unwrap()) {
                        return;
                    }
                    let Some(index) = (next.lock().unwrap())() else { return };
                    let (tally, wrong) = one(seed, index, long);
                    let mut state = state.lock().unwrap();
                    state.0.add(tally);
                    if state.0.estates % 25 == 0 {
                        println!("{} s: {:?}", begin.elapsed().as_secs(), state.0);
                    }
                    if let (Some(wrong), None) = (wrong, &state.1) {
                        state.1 = Some((index, wrong.0, wrong.1));
                    }
                }
            });
        }
    });
    let (tally, wrong) = state.into_inner().unwrap();
    println!("seed {seed}, {} s: {tally:?}", begin.elapsed().as_secs());
    if let Some((index, estate, wrong)) = wrong {
        fail(seed, index, estate, &wrong);
    }
}

/// Of each eight estates two are middling, in a long run three are large, and the rest fit on a page.
fn size(index: u64, long: bool) -> Size {
    match index % 8 {
        1 | 4 | 7 if long => Size::LARGE,
        3 | 5 => Size::MEDIUM,
        _ => Size::SMALL,
    }
}

fn one(seed: u64, index: u64, long: bool) -> (Tally, Option<(Estate, Wrong)>) {
    let Some(estate) = nth(seed, index, size(index, long)) else {
        return (Tally { given_up: 1, ..Tally::default() }, None);
    };
    let mut tally = Tally { estates: 1, ..Tally::default() };
    if std::env::var("SHOW").is_ok() {
        println!("{}", to_dsl(&estate));
    }
    let begin = Instant::now();
    let wrong = compare(&estate, 60, &mut tally);
    let took = begin.elapsed().as_secs();
    let what = wrong.as_ref().map_or("", |(what, _)| what.as_str());
    println!("estate {seed}:{index}: {} triples in {took} s {what}", tally.triples);
    (tally, wrong.map(|wrong| (estate, wrong)))
}

/// Runs an estate, and says what is wrong with it.
fn compare(estate: &Estate, patience: u64, tally: &mut Tally) -> Option<Wrong> {
    let (plan, sources, _) = read(to_dsl(estate));
    let router = Router::new(&plan);
    let context = Context { plan: &plan, router: &router, sources: &sources };
    let part = |id| {
        let kind = plan.mta(id).target.value.kind;
        Part { kind, files: feature::target(kind).unwrap().render(context, id).unwrap() }
    };
    let parts: Vec<Part> = plan.mta_ids().map(part).collect();
    let mut calm = asks(&router, ALL);
    if calm.len() > MANY {
        // Of many addresses, every other one is asked for by a trusted client, and the rest by anyone.
        let one_of_each: BTreeSet<String> = asks(&router, 0).iter().map(Ask::wires).collect();
        let known: BTreeSet<String> = calm.iter().map(Ask::wires).collect();
        let odd: BTreeSet<String> = known.into_iter().step_by(2).collect();
        let untrusting = |ask: &Ask| plan.mta(ask.mta).trust.is_empty();
        calm.retain(|ask| {
            let wires = ask.wires();
            one_of_each.contains(&wires) || untrusting(ask) || odd.contains(&wires) == ask.anyone
        });
    }
    // Postfix takes three seconds for each recipient that it asks the next hop about (postconf(5),
    // address_verify_poll_delay).
    let is_slow = |ask: &Ask| {
        let postfix = plan.mta(ask.mta).target.value.kind == TargetKind::Postfix;
        postfix && ask.refused_behind.is_none() && is_probed(&router, ask)
    };
    let mut probed: BTreeMap<MtaId, usize> = BTreeMap::new();
    calm.iter().filter(|ask| is_slow(ask)).for_each(|ask| *probed.entry(ask.mta).or_default() += 1);
    let every: BTreeMap<MtaId, usize> = probed.iter().map(|(mta, all)| (*mta, all.div_ceil(PROBED))).collect();
    let mut met: BTreeMap<MtaId, usize> = BTreeMap::new();
    calm.retain(|ask| {
        !is_slow(ask) || {
            let nth = met.entry(ask.mta).or_default();
            *nth += 1;
            nth.is_multiple_of(every[&ask.mta])
        }
    });
    if let Ok(only) = std::env::var("ONLY") {
        calm.retain(|ask| ask.wires().contains(&only));
    }
    tally.triples += calm.iter().map(|ask| (ask.mta, ask.wires())).collect::<BTreeSet<_>>().len();
    tally.questions += calm.len();
    let means = Means {
        layers: vec![support::EXIM_ROOT.into()],
        program: support::program().into(),
        patience: Duration::from_secs(patience),
        together: TOGETHER,
    };
    let mut pass = |name: &str, asks: &[Ask], weather: &Weather| {
        let result = run(&plan, &parts, asks, weather, &means, &|_| ());
        if let Ok(report) = &result {
            tally.mailed += report.mailed;
            tally.messages += report.messages;
        }
        wrong(&plan, name, asks, result)
    };
    if let Some(wrong) = pass("when all is well", &calm, &Weather::default()) {
        return Some(wrong);
    }
    let storms: Vec<_> = storms(&router).into_iter().map(|storm| (storm.asks(&calm), storm)).collect();
    let mut stormy = 0;
    let mut found = None;
    for (asks, storm) in storms.iter().filter(|(asks, _)| !asks.is_empty()) {
        stormy += asks.len();
        found = found.or_else(|| pass(storm.name, asks, &storm.weather));
    }
    tally.stormy += stormy;
    found
}

/// Whether the MTA asks the next hop about one of the recipients.
fn is_probed(router: &Router<'_>, ask: &Ask) -> bool {
    ask.recipients.iter().any(|recipient| {
        let end = router.visit(ask.mta, ask.asker(), &recipient.question).end;
        matches!(end, VisitEnd::Send { verify: true, .. })
    })
}

fn wrong(plan: &Plan, pass: &str, asks: &[Ask], result: lab::Result<Report>) -> Option<Wrong> {
    let report = match result {
        Ok(report) => report,
        Err(error) => return Some((format!("{pass}, it does not run: {error}"), Vec::new())),
    };
    let mut text = String::new();
    let mut asked = Vec::new();
    for (nth, one) in report.disagreements.iter().take(20).enumerate() {
        let ask = &asks[one.ask];
        let (at, who) = (&plan.mta(ask.mta).name, if ask.anyone { "anyone" } else { "a trusted client" });
        let log = one.log.iter().filter(|_| nth < 3).cloned();
        let seen: Vec<String> = lines(&one.saw).into_iter().chain(log).collect();
        text += &format!("{pass}: {} at {at} from {who} {}; ", ask.wires(), summary(&one.saw));
        text += &format!("expected {:?}\n      {}\n", ask.expected, seen.join("\n      "));
        let recipient = ask.recipients[0].wire.clone();
        asked.push(Asked { mta: ask.mta.index(), anyone: ask.anyone, recipient });
    }
    text.extend(report.problems.iter().map(|problem| format!("{pass}: {problem}\n")));
    (!text.is_empty()).then_some((text, asked))
}

fn fail(seed: u64, index: u64, estate: Estate, first: &Wrong) -> ! {
    println!("estate {seed}:{index} disagrees:\n{}", first.0);
    let end = Instant::now() + SHRINKING;
    let fails = |estate: &Estate| Instant::now() < end && compare(estate, 10, &mut Tally::default()).is_some();
    let least = shrink(estate, fails);
    let again = compare(&least, 10, &mut Tally::default());
    let (what, asked) = again.as_ref().unwrap_or(first);
    if let Ok(name) = std::env::var("KEEP") {
        keep(&least, &name, what, asked);
    }
    panic!("estate {seed}:{index}: {what}\n{}", to_dsl(&least));
}
