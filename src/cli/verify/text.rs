//! The results for people: a line a pass, and each disagreement with both paths side by side.

use std::io::{self, Write};

use anstream::adapter::strip_str;

use super::{Pass, Run, counted, host};
use crate::cli::{stream, trace};
use crate::diagnostic::code::VERIFY_DISAGREES;
use crate::diagnostic::human::{clean, plural};
use crate::plan::route::Router;
use crate::plan::{MtaId, Plan};
use crate::verify::judge::{lines, summary};
use crate::verify::share::{MESSAGES, Share};
use crate::verify::{Disagreement, Progress};

/// So many disagreements are shown; the rest are counted. (`--format json` has them all.)
const SHOWN: usize = 20;
/// Columns of the bar, and of one of two columns at least.
const BAR: usize = 24;
const NARROWEST: usize = 38;

pub(super) fn write(runs: &[Run], out: &mut dyn Write) -> io::Result<()> {
    let width = stream::look(&io::stdout()).width.max(2 * NARROWEST + 3);
    for run in runs {
        seats(run, out)?;
        for pass in &run.passes {
            line(pass, out)?;
        }
        for share in &run.shares {
            shared(share, &run.estate.plan, out)?;
        }
        let all: Vec<(&Pass, &Disagreement)> =
            run.passes.iter().flat_map(|pass| pass.report.disagreements.iter().map(move |one| (pass, one))).collect();
        for (pass, disagreement) in all.iter().take(SHOWN) {
            side_by_side(run, pass, disagreement, width, out)?;
        }
        if all.len() > SHOWN {
            writeln!(out, "\n… and {} more", plural(all.len() - SHOWN, "disagreement"))?;
        }
    }
    // Of what could not begin there is nothing to sum up.
    if runs.iter().all(|run| run.passes.is_empty()) { Ok(()) } else { total(runs, out) }
}

/// Each MTA, what it is, and how it was asked.
fn seats(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let Some(first) = run.passes.first() else { return Ok(()) };
    let versions = &first.report.versions;
    for (id, seat) in run.estate.plan.mta_ids().zip(&run.seats) {
        let (name, strong) = (&run.estate.plan.mta(id).name, stream::STRONG);
        match &seat.absent {
            None => {
                let version = versions.get(&id).map_or(host::name(seat.kind), String::as_str);
                writeln!(out, "{strong}{name}{strong:#}: {}{}", clean(version), other_release(run, id, version))?;
                for anyone in [false, true] {
                    let asked = first.asks.iter().any(|ask| ask.mta == id && ask.anyone == anyone);
                    // An MTA without trust has no such clients.
                    if !asked && (anyone || !run.estate.plan.mta(id).trust.is_empty()) {
                        let who = if anyone { "a stranger" } else { "a trusted client" };
                        writeln!(out, "  not asked by {who}: it listens to none outside the estate's own machines")?;
                    }
                }
            }
            Some(why) => {
                writeln!(out, "{strong}{name}{strong:#}: not asked: {why}; mailswitch's relay stands in for it")?;
            }
        }
    }
    Ok(())
}

/// Where the file names another release than the one that runs.
fn other_release(run: &Run, id: MtaId, runs: &str) -> String {
    let Some(named) = run.estate.plan.mta(id).target.value.version else { return String::new() };
    let number = runs.rsplit(' ').next().unwrap_or_default();
    let same = number.strip_prefix(&named.to_string()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if same { String::new() } else { format!(" (the file is for {named}: what that does is not shown)") }
}

fn line(pass: &Pass, out: &mut dyn Write) -> io::Result<()> {
    let report = &pass.report;
    verdict(report.disagreements.is_empty() && report.problems.is_empty(), out)?;
    let mail = format!("{} by {}", plural(report.mailed, "recipient"), plural(report.messages, "message"));
    writeln!(out, "{}: {}, {mail}", pass.name, counted(&pass.asks))?;
    report.problems.iter().try_for_each(|problem| writeln!(out, "  {}", clean(problem)))
}

fn verdict(good: bool, out: &mut dyn Write) -> io::Result<()> {
    let (style, word) = if good { (stream::GOOD, "ok    ") } else { (stream::BAD, "FAILED") };
    write!(out, "{style}{word}{style:#}  ")
}

fn shared(share: &Share, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    verdict(share.is_fair(), out)?;
    let counts: Vec<String> = share.counts.iter().map(|(host, count)| format!("{count} to {host}")).collect();
    let words = if share.connectors.len() == 1 { "shares its" } else { "share their" };
    write!(out, "{} {words} load: of {MESSAGES} messages {}", named(share, plan), counts.join(", "))?;
    writeln!(out, " (each {} to {})", share.least, share.most)
}

/// `left` and `right`.
pub(super) fn named(share: &Share, plan: &Plan) -> String {
    let names: Vec<String> = share.connectors.iter().map(|&id| format!("`{}`", plan.connector(id).name)).collect();
    names.join(" and ")
}

fn total(runs: &[Run], out: &mut dyn Write) -> io::Result<()> {
    let passes = || runs.iter().flat_map(|run| &run.passes);
    let asks: usize = passes().map(|pass| pass.asks.len()).sum();
    let mailed: usize = passes().map(|pass| pass.report.mailed).sum();
    let wrong: usize = passes().map(|pass| pass.report.disagreements.len()).sum();
    let mtas: usize = runs.iter().map(|run| run.asked().count()).sum();
    writeln!(
        out,
        "{} to {}, {mailed} recipients taken with real mail: {}",
        plural(asks, "question"),
        plural(mtas, "MTA"),
        plural(wrong, "disagreement")
    )
}

/// The plan on the left, what was seen on the right.
fn side_by_side(
    run: &Run,
    pass: &Pass,
    disagreement: &Disagreement,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let plan = &run.estate.plan;
    let ask = &pass.asks[disagreement.ask];
    let mta = plan.mta(ask.mta);
    let version = pass.report.versions.get(&ask.mta).map_or("the MTA", String::as_str);
    let who = if ask.anyone { "anyone" } else { "a trusted client" };
    let (bad, strong) = (stream::BAD, stream::STRONG);
    writeln!(
        out,
        "\n{bad}error[{}]{bad:#}: {strong}`{}` ({}): mail to {} from {who} {}{strong:#}",
        VERIFY_DISAGREES.name,
        mta.name,
        clean(version),
        ask.wires(),
        clean(&summary(&disagreement.saw))
    )?;
    if run.passes.first().is_some_and(|first| first.name != pass.name) {
        writeln!(out, "  {}", pass.name)?;
    }
    let left = planned(run, pass, disagreement)?;
    let right: Vec<String> = lines(&disagreement.saw).into_iter().chain(disagreement.log.clone()).collect();
    let column = (width - 3) / 2;
    let (left, right) = (wrapped(&left, column), wrapped(&right, column));
    columns(&["the plan".to_owned()], &[version.to_owned()], column, out)?;
    columns(&left, &right, column, out)
}

/// The paths that the plan has, as `trace` prints them.
fn planned(run: &Run, pass: &Pass, disagreement: &Disagreement) -> io::Result<Vec<String>> {
    let router = Router::new(&run.estate.plan);
    let mut buffer = Vec::new();
    for outcome in pass.asks[disagreement.ask].outcomes(&router) {
        trace::text::outcome(&outcome, &run.estate.plan, &run.estate.sources, &mut buffer)?;
    }
    let text = String::from_utf8_lossy(&buffer).into_owned();
    Ok(strip_str(&text).to_string().lines().map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned()).collect())
}

/// Lines of a column's width at most; what goes on is indented.
fn wrapped(lines: &[String], width: usize) -> Vec<String> {
    let mut out = Vec::new();
    for line in lines {
        let line = clean(line);
        let mut rest: Vec<char> = line.chars().collect();
        let indent = rest.iter().take_while(|c| **c == ' ').count().min(width / 4) + 2;
        while rest.len() > width {
            // At a blank in the line's second half, if there is one.
            let blank = rest[..width].iter().rposition(|c| *c == ' ').filter(|&at| at > width / 2);
            let cut = blank.unwrap_or(width);
            out.push(rest[..cut].iter().collect());
            let tail = rest[cut..].iter().skip_while(|c| **c == ' ').copied();
            rest = std::iter::repeat_n(' ', indent).chain(tail).collect();
        }
        out.push(rest.into_iter().collect());
    }
    out
}

fn columns(left: &[String], right: &[String], width: usize, out: &mut dyn Write) -> io::Result<()> {
    for at in 0..left.len().max(right.len()) {
        let cell = |cells: &[String]| cells.get(at).cloned().unwrap_or_default();
        let (left, right) = (cell(left), cell(right));
        let pad = width.saturating_sub(left.chars().count());
        writeln!(out, "{}", format!("{left}{} │ {right}", " ".repeat(pad)).trim_end())?;
    }
    Ok(())
}

/// What is being done, for the line that a terminal shows.
pub(super) fn progress(plan: &Plan, step: Progress) -> String {
    match step {
        Progress::Starting { mta } => format!("starting {}", plan.mta(mta).name),
        Progress::Waiting => "waiting for the mail to arrive".to_owned(),
        Progress::Asked { done, of } => {
            let full = BAR * done / of.max(1);
            format!("asking [{}{}] {done} of {of}", "=".repeat(full), " ".repeat(BAR - full))
        }
    }
}
