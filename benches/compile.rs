//! How long the compiler takes for a large estate, beside the table builders of the field, in one run.
//!
//! `cargo bench --bench compile -- [CONTACTS] [RUNS]` makes a seeded estate (default: a million contacts), then, in
//! turn, compiles it and lets `postmap lmdb:` and `cdb -c` build its contact table alone. It prints medians and the
//! ratios of each run, since a machine's speed drifts.

#![expect(clippy::disallowed_methods, reason = "a benchmark runs programs and looks at the clock")]

#[path = "compile/estate.rs"]
mod estate;

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run of a program cost.
struct Cost {
    wall: Duration,
    peak_kib: u64,
}

fn main() -> io::Result<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let contacts = numbers.first().copied().unwrap_or(1_000_000);
    let runs = numbers.get(1).copied().unwrap_or(5);
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    estate::write(at, contacts)?;
    println!("{contacts} contacts, {runs} runs; medians");

    let mut costs: [Vec<Cost>; 4] = Default::default();
    for _ in 0..runs {
        costs[0].push(run(mailswitch(at, &["check"]))?);
        costs[1].push(run(mailswitch(at, &["build", "-o", "out"]))?);
        costs[2].push(run(postmap(at))?);
        costs[3].push(run(cdb(at)?)?);
    }
    let names = ["mailswitch check", "mailswitch build", "postmap lmdb: (one table)", "cdb -c (one table)"];
    println!("{:<28}{:>10}{:>12}{:>16}{:>16}", "", "wall s", "peak MB", "build ÷ this", "(min–max)");
    for (name, cost) in names.iter().zip(&costs) {
        let mut ratios: Vec<f64> =
            costs[1].iter().zip(cost).map(|(ours, other)| ours.wall.as_secs_f64() / other.wall.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        let wall = median(cost.iter().map(|c| c.wall.as_secs_f64()).collect());
        let peak = median(cost.iter().map(|c| c.peak_kib as f64 / 1024.0).collect());
        let spread = format!("{:.2}–{:.2}", ratios[0], ratios[ratios.len() - 1]);
        println!("{name:<28}{wall:>10.2}{peak:>12.0}{:>16.2}{spread:>16}", ratios[ratios.len() / 2]);
    }
    Ok(())
}

fn mailswitch(at: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailswitch"));
    command.current_dir(at).args(arguments);
    command
}

fn postmap(at: &Path) -> Command {
    let mut command = Command::new("postmap");
    // An empty configuration folder: the table is all that counts.
    command.current_dir(at).args(["-c", "empty", "lmdb:contacts"]);
    command
}

fn cdb(at: &Path) -> io::Result<Command> {
    let mut command = Command::new("cdb");
    command.current_dir(at).args(["-c", "-m", "contacts.cdb", "contacts"]);
    Ok(command)
}

/// Runs a program to its end; its peak memory is what the kernel last said before.
fn run(mut command: Command) -> io::Result<Cost> {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        peak_kib = high_water(&status).unwrap_or(peak_kib);
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = started.elapsed();
    if !ended.success() {
        return Err(io::Error::other(format!("{command:?} failed: {ended}")));
    }
    Ok(Cost { wall, peak_kib })
}

fn high_water(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
