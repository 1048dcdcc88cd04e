//! Doing something to messages in the queue, after asking where it cannot be taken back.

use std::io::{self, BufRead, IsTerminal, Write};

use super::text::messages;
use super::which::{Filters, Ids};
use crate::cli::outcome::{Failure, Outcome, Verdict};
use crate::cli::relay::ask::{Relay, Socket};
use crate::cli::stream;
use crate::relay::admin::filter::Filter;
use crate::relay::admin::protocol::{Action, Ask};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay queue hold 00000000000z8
  mailswitch relay queue retry --connector to-exchange
  mailswitch relay queue remove --sender 'news@*' --older 1d --yes

In a PATTERN, * stands for any characters and ? for one; it is compared with the whole text, and capitals do not matter.
Of several filters, all must be true. A message is taken as a whole: with all recipients that are left on this way.
To remove or bounce messages that are not named one by one needs --yes, or a yes on the terminal; what has come into the
queue since the question is left alone.

Exit status: 0 good (also where no message is meant), 1 a message is not there, nothing could be done to it, or the answer
was no, 2 no relay could be asked, or --yes is missing.")]
pub(super) struct Args {
    #[command(flatten)]
    ids: Ids,

    #[command(flatten)]
    filters: Filters,

    /// All messages in the queue
    #[arg(long, conflicts_with = "ids")]
    all: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// What was done as an object of JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(action: Action, args: &Args) -> Outcome {
    let mut filter = args.filters.with(&args.ids)?;
    if filter.is_empty() && !args.all {
        let action = action.as_str();
        return Err(Failure::new(format!("say which messages to {action}: their names, filters, or --all")));
    }
    let mut relay = Relay::connect(&args.socket)?;
    let named = Filter { ids: filter.ids.clone(), ..Filter::default() } == filter && !args.all;
    if is_final(action) && !named && !args.yes {
        let done = relay.ask(Ask::Count { filter: filter.clone() }, |_| Ok(()))?.done()?;
        if done.count == 0 {
            return report(action, 0, args.json);
        }
        if !confirmed(action, done.count)? {
            stream::complain("nothing was done");
            return Ok(Verdict::Bad);
        }
        filter.until = done.newest;
    }
    let mut good = true;
    let end = relay.ask(Ask::Act { action, filter }, |answer| {
        good &= super::complain(&answer);
        Ok(())
    })?;
    report(action, end.done()?.count, args.json)?;
    Ok(Verdict::good_if(good))
}

/// Whether it cannot be taken back.
fn is_final(action: Action) -> bool {
    match action {
        Action::Remove | Action::Bounce => true,
        Action::Hold | Action::Release | Action::Retry => false,
    }
}

fn confirmed(action: Action, count: u64) -> Result<bool, Failure> {
    let (action, messages) = (action.as_str(), messages(count));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::new(format!("this would {action} {messages}: say --yes")));
    }
    let mut to = io::stderr();
    write!(to, "{action} {messages}? [y/N] ")?;
    to.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|e| Failure::new(format!("cannot read the answer: {e}")))?;
    Ok(["y", "yes"].contains(&line.trim().to_lowercase().as_str()))
}

fn report(action: Action, count: u64, json: bool) -> Outcome {
    let done = match action {
        Action::Hold => "held",
        Action::Release => "released",
        Action::Retry => "tried now",
        Action::Remove => "removed",
        Action::Bounce => "returned to their senders",
    };
    let mut out = stream::stdout();
    if json {
        writeln!(out, "{}", serde_json::json!({ "action": action, "count": count }))?;
    } else {
        writeln!(out, "{}: {done}", messages(count))?;
    }
    out.flush()?;
    Ok(Verdict::Good)
}
