//! `verify --format json`: one object a run.

use std::io::{self, Write};

use serde::Serialize;

use super::{Pass, Run};
use crate::cli::outcome::Failure;
use crate::cli::trace;
use crate::diagnostic::code::VERIFY_DISAGREES;
use crate::plan::Plan;
use crate::plan::route::Router;
use crate::verify::Disagreement;
use crate::verify::judge::{lines, summary};
use crate::verify::share::Share;

#[derive(Serialize)]
struct Entry<'a> {
    mtas: Vec<Mta<'a>>,
    passes: Vec<PassEntry<'a>>,
    shares: Vec<ShareEntry<'a>>,
    disagreements: Vec<serde_json::Value>,
    /// Why it could not go on to its end, or null.
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Mta<'a> {
    name: &'a str,
    target: &'static str,
    /// The release that the file names, or null.
    named: Option<String>,
    /// What ran: null where the relay stood in.
    version: Option<&'a str>,
    /// Why it was not asked, or null.
    absent: Option<&'a str>,
}

#[derive(Serialize)]
struct PassEntry<'a> {
    name: &'a str,
    questions: usize,
    mailed: usize,
    messages: usize,
    disagreements: usize,
    problems: &'a [String],
}

#[derive(Serialize)]
struct ShareEntry<'a> {
    connectors: Vec<&'a str>,
    counts: &'a std::collections::BTreeMap<String, usize>,
    least: usize,
    most: usize,
    fair: bool,
}

pub(super) fn write(runs: &[Run], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"[")?;
    for (i, run) in runs.iter().enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &entry(run))?;
    }
    out.write_all(b"\n]\n")
}

/// The file has errors, and nothing was run.
pub(super) fn refused(why: &str, out: &mut dyn Write) -> io::Result<()> {
    let none =
        Entry { mtas: Vec::new(), passes: Vec::new(), shares: Vec::new(), disagreements: Vec::new(), error: Some(why) };
    serde_json::to_writer(&mut *out, &[none])?;
    out.write_all(b"\n")
}

fn entry(run: &Run) -> Entry<'_> {
    let plan = &run.estate.plan;
    let version = |id| run.passes.first().and_then(|pass| pass.report.versions.get(&id));
    let seats = plan.mta_ids().zip(&run.seats).map(|(id, seat)| Mta {
        name: &plan.mta(id).name,
        target: seat.kind.as_str(),
        named: plan.mta(id).target.value.version.map(|version| version.to_string()),
        version: version(id).filter(|_| seat.absent.is_none()).map(String::as_str),
        absent: seat.absent.as_deref(),
    });
    let router = Router::new(plan);
    let each = |pass: &Pass| -> Vec<serde_json::Value> {
        pass.report.disagreements.iter().map(|one| disagreement(run, &router, pass, one)).collect()
    };
    Entry {
        mtas: seats.collect(),
        passes: run.passes.iter().map(pass_entry).collect(),
        shares: run.shares.iter().map(|share| share_entry(share, plan)).collect(),
        disagreements: run.passes.iter().flat_map(each).collect(),
        error: run.broken.as_ref().map(Failure::message),
    }
}

fn pass_entry(pass: &Pass) -> PassEntry<'_> {
    PassEntry {
        name: pass.name,
        questions: pass.asks.len(),
        mailed: pass.report.mailed,
        messages: pass.report.messages,
        disagreements: pass.report.disagreements.len(),
        problems: &pass.report.problems,
    }
}

fn share_entry<'a>(share: &'a Share, plan: &'a Plan) -> ShareEntry<'a> {
    ShareEntry {
        connectors: share.connectors.iter().map(|&id| plan.connector(id).name.as_str()).collect(),
        counts: &share.counts,
        least: share.least,
        most: share.most,
        fair: share.is_fair(),
    }
}

fn disagreement(run: &Run, router: &Router<'_>, pass: &Pass, one: &Disagreement) -> serde_json::Value {
    let (plan, ask) = (&run.estate.plan, &pass.asks[one.ask]);
    let expected: Vec<serde_json::Value> = ask
        .outcomes(router)
        .iter()
        .map(|outcome| trace::json::outcome(&ask.wires(), ask.mta, outcome, plan, &run.estate.sources))
        .collect();
    serde_json::json!({
        "code": VERIFY_DISAGREES.name,
        "severity": "error",
        "mta": plan.mta(ask.mta).name,
        "recipients": ask.recipients.iter().map(|recipient| recipient.wire.as_str()).collect::<Vec<_>>(),
        "null_sender": ask.null_sender,
        "octets": ask.octets,
        "from_anyone": ask.anyone,
        "pass": pass.name,
        "message": summary(&one.saw),
        "expected": expected,
        "seen": lines(&one.saw),
        "log": one.log,
    })
}
