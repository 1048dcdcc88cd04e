//! `mailswitch relay queue`: what waits in a running relay, and what is to become of it.

use std::io::Write;

use super::ask::{Relay, Socket};
use crate::cli::outcome::{Failure, Outcome, Verdict};
use crate::cli::stream;
use crate::relay::admin::protocol::{Action, Answer, Ask};

mod act;
mod text;
mod which;

use which::{Filters, Ids};

/// Look at the queue of a running relay, and manage it
///
/// A message that goes several ways stands in the queue once for each, under one name.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(List),
    Show(Show),
    /// Keep messages in the queue until they are released
    Hold(act::Args),
    /// Let messages go on that were held
    Release(act::Args),
    /// Try messages at once, whenever they would be tried next
    Retry(act::Args),
    /// Take messages out of the queue; nobody is told
    Remove(act::Args),
    /// Return messages to their senders, as if their time in the queue were over
    Bounce(act::Args),
}

/// List the messages in the queue, the oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay queue list
  mailswitch relay queue list --recipient '*@contoso.com' --older 4h
  mailswitch relay queue list --reason 'connection refused' --json | jq -r .id

In a PATTERN, * stands for any characters and ? for one; it is compared with the whole text, and capitals do not matter.
Of several filters, all must be true.

Exit status: 0 good, 1 a message is not there or cannot be read, 2 no relay could be asked.")]
struct List {
    #[command(flatten)]
    ids: Ids,

    #[command(flatten)]
    filters: Filters,

    /// As objects of JSON, one a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    socket: Socket,
}

/// Show messages in full: all recipients, what became of each, and the message's header
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay queue show 00000000000z8

Exit status: 0 good, 1 a message is not there or cannot be read, 2 no relay could be asked.")]
struct Show {
    #[command(flatten)]
    ids: Ids,

    /// As objects of JSON, one a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => {
            let filter = args.filters.with(&args.ids)?;
            print(&args.socket, Ask::List { filter }, args.json, true)
        }
        Command::Show(args) => match args.ids.parse()? {
            ids if ids.is_empty() => Err(Failure::new("say which message: `relay queue list` has their names")),
            ids => print(&args.socket, Ask::Show { ids }, args.json, false),
        },
        Command::Hold(args) => act::run(Action::Hold, args),
        Command::Release(args) => act::run(Action::Release, args),
        Command::Retry(args) => act::run(Action::Retry, args),
        Command::Remove(args) => act::run(Action::Remove, args),
        Command::Bounce(args) => act::run(Action::Bounce, args),
    }
}

fn print(socket: &Socket, ask: Ask, json: bool, counted: bool) -> Outcome {
    let mut out = stream::stdout();
    let mut good = true;
    let end = Relay::connect(socket)?.ask(ask, |answer| {
        match answer {
            Answer::Entry(entry) if json => line(&entry, &mut out)?,
            Answer::Shown(shown) if json => line(&shown, &mut out)?,
            Answer::Entry(entry) => text::entry(&entry, &mut out)?,
            Answer::Shown(shown) => text::shown(&shown, &mut out)?,
            other => good &= complain(&other),
        }
        Ok(())
    })?;
    let done = end.done()?;
    out.flush()?;
    if counted && !json {
        stream::complain(&text::messages(done.count));
    }
    Ok(Verdict::good_if(good))
}

fn line(value: &impl serde::Serialize, out: &mut dyn Write) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
    Ok(writeln!(out, "{text}")?)
}

/// Says what went wrong with a message, if that is what an answer says; whether all is well.
fn complain(answer: &Answer) -> bool {
    match answer {
        Answer::Missing { id } => stream::complain(&format!("{id}: no such message in the queue")),
        Answer::Failed { id, why } => stream::complain(&format!("{id}: {why}")),
        _ => return true,
    }
    false
}
