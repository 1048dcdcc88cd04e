//! Asking, sending, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ask::{Ask, on_wire};
use super::judge::{self, Arrival, Saw, Sent};
use super::stage::machine::Machine;
use super::stage::{SENDERS, Stage};
use super::{Disagreement, Means, Progress, Report};
use crate::lab::client::Conversation;
use crate::lab::inbox::Seen;
use crate::lab::{Error, Result, poll};
use crate::name::Mailbox;
use crate::plan::MtaId;

/// Postfix slows a client down after ten errors in a session.
const ERRORS: usize = 8;
/// How long a message that must not go out is watched after its next hop was tried.
const WATCH: Duration = Duration::from_millis(500);
/// The shortest queue id: Postfix makes them of the time and an inode, which is small on a new file system.
const SHORTEST: usize = 6;
/// How often the queues are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(700);
/// So many lines of each log are quoted.
const LINES: usize = 12;
/// A line of a large message.
const FILLING: &str = "This message is longer than somebody on its way will have it.\n";
/// Names the message in its header.
const HEADER: &str = "X-Mailswitch-Verify";

/// Several questions that one message carries.
struct Batch<'a> {
    asks: Vec<usize>,
    recipients: BTreeSet<&'a str>,
    refusals: usize,
}

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
            let asked = ask_all(stage, asks, mta, anyone, means.together, watch, &mut sent);
            asked.map_err(|error| with_log(stage, mta, &error))?;
        }
    }
    report.mailed +=
        sent.iter().filter(|sent| sent.is_taken()).map(|sent| asks[sent.ask].recipients.len()).sum::<usize>();
    let messages: BTreeSet<usize> = sent.iter().filter(|sent| sent.is_taken()).map(|sent| sent.message).collect();
    report.messages += messages.len();
    watch(Progress::Waiting);
    await_all(stage, asks, &sent, means, report)?;
    let arrivals = arrivals(&stage.world.seen());
    let queues = queues(stage)?;
    let mut logs = None;
    for one in &sent {
        let ask = &asks[one.ask];
        let came = own(asks, &sent, one, arrivals.get(&one.message));
        let saw = match judge::holding(stage, ask) {
            _ if ask.octets.is_some() => judge::too_large(one, came),
            Some(_) => judge::held(one, came, queues.iter().any(|queue| queue.contains(&sender_of(one.message)))),
            None => judge::judge(stage, ask, one, came),
        };
        if let Some(saw) = saw {
            let logs = logs.get_or_insert_with(|| logs_of(stage));
            report.disagreements.push(Disagreement { ask: one.ask, log: excerpt(logs, one.message, &saw), saw });
        }
    }
    report.disagreements.sort_by_key(|one| one.ask);
    Ok(())
}

/// Waits until all has come that must come, and until what must not go out has been tried.
fn await_all(stage: &Stage<'_>, asks: &[Ask], sent: &[Sent], means: &Means, report: &mut Report) -> Result<()> {
    let mut due: BTreeMap<usize, usize> = BTreeMap::new();
    let mut holding: Vec<BTreeSet<String>> = Vec::new();
    for one in sent.iter().filter(|sent| sent.is_taken()) {
        match judge::holding(stage, &asks[one.ask]) {
            Some(labels) => holding.push(labels),
            None => *due.entry(one.message).or_default() += judge::awaited(&asks[one.ask]),
        }
    }
    let all: usize = due.values().sum();
    let complete = |seen: &Seen| {
        // It is asked at each step of each server: what costs little comes first.
        let enough = || seen.mails.iter().map(|mail| mail.recipients.len()).sum::<usize>() >= all;
        // A next hop that was tried and left has shown the MTA what it offers.
        let left = |label: &String| seen.visits.iter().any(|visit| visit.over && visit.sink == *label);
        let tried = || holding.iter().all(|labels| labels.iter().any(left));
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
        for machine in &stage.machines {
            report.problems.extend(machine.drained(means.patience)?);
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

/// Every question of one kind at one MTA, in as few sessions as it bears.
fn ask_all(
    stage: &Stage<'_>,
    asks: &[Ask],
    mta: MtaId,
    anyone: bool,
    together: usize,
    watch: &(dyn Fn(Progress) + Sync),
    sent: &mut Vec<Sent>,
) -> Result<()> {
    let mine: Vec<usize> = (0..asks.len()).filter(|&at| asks[at].mta == mta && asks[at].anyone == anyone).collect();
    if mine.is_empty() {
        return Ok(());
    }
    let name = &stage.plan().mta(mta).name;
    let who = if anyone { "as a stranger" } else { "as a client that it trusts" };
    let (client, server) =
        stage.client(mta, anyone)?.ok_or_else(|| Error::new(format!("`{name}` cannot be asked {who}")))?;
    let mut session: Option<(Conversation, usize)> = None;
    for batch in batches(asks, &mine, together) {
        let (mut talk, errors) = match session.take() {
            Some((talk, errors)) if errors + batch.refusals <= ERRORS => (talk, errors),
            _ => (client.greet(server)?, 0),
        };
        let first = sent.len();
        message(&mut talk, first, asks, &batch.asks, sent)?;
        let refused = sent[first..].iter().filter(|sent| sent.refused().is_some()).count();
        let ended = sent[first..].iter().filter_map(Sent::refused).any(|reply| reply.code == 421);
        if errors + refused < ERRORS && !ended {
            session = Some((talk, errors + refused));
        }
        watch(Progress::Asked { done: sent.len(), of: asks.len() });
    }
    Ok(())
}

/// Questions that can share a message: their answers can be told apart by the recipient alone.
fn batches<'a>(asks: &'a [Ask], mine: &[usize], together: usize) -> Vec<Batch<'a>> {
    let mut batches: Vec<Batch<'a>> = Vec::new();
    let mut open: [Option<usize>; 2] = [None, None];
    for &at in mine {
        let ask = &asks[at];
        let (refused, arrives) = (ask.is_refused(), ask.arrives_as());
        let shares = together > 1 && ask.recipients.len() == 1 && ask.is_usual() && (refused || arrives.is_some());
        let slot = &mut open[usize::from(ask.recipients.iter().any(|recipient| !recipient.wire.is_ascii()))];
        let fits = |batch: &Batch<'_>| {
            batch.asks.len() < together
                && arrives.is_none_or(|recipient| !batch.recipients.contains(recipient))
                && (!refused || batch.refusals < ERRORS)
        };
        let place = slot.filter(|&at| shares && fits(&batches[at])).unwrap_or_else(|| {
            batches.push(Batch { asks: Vec::new(), recipients: BTreeSet::new(), refusals: 0 });
            batches.len() - 1
        });
        if shares {
            *slot = Some(place);
        }
        batches[place].asks.push(at);
        batches[place].recipients.extend(arrives);
        batches[place].refusals += usize::from(refused);
    }
    batches
}

/// One message with the recipients of all these questions.
fn message(talk: &mut Conversation, number: usize, asks: &[Ask], these: &[usize], sent: &mut Vec<Sent>) -> Result<()> {
    let recipients = || these.iter().flat_map(|&at| &asks[at].recipients);
    let sender = if asks[these[0]].null_sender { String::new() } else { sender_of(number) };
    let utf8 = recipients().any(|recipient| !recipient.wire.is_ascii()) && talk.offers("SMTPUTF8");
    let octets = asks[these[0]].octets;
    let size = octets.filter(|_| talk.offers("SIZE")).map(|n| format!(" SIZE={n}")).unwrap_or_default();
    let mail = talk.command(&format!("MAIL FROM:<{sender}>{size}{}", if utf8 { " SMTPUTF8" } else { "" }))?;
    let mut all_refused = true;
    let first = sent.len();
    for &at in these {
        let mut replies = Vec::new();
        if !mail.is_positive() {
            replies.push(mail.clone());
        } else {
            for recipient in &asks[at].recipients {
                replies.push(talk.command(&format!("RCPT TO:<{}>", on_wire(recipient, utf8)))?);
            }
        }
        all_refused &= replies.iter().any(|reply| !reply.is_positive());
        sent.push(Sent { message: number, ask: at, replies, data: None });
    }
    if all_refused || asks[these[0]].recipients.len() > 1 && sent[first].refused().is_some() {
        talk.command("RSET")?;
        return Ok(());
    }
    let mut text = format!(
        "From: <{sender}>\nTo: everybody:;\nSubject: mailswitch verify\n{HEADER}: {number}\n\nWhere does this go?\n"
    );
    while octets.is_some_and(|octets| (text.len() as u64) < octets) {
        text.push_str(FILLING);
    }
    let data = talk.data(&text)?;
    for one in sent[first..].iter_mut().filter(|one| one.refused().is_none()) {
        one.data = Some(data.clone());
    }
    Ok(())
}

fn arrivals(seen: &Seen) -> Arrivals {
    let mut arrivals = Arrivals::new();
    for mail in &seen.mails {
        let number = mail.header(HEADER).and_then(|number| number.parse().ok());
        for recipient in &mail.recipients {
            let normal = Mailbox::parse(recipient).map_or_else(|_| recipient.clone(), |m| m.as_str().to_owned());
            let bounce = recipient.strip_prefix('s').and_then(|rest| rest.split('@').next()?.parse().ok());
            if let Some(number) = number.or(bounce.filter(|_| mail.sender.is_empty())) {
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
    came.into_iter().flatten().filter(is_own).cloned().collect()
}

/// Each message has a sender of its own, to whom it can be returned.
fn sender_of(message: usize) -> String {
    format!("s{message}@{SENDERS}")
}

/// Each machine's name and log.
fn logs_of(stage: &Stage<'_>) -> Vec<(String, String)> {
    stage.machines.iter().map(|machine| (machine.node.name().to_owned(), machine.node.log())).collect()
}

/// An MTA that ends a session says why in its log, if anywhere.
fn with_log(stage: &Stage<'_>, mta: MtaId, error: &Error) -> Error {
    let machine = &stage.machines[mta.index()];
    let log = machine.node.log();
    let skipped = log.lines().count().saturating_sub(LINES);
    let last: String = log.lines().skip(skipped).map(|line| format!("\n  {line}")).collect();
    Error::new(format!("`{}`: {error}; its log ends with:{last}", machine.node.name()))
}

/// The lines of the logs that tell of a message.
fn excerpt(logs: &[(String, String)], message: usize, saw: &Saw) -> Vec<String> {
    let sender = sender_of(message);
    let refused = matches!(saw, Saw::Refused(_));
    let mut lines = Vec::new();
    for (name, log) in logs {
        let ids: BTreeSet<&str> = log.lines().filter(|line| line.contains(&sender)).filter_map(queue_id).collect();
        let told = |line: &&str| {
            let named = ids.iter().any(|id| line.contains(id)) || (refused && line.contains(&sender));
            named || line.contains("panic") || line.contains("fatal")
        };
        lines.extend(log.lines().filter(told).take(LINES).map(|line| format!("{name}: {line}")));
    }
    lines
}

/// `4C1B2A3D5E:` of Postfix, `1abcde-000001-AB` of Exim.
fn queue_id(line: &str) -> Option<&str> {
    line.split(' ').find_map(|word| {
        let bare = word.strip_suffix(':').unwrap_or(word);
        let long = bare.len() >= SHORTEST && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let postfix = long && word.ends_with(':') && bare.bytes().any(|b| b.is_ascii_digit());
        let exim = long && bare.len() >= 16 && bare.matches('-').count() == 2;
        (postfix || exim).then_some(bare)
    })
}
