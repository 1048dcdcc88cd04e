//! What is over for some recipients, and who is told: a notification is accepted by the spool in the same transaction that
//! takes them off the queue, so that it is neither lost nor sent twice.

use std::sync::Arc;
use std::time::Duration;

use super::Queue;
use super::board::{Arrival, End, Ticket, Verdict};
use super::entry::{Message, Slot};
use super::failure::Failure;
use super::feed::attempt;
use super::link::Hop;
use crate::relay::dsn::{self, Report};
use crate::relay::envelope::{Body, Envelope, Notify, QueueId, Recipient};
use crate::relay::event::{Answer, Attempt, Event};
use crate::relay::reply::{Reply, Status};
use crate::relay::route::{Decision, Route, Router, Sending};
use crate::relay::spool::{Accept, Change, Content, Note, Op, Place, SpoolError};

/// A recipient that a next hop took which knows no notifications, though its sender wants one.
pub(super) struct Relayed {
    pub(super) place: u32,
    pub(super) reply: Reply,
    pub(super) host: String,
}

/// Recipients of an entry that are over.
pub(super) struct Ending {
    pub(super) ticket: Ticket,
    pub(super) message: Message,
    pub(super) failed: Vec<(u32, Arc<Failure>)>,
    pub(super) relayed: Vec<Relayed>,
    /// Of the others.
    pub(super) verdict: Verdict,
    pub(super) expired: bool,
}

/// A notification that goes into the spool.
struct Letter {
    accept: Accept,
    route: Arc<Route>,
    /// That found the route.
    router: Arc<Router>,
    kind: &'static str,
}

impl<H: Hop> Queue<H> {
    /// Deals with recipients that are over. Their entry is nobody else's until that is done.
    pub(super) fn end(&self, ending: Ending) {
        let queue = self.clone();
        self.aside(async move {
            let _turn = queue.shared.writers.acquire().await;
            queue.end_now(ending).await;
        });
    }

    async fn end_now(&self, ending: Ending) {
        let slot = ending.ticket.slot;
        let letters = match self.letters(&ending) {
            Ok(letters) => letters,
            Err(why) => return self.end_rest_later(ending, &why),
        };
        let over = ending.failed.iter().map(|(place, _)| *place).chain(ending.relayed.iter().map(|r| r.place));
        let over: Vec<u32> = over.chain(ending.verdict.gone.iter()).collect();
        let note = Note { id: ending.ticket.id, place: ending.ticket.place, change: Change::Done(over.clone()) };
        match self.post(letters, note, ending.ticket.id, &ending.message.envelope.sender).await {
            Ok(told) => {
                self.tell(&ending, told);
                let mut verdict = ending.verdict;
                over.into_iter().for_each(|place| verdict.gone.add(place));
                verdict.noted = true;
                self.with(|board, now| board.settle(slot, verdict, now));
            }
            Err(error) => self.end_rest_later(ending, &error.to_string()),
        }
    }

    /// Nobody could be told. Those who have the message do not get it again for that; the others are tried again.
    fn end_rest_later(&self, ending: Ending, why: &str) {
        let Ending { ticket, relayed, mut verdict, .. } = ending;
        relayed.iter().for_each(|relayed| verdict.gone.add(relayed.place));
        if self.with(|board, _| board.strike(ticket.slot, &verdict.gone)) {
            self.end_later(ticket.slot, why);
        }
    }

    /// Nothing could be written: all of it is tried again.
    pub(super) fn end_later(&self, slot: Slot, why: &str) {
        self.shared.log.write(&Event::Error { part: "queue", why });
        let why = Arc::new(Failure::own(Status(4, 3, 0), why));
        self.with(|board, now| board.postpone(slot, Some(&why), now));
    }

    /// The notifications that are due.
    fn letters(&self, ending: &Ending) -> Result<Vec<Letter>, String> {
        let envelope = &ending.message.envelope;
        let wants = |place: u32, what: Notify| {
            let notify = envelope.recipients.get(place as usize).map(|recipient| recipient.notify).unwrap_or_default();
            if notify.is_said() { notify.has(what) } else { what == Notify::FAILURE }
        };
        let failed = ending.failed.iter().filter(|(place, _)| wants(*place, Notify::FAILURE));
        let failed: Vec<_> = failed.map(|(place, failure)| dsn::Fate::failed(*place, failure)).collect();
        let relayed: Vec<_> = ending.relayed.iter().map(|r| dsn::Fate::relayed(r.place, &r.host, &r.reply)).collect();
        let mut letters = Vec::new();
        for (kind, fates) in [(dsn::Kind::Failure, failed), (dsn::Kind::Relayed, relayed)] {
            letters.extend(self.letter(&ending.ticket, &ending.message, kind, &fates)?);
        }
        Ok(letters)
    }

    /// A notification to the sender; none where he cannot be told.
    fn letter(
        &self,
        ticket: &Ticket,
        message: &Message,
        kind: dsn::Kind,
        fates: &[dsn::Fate<'_>],
    ) -> Result<Option<Letter>, String> {
        let sender = &message.envelope.sender;
        if sender.is_empty() || fates.is_empty() {
            return Ok(None);
        }
        let router = self.shared.router.load_full();
        let (recipient, route) = match router.again(sender).map_err(|damaged| damaged.to_string())? {
            Decision::Send(Sending { recipient, route, .. }) => (recipient, route),
            Decision::Refused { status, text } => {
                let why = format!("{}: no way to the sender <{sender}>: {status} {text}", ticket.id);
                self.shared.log.write(&Event::Error { part: "notification", why: &why });
                return Ok(None);
            }
        };
        let (id, now) = (self.shared.spool.next_id(), self.now());
        let report = Report {
            hostname: router.config().server.hostname.as_str(),
            id,
            about: ticket.id,
            envelope: &message.envelope,
            content: &message.content,
            arrived: ticket.arrived,
            until: ticket.arrived + self.lifetime(),
            now,
            kind,
            fates,
        };
        let written = dsn::write(&report).map_err(|error| error.to_string())?;
        let envelope = Envelope {
            body: if written.octets.is_ascii() { Body::SevenBit } else { Body::EightBitMime },
            smtputf8: written.needs_smtputf8 || !recipient.is_ascii(),
            recipients: vec![Recipient { address: recipient, asked: sender.clone(), ..Recipient::default() }],
            ..Envelope::default()
        };
        let accept = Accept { id, arrived: now, envelope, content: Content::Bytes(written.octets.into()) };
        Ok(Some(Letter { accept, route, router, kind: kind.as_str() }))
    }

    /// Makes notifications durable, and what they are about with them; then they are messages like any other. Answers
    /// whether there were any.
    async fn post(&self, letters: Vec<Letter>, note: Note, about: QueueId, sender: &str) -> Result<bool, SpoolError> {
        let accepts = letters.iter().map(|letter| Op::Accept(letter.accept.clone()));
        let ops: Vec<Op> = accepts.chain([Op::Note(note)]).collect();
        let places = self.shared.spool.write(&ops).await?;
        let told = !letters.is_empty();
        for (letter, place) in letters.into_iter().zip(places) {
            let Letter { accept, route, router, kind } = letter;
            self.shared.metrics.notifications.inc();
            let event = Event::Notified { id: accept.id, about, kind, recipient: sender };
            self.shared.log.write(&event);
            self.submit(accept, place, vec![route], &router, false);
        }
        Ok(told)
    }

    /// Tells the log of recipients that failed.
    fn tell(&self, ending: &Ending, told: bool) {
        for (place, failure) in &ending.failed {
            let attempt = self.attempt(&ending.ticket, &ending.message.envelope, *place, failure);
            if ending.expired {
                self.shared.metrics.expired.inc();
            }
            if let Some(connector) = &failure.connector {
                self.shared.metrics.connector(connector).bounced.inc();
            }
            if !told {
                self.shared.metrics.dropped.inc();
            }
            self.shared.log.write(&match (told, ending.expired) {
                (false, _) => Event::Dropped(attempt),
                (true, true) => Event::Expired(attempt),
                (true, false) => Event::Bounced(attempt),
            });
        }
    }

    /// All of a ticket's recipients fail for one reason.
    pub(super) fn return_all(&self, mut ticket: Ticket, why: &Arc<Failure>) {
        let slot = ticket.slot;
        let Some(message) = self.message(&mut ticket) else { return };
        self.with(|board, _| board.ending(slot));
        let failed = ticket.recipients.iter().map(|place| (place, Arc::clone(why))).collect();
        let (relayed, verdict) = (Vec::new(), Verdict::default());
        self.end(Ending { ticket, message, failed, relayed, verdict, expired: false });
    }

    /// An entry is given up; nobody else deals with it.
    pub(super) fn give_up(&self, slot: Slot, end: End) {
        let queue = self.clone();
        self.aside(async move {
            let _turn = queue.shared.writers.acquire().await;
            let (mut ticket, reasons) = queue.with(|board, _| board.last_words(slot));
            let Some(message) = queue.message(&mut ticket) else { return };
            let failed = reasons.into_iter().map(|(place, last)| (place, given_up(end, last))).collect();
            let (relayed, verdict) = (Vec::new(), Verdict::default());
            let expired = end == End::Expired;
            queue.end_now(Ending { ticket, message, failed, relayed, verdict, expired }).await;
        });
    }

    /// The sender is told of a delay, if he asked for it.
    pub(super) fn warn(&self, id: QueueId, slot: Slot) {
        let queue = self.clone();
        self.aside(async move {
            let _turn = queue.shared.writers.acquire().await;
            let Some((ticket, reasons)) = queue.with(|board, _| board.same(id, slot).then(|| board.last_words(slot)))
            else {
                return;
            };
            // Few ask for it: the others' contents are not read for that.
            let asks = |envelope: Envelope| {
                ticket
                    .recipients
                    .iter()
                    .filter_map(|place| envelope.recipients.get(place as usize).map(|r| r.notify))
                    .any(|notify| notify.has(Notify::DELAY))
            };
            if !queue.shared.spool.envelope(ticket.place).is_ok_and(asks) {
                return;
            }
            let Ok(message) = queue.read(ticket.place) else { return };
            if let Err(why) = queue.warn_now(&ticket, &message, &reasons).await {
                queue.shared.log.write(&Event::Error { part: "notification", why: &why });
            }
        });
    }

    async fn warn_now(
        &self,
        ticket: &Ticket,
        message: &Message,
        reasons: &[(u32, Option<Arc<Failure>>)],
    ) -> Result<(), String> {
        let waits = Arc::new(Failure::own(Status(4, 4, 7), "the message waits for its next attempt"));
        let asked = reasons.iter().filter(|(place, _)| {
            message.envelope.recipients.get(*place as usize).is_some_and(|r| r.notify.has(Notify::DELAY))
        });
        let fates: Vec<dsn::Fate<'_>> =
            asked.map(|(place, last)| dsn::Fate::delayed(*place, last.as_ref().unwrap_or(&waits))).collect();
        let Some(letter) = self.letter(ticket, message, dsn::Kind::Delay, &fates)? else { return Ok(()) };
        let note = Note { id: ticket.id, place: ticket.place, change: Change::Warned };
        let sender = &message.envelope.sender;
        self.post(vec![letter], note, ticket.id, sender).await.map(drop).map_err(|error| error.to_string())
    }

    /// An attempt is over, and no host took the message.
    pub(super) fn deferred(&self, ticket: Ticket) {
        let slot = ticket.slot;
        let (due, failures) = self.with(|board, now| {
            let failures = board.failures(slot);
            (board.defer(slot, now), failures)
        });
        let Ok(envelope) = self.shared.spool.envelope(ticket.place) else { return };
        for (place, failure) in &failures {
            let attempt = self.attempt(&ticket, &envelope, *place, failure);
            self.shared.log.write(&Event::Deferred { attempt, next: due });
        }
    }

    /// The log hears of messages that wait since no host of their lane can be had: of each of them once.
    pub(super) fn tell_asleep(&self, at: u32) {
        let queue = self.clone();
        self.aside(async move {
            let mut last = None;
            loop {
                let (tickets, why, until) = queue.with(|board, _| board.untold(at, last));
                let Some(why) = why.filter(|_| !tickets.is_empty()) else { return };
                last = tickets.last().map(|ticket| ticket.slot);
                for ticket in tickets {
                    queue.tell_one_asleep(&ticket, &why, until);
                }
                tokio::task::yield_now().await;
            }
        });
    }

    fn tell_one_asleep(&self, ticket: &Ticket, why: &Failure, next: u64) {
        // What cannot be read is told where it is tried.
        let Ok(envelope) = self.shared.spool.envelope(ticket.place) else { return };
        for place in ticket.recipients.iter() {
            let attempt = self.attempt(ticket, &envelope, place, why);
            self.shared.log.write(&Event::Deferred { attempt, next });
        }
        if let Some(connector) = &why.connector {
            self.shared.metrics.connector(connector).deferred.inc_by(ticket.recipients.iter().count() as u64);
        }
    }

    /// A failure, as a log tells it.
    fn attempt<'a>(&self, ticket: &Ticket, envelope: &'a Envelope, place: u32, failure: &'a Failure) -> Attempt<'a> {
        Attempt {
            connector: failure.connector.as_deref().unwrap_or_default(),
            host: failure.host.as_deref().unwrap_or_default(),
            address: failure.address,
            answer: failure.reply.as_ref().map(Answer::from),
            why: &failure.text,
            queued: Duration::from_millis(self.now().saturating_sub(ticket.arrived)),
            ..attempt(ticket, envelope, place)
        }
    }

    /// What a ticket carries, read back where it is not fresh. What cannot be read waits.
    pub(super) fn message(&self, ticket: &mut Ticket) -> Option<Message> {
        if let Some(fresh) = ticket.fresh.take() {
            return Some(*fresh);
        }
        match self.read(ticket.place) {
            Ok(message) => Some(message),
            Err(error) => {
                self.end_later(ticket.slot, &format!("{}: {error}", ticket.id));
                None
            }
        }
    }

    pub(super) fn read(&self, place: Place) -> Result<Message, SpoolError> {
        let (envelope, content) = self.shared.spool.message(place)?;
        Ok(Message { envelope: Arc::new(envelope), content })
    }

    /// Puts a message that the spool has in line, or holds it for a human. Where `router`, which found its routes, does not
    /// count any more, they are found again.
    pub fn submit(&self, accept: Accept, place: Place, routes: Vec<Arc<Route>>, router: &Arc<Router>, held: bool) {
        let Accept { id, arrived, envelope, content } = accept;
        let message = Message { envelope: Arc::new(envelope), content };
        let arrival = Arrival { id, place, arrived, message, routes: &routes, held };
        self.with(|board, now| board.submit(&arrival, now));
        // A reload changes the router before it looks at the queue: if it came too early to see this message, it is seen here.
        let current = self.shared.router.load();
        if !Arc::ptr_eq(&current, router) {
            self.slots(id).into_iter().for_each(|slot| self.find_lane(&current, id, slot));
        }
    }
}

/// What the sender is told of a message that is given up.
fn given_up(end: End, last: Option<Arc<Failure>>) -> Arc<Failure> {
    let (status, text) = match end {
        End::Expired => (Status(4, 4, 7), "it could not be delivered in time"),
        End::ByHand => (Status(5, 7, 0), "it was returned by those who run this relay"),
    };
    let new = Failure::own(status, text);
    Arc::new(match last {
        Some(last) if end == End::Expired => {
            let text = if last.text.is_empty() { text.to_owned() } else { format!("{text}: {}", last.text) };
            Failure { status: new.status, text, ..Failure::clone(&last) }
        }
        _ => new,
    })
}
