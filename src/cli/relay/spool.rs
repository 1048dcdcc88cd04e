//! `mailswitch relay spool check`: what a relay that is stopped has in its spool, and whether all of it can be read.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::outcome::{Failure, Outcome, Verdict};
use crate::cli::stream;
use crate::diagnostic::human::{clean, plural};
use crate::relay::run::privileges::{self, Identity};
use crate::relay::spool::{Damage, Host, Options, Repaired, Report, check, repair};

/// Look over the spool of a relay that is stopped, and mend it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(Check),
}

/// Read every octet of a spool, and say what is there and what is damaged
///
/// The relay must be stopped. Nothing is changed without --repair. Started by root, it becomes the folder's owner. What was still being written when the relay or the
/// machine stopped is no damage: no one was told that it was kept. A relay that starts recovers from damage by itself; it
/// does not look at the contents of messages before it sends them, and leaves damaged segments where they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay spool check /var/lib/mailswitch
  mailswitch relay spool check --repair /var/lib/mailswitch

Exit status: 0 good, 1 something is damaged, or was and is mended, 2 it could not be looked at or mended.")]
struct Check {
    /// Write what can be read anew, and keep what cannot in damaged/
    ///
    /// At whatever moment it is stopped, nothing that can be read is lost, and it can be started again.
    #[arg(long)]
    repair: bool,
    /// The folder of the spool
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let Command::Check(Check { repair, folder }) = &args.command;
    let owner = privileges::owner(folder).map_err(|e| Failure::file("look at", folder, e))?;
    owner.map_or(Ok(()), Identity::assume).map_err(Failure::new)?;
    if *repair { mend(folder) } else { look(folder) }
}

fn look(folder: &Path) -> Outcome {
    let report = check(folder, Arc::new(Host)).map_err(|e| Failure::file("check", folder, e))?;
    print(&report)?;
    let verdict = match damaged(&report) {
        0 => "good".to_owned(),
        parts => format!("{} damaged: --repair keeps what can be read", plural(parts, "part")),
    };
    stream::complain(&format!("{}: {verdict}", folder.display()));
    Ok(Verdict::good_if(report.is_good()))
}

fn mend(folder: &Path) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
    let mended = repair(folder, Arc::new(Host), Options::new(now));
    let Repaired { found, kept } = mended.map_err(|e| Failure::file("repair", folder, e))?;
    print(&found)?;
    let mut out = stream::stdout();
    for name in &kept {
        writeln!(out, "damaged/{}: kept", clean(name))?;
    }
    out.flush()?;
    let verdict = match damaged(&found) {
        0 => "good: nothing to repair".to_owned(),
        parts => format!("mended: {} damaged, {} kept", plural(parts, "part"), plural(found.messages, "message")),
    };
    stream::complain(&format!("{}: {verdict}", folder.display()));
    Ok(Verdict::good_if(found.is_good()))
}

fn damaged(report: &Report) -> usize {
    report.damage.len() + usize::from(report.version.is_some())
}

fn print(report: &Report) -> io::Result<()> {
    let mut out = stream::stdout();
    if let Some(version) = &report.version {
        writeln!(out, "version: damaged: {}", clean(&format!("{version:?}")))?;
    }
    let mut stretch = |state: &str, Damage { segment, from, to, what }: &Damage| {
        writeln!(out, "segments/{segment:010}.log: octets {from} to {to}: {state}: {}", clean(what))
    };
    report.damage.iter().try_for_each(|damage| stretch("damaged", damage))?;
    report.unfinished.iter().try_for_each(|part| stretch("not finished", part))?;
    for name in &report.orphans {
        writeln!(out, "{}: no longer needed", clean(name))?;
    }
    let (messages, recipients) = (plural(report.messages, "message"), plural(report.recipients, "recipient"));
    let (held, octets, segments) = (report.held, report.octets, plural(report.segments, "segment"));
    writeln!(out, "{messages} ({held} held), {recipients} left, {octets} octets of content, {segments}")?;
    out.flush()
}
