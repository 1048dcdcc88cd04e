//! `trace --format json`: one array, one object an outcome.

use std::io::{self, Write};

use serde::Serialize;

use super::Row;
use crate::cli::estate::Estate;
use crate::plan::route::outcome::Outcome;
use crate::plan::route::walk::Hop;
use crate::plan::{MtaId, Plan};
use crate::source::Sources;

#[derive(Serialize)]
struct Entry<'a> {
    address: &'a str,
    mta: &'a str,
    fate: &'static str,
    recipient: &'a str,
    system: Option<&'a str>,
    connector: Option<&'a str>,
    status: Option<&'static str>,
    path: Vec<StepEntry<'a>>,
}

#[derive(Serialize)]
struct StepEntry<'a> {
    node: &'a str,
    step: &'static str,
    recipient: &'a str,
    connector: Option<&'a str>,
    file: &'a str,
    line: usize,
}

pub(super) fn write<'a>(rows: impl Iterator<Item = Row<'a>>, estate: &Estate, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut first = true;
    for row in rows {
        for outcome in &row.outcomes {
            out.write_all(if first { b"\n" } else { b",\n" })?;
            first = false;
            serde_json::to_writer(&mut *out, &entry(row.written, row.mta, outcome, &estate.plan, &estate.sources))?;
        }
    }
    out.write_all(if first { b"]\n" } else { b"\n]\n" })
}

/// One outcome, as another command's answer holds it.
pub(in crate::cli) fn outcome(
    written: &str,
    mta: MtaId,
    outcome: &Outcome,
    plan: &Plan,
    sources: &Sources,
) -> serde_json::Value {
    serde_json::json!(entry(written, mta, outcome, plan, sources))
}

fn entry<'a>(written: &'a str, mta: MtaId, outcome: &'a Outcome, plan: &'a Plan, sources: &'a Sources) -> Entry<'a> {
    Entry {
        address: written,
        mta: &plan.mta(mta).name,
        fate: outcome.fate.as_str(),
        // What is no address (a domain literal, no domain at all) has no other form than the one that was asked.
        recipient: outcome.recipient.as_ref().map_or(written, |r| r.as_str()),
        system: outcome.system.map(|node| plan.node_name(node)),
        connector: outcome.connector.map(|id| plan.connector(id).name.as_str()),
        status: outcome.status.map(|s| s.0),
        path: outcome.path.iter().map(|hop| step(hop, plan, sources)).collect(),
    }
}

fn step<'a>(hop: &'a Hop, plan: &'a Plan, sources: &'a Sources) -> StepEntry<'a> {
    StepEntry {
        node: plan.node_name(hop.node),
        step: hop.step.as_str(),
        recipient: hop.recipient.as_str(),
        connector: hop.connector.map(|id| plan.connector(id).name.as_str()),
        file: &sources.get(hop.span.file).name,
        line: sources.position(hop.span).line,
    }
}
