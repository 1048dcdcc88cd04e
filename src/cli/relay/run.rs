//! `mailswitch relay run`: the relay itself, in the foreground.

use std::path::PathBuf;

use crate::cli::outcome::{Failure, Outcome, Verdict};
use crate::cli::stream;
use crate::diagnostic::human::{clean, plural};
use crate::relay::run::{Asked, Stopped, run as run_relay};

/// Accept mail, keep it, and send it on, as a relay.yaml says
///
/// Stays in the foreground and logs to standard error, unless local.yaml says otherwise. SIGHUP, or a change of relay.yaml,
/// local.yaml, the tables or the certificates, loads all of them anew; if they are not good, those before stay in use.
/// SIGTERM and SIGINT end it: sessions finish what they have begun, and what is not delivered stays in the spool. A second
/// signal ends it at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay run /etc/mailswitch/relay.yaml
  mailswitch relay run out/edge/relay.yaml --spool /tmp/spool

Exit status: 0 ended when asked to, 1 the configuration has errors, 2 it could not start.")]
pub(super) struct Args {
    /// The configuration; its tables, and the host's own local.yaml, lie beside it
    #[arg(value_name = "FILE", default_value = "relay.yaml")]
    file: PathBuf,
    /// Where messages are kept [default: spool in local.yaml, $STATE_DIRECTORY, /var/lib/mailswitch]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let asked = Asked { file: args.file.clone(), spool: args.spool.clone() };
    let (verdict, lines) = match run_relay(&asked) {
        Ok(()) => return Ok(Verdict::Good),
        Err(Stopped::Config(lines)) => (Ok(Verdict::Bad), lines),
        Err(Stopped::Start(lines)) => (Err(()), lines),
    };
    lines.iter().for_each(|line| stream::complain(&clean(line)));
    let told = format!("the relay has not started: {}", plural(lines.len(), "problem"));
    verdict.map_err(|()| Failure::new(&told)).inspect(|_| stream::complain(&told))
}
