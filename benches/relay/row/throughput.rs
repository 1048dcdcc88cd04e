//! Messages a second, CPU a message and peak memory, beside Postfix and Exim.

use std::io;

use crate::Bench;
use crate::meter::{median, peak_kib};
use crate::site::{Estate, Kind, Mta};
use crate::support::world;
use crate::traffic::{Run, Traffic, ceiling, through};

const KINDS: [Kind; 3] = [Kind::Postfix, Kind::Exim, Kind::Relay];

/// What one MTA did in one mode.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    cpu: Vec<f64>,
    peak_mb: f64,
}

pub(crate) fn run(bench: &Bench) -> io::Result<()> {
    let estate = Estate::new(4 * bench.count)?;
    let world = world();
    let start = |kind: Kind| Mta::start(&world, kind, &estate.build(kind)?, bench.disk.path());
    let mtas = KINDS.map(start).into_iter().collect::<io::Result<Vec<Mta>>>()?;
    println!("throughput: {} runs in turn, {} sessions, 4 KB; medians (min–max)", bench.runs, bench.sessions);
    println!(
        "{:<10}{:<14}{:>8}{:>16}{:>12}{:>10}{:>12}{:>9}{:>12}",
        "", "", "msg/s", "", "÷ postfix", "ms CPU", "÷ postfix", "peak MB", "÷ postfix"
    );
    for reuse in [false, true] {
        let traffic = Traffic { count: 4 * bench.count, sessions: bench.sessions, size: 4096, reuse };
        let figures = measured(bench, &mtas, traffic)?;
        for (mta, own) in mtas.iter().zip(&figures) {
            print(mta.kind, reuse, own, &figures[0]);
        }
        let ceiling = ceiling(&mtas[0].node, traffic)?;
        println!("{:<10}{:<14}{ceiling:>8.0}", "generator", mode(reuse));
    }
    println!("goals: ≥ 8 × postfix with reuse, ≥ 5 × without, ≤ 0.10 of its CPU with reuse, ≤ 0.25 of its memory");
    Ok(())
}

fn measured(bench: &Bench, mtas: &[Mta], traffic: Traffic) -> io::Result<Vec<Figures>> {
    let mut figures: Vec<Figures> = mtas.iter().map(|_| Figures::default()).collect();
    for _ in 0..bench.runs {
        for (mta, own) in mtas.iter().zip(&mut figures) {
            let Run { rate, cpu_ms } = through(mta, share(mta.kind, traffic))?;
            own.rates.push(rate);
            own.cpu.push(cpu_ms);
        }
    }
    // To look at memory costs time, so it has a run of its own.
    for (mta, own) in mtas.iter().zip(&mut figures) {
        let (result, peak) = peak_kib(&mta.namespace(), || through(mta, share(mta.kind, traffic)));
        result?;
        own.peak_mb = peak as f64 / 1024.0;
    }
    Ok(figures)
}

/// Each gets about as many messages as it takes in the same time.
fn share(kind: Kind, traffic: Traffic) -> Traffic {
    let count = match kind {
        Kind::Postfix => traffic.count / 4,
        Kind::Exim => traffic.count / 16,
        Kind::Relay => traffic.count,
    };
    Traffic { count, ..traffic }
}

fn mode(reuse: bool) -> &'static str {
    if reuse { "reuse" } else { "connection" }
}

fn print(kind: Kind, reuse: bool, own: &Figures, postfix: &Figures) {
    let [rate, base_rate] = [own, postfix].map(|f| median(&mut f.rates.clone()));
    let [cpu, base_cpu] = [own, postfix].map(|f| median(&mut f.cpu.clone()));
    let (least, most) = own.rates.iter().fold((f64::MAX, 0f64), |(least, most), r| (least.min(*r), most.max(*r)));
    println!(
        "{:<10}{:<14}{rate:>8.0}{:>16}{:>12.2}{cpu:>10.3}{:>12.3}{:>9.0}{:>12.2}",
        kind.name(),
        mode(reuse),
        format!("({least:.0}–{most:.0})"),
        rate / base_rate,
        cpu / base_cpu,
        own.peak_mb,
        own.peak_mb / postfix.peak_mb
    );
}
