//! Messages of the queue, for people.

use std::io::{self, Write};

use crate::cli::relay::words;
use crate::cli::stream;
use crate::diagnostic::human::plural;
use crate::relay::admin::protocol::{Entry, Part, Recipient, Shown, State};
use crate::relay::event::time::Utc;

/// Recipients that a row of the list names.
const NAMED: usize = 3;

pub(super) fn messages(count: u64) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), "message")
}

/// A message in the list: itself, where it goes, and why it is still here.
pub(super) fn entry(Entry { part, whose }: &Entry, out: &mut dyn Write) -> io::Result<()> {
    head(part, &whose.sender, out)?;
    let named: Vec<String> = whose.recipients.iter().take(NAMED).map(|r| words::address(&r.recipient)).collect();
    let more = whose.recipients.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    writeln!(out, "    to {}{more}, {}", named.join(", "), way(part))?;
    part.reasons.iter().take(1).try_for_each(|reason| writeln!(out, "    {}", words::line(reason)))
}

/// A message in full.
pub(super) fn shown(Shown { entry: Entry { part, whose }, header }: &Shown, out: &mut dyn Write) -> io::Result<()> {
    head(part, &whose.sender, out)?;
    writeln!(out, "    since {}, {}", part.arrived, way(part))?;
    for recipient in &whose.recipients {
        self::recipient(recipient, out)?;
    }
    writeln!(out)?;
    header.lines().try_for_each(|line| writeln!(out, "    {}", words::line(line)))?;
    writeln!(out)
}

fn head(part: &Part, sender: &str, out: &mut dyn Write) -> io::Result<()> {
    let (strong, style) = (stream::STRONG, style(part.state));
    let (id, state, size) = (part.id, part.state.as_str(), words::size(part.size));
    let age = words::since(part.arrived, Utc::now());
    let sender = words::address(sender);
    writeln!(out, "{strong}{id}{strong:#}  {style}{state:8}{style:#}  {age:>7}  {size:>9}  from {sender}")
}

fn style(state: State) -> anstyle::Style {
    match state {
        State::Active => stream::GOOD,
        State::Deferred => stream::REFUSED,
        State::Held => stream::PLACE,
    }
}

/// By which connector, after how many tries, and when again.
fn way(part: &Part) -> String {
    let mut text = match part.connector.as_str() {
        "" => "its way not found yet".to_owned(),
        connector => format!("by {}", words::line(connector)),
    };
    if let Some(domain) = &part.domain {
        text += &format!(" ({})", words::line(domain));
    }
    match part.attempts {
        0 => text += ", not tried yet",
        1 => text += ", tried once",
        many => text += &format!(", tried {many} times"),
    }
    if let Some(next) = part.next {
        text += &format!(", next {}", words::until(next, Utc::now()));
    }
    text
}

fn recipient(Recipient { recipient, asked, reason }: &Recipient, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "    to {}", words::address(recipient))?;
    if asked != recipient && !asked.is_empty() {
        write!(out, " (asked for as {})", words::address(asked))?;
    }
    match reason {
        Some(reason) => writeln!(out, ": {}", words::line(reason)),
        None => writeln!(out),
    }
}
