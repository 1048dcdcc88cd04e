//! The estates keep their promises, and the compiler holds on them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use mailswitch::emit::{Context, feature};
use mailswitch::plan::route::Router;

use super::table::TABLE;
use super::{Asked, Size, drawn, estate, faults, keep, keep_below, nth, pieces, shrink};
use crate::golden::routes::{parse, planned};
use crate::oracle::asks;
use crate::oracle::dsl::to_dsl;
use crate::oracle::estate::{Connector, Estate, Node};
use crate::oracle::meaning::{Asker, Fate, outcomes};
use crate::oracle::world::World;
use crate::properties::{ASKERS, compiled, naive, one_in, read};
use crate::relay_config::agree;

/// `ESTATES=seed:first:count` asks for others, and more of them.
fn asked_for(count: u64) -> (u64, std::ops::Range<u64>) {
    let wanted = std::env::var("ESTATES").unwrap_or_default();
    let numbers: Vec<u64> = wanted.split(':').filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [seed, first, count] => (seed, first..first + count),
        _ => (1, 0..count),
    }
}

/// What does not hold, and the question that shows it.
type Wrong = (String, Option<Asked>);

/// Runs a check on so many estates, and fails with the first that does not hold, made small. `KEEP=name` writes it down
/// as a golden case.
fn every(size: Size, count: u64, wrong: impl Fn(&Estate) -> Option<Wrong>) {
    let (seed, range) = asked_for(count);
    for index in range {
        let Some(estate) = nth(seed, index, size) else { continue };
        if let Some((what, _)) = wrong(&estate) {
            println!("estate {seed}:{index}: {what}");
            let least = shrink(estate, |smaller| wrong(smaller).is_some());
            let (what, asked) = wrong(&least).unwrap();
            if let Ok(name) = std::env::var("KEEP") {
                keep(&least, &name, &what, asked.as_slice());
            }
            panic!("estate {seed}:{index}: {what}\n{}", to_dsl(&least));
        }
    }
}

#[test]
fn every_field_appears_and_few_estates_are_given_up() {
    let mut missing: BTreeSet<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    let (mut given_up, mut wrong) = (0, BTreeMap::<&str, usize>::new());
    let begin = Instant::now();
    const COUNT: u64 = 200;
    for index in 0..COUNT {
        let size = if index % 3 == 0 { Size::MEDIUM } else { Size::SMALL };
        match nth(1, index, size) {
            Some(estate) => missing.retain(|name| !TABLE.iter().any(|(field, says)| field == name && says(&estate))),
            None => {
                given_up += 1;
                faults(&drawn(1, index, size)).iter().for_each(|fault| *wrong.entry(fault.code).or_default() += 1);
            }
        }
    }
    println!("{given_up} of {COUNT} given up in {:?}, at first for {wrong:?}", begin.elapsed());
    assert!(missing.is_empty(), "never seen: {missing:?}");
    assert!(given_up * 10 < COUNT, "{given_up} of {COUNT} were given up");
}

#[test]
fn an_estate_is_a_function_of_its_number() {
    for index in 0..10 {
        assert_eq!(nth(7, index, Size::MEDIUM), nth(7, index, Size::MEDIUM));
    }
    assert_ne!(nth(7, 0, Size::MEDIUM), nth(8, 0, Size::MEDIUM));
}

#[test]
fn large_estates_have_hundreds_of_people() {
    let begin = Instant::now();
    let (seed, range) = asked_for(2);
    for estate in range.filter_map(|index| nth(seed, index, Size::LARGE)) {
        let accounts: usize = estate.systems.iter().map(|system| system.accounts.len()).sum();
        println!("{} contacts, {accounts} accounts, {:?}", estate.contacts.len(), begin.elapsed());
        assert!(estate.contacts.len() + accounts > 200 && accounts > 10);
        assert!(rendered(&estate).is_none());
    }
}

/// Nothing loops in a sound estate; every other fate is there.
#[test]
fn every_fate_appears() {
    let mut seen = BTreeSet::new();
    for estate in (0..40).filter_map(|index| nth(1, index, Size::SMALL)) {
        let world = World::new(&estate);
        for address in asks::addresses(&estate) {
            for (mta, asker) in (0..estate.mtas.len()).flat_map(|mta| [(mta, Asker::Trusted), (mta, Asker::Anyone)]) {
                seen.extend(outcomes(&world, mta, asker, &address, true).into_iter().map(|o| (o.fate, o.status)));
            }
        }
    }
    let every = [
        (Fate::Unroutable, Some("5.1.2")),
        (Fate::Bounced, Some("5.1.1")),
        (Fate::Rejected, Some("5.1.1")),
        (Fate::Rejected, Some("5.6.7")),
        (Fate::Rejected, Some("5.7.1")),
        (Fate::Delivered, None),
    ];
    assert!(every.iter().all(|fate| seen.contains(fate)), "{seen:?}");
    assert!(seen.iter().all(|(fate, _)| *fate != Fate::Looped), "{seen:?}");
}

/// What is accepted from anyone is delivered, and nothing that a trusted client sends goes round.
fn unproven(estate: &Estate) -> Option<Wrong> {
    let world = World::new(estate);
    for address in asks::addresses(estate) {
        for (mta, asker) in (0..estate.mtas.len()).flat_map(|mta| [(mta, Asker::Trusted), (mta, Asker::Anyone)]) {
            for outcome in outcomes(&world, mta, asker, &address, true) {
                let fine = match asker {
                    Asker::Anyone => matches!(outcome.fate, Fate::Delivered | Fate::Rejected),
                    _ => outcome.fate != Fate::Looped,
                };
                if !fine {
                    let what = format!("{address} at {mta} by {asker:?}: {outcome:?}");
                    return Some((what, Some(Asked { mta, anyone: asker == Asker::Anyone, recipient: address })));
                }
            }
        }
    }
    None
}

#[test]
fn sound_estates_are_what_the_proof_says() {
    every(Size::SMALL, 40, unproven);
}

#[test]
fn larger_sound_estates_are_what_the_proof_says() {
    every(Size::MEDIUM, 4, unproven);
}

/// Where the compiler and the naive reading tell different stories, of one address in so many.
fn disputed(estate: &Estate, one_in: usize) -> Option<Wrong> {
    let (plan, _, _) = read(to_dsl(estate));
    let (router, world) = (Router::new(&plan), World::new(estate));
    for address in asks::addresses(estate).into_iter().step_by(one_in) {
        for (mta, (asker, as_naive)) in (0..estate.mtas.len()).flat_map(|mta| ASKERS.map(|pair| (mta, pair))) {
            for dearer in [false, true] {
                let compiled = compiled(&router, mta, asker, &address, dearer);
                let naive = naive(&world, mta, as_naive, &address, dearer);
                if compiled != naive {
                    let what = format!("{address} at {mta} by {asker:?}: {compiled:?}, naively {naive:?}");
                    return Some((what, Some(Asked { mta, anyone: as_naive == Asker::Anyone, recipient: address })));
                }
            }
        }
    }
    None
}

#[test]
fn traces_of_sound_estates_agree_with_the_naive_reading() {
    every(Size::SMALL, 25, |estate| disputed(estate, 1));
}

#[test]
fn traces_of_larger_sound_estates_agree_with_the_naive_reading() {
    every(Size::MEDIUM, 6, |estate| disputed(estate, 5));
}

/// Why an MTA cannot be rendered for its own target.
fn rendered(estate: &Estate) -> Option<Wrong> {
    let (plan, sources, _) = read(to_dsl(estate));
    let router = Router::new(&plan);
    let context = Context { plan: &plan, router: &router, sources: &sources };
    plan.mta_ids().find_map(|id| {
        let kind = plan.mta(id).target.value.kind;
        let failed = feature::target(kind).unwrap().render(context, id).err()?;
        Some((format!("{}: {}", plan.mta(id).name, failed.0), None))
    })
}

#[test]
fn sound_estates_can_be_rendered_for_their_targets() {
    every(Size::SMALL, 40, rendered);
    every(Size::MEDIUM, 15, rendered);
}

fn relays_differ(estate: &Estate) -> Option<Wrong> {
    let (mut plan, sources, _) = read(to_dsl(estate));
    agree(&mut plan, &sources, asks::addresses(estate)).err().map(|what| (what, None))
}

#[test]
fn relays_of_sound_estates_answer_as_the_router_does() {
    every(Size::SMALL, 30, relays_differ);
}

#[test]
fn relays_of_larger_sound_estates_answer_as_the_router_does() {
    every(Size::MEDIUM, 6, relays_differ);
}

/// A contact at fault, in an estate of forty people, is all that is left with what it needs.
#[test]
fn shrinking_leaves_what_fails() {
    let guilty = |contact: &crate::oracle::estate::Contact| contact.primary.contains(".partner.example");
    let fails = |estate: &Estate| estate.contacts.iter().any(guilty) && estate.mtas.iter().any(|mta| mta.tls.is_some());
    let failing = (0..200).filter_map(|index| nth(2, index, Size::MEDIUM)).find(fails).unwrap();
    let mut steps = 0;
    let least = shrink(failing.clone(), |estate| {
        steps += 1;
        fails(estate)
    });
    println!("{steps} steps from {} pieces\n{}", pieces::all(&failing).len(), to_dsl(&least));
    assert!(fails(&least) && faults(&least).is_empty());
    assert!(steps < 20 * pieces::all(&failing).len());
    assert_eq!((least.mtas.len(), least.contacts.len(), least.contacts[0].secondaries.len()), (1, 1, 1));
    assert!(least.systems.is_empty() && least.connectors.len() <= 1 && least.domains.len() == 1);
}

/// proptest takes the same pieces out.
#[test]
fn proptest_shrinks_estates() {
    let mut runner = proptest::test_runner::TestRunner::new(one_in(1));
    let failed = runner.run(&estate(Size::SMALL), |estate| {
        let leads = |connector: &Connector| matches!(connector.to, Node::System(_));
        proptest::prop_assert!(!estate.connectors.iter().any(leads));
        Ok(())
    });
    let Err(proptest::test_runner::TestError::Fail(_, least)) = failed else { panic!("{failed:?}") };
    assert_eq!((least.mtas.len(), least.systems.len(), least.connectors.len()), (1, 1, 1), "{}", to_dsl(&least));
    assert!(least.contacts.is_empty() && least.domains.is_empty());
}

/// A case that is kept says what the plan says.
#[test]
fn a_kept_estate_is_a_golden_case() {
    let root = tempfile::tempdir().unwrap();
    let estate = (0..).find_map(|index| nth(3, index, Size::SMALL)).unwrap();
    let asked: Vec<Asked> = asks::literals(&estate)
        .into_iter()
        .flat_map(|recipient| [false, true].map(|anyone| Asked { mta: 0, anyone, recipient: recipient.clone() }))
        .collect();
    let folder = keep_below(root.path(), &estate, "kept", "covers: field:mta.target", &asked);
    let text = std::fs::read_to_string(folder.join("routing.dsl")).unwrap();
    assert!(text.starts_with("# covers: field:mta.target\n"));
    let (plan, _, _) = read(text);
    let router = Router::new(&plan);
    let routes = parse(&std::fs::read_to_string(folder.join("routes.txt")).unwrap()).unwrap();
    assert_eq!(routes.len(), asked.len());
    for route in routes {
        assert_eq!(planned(&router, plan.mta_ids().next().unwrap(), &route), route.outcomes, "{}", route.text);
    }
}
