//! `mailswitch relay reload`: a running relay reads its files anew.

use super::ask::{End, Relay, Socket};
use crate::cli::outcome::{Outcome, Verdict};
use crate::cli::stream;
use crate::relay::admin::protocol::Ask;

/// Have a running relay read its configuration, tables and certificates anew
///
/// They take effect together, or not at all: where something is wrong with them the relay goes on with what it has. No
/// session is dropped, and no message is delayed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay reload

Exit status: 0 they are in use, 1 something is wrong with them, 2 no relay could be asked.")]
pub(super) struct Args {
    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(args: &Args) -> Outcome {
    match Relay::connect(&args.socket)?.ask(Ask::Reload, |_| Ok(()))? {
        End::Done(done) => {
            stream::complain(done.note.as_deref().unwrap_or("reloaded"));
            Ok(Verdict::Good)
        }
        End::Refused(why) => {
            stream::complain(&why);
            Ok(Verdict::Bad)
        }
    }
}
