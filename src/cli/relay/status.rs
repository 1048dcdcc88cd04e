//! `mailswitch relay status`: how a running relay is.

use std::io::Write;

use super::ask::{Relay, Socket};
use super::words;
use crate::cli::outcome::{Outcome, Verdict};
use crate::cli::stream;
use crate::diagnostic::human::plural;
use crate::relay::admin::protocol::{Answer, Ask, Status};
use crate::relay::event::time::Utc;

/// Say how a running relay is: since when it runs, whether it accepts mail, how long its queue is
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay status
  mailswitch relay status --json | jq .entries

Exit status: 0 it accepts mail, 1 it does not now, 2 no relay could be asked.")]
pub(super) struct Args {
    /// As an object of JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut good = false;
    let mut out = stream::stdout();
    let end = Relay::connect(&args.socket)?.ask(Ask::Status, |answer| {
        if let Answer::Status(status) = answer {
            good = status.not_ready.is_none();
            if args.json {
                writeln!(out, "{}", serde_json::to_string(&status).map_err(std::io::Error::from)?)?;
            } else {
                print(&status, &mut out)?;
            }
        }
        Ok(())
    })?;
    end.done()?;
    out.flush()?;
    Ok(Verdict::good_if(good))
}

fn print(status: &Status, out: &mut dyn Write) -> std::io::Result<()> {
    let now = Utc::now();
    let (good, bad) = (stream::GOOD, stream::BAD);
    match &status.not_ready {
        None => writeln!(out, "{} {good}accepts mail{good:#}", words::line(&status.hostname))?,
        Some(why) => {
            writeln!(out, "{} {bad}accepts no mail{bad:#}: {}", words::line(&status.hostname), words::line(why))?;
        }
    }
    let release = words::line(&status.release);
    writeln!(
        out,
        "  runs for    {} (process {}, mailswitch {release})",
        words::since(status.started, now),
        status.pid
    )?;
    writeln!(out, "  configured  {} ago", words::since(status.configured, now))?;
    let count = |n: u64, what| plural(usize::try_from(n).unwrap_or(usize::MAX), what);
    writeln!(out, "  sessions    {}", status.sessions)?;
    writeln!(out, "  queue       {}", count(status.entries, "message"))?;
    writeln!(out, "  disk        {} free", words::size(status.free))
}
