//! `mailswitch relay`: what concerns the project's own relay. One variant and one arm a command.

use super::outcome::Outcome;

mod ask;
mod check;
mod queue;
mod reload;
mod run;
mod spool;
mod status;
mod top;
mod trace;
mod words;

/// mailswitch's own relay: look its configuration over, run it, see what a running one does, manage its queue
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
    Run(run::Args),
    Status(status::Args),
    Reload(reload::Args),
    Queue(queue::Args),
    Top(top::Args),
    Trace(trace::Args),
    Spool(spool::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Check(args) => check::run(args),
        Command::Run(args) => run::run(args),
        Command::Status(args) => status::run(args),
        Command::Reload(args) => reload::run(args),
        Command::Queue(args) => queue::run(args),
        Command::Top(args) => top::run(args),
        Command::Trace(args) => trace::run(args),
        Command::Spool(args) => spool::run(args),
    }
}
