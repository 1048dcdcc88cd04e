//! What one connection gets to send, and what becomes of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Queue;
use super::board::{Ticket, Verdict};
use super::ending::{Ending, Relayed};
use super::entry::Message;
use super::failure::{Failure, Tried};
use super::link::Hop;
use super::room::Permit;
use super::turns::LOT;
use crate::relay::config::Connector;
use crate::relay::deliver::{Outcome, Secured, Source, Stage, Target, Transaction};
use crate::relay::envelope::{Envelope, Notify, QueueId};
use crate::relay::event::{Answer, Attempt, Event, Tls};
use crate::relay::metrics::PerConnector;
use crate::relay::reply::Status;
use crate::relay::spool::Content;

/// Messages that a connection carries while others wait for its place.
const TURN: u32 = 100;

/// The queue's side of a connection.
pub(super) struct Feed<'a, H: Hop> {
    queue: &'a Queue<H>,
    at: u32,
    connector: &'a Connector,
    target: &'a Target,
    permit: &'a Permit,
    shares: bool,
    tls: Option<Secured>,
    tried: Tried,
    first: Option<Ticket>,
    /// It carries what has tried these before; without them, what is in line.
    again: Option<Vec<Tried>>,
    flying: VecDeque<Flight>,
    taken: u32,
    /// Messages that the host has answered.
    answered: u32,
    metrics: PerConnector,
}

/// A message under way.
struct Flight {
    ticket: Ticket,
    message: Message,
    since: Instant,
}

/// What became of a message's recipients here, by kind.
#[derive(Default)]
struct Sorted {
    verdict: Verdict,
    failed: Vec<(u32, Arc<Failure>)>,
    relayed: Vec<Relayed>,
    lost: Vec<u32>,
    /// The host itself has said something.
    answered: bool,
}

impl<'a, H: Hop> Feed<'a, H> {
    #[expect(clippy::too_many_arguments, reason = "all that a connection is")]
    pub(super) fn new(
        queue: &'a Queue<H>,
        at: u32,
        connector: &'a Connector,
        target: &'a Target,
        permit: &'a Permit,
        shares: bool,
        tls: Option<Secured>,
        tried: Tried,
        first: Option<Ticket>,
        again: Option<Vec<Tried>>,
    ) -> Feed<'a, H> {
        let metrics = queue.shared.metrics.connector(&connector.name);
        let flying = VecDeque::new();
        Feed {
            queue,
            at,
            connector,
            target,
            permit,
            shares,
            tls,
            tried,
            first,
            again,
            flying,
            taken: 0,
            answered: 0,
            metrics,
        }
    }

    /// Nothing came of the connection.
    pub(super) fn was_useless(&self) -> bool {
        self.answered == 0
    }

    /// It has had its turn, and others wait or share the load with its host.
    pub(super) fn is_spent(&self) -> bool {
        let shared = self.shares && self.taken >= LOT;
        shared || self.taken >= TURN && (self.permit.is_wanted() || self.queue.with(|board, _| board.is_crowded()))
    }

    fn take(&mut self) -> Option<Ticket> {
        if let Some(ticket) = self.first.take() {
            return Some(ticket);
        }
        if self.is_spent() {
            return None;
        }
        let (at, again) = (self.at, &self.again);
        self.queue.with(|board, _| match again {
            Some(tried) => board.next_again(at, tried),
            None => board.next(at),
        })
    }

    /// The failure that a message meets here before it is sent.
    fn unsendable(&self, size: u64) -> Option<Failure> {
        let most = self.connector.max_size.filter(|most| size > *most)?;
        let text = format!("the message has {size} octets, and this way takes {most} at most");
        Some(Failure::own(Status(5, 3, 4), text).by(&self.connector.name))
    }

    fn sort(&self, flight: &Flight, outcomes: Vec<Outcome>) -> Sorted {
        let mut sorted = Sorted::default();
        let here = |failure: Failure| Arc::new(failure.at(&self.connector.name, &self.target.name, self.target.addr));
        for (place, outcome) in flight.ticket.recipients.iter().zip(outcomes) {
            sorted.answered |= !matches!(outcome, Outcome::Lost { .. } | Outcome::Refused { stage: Stage::Unsent, .. });
            match outcome {
                Outcome::Delivered { reply, dsn } => {
                    self.delivered(flight, place, Answer::from(&reply));
                    let asks = flight.message.envelope.recipients[place as usize].notify.has(Notify::SUCCESS);
                    if asks && !dsn {
                        sorted.relayed.push(Relayed { place, reply, host: self.target.name.clone() });
                    } else {
                        sorted.verdict.gone.add(place);
                    }
                }
                Outcome::Refused { reply, .. } if reply.is_permanent() => {
                    sorted.failed.push((place, here(Failure::said(reply))));
                }
                Outcome::Refused { reply, .. } => sorted.verdict.later.push((place, here(Failure::said(reply)))),
                Outcome::Lost { .. } => sorted.lost.push(place),
            }
        }
        sorted
    }

    /// What a lost connection means for the messages on it: those that may have been hit by what others did are the first
    /// in line again, once.
    fn settle_lost(&self, slot: u32, sorted: &mut Sorted) {
        if sorted.lost.is_empty() {
            return;
        }
        let excused = self.answered > 0 && sorted.verdict.later.is_empty();
        if excused && self.queue.with(|board, _| board.lost(slot)) {
            sorted.verdict.untried = true;
            return;
        }
        let lost = Failure::own(Status(4, 4, 2), "the connection was lost");
        let lost = Arc::new(lost.at(&self.connector.name, &self.target.name, self.target.addr));
        sorted.verdict.later.extend(sorted.lost.drain(..).map(|place| (place, Arc::clone(&lost))));
    }

    fn delivered(&self, flight: &Flight, place: u32, answer: Answer<'_>) {
        self.metrics.delivered.inc();
        let queued = self.queue.now().saturating_sub(flight.ticket.arrived);
        self.queue.shared.metrics.queue_delay.observe(Duration::from_millis(queued));
        let attempt = Attempt {
            connector: &self.connector.name,
            host: &self.target.name,
            address: Some(self.target.addr),
            transaction: Some(flight.since.elapsed()),
            tls: self.tls.map(|Secured { version, cipher, verified }| Tls { version, cipher, verified }),
            answer: Some(answer),
            queued: Duration::from_millis(queued),
            ..attempt(&flight.ticket, &flight.message.envelope, place)
        };
        self.queue.shared.log.write(&Event::Delivered(attempt));
    }
}

impl<H: Hop> Drop for Feed<'_, H> {
    /// The rest of its lot is for another connection. After a panic over a message, it is tried again later, as others are
    /// that were under way with it.
    fn drop(&mut self) {
        // One that came to nothing is another's turn.
        if self.shares && (self.taken == 0 || !self.was_useless()) {
            let again = self.again.is_some();
            self.queue.with(|board, _| board.turn_ends(self.at, again, self.taken));
        }
        if !std::thread::panicking() {
            return;
        }
        let tickets = self.first.take().into_iter().chain(self.flying.drain(..).map(|flight| flight.ticket));
        tickets.for_each(|ticket| self.queue.end_later(ticket.slot, &format!("{}: an error in the relay", ticket.id)));
    }
}

/// What a log says of a recipient of a ticket, whatever became of it.
pub(super) fn attempt<'a>(ticket: &Ticket, envelope: &'a Envelope, place: u32) -> Attempt<'a> {
    let recipient = envelope.recipients.get(place as usize);
    Attempt {
        id: ticket.id,
        sender: &envelope.sender,
        recipient: recipient.map_or("", |recipient| &recipient.address),
        asked: recipient.map_or("", |recipient| &recipient.asked),
        size: u64::from(ticket.size),
        attempts: u32::from(ticket.tries) + 1,
        ..Attempt::default()
    }
}

impl<H: Hop> Source for Feed<'_, H> {
    fn next(&mut self) -> Option<Transaction> {
        loop {
            let mut ticket = self.take()?;
            self.taken += 1;
            let Some(message) = self.queue.message(&mut ticket) else { continue };
            if let Some(failure) = self.unsendable(message.content.len()) {
                ticket.fresh = Some(Box::new(message));
                self.queue.return_all(ticket, &Arc::new(failure));
                continue;
            }
            let transaction = Transaction {
                id: ticket.id,
                envelope: Arc::clone(&message.envelope),
                recipients: ticket.recipients.iter().collect(),
                content: Arc::new(message.content.clone()),
            };
            self.flying.push_back(Flight { ticket, message, since: Instant::now() });
            return Some(transaction);
        }
    }

    fn done(&mut self, transaction: Transaction, outcomes: Vec<Outcome>) {
        let Some(flight) = self.take_flight(transaction.id) else { return };
        let slot = flight.ticket.slot;
        let mut sorted = self.sort(&flight, outcomes);
        self.settle_lost(slot, &mut sorted);
        if sorted.answered {
            self.answered += 1;
        }
        let Sorted { mut verdict, failed, relayed, answered, .. } = sorted;
        verdict.tried = Some(self.tried.clone());
        self.metrics.deferred.inc_by(verdict.later.len() as u64);
        let at = self.at;
        let ends = !failed.is_empty() || !relayed.is_empty();
        let kept = self.queue.with(|board, now| {
            if answered {
                board.lane_up(at, now);
            }
            if ends {
                board.ending(slot);
                return Some(verdict);
            }
            board.settle(slot, verdict, now);
            None
        });
        if let Some(verdict) = kept {
            let Flight { ticket, message, .. } = flight;
            self.queue.end(Ending { ticket, message, failed, relayed, verdict, expired: false });
        }
    }
}

impl<H: Hop> Feed<'_, H> {
    fn take_flight(&mut self, id: QueueId) -> Option<Flight> {
        let at = self.flying.iter().position(|flight| flight.ticket.id == id)?;
        self.flying.remove(at)
    }
}

impl crate::relay::deliver::Octets for Content {
    fn size(&self) -> u64 {
        self.len()
    }

    fn in_memory(&self) -> Option<&[u8]> {
        match self {
            Content::Bytes(bytes) => Some(bytes),
            Content::File(_) => None,
        }
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> std::io::Result<usize> {
        match self {
            Content::Bytes(bytes) => {
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                let count = rest.len().min(into.len());
                into[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Content::File(body) => body.read_at(into, at),
        }
    }
}
