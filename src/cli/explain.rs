//! `mailswitch explain`: what a diagnostic means.

use std::io::Write;

use super::outcome::{Failure, Outcome, Verdict};
use super::stream;
use crate::check::pages::{OTHERS, page, summary};
use crate::diagnostic::Code;
use crate::diagnostic::code::ALL;
use crate::name::{nearest, printable};

/// Say what a diagnostic means, with a wrong and a right example
///
/// Prints the page of a code as `check` shows it in brackets. Without a code, lists them all.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch explain                        every code, with a line about each
  mailswitch explain loop::contacts         what it means and how to mend it")]
pub(super) struct Args {
    /// The code of a diagnostic
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut out = stream::stdout();
    match &args.code {
        Some(code) => out.write_all(page(code).ok_or_else(|| unknown(code))?.as_bytes())?,
        None => list(&mut out)?,
    }
    out.flush()?;
    Ok(Verdict::Good)
}

/// Those of `check`, and those of other commands.
fn codes() -> impl Iterator<Item = Code> {
    ALL.iter().copied().chain(OTHERS.iter().map(|(code, _)| *code))
}

fn list(out: &mut dyn Write) -> std::io::Result<()> {
    let widest = codes().map(|code| code.name.len()).max().unwrap_or(0);
    for code in codes() {
        let about = page(code.name).map(summary).unwrap_or_default();
        writeln!(out, "{:<widest$}  {:<7}  {about}", code.name, code.severity.as_str())?;
    }
    Ok(())
}

fn unknown(code: &str) -> Failure {
    let names = || codes().map(|code| code.name);
    let family: Vec<_> = names().filter(|name| name.split("::").next() == Some(code)).collect();
    let help = match nearest(code, names()) {
        _ if !family.is_empty() => format!("there are {}", family.join(", ")),
        Some(near) => format!("did you mean `{near}`?"),
        None => "`mailswitch explain` lists them all".to_owned(),
    };
    Failure::new(format!("no diagnostic has the code `{}`: {help}", printable(code)))
}
