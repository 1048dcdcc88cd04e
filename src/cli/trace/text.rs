//! An outcome in words: its fate, and each step with the line that decides it.

use std::io::{self, Write};

use crate::cli::stream;
use crate::diagnostic::human::{clean, line_of};
use crate::plan::Plan;
use crate::plan::route::decide::Step;
use crate::plan::route::outcome::{Fate, Outcome};
use crate::plan::route::walk::Hop;
use crate::source::{Sources, Span};

/// Octets of a source line that are shown.
const WIDEST: usize = 100;

pub(in crate::cli) fn outcome(
    outcome: &Outcome,
    plan: &Plan,
    sources: &Sources,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = style(outcome.fate);
    writeln!(out, "  {style}{}{style:#}{}", outcome.fate.as_str(), end(outcome, plan))?;
    for (i, hop) in outcome.path.iter().enumerate() {
        writeln!(out, "  {:>3}. {}: {}", i + 1, plan.node_name(hop.node), step(hop, plan))?;
        let place = stream::PLACE;
        let line = line(sources, hop.span);
        writeln!(out, "       {place}{}{place:#}  {line}", line_of(sources, hop.span))?;
    }
    Ok(())
}

fn style(fate: Fate) -> anstyle::Style {
    match fate {
        Fate::Delivered => stream::GOOD,
        Fate::Rejected => stream::REFUSED,
        Fate::Looped | Fate::Unroutable | Fate::Bounced => stream::BAD,
    }
}

/// What follows the fate: where, as what, by which connector, and why.
fn end(outcome: &Outcome, plan: &Plan) -> String {
    let mut text = String::new();
    if let Some(status) = outcome.status {
        text += &format!(" {}", status.0);
    }
    match (outcome.fate, outcome.system) {
        (Fate::Delivered, Some(node)) => text += &format!(" at {}", plan.node_name(node)),
        (_, system) => text += &format!(" by {}", plan.node_name(system.unwrap_or(outcome.node))),
    }
    if let Some(recipient) = &outcome.recipient {
        text += &format!(" as {recipient}");
    }
    if let Some(connector) = outcome.connector {
        text += &format!(", via {}", plan.connector(connector).name);
    }
    match (outcome.why, outcome.fate) {
        (Some(why), _) => text += &format!(": {}", why.in_words()),
        (None, Fate::Bounced) => text += ": the system does not hold it",
        (None, Fate::Looped) => text += ": it comes back to where it was",
        (None, _) => {}
    }
    text
}

fn step(hop: &Hop, plan: &Plan) -> String {
    let recipient = &hop.recipient;
    let by = hop.connector.map(|id| {
        let connector = plan.connector(id);
        format!(" by {} to {}", connector.name, plan.node_name(connector.to.value))
    });
    let by = by.unwrap_or_default();
    match hop.step {
        Step::Postmaster => format!("its postmaster: becomes {recipient}"),
        Step::Contact => format!("contact: becomes {recipient}"),
        Step::Account => format!("account: goes{by}"),
        Step::Unresolved => format!("unresolved: goes{by}"),
        Step::Space => format!("address space: goes{by}"),
        Step::Forwards => "forwards it".to_owned(),
        Step::Domain => "its domain decides".to_owned(),
    }
}

/// The line of the source, without its indentation, and not too much of it.
fn line(sources: &Sources, span: Span) -> String {
    let source = sources.get(span.file);
    if !source.quotable {
        return String::new();
    }
    let range = source.line_range(source.line_of(span.start as usize));
    let whole = source.text().get(range.clone()).unwrap_or_default();
    if whole.len() <= WIDEST {
        return clean(whole.trim());
    }
    // A long line is shown from the words that decide.
    let at = (span.start as usize).saturating_sub(range.start);
    let start = whole.floor_char_boundary(if at < WIDEST / 2 { 0 } else { at });
    let end = whole.floor_char_boundary((start + WIDEST).min(whole.len()));
    let cut = |there: bool| if there { "…" } else { "" };
    format!("{}{}{}", cut(start > 0), clean(whole[start..end].trim()), cut(end < whole.len()))
}
