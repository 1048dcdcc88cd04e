//! The screen of `relay top`: numbers, lanes, hosts.

use std::io::{self, Write};

use super::rates::Rates;
use crate::cli::relay::words;
use crate::cli::stream;
use crate::relay::admin::protocol::{Host, Lane, Snapshot};
use crate::relay::event::time::Utc;

/// Columns of a line where nothing says how wide it may be.
const WIDE: usize = 200;

/// In the place of what was there before: each line is cleared to its end, and then all below.
pub(super) fn draw(
    before: Option<&Snapshot>,
    now: &Snapshot,
    (rows, columns): (usize, usize),
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "\u{1b}[H")?;
    let mut lines = lines(before, now, columns);
    lines.truncate(rows.saturating_sub(1));
    for line in lines {
        writeln!(out, "{line}\u{1b}[K")?;
    }
    write!(out, "\u{1b}[J")
}

/// All of it.
pub(super) fn page(before: Option<&Snapshot>, now: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    lines(before, now, WIDE).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// The numbers alone.
pub(super) fn row(before: Option<&Snapshot>, now: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let rates = Rates::between(before, now);
    writeln!(
        out,
        "{} accepted={} refused={} delivered={} deferred={} bounced={} queue={} sessions={} connections={}",
        now.time,
        rates.of(|t| t.accepted),
        rates.of(|t| t.refused),
        rates.of(|t| t.delivered),
        rates.of(|t| t.deferred),
        rates.of(|t| t.bounced),
        now.entries,
        now.sessions,
        now.connections
    )
}

fn lines(before: Option<&Snapshot>, now: &Snapshot, columns: usize) -> Vec<String> {
    let rates = Rates::between(before, now);
    let mut lines = vec![
        format!("{}  queue {}  sessions {}  connections out {}", now.time, now.entries, now.sessions, now.connections),
        format!(
            "accepted {}  refused {}  delivered {}  deferred {}  bounced {}",
            rates.of(|t| t.accepted),
            rates.of(|t| t.refused),
            rates.of(|t| t.delivered),
            rates.of(|t| t.deferred),
            rates.of(|t| t.bounced)
        ),
        String::new(),
        heading(&format!("{:32} {:>8} {:>8} {:>6}", "LANE", "ACTIVE", "WAITING", "CONNS")),
    ];
    lines.extend(now.lanes.iter().map(|l| cut(&lane(l, now.time), columns)));
    let more = now.lane_count.saturating_sub(now.lanes.len() as u64);
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    if !now.hosts.is_empty() {
        lines.push(String::new());
        lines.push(heading(&format!("{:32} {:24} {:>6}", "HOST", "CONNECTOR", "CONNS")));
        lines.extend(now.hosts.iter().map(|h| cut(&host(h, now.time), columns)));
    }
    lines
}

fn heading(text: &str) -> String {
    let strong = stream::STRONG;
    format!("{strong}{text}{strong:#}")
}

fn lane(lane: &Lane, now: Utc) -> String {
    let name = match &lane.domain {
        Some(domain) => format!("{} {}", lane.connector, domain),
        None => lane.connector.clone(),
    };
    let (name, Lane { active, waiting, connections, .. }) = (words::line(&name), lane);
    let mut text = format!("{name:32} {active:>8} {waiting:>8} {connections:>6}");
    if let Some(until) = lane.asleep_until {
        text += &format!("  asleep, tried {}", words::until(until, now));
    }
    if let Some(reason) = &lane.reason {
        text += &format!("  {}", words::line(reason));
    }
    text
}

fn host(host: &Host, now: Utc) -> String {
    let (address, connector) = (host.address.to_string(), words::line(&host.connector));
    let mut text = format!("{address:32} {connector:24} {:>6}", host.connections);
    if let Some(until) = host.dead_until {
        text += &format!("  dead, tried {}", words::until(until, now));
    }
    if let Some(reason) = &host.reason {
        text += &format!("  {}", words::line(reason));
    }
    text
}

fn cut(line: &str, columns: usize) -> String {
    match line.char_indices().nth(columns) {
        Some((end, _)) => line[..end].to_owned(),
        None => line.to_owned(),
    }
}
