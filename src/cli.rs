//! The command line: one file a command, each with its `Args` and its `run`; one variant and one arm here.

#![expect(clippy::disallowed_methods, reason = "this is where files are read and written")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod build;
mod check;
mod estate;
mod explain;
mod files;
mod fmt;
mod outcome;
pub mod output;
mod progress;
mod relay;
mod secrets;
mod stream;
mod test;
mod trace;
mod verify;

/// Compile one routing.dsl into complete configurations for Postfix, Exim or mailswitch's own relay.
///
/// The file says which MTAs you run, which mail systems they feed, which domains and addresses exist and how they
/// reach each other. mailswitch proves that no address loops and that every accepted recipient has somewhere to go,
/// and then writes one folder for each MTA.
#[derive(Debug, Parser)]
#[command(name = "mailswitch", version, max_term_width = 100, arg_required_else_help = true, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Examples:
  mailswitch check                             look at ./routing.dsl and say what is wrong
  mailswitch trace ann@contoso.com             where that address goes, and which lines decide it
  mailswitch build -o out                      write out/<mta>/ for every MTA
  mailswitch explain loop::contacts            what a diagnostic means

Exit status:
  0  good
  1  the source has errors (with --deny-warnings: or warnings), or a test failed
  2  the command could not be run: wrong usage, or a file that cannot be read or written";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Build(build::Args),
    Trace(trace::Args),
    Test(test::Args),
    Fmt(fmt::Args),
    Verify(verify::Args),
    Secrets(secrets::Args),
    Explain(explain::Args),
    Relay(relay::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody reads any more, perhaps: the exit status says it all the same.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = match &cli.command {
        Command::Check(args) => check::run(args),
        Command::Build(args) => build::run(args),
        Command::Trace(args) => trace::run(args),
        Command::Test(args) => test::run(args),
        Command::Fmt(args) => fmt::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Secrets(args) => secrets::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Relay(args) => relay::run(args),
    };
    outcome::exit_code(outcome)
}
