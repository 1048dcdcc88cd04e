//! `mailswitch check`: every diagnostic of an estate.

use std::io::Write;

use super::estate::{Estate, Format, Source};
use super::outcome::Outcome;
use super::stream;

/// Report everything that is wrong with a routing file
///
/// Reads the file and what it includes, proves the routing, and runs the file's own expectations. All mistakes are
/// reported in one run, on standard output; a count goes to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch check                          ./routing.dsl
  mailswitch check site.dsl --format json   for a program
  mailswitch check --deny-warnings          for a pipeline: warnings fail too")]
pub(super) struct Args {
    /// The routing file
    #[arg(value_name = "FILE", default_value = "routing.dsl")]
    file: std::path::PathBuf,

    #[command(flatten)]
    source: Source,

    /// How to print the diagnostics
    #[arg(long, value_enum, default_value_t = Format::Fancy)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Outcome {
    let estate = Estate::open(&args.file, &args.source)?;
    let mut out = stream::stdout();
    estate.print(args.format, stream::look(&std::io::stdout()), &mut out)?;
    out.flush()?;
    stream::complain(&format!("{}: {}", args.file.display(), estate.summary()));
    Ok(estate.verdict(&args.source))
}
