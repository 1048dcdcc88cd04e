//! `mailswitch test`: the expectations of an estate, as a test run.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::estate::{Estate, Source};
use super::outcome::{Outcome, Verdict};
use super::{stream, trace};
use crate::diagnostic::Severity;
use crate::diagnostic::code::EXPECT_FAILED;
use crate::diagnostic::human::{clean, line_of, plural};
use crate::plan::Expect;
use crate::plan::expect::{self, Failure};
use crate::plan::route::Router;

pub(super) mod junit;

/// Run the expectations of a routing file as a test run
///
/// Prints one line for each `expect`, and for one that fails the path that its address takes instead.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch test
  mailswitch test site.dsl --format junit > expectations.xml

Exit status: 0 where all hold, 1 where one fails or the file has errors, 2 where the file cannot be read.")]
pub(super) struct Args {
    /// The routing file
    #[arg(value_name = "FILE", default_value = "routing.dsl")]
    file: PathBuf,

    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    /// XML as JUnit writes it
    Junit,
}

/// One expectation, and how it fails if it does.
struct Case<'a> {
    place: String,
    /// The statement as it is written, in one line.
    text: String,
    expect: &'a Expect,
    failure: Option<Failure>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let estate = Estate::open(&args.file, &args.source)?;
    let router = Router::new(&estate.plan);
    let cases: Vec<Case<'_>> = estate.plan.expects.iter().map(|expect| case(&estate, &router, expect)).collect();
    let mut out = stream::stdout();
    match args.format {
        Format::Text => print(&estate, &router, &cases, &mut out)?,
        Format::Junit => junit::write(&args.file, &router, &cases, &mut out)?,
    }
    out.flush()?;
    let failed = cases.iter().filter(|c| c.failure.is_some()).count();
    stream::complain(&format!("{}, {failed} failed", plural(cases.len(), "expectation")));
    Ok(Verdict::good_if(failed == 0 && sound(&estate, &args.file)))
}

/// Whether the file has no errors but failed expectations, which were said already.
fn sound(estate: &Estate, file: &Path) -> bool {
    let others = |d: &&crate::diagnostic::Diagnostic| d.code.severity == Severity::Error && d.code != EXPECT_FAILED;
    let errors = estate.diagnostics.iter().filter(others).count();
    if errors > 0 {
        let file = file.display();
        stream::complain(&format!("{file} has {}: `mailswitch check {file}` shows them", plural(errors, "error")));
    }
    errors == 0
}

fn case<'a>(estate: &Estate, router: &Router<'_>, expect: &'a Expect) -> Case<'a> {
    let written = estate.sources.text(expect.span);
    Case {
        place: line_of(&estate.sources, expect.span),
        text: clean(&written.split_whitespace().collect::<Vec<_>>().join(" ")),
        expect,
        failure: expect::failure(router, expect),
    }
}

fn print(estate: &Estate, router: &Router<'_>, cases: &[Case<'_>], out: &mut dyn Write) -> io::Result<()> {
    for case in cases {
        let place = &case.place;
        match &case.failure {
            None => {
                let good = stream::GOOD;
                writeln!(out, "{good}ok{good:#}      {place}  {}", case.text)?;
            }
            Some(failure) => {
                let bad = stream::BAD;
                writeln!(out, "{bad}FAILED{bad:#}  {place}  {}", case.text)?;
                writeln!(out, "  {}", clean(&failure.message(router, case.expect)))?;
                trace::text::outcome(&failure.outcome, &estate.plan, &estate.sources, out)?;
            }
        }
    }
    Ok(())
}
