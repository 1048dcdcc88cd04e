//! A relay that is killed (`kill -9`) again and again under full load keeps every promise.
//!
//! Short form: 20 times. Long form, 200 times: `MAILSWITCH_LONG=1 tests/run.sh relay::crash`. `SEED=n` repeats the
//! moments of a run.

use std::time::{Duration, Instant};

use super::estate::{LOCAL, TWO_SYSTEMS, build, long};
use super::load::{Load, wait_until};
use super::tally::Tally;
use crate::support::world;

/// Copies whose answer was on its way when the relay ended: it could not write down that they had been taken.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// Every message goes to one system or the other, each third one to both.
fn recipients(number: u64) -> Vec<String> {
    let to = |system: &str| format!("m{number}@{system}.contoso.com");
    match number % 3 {
        0 => vec![to("unix")],
        1 => vec![to("store")],
        _ => vec![to("unix"), to("store")],
    }
}

#[test]
fn what_was_promised_arrives_however_often_the_relay_is_killed() {
    let (kills, seed) = (if long() { 200 } else { 20 }, seed());
    let mut random = fastrand::Rng::with_seed(seed);
    let (world, tally) = (world(), Tally::default());
    for address in ["100.64.1.1:25", "100.64.1.2:25"] {
        tally.serve(&world, address);
    }
    let node = world.node("hub", &["198.51.100.1"]).unwrap();
    let built = build(TWO_SYSTEMS, "relay");
    let relay = built.relay(&node, LOCAL);
    let load = Load::start(&world, &[node.smtp()], 20, recipients);
    let mut moments = Vec::new();
    for _ in 0..kills {
        // By messages and not by time, so that each life has its work.
        load.wait_for(load.promised() + random.usize(1..800));
        moments.push(Instant::now());
        relay.kill();
        relay.start(&[25]).unwrap();
        load.revived();
    }
    let ledger = load.stop();
    let twice = tally.wait_for(&ledger, recipients, Duration::from_secs(60));
    let due =
        |arrivals: &&Vec<Instant>| arrivals.windows(2).all(|pair| moments.iter().any(|kill| flew(pair[0], *kill)));
    let (in_flight, wrong): (Vec<_>, Vec<_>) = twice.iter().partition(due);
    println!(
        "seed {seed}: {kills} kills, {} messages promised, {} without an answer, {} copies twice, in flight at a kill",
        ledger.promised.len(),
        ledger.unsure.len(),
        in_flight.len()
    );
    assert!(wrong.is_empty(), "seed {seed}: {} copies came twice that were not in flight at a kill", wrong.len());
    wait_until(Duration::from_secs(30), "an empty queue", || relay.queue().unwrap().trim().is_empty());
}

/// What the random moments of a run come from.
fn seed() -> u64 {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| fastrand::u64(..))
}

/// A copy that came just before a kill. The sink's clock may be read a moment later than the kill's.
fn flew(came: Instant, kill: Instant) -> bool {
    came + IN_FLIGHT > kill && came < kill + IN_FLIGHT
}

#[test]
fn a_relay_that_is_asked_to_end_finishes_what_it_has_begun() {
    let (world, tally) = (world(), Tally::default());
    for address in ["100.64.1.1:25", "100.64.1.2:25"] {
        tally.serve(&world, address);
    }
    let node = world.node("hub", &["198.51.100.1"]).unwrap();
    let relay = build(TWO_SYSTEMS, "relay").relay(&node, LOCAL);
    let load = Load::start(&world, &[node.smtp()], 10, recipients);
    for _ in 0..4 {
        load.wait_for(load.promised() + 300);
        relay.terminate().unwrap();
        relay.start(&[25]).unwrap();
        load.revived();
    }
    let ledger = load.stop();
    let twice = tally.wait_for(&ledger, recipients, Duration::from_secs(60));
    assert!(twice.is_empty(), "{} of {} copies came twice", twice.len(), tally.copies());
    wait_until(Duration::from_secs(30), "an empty queue", || relay.queue().unwrap().trim().is_empty());
}
