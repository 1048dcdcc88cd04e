//! The relay beside Postfix and Exim, all built by this compiler from one estate, in one run on one machine.
//!
//! `cargo bench --bench relay -- [ROW…] [COUNT [SESSIONS [RUNS]]]` (default: every row, 6000 messages for Postfix, a
//! quarter of it for Exim and four times as many for the relay, 50 sessions, 3 runs). It needs root, and what
//! `tests/setup.sh` installs. Each MTA runs its emitted folder byte for byte on a machine of its own (`src/lab`), with
//! its spool on a real disk, below `target/`; load and sink are on that machine's loopback. The rows:
//!
//! - `throughput`: messages a second, CPU a message, peak memory: `smtp-source` → MTA → `smtp-sink`;
//! - `latency`: how long a client waits for its 250 at half the peak rate;
//! - `start`: with 1,000,000 contacts, the time until it greets a client, a lookup, memory;
//! - `queue`: 100,000 messages for a dead host: memory each, restart, what mail for others suffers;
//! - `idle`: memory of 10,000 connections.

#![expect(clippy::disallowed_methods, reason = "a benchmark runs programs and looks at the clock")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot go on ends, as a test does")]

#[path = "relay/meter.rs"]
mod meter;
#[path = "relay/rate.rs"]
mod rate;
#[path = "relay/row"]
mod row {
    pub(crate) mod idle;
    pub(crate) mod latency;
    pub(crate) mod queue;
    pub(crate) mod start;
    pub(crate) mod throughput;
}
#[path = "relay/site.rs"]
mod site;
#[path = "../tests/support.rs"]
mod support;
#[path = "relay/traffic.rs"]
mod traffic;

use std::io;

use tempfile::TempDir;

/// What was asked for.
pub(crate) struct Bench {
    pub(crate) count: usize,
    pub(crate) sessions: usize,
    pub(crate) runs: usize,
    /// For spools: not in memory, as `/tmp` may be.
    pub(crate) disk: TempDir,
}

type Row = fn(&Bench) -> io::Result<()>;

const ROWS: [(&str, Row); 5] = [
    ("throughput", row::throughput::run),
    ("latency", row::latency::run),
    ("start", row::start::run),
    ("queue", row::queue::run),
    ("idle", row::idle::run),
];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).filter(|name| name.parse::<usize>().is_err()).collect();
    if let Some(unknown) = names.iter().find(|name| ROWS.iter().all(|(row, _)| row != *name)) {
        return Err(io::Error::other(format!("there is no row `{unknown}`")));
    }
    let number = |at: usize, usual: usize| numbers.get(at).copied().unwrap_or(usual);
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let bench = Bench { count: number(0, 6000), sessions: number(1, 50), runs: number(2, 3), disk };
    for (name, row) in ROWS {
        if names.is_empty() || names.contains(&name) {
            row(&bench)?;
            println!();
        }
    }
    Ok(())
}
