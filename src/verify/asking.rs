//! Putting questions to an MTA: in messages that carry several of them, and in sessions side by side, since an answer may
//! wait until the MTA has asked the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Progress;
use super::ask::{Ask, on_wire};
use super::exchange::{HEADER, sender_of};
use super::judge::Sent;
use super::stage::Stage;
use crate::lab::client::{Conversation, Reply};
use crate::lab::{Client, Error, Result};
use crate::plan::MtaId;

/// Of one client at once.
const SESSIONS: usize = 4;
/// Postfix slows a client down after ten errors in a session.
const ERRORS: usize = 8;
/// An MTA that ends so many sessions answers nothing any more.
const CUTS: usize = 20;
/// Where all is well, a call-out that takes its time is waited for: Postfix says 450 for so long (address_verify_poll_count).
const AGAIN: usize = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// A message is tried so often.
const TRIES: usize = 3;
/// A line of a large message.
const FILLING: &str = "This message is longer than somebody on its way will have it.\n";

/// Several questions that one message carries.
struct Batch<'a> {
    asks: Vec<usize>,
    recipients: BTreeSet<&'a str>,
    refusals: usize,
}

/// A client, and what its sessions share.
struct Asking<'a> {
    client: Client,
    server: SocketAddr,
    asks: &'a [Ask],
    /// Each message is known by the number of its first question.
    batches: Vec<(usize, Batch<'a>)>,
    again: usize,
    next: AtomicUsize,
    done: AtomicUsize,
    cut: AtomicUsize,
    failed: AtomicBool,
    answers: Mutex<BTreeMap<usize, Vec<Sent>>>,
    watch: &'a (dyn Fn(usize) + Sync),
}

/// Every question of one kind at one MTA.
pub(super) fn ask_all(
    stage: &Stage<'_>,
    asks: &[Ask],
    (mta, anyone): (MtaId, bool),
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
    let before = sent.len();
    let mut numbered = Vec::new();
    let mut number = before;
    for batch in batches(asks, &mine, together) {
        let many = batch.asks.len();
        numbered.push((number, batch));
        number += many;
    }
    let asking = Asking {
        client,
        server,
        asks,
        batches: numbered,
        again: if stage.weather.is_fair() { AGAIN } else { 0 },
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        cut: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
        answers: Mutex::default(),
        watch: &|done| watch(Progress::Asked { done: before + done, of: asks.len() }),
    };
    let sessions = SESSIONS.min(asking.batches.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..sessions).map(|_| scope.spawn(|| asking.work())).collect();
        let joined =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
    })?;
    sent.extend(asking.answers.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().flatten());
    Ok(())
}

impl Asking<'_> {
    /// One session after the other, until there is no question left or another thread has failed.
    fn work(&self) -> Result<()> {
        let mut session = None;
        while let Some((number, batch)) = self.batches.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            let answers = self.ask(&mut session, *number, batch);
            let answers = answers.inspect_err(|_| self.failed.store(true, Ordering::Relaxed))?;
            let many = answers.len();
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(*number, answers);
            (self.watch)(self.done.fetch_add(many, Ordering::Relaxed) + many);
        }
        Ok(())
    }

    /// One message; once more where the MTA ended the session with notice (421) before the content: Postfix under stress
    /// does so at the first refusal (postconf(5), smtpd_hard_error_limit). One that hangs up without a word is told of.
    fn ask(&self, session: &mut Option<Session>, number: usize, batch: &Batch<'_>) -> Result<Vec<Sent>> {
        let mut left = TRIES;
        loop {
            left -= 1;
            let mut sent = Vec::new();
            let error = match self.once(session, number, batch, &mut sent) {
                Ok(()) => return Ok(sent),
                Err(End::Notice(_)) if left > 0 => {
                    std::thread::sleep(PAUSE);
                    continue;
                }
                Err(End::Notice(reply)) => {
                    Error::new(format!("the server ended the session: {} {}", reply.code, reply.text))
                }
                Err(End::Cut(error)) => error,
            };
            if self.cut.fetch_add(1, Ordering::Relaxed) + 1 == CUTS {
                return Err(error);
            }
            hang_up(number, &batch.asks, &error, &mut sent);
            return Ok(sent);
        }
    }

    /// The session is kept where it bears another message.
    fn once(
        &self,
        session: &mut Option<Session>,
        number: usize,
        batch: &Batch<'_>,
        sent: &mut Vec<Sent>,
    ) -> std::result::Result<(), End> {
        let mut current = match session.take() {
            Some(kept) if kept.errors + batch.refusals <= ERRORS => kept,
            _ => Session { talk: self.client.greet(self.server)?, errors: 0 },
        };
        message(&mut current, number, (self.asks, &batch.asks), self.again, sent)?;
        if current.errors < ERRORS {
            *session = Some(current);
        }
        Ok(())
    }
}

/// A conversation, and how many commands were not taken in it.
struct Session {
    talk: Conversation,
    errors: usize,
}

impl Session {
    /// The answer to a command; 421 is the end (RFC 5321 3.8).
    fn command(&mut self, line: &str) -> std::result::Result<Reply, End> {
        let reply = self.talk.command(line)?;
        self.errors += usize::from(!reply.is_positive());
        if reply.code == 421 { Err(End::Notice(reply)) } else { Ok(reply) }
    }

    /// Who is put off is asked for once more each second, so often.
    fn rcpt(&mut self, wire: &str, again: usize) -> std::result::Result<Reply, End> {
        let mut left = again;
        loop {
            let reply = self.command(&format!("RCPT TO:<{wire}>"))?;
            if reply.code / 100 != 4 || left == 0 {
                return Ok(reply);
            }
            left -= 1;
            std::thread::sleep(PAUSE);
        }
    }
}

/// How a session ended before its time.
enum End {
    Notice(Reply),
    Cut(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> End {
        End::Cut(error)
    }
}

/// What has no answer yet will have none: the connection has ended.
fn hang_up(message: usize, asks: &[usize], error: &Error, sent: &mut Vec<Sent>) {
    for &ask in &asks[sent.len()..] {
        sent.push(Sent { message, ask, replies: Vec::new(), data: None, cut: None });
    }
    for one in sent.iter_mut().filter(|one| one.refused().is_none()) {
        one.cut = Some(error.to_string());
    }
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
fn message(
    session: &mut Session,
    number: usize,
    (asks, these): (&[Ask], &[usize]),
    again: usize,
    sent: &mut Vec<Sent>,
) -> std::result::Result<(), End> {
    let first = &asks[these[0]];
    let recipients = || these.iter().flat_map(|&at| &asks[at].recipients);
    let sender = if first.null_sender { String::new() } else { sender_of(number) };
    let utf8 = recipients().any(|recipient| !recipient.wire.is_ascii()) && session.talk.offers("SMTPUTF8");
    let size = first.octets.filter(|_| session.talk.offers("SIZE")).map(|n| format!(" SIZE={n}")).unwrap_or_default();
    let mail = session.command(&format!("MAIL FROM:<{sender}>{size}{}", if utf8 { " SMTPUTF8" } else { "" }))?;
    for &at in these {
        let mut replies = Vec::new();
        if !mail.is_positive() {
            replies.push(mail.clone());
        } else {
            for recipient in &asks[at].recipients {
                replies.push(session.rcpt(&on_wire(recipient, utf8), again)?);
            }
        }
        sent.push(Sent { message: number, ask: at, replies, data: None, cut: None });
    }
    let all_refused = sent.iter().all(|one| one.refused().is_some());
    if all_refused || first.recipients.len() > 1 && sent[0].refused().is_some() {
        session.command("RSET")?;
        return Ok(());
    }
    let data = session.talk.data(&content(&sender, number, first.octets))?;
    for one in sent.iter_mut().filter(|one| one.refused().is_none()) {
        one.data = Some(data.clone());
    }
    if data.code == 421 { Err(End::Notice(data)) } else { Ok(()) }
}

/// A few lines, or as many as make it so large.
fn content(sender: &str, number: usize, octets: Option<u64>) -> String {
    let mut text = format!(
        "From: <{sender}>\nTo: everybody:;\nSubject: mailswitch verify\n{HEADER}: {number}\n\nWhere does this go?\n"
    );
    while octets.is_some_and(|octets| (text.len() as u64) < octets) {
        text.push_str(FILLING);
    }
    text
}
