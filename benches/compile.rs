//! How long the compiler takes for a large estate, beside the table builders of the field, in one run.
//!
//! `cargo bench --bench compile -- [dsl|csv|ldif] [CONTACTS] [RUNS] [MISTAKES]` makes a seeded estate (default: a million
//! contacts in DSL, 5 runs, no mistakes), then, in turn, compiles it and lets `postmap lmdb:` and `cdb -c` build its contact
//! table alone. It prints medians and the ratios of each run, since a machine's speed drifts. `-- write FOLDER …` leaves
//! the estate in a folder.

#![expect(clippy::disallowed_methods, reason = "a benchmark runs programs and looks at the clock")]

#[path = "compile/estate.rs"]
mod estate;

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use estate::Form;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};

/// What one run of a program cost.
struct Cost {
    wall: f64,
    /// On all cores.
    cpu: f64,
    peak_mib: f64,
}

/// What is measured: a name and a command, in the estate's folder.
const PROGRAMS: [(&str, &[&str]); 6] = [
    ("mailswitch check", &[MAILSWITCH, "check"]),
    ("mailswitch build, Postfix", &[MAILSWITCH, "build", "-o", "out"]),
    ("mailswitch build, Exim", &[MAILSWITCH, "build", "-o", "out", "--target", "exim"]),
    ("mailswitch build, relay", &[MAILSWITCH, "build", "-o", "out", "--target", "relay"]),
    // An empty configuration folder: the table is all that counts.
    ("postmap lmdb: (one table)", &["postmap", "-c", "empty", "lmdb:contacts"]),
    YARDSTICK,
];
const MAILSWITCH: &str = env!("CARGO_BIN_EXE_mailswitch");
const YARDSTICK: (&str, &[&str]) = ("cdb -c (one table)", &["cdb", "-c", "-m", "contacts.cdb", "contacts"]);

fn main() -> io::Result<()> {
    let mut words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let folder = if words.first().is_some_and(|word| word == "write") { words.drain(..2).nth(1) } else { None };
    let form = words.iter().find_map(|word| Form::named(word)).unwrap_or(Form::Dsl);
    let numbers: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let (contacts, runs, mistakes) = (number(0, 1_000_000), number(1, 5), number(2, 0));
    if let Some(folder) = folder {
        return estate::write(Path::new(&folder), contacts, form, mistakes);
    }
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    estate::write(at, contacts, form, mistakes)?;
    println!("{contacts} contacts, {mistakes} mistakes, {runs} runs; medians");

    let mut costs: [Vec<Cost>; PROGRAMS.len()] = Default::default();
    for _ in 0..runs {
        for ((_, command), costs) in PROGRAMS.iter().zip(&mut costs) {
            costs.push(run(at, command)?);
        }
    }
    println!("{:<28}{:>8}{:>8}{:>10}{:>12}{:>16}", "", "wall s", "CPU s", "peak MB", "÷ cdb -c", "(min–max)");
    let [.., yardstick] = &costs;
    for ((name, _), costs) in PROGRAMS.iter().zip(&costs) {
        let mut ratios: Vec<f64> = costs.iter().zip(yardstick).map(|(ours, other)| ours.wall / other.wall).collect();
        ratios.sort_by(f64::total_cmp);
        let median = |of: fn(&Cost) -> f64| median(costs.iter().map(of).collect());
        let (wall, cpu, peak) = (median(|c| c.wall), median(|c| c.cpu), median(|c| c.peak_mib));
        let spread = format!("{:.2}–{:.2}", ratios[0], ratios[ratios.len() - 1]);
        println!("{name:<28}{wall:>8.2}{cpu:>8.2}{peak:>10.0}{:>12.2}{spread:>16}", ratios[ratios.len() / 2]);
    }
    Ok(())
}

/// Runs a program to its end; its peak memory is what the kernel last said before.
fn run(at: &Path, command: &[&str]) -> io::Result<Cost> {
    let (started, cpu) = (Instant::now(), cpu_of_children()?);
    let mut program = Command::new(command[0]);
    let quiet = program.current_dir(at).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        peak_kib = high_water(&status).unwrap_or(peak_kib);
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = started.elapsed().as_secs_f64();
    // 1 is what mailswitch says of an estate with mistakes.
    if !matches!(ended.code(), Some(0 | 1)) {
        return Err(io::Error::other(format!("{command:?} failed: {ended}")));
    }
    Ok(Cost { wall, cpu: cpu_of_children()? - cpu, peak_mib: peak_kib as f64 / 1024.0 })
}

fn cpu_of_children() -> io::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
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
