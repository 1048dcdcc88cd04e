//! How long a client waits for its 250 at half the peak rate, beside what one sync takes on the same disk.

use std::io;
use std::time::Duration;

use crate::Bench;
use crate::meter::{quantile, syncs};
use crate::rate::{Outcome, open_loop};
use crate::site::{Estate, Kind, Mta};
use crate::support::world;
use crate::traffic::{Sink, Traffic, through};

const LASTS: Duration = Duration::from_secs(10);
const SYNCS: usize = 2000;

pub(crate) fn run(bench: &Bench) -> io::Result<()> {
    let estate = Estate::new(4 * bench.count)?;
    let world = world();
    println!(
        "latency: from the end of the message to its 250, at half the peak rate; the disk: 4 KB appended and synced"
    );
    println!(
        "{:<10}{:>8}{:>10}{:>10}{:>10}{:>10}{:>8}",
        "", "msg/s", "p50 ms", "p99 ms", "disk p99", "÷ disk", "late %"
    );
    for kind in [Kind::Postfix, Kind::Relay] {
        let mta = Mta::start(&world, kind, &estate.build(kind)?, bench.disk.path())?;
        let count = if kind == Kind::Relay { 4 * bench.count } else { bench.count };
        let traffic = Traffic { count, sessions: bench.sessions, size: 4096, reuse: true };
        let peak = through(&mta, traffic)?.rate;
        let mut disk = milliseconds(&syncs(bench.disk.path(), SYNCS)?);
        let _sink = Sink::start(&mta.node)?;
        let Outcome { waits, late } = open_loop(&mta.node, peak / 2.0, LASTS, bench.sessions, bench.count as u64)?;
        disk.extend(milliseconds(&syncs(bench.disk.path(), SYNCS)?));
        let mut waits = milliseconds(&waits);
        let (half, most, sync) = (quantile(&mut waits, 0.5), quantile(&mut waits, 0.99), quantile(&mut disk, 0.99));
        let late = 100.0 * late as f64 / waits.len() as f64;
        println!(
            "{:<10}{:>8.0}{half:>10.2}{most:>10.2}{sync:>10.2}{:>10.2}{late:>8.1}",
            kind.name(),
            peak / 2.0,
            most / sync
        );
    }
    println!("goal: p99 of the relay ≤ 3 × the disk's");
    Ok(())
}

fn milliseconds(times: &[Duration]) -> Vec<f64> {
    times.iter().map(|time| time.as_secs_f64() * 1000.0).collect()
}
