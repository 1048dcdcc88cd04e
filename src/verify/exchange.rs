//! What came of the questions: the mail is waited for, and each question judged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ask::Ask;
use super::asking::ask_all;
use super::judge::{self, Arrival, Held, Saw, Sent};
use super::logs::{LINES, Logs};
use super::stage::machine::Machine;
use super::stage::{SENDERS, Stage};
use super::{Disagreement, Means, Progress, Report};
use crate::lab::inbox::Seen;
use crate::lab::{Error, Result, poll};
use crate::name::Mailbox;
use crate::plan::MtaId;

/// How long a message that must not go out is watched after its next hop was tried.
const WATCH: Duration = Duration::from_millis(500);
/// How often the queues are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(700);
/// Names the message in its header.
pub(super) const HEADER: &str = "X-Mailswitch-Verify";

/// By the number of the message.
type Arrivals = BTreeMap<usize, Vec<Arrival>>;

pub(super) fn exchange(
    stage: &Stage<'_>,
    asks: &[Ask],
    means: &Means,
    watch: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<()> {
    let mut sent = Vec::new();
    for mta in stage.plan().mta_ids() {
        for anyone in [false, true] {
            let asked = ask_all(stage, asks, (mta, anyone), means.together, watch, &mut sent);
            asked.map_err(|error| with_log(stage, mta, &error))?;
        }
    }
    report.mailed +=
        sent.iter().filter(|sent| sent.is_taken()).map(|sent| asks[sent.ask].recipients.len()).sum::<usize>();
    let messages: BTreeSet<usize> = sent.iter().filter(|sent| sent.is_taken()).map(|sent| sent.message).collect();
    report.messages += messages.len();
    watch(Progress::Waiting);
    await_all(stage, asks, &sent, means, report)?;
    let seen = stage.world.seen();
    let arrivals = arrivals(&seen);
    let queues = queues(stage)?;
    let mut logs = None;
    for one in &sent {
        let ask = &asks[one.ask];
        let came = own(asks, &sent, one, arrivals.get(&one.message));
        let saw = match judge::holding(stage, ask) {
            _ if let Some(why) = &one.cut => Some(Saw::HungUp(why.clone())),
            _ if ask.octets.is_some() => judge::too_large(one, came),
            Some(held) => {
                let queued = queues.iter().any(|queue| queue.contains(&sender_of(one.message)));
                judge::held(one, came, queued, held.was_tried(stage, &seen.visits))
            }
            None => judge::judge(stage, ask, one, came),
        };
        if let Some(saw) = saw {
            let logs = logs.get_or_insert_with(|| Logs::of(stage));
            report.disagreements.push(Disagreement { ask: one.ask, log: logs.about(one.message), saw });
        }
    }
    report.disagreements.sort_by_key(|one| one.ask);
    Ok(())
}

/// Waits until all has come that must come, and until what must not go out has been tried.
fn await_all(stage: &Stage<'_>, asks: &[Ask], sent: &[Sent], means: &Means, report: &mut Report) -> Result<()> {
    let mut due: BTreeMap<usize, usize> = BTreeMap::new();
    let mut holding: BTreeSet<Held> = BTreeSet::new();
    // What a call-out puts off was tried as well.
    for one in sent.iter().filter(|sent| sent.is_taken() || sent.refused().is_some_and(|reply| reply.code / 100 == 4)) {
        match judge::holding(stage, &asks[one.ask]) {
            Some(held) => {
                holding.insert(held);
            }
            None if !one.is_taken() => {}
            None => *due.entry(one.message).or_default() += judge::awaited(stage, &asks[one.ask]),
        }
    }
    let all: usize = due.values().sum();
    let complete = |seen: &Seen| {
        // It is asked at each step of each server: what costs little comes first.
        let enough = || seen.mails.iter().map(|mail| mail.recipients.len()).sum::<usize>() >= all;
        let tried = || holding.iter().all(|held| held.was_tried(stage, &seen.visits));
        enough() && tried() && {
            let came = arrivals(seen);
            due.iter().all(|(number, count)| came.get(number).is_some_and(|came| came.len() >= *count))
        }
    };
    let quiet = settled(stage, means.patience, holding.is_empty(), complete)?;
    if !holding.is_empty() {
        std::thread::sleep(WATCH);
    } else if quiet {
        // Only then nothing more can come.
        for (id, machine) in stage.plan().mta_ids().zip(&stage.machines) {
            report.problems.extend(machine.drained(means.patience, stage.can_return(id))?);
        }
    }
    Ok(())
}

fn queues(stage: &Stage<'_>) -> Result<Vec<String>> {
    stage.machines.iter().map(Machine::queue).collect()
}

/// Looks until it is complete; gives up when patience ends or, with `empty`, when nothing is on its way any more.
fn settled(stage: &Stage<'_>, patience: Duration, empty: bool, complete: impl Fn(&Seen) -> bool) -> Result<bool> {
    // Twice, since a message may go from one machine to another between two looks.
    let mut idle = 0;
    let complete = poll(patience, || {
        if stage.world.look_until(LOOK, &complete).is_ok() {
            return Ok(Some(true));
        }
        idle = if empty && queues(stage)?.iter().all(String::is_empty) { idle + 1 } else { 0 };
        Ok((idle > 1).then_some(false))
    });
    Ok(complete?.unwrap_or(false))
}

fn arrivals(seen: &Seen) -> Arrivals {
    let mut arrivals = Arrivals::new();
    for mail in &seen.mails {
        let number = mail.header(HEADER).and_then(|number| number.parse().ok());
        for recipient in &mail.recipients {
            let normal = Mailbox::parse(recipient).map_or_else(|_| recipient.clone(), |m| m.as_str().to_owned());
            let bounce = || recipient.split('@').next().filter(|_| mail.sender.is_empty()).and_then(message_of);
            if let Some(number) = number.or_else(bounce) {
                let arrival = Arrival { recipient: normal, wire: recipient.clone(), visit: mail.visit.clone() };
                arrivals.entry(number).or_default().push(arrival);
            }
        }
    }
    arrivals
}

/// What came of one question of a message: of several, what no other of them explains.
fn own(asks: &[Ask], sent: &[Sent], one: &Sent, came: Option<&Vec<Arrival>>) -> Vec<Arrival> {
    let mates = sent[one.message..].iter().take_while(|other| other.message == one.message);
    let mates = mates.filter(|other| other.ask != one.ask && other.is_taken());
    let others: BTreeSet<&str> = mates.filter_map(|other| asks[other.ask].arrives_as()).collect();
    let is_own = |arrival: &&Arrival| !others.contains(arrival.recipient.as_str());
    let came = || came.into_iter().flatten();
    let has = |recipient: &str| came().any(|arrival| arrival.recipient == recipient);
    let mine = |arrival: &&Arrival| asks[one.ask].arrives_as() == Some(arrival.recipient.as_str());
    // What nobody waits for is of those that wait in vain, if there are any.
    if asks[one.ask].arrives_as().is_some_and(has) && others.iter().any(|other| !has(other)) {
        return came().filter(mine).cloned().collect();
    }
    came().filter(is_own).cloned().collect()
}

/// The message whose sender has this local part.
pub(super) fn message_of(local: &str) -> Option<usize> {
    local.strip_prefix('s')?.parse().ok()
}

/// Each message has a sender of its own, to whom it can be returned.
pub(super) fn sender_of(message: usize) -> String {
    format!("s{message}@{SENDERS}")
}

/// An MTA that ends a session says why in its log, if anywhere.
fn with_log(stage: &Stage<'_>, mta: MtaId, error: &Error) -> Error {
    let machine = &stage.machines[mta.index()];
    let log = machine.node.log();
    let skipped = log.lines().count().saturating_sub(LINES);
    let last: String = log.lines().skip(skipped).map(|line| format!("\n  {line}")).collect();
    Error::new(format!("`{}`: {error}; its log ends with:{last}", machine.node.name()))
}
