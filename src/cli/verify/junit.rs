//! The results as JUnit's XML: a suite a pass, a case a question.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use super::text::named;
use super::{Pass, Run};
use crate::cli::test::junit::escape;
use crate::verify::Disagreement;
use crate::verify::judge::{lines, summary};

pub(super) fn write(file: &Path, runs: &[Run], out: &mut dyn Write) -> io::Result<()> {
    let passes = || runs.iter().flat_map(|run| &run.passes);
    let shares = || runs.iter().flat_map(|run| run.shares.iter().map(move |share| (run, share)));
    let unfair = shares().filter(|(_, share)| !share.is_fair()).count();
    let broken = || runs.iter().filter_map(|run| run.broken.as_ref());
    let tests: usize = passes().map(|pass| pass.asks.len() + 1).sum::<usize>() + shares().count() + broken().count();
    let failures: usize = passes().map(failures).sum::<usize>() + unfair + broken().count();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites tests=\"{tests}\" failures=\"{failures}\">")?;
    for run in runs {
        for pass in &run.passes {
            suite(file, run, pass, out)?;
        }
    }
    broken().try_for_each(|failure| stopped(file, failure.message(), out))?;
    if shares().next().is_some() {
        let name = escape(&format!("{}: load sharing", file.display()));
        writeln!(out, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{unfair}\">", shares().count())?;
        for (run, share) in shares() {
            let connector = escape(&named(share, &run.estate.plan));
            let counts: Vec<String> = share.counts.iter().map(|(host, count)| format!("{count} to {host}")).collect();
            let failed = (!share.is_fair()).then(|| (counts.join(", "), String::new()));
            case("connectors", &connector, failed, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// The file has errors, and nothing was run.
pub(super) fn refused(file: &Path, why: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites tests=\"1\" failures=\"1\">")?;
    stopped(file, why, out)?;
    writeln!(out, "</testsuites>")
}

/// A suite for what could not be run to its end.
fn stopped(file: &Path, why: &str, out: &mut dyn Write) -> io::Result<()> {
    let name = escape(&file.display().to_string());
    writeln!(out, "  <testsuite name=\"{name}\" tests=\"1\" failures=\"1\">")?;
    case("mailswitch", "the run goes on to its end", Some((why.to_owned(), String::new())), out)?;
    writeln!(out, "  </testsuite>")
}

fn failures(pass: &Pass) -> usize {
    pass.report.disagreements.len() + usize::from(!pass.report.problems.is_empty())
}

fn suite(file: &Path, run: &Run, pass: &Pass, out: &mut dyn Write) -> io::Result<()> {
    let targets: Vec<&str> = run.seats.iter().map(|seat| seat.kind.as_str()).collect();
    let name = escape(&format!("{} ({}) {}", file.display(), targets.join(", "), pass.name));
    let tests = pass.asks.len() + 1;
    writeln!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{}\">", failures(pass))?;
    let problems = &pass.report.problems;
    let failed = (!problems.is_empty())
        .then(|| ("a checker complains, or a queue is not empty".to_owned(), problems.join("\n")));
    case("mailswitch", "the MTAs' own checkers, and their queues", failed, out)?;
    let wrong: BTreeMap<usize, &Disagreement> = pass.report.disagreements.iter().map(|one| (one.ask, one)).collect();
    for (at, ask) in pass.asks.iter().enumerate() {
        let who = if ask.anyone { "anyone" } else { "a trusted client" };
        let failed = wrong.get(&at).map(|one| {
            let seen: Vec<String> = lines(&one.saw).into_iter().chain(one.log.clone()).collect();
            (summary(&one.saw), seen.join("\n"))
        });
        let name = escape(&format!("{} from {who}", ask.wires()));
        case(&escape(&run.estate.plan.mta(ask.mta).name), &name, failed, out)?;
    }
    writeln!(out, "  </testsuite>")
}

/// A case; of one that failed, the message and what there is to say beside it.
fn case(class: &str, name: &str, failed: Option<(String, String)>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "    <testcase classname=\"{class}\" name=\"{name}\"")?;
    match failed {
        None => writeln!(out, "/>"),
        Some((message, text)) => {
            let (message, text) = (escape(&message), escape(&text).replace('\u{fffd}', "\n"));
            writeln!(out, ">\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>")
        }
    }
}
