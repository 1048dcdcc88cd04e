//! `mailswitch relay top`: what a running relay does, second by second.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::ask::{Relay, Socket};
use crate::cli::outcome::{Failure, Outcome, Verdict};
use crate::cli::stream;
use crate::relay::admin::protocol::{Answer, Ask, Snapshot};

mod rates;
mod screen;

const SECOND: Duration = Duration::from_secs(1);
/// Lanes and hosts that are asked for: as many as a tall screen has rows.
const MOST: usize = 100;

/// Show what a running relay does: what comes and goes, the ways out, the hosts it sends to
///
/// On a terminal the screen is drawn anew each second, until Ctrl-C. Anywhere else, a row of numbers is printed each
/// second. Rates are those of the last second.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay top
  mailswitch relay top --once
  mailswitch relay top --json | jq .entries

Exit status: 0 good, 2 no relay could be asked, or it has ended.")]
pub(super) struct Args {
    /// Show the screen once, without rates, and end
    #[arg(long)]
    once: bool,

    /// As objects of JSON, one a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut relay = Relay::connect(&args.socket)?;
    let look = if args.json {
        Look::Json
    } else if args.once {
        Look::Page
    } else if io::stdout().is_terminal() {
        Look::Screen
    } else {
        Look::Rows
    };
    let mut before = None;
    loop {
        let now = snapshot(&mut relay)?;
        let closed = show(look, before.as_ref(), &now)?;
        if args.once || closed {
            return Ok(Verdict::Good);
        }
        before = Some(now);
        std::thread::sleep(SECOND);
    }
}

/// How it is shown.
#[derive(Debug, Clone, Copy)]
enum Look {
    Json,
    Page,
    Screen,
    Rows,
}

fn snapshot(relay: &mut Relay) -> Result<Snapshot, Failure> {
    let mut snapshot = None;
    let end = relay.ask(Ask::Top { most: MOST }, |answer| {
        if let Answer::Top(top) = answer {
            snapshot = Some(top);
        }
        Ok(())
    })?;
    end.done()?;
    snapshot.ok_or_else(|| Failure::new("the relay says nothing of what it does"))
}

/// Whether nobody reads any more.
fn show(look: Look, before: Option<&Snapshot>, now: &Snapshot) -> io::Result<bool> {
    let mut out = stream::stdout();
    match look {
        Look::Json => writeln!(out, "{}", serde_json::to_string(now)?)?,
        Look::Page => screen::page(before, now, &mut out)?,
        Look::Rows => screen::row(before, now, &mut out)?,
        // Past what takes colours out, which would take the moves of the cursor too.
        Look::Screen => screen::draw(before, now, stream::size(&io::stdout()), &mut io::stdout().lock())?,
    }
    out.flush()?;
    Ok(stream::is_closed(&out))
}
