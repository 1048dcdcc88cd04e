//! `mailswitch relay`: what concerns the project's own relay. One variant and one arm a command.

use super::outcome::Outcome;

mod check;

/// mailswitch's own relay: look its configuration over
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Check(args) => check::run(args),
    }
}
