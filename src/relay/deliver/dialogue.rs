//! The transactions of one connection as a state machine: replies in, commands out (RFC 5321 3.3, 2920, 2033 4.2).
//!
//! With PIPELINING a transaction's envelope, from MAIL to DATA, goes out at once, behind the content of the one before: so
//! one transaction's content and the next one's envelope may be under way together. Without it, each command waits for its
//! reply. A transaction whose DATA was refused leaves the host in the middle of it, so that RSET goes before the next.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::relay::deliver::capabilities::Capabilities;
use crate::relay::deliver::reply::Raw;
use crate::relay::deliver::round::Round;
use crate::relay::deliver::{Kind, Octets, Outcome, Stage, Transaction, Trouble, command};
use crate::relay::reply::Status;

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Rset,
    Mail,
    Rcpt(usize),
    Data,
    /// The content, for one recipient of LMTP, or for all.
    Content(Option<usize>),
}

/// What is to be said next for the envelope on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Rset,
    Mail,
    Rcpt,
    Data,
    /// All is said.
    Reply,
}

/// What follows from a reply.
pub enum Event {
    /// More replies are to come, or more is to be written.
    Nothing,
    /// These octets are to be written before anything else that is to be written; none where no recipient was taken.
    Content(Option<Arc<dyn Octets>>),
    Done(Transaction, Vec<Outcome>),
}

pub struct Dialogue {
    offered: Capabilities,
    lmtp: bool,
    /// Messages with recipients that the host did not take at once.
    waiting: VecDeque<Round>,
    /// The one whose envelope is on its way.
    envelope: Option<Round>,
    next: Next,
    /// The one whose content is on its way.
    content: Option<Round>,
    expected: VecDeque<Expected>,
    /// The host is in the middle of a transaction that came to nothing.
    unfinished: bool,
    /// Transactions that were begun.
    begun: u32,
}

impl Dialogue {
    pub fn new(offered: Capabilities, lmtp: bool) -> Dialogue {
        Dialogue {
            offered,
            lmtp,
            waiting: VecDeque::new(),
            envelope: None,
            next: Next::Reply,
            content: None,
            expected: VecDeque::new(),
            unfinished: false,
            begun: 0,
        }
    }

    /// Whether another transaction may be handed in.
    pub fn has_room(&self) -> bool {
        // The recipients that a host did not take at once come before other messages.
        let rest = self.content.as_ref().is_some_and(Round::has_rest);
        self.envelope.is_none() && self.waiting.is_empty() && !rest && !self.is_used_up()
    }

    /// Whether the host takes no more transactions on this connection (RFC 9422 MAILMAX).
    pub fn is_used_up(&self) -> bool {
        self.offered.most_transactions.is_some_and(|most| self.begun >= most)
    }

    /// What the next reply is to.
    pub fn expected(&self) -> Option<Expected> {
        self.expected.front().copied()
    }

    /// Takes a transaction and writes as much of it as may go out. One of which everything is known at once is handed back.
    pub fn begin(&mut self, transaction: Transaction, out: &mut Vec<u8>) -> Option<(Transaction, Vec<Outcome>)> {
        let round = Round::new(transaction, &self.offered);
        if round.is_known() {
            return Some(round.finish());
        }
        self.waiting.push_back(round);
        self.go_on(out);
        None
    }

    /// Writes what may go out now.
    fn go_on(&mut self, out: &mut Vec<u8>) {
        if self.envelope.is_none() && !self.is_used_up() && self.begin_round() {
            self.begun += 1;
        }
        while self.envelope.is_some() && (self.offered.pipelining || self.expected.is_empty()) && self.say(out) {}
    }

    fn begin_round(&mut self) -> bool {
        self.envelope = self.waiting.pop_front();
        let Some(round) = &mut self.envelope else { return false };
        round.start(self.offered.most_recipients);
        self.next = if std::mem::take(&mut self.unfinished) { Next::Rset } else { Next::Mail };
        true
    }

    /// Says the next command of the envelope; `false` where there is none.
    fn say(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(round) = &mut self.envelope else { return false };
        let (expected, next) = match self.next {
            Next::Rset => {
                out.extend_from_slice(b"RSET\r\n");
                (Expected::Rset, Next::Mail)
            }
            Next::Mail => {
                command::mail(out, &round.transaction().envelope, round.mail, &self.offered);
                (Expected::Mail, Next::Rcpt)
            }
            Next::Rcpt => match round.next_recipient() {
                Some((place, recipient)) => {
                    command::rcpt(out, recipient, &self.offered);
                    (Expected::Rcpt(place), Next::Rcpt)
                }
                None => {
                    self.next = Next::Data;
                    return true;
                }
            },
            Next::Data => {
                out.extend_from_slice(b"DATA\r\n");
                (Expected::Data, Next::Reply)
            }
            Next::Reply => return false,
        };
        self.next = next;
        self.expected.push_back(expected);
        true
    }

    /// Takes the next reply. What it allows to be written is put behind `out`.
    pub fn reply(&mut self, reply: Raw<'_>, out: &mut Vec<u8>) -> Result<Event, Trouble> {
        let Some(expected) = self.expected.pop_front() else { return Err(unexpected(reply)) };
        if reply.code == 421 && !matches!(expected, Expected::Content(_)) {
            return Err(closing(reply));
        }
        let event = match expected {
            Expected::Rset if reply.is_positive() => Event::Nothing,
            Expected::Rset => return Err(unexpected(reply)),
            Expected::Mail => self.mail_answered(reply)?,
            Expected::Rcpt(place) => self.rcpt_answered(place, reply)?,
            Expected::Data => self.data_answered(reply, out)?,
            Expected::Content(place) => self.content_answered(place, reply)?,
        };
        self.go_on(out);
        Ok(event)
    }

    fn mail_answered(&mut self, reply: Raw<'_>) -> Result<Event, Trouble> {
        let Some(round) = &mut self.envelope else { return Err(unexpected(reply)) };
        match reply.code {
            200..300 => round.mail_accepted = true,
            300..400 => return Err(unexpected(reply)),
            _ => round.refuse(Stage::Mail, &reply.to_reply()),
        }
        // With PIPELINING the rest is said already.
        Ok(if round.mail_accepted || self.offered.pipelining { Event::Nothing } else { self.end_envelope(false) })
    }

    fn rcpt_answered(&mut self, place: usize, reply: Raw<'_>) -> Result<Event, Trouble> {
        let Some(round) = &mut self.envelope else { return Err(unexpected(reply)) };
        match reply.code {
            // Without a sender a recipient means nothing, whatever the host says.
            _ if !round.mail_accepted => {}
            200..300 => round.accept(place),
            300..400 => return Err(unexpected(reply)),
            _ if round.accepted() > 0 && is_too_many(reply) => {
                // The recipient waits for another round, of no more than the host took.
                self.offered.most_recipients = Some(round.accepted());
            }
            _ => round.known(place, Stage::Rcpt, reply.to_reply()),
        }
        let none = round.accepted() == 0 && self.next == Next::Rcpt && !self.offered.pipelining && round.is_known();
        Ok(if none { self.end_envelope(true) } else { Event::Nothing })
    }

    fn data_answered(&mut self, reply: Raw<'_>, out: &mut Vec<u8>) -> Result<Event, Trouble> {
        let Some(round) = &mut self.envelope else { return Err(unexpected(reply)) };
        match reply.code {
            // How many replies an empty message has with LMTP is nowhere said.
            354 if self.lmtp && round.accepted() == 0 => Err(unexpected(reply)),
            354 => Ok(self.begin_content(out)),
            400.. => {
                round.refuse_accepted(&reply.to_reply());
                let unfinished = round.mail_accepted;
                Ok(self.end_envelope(unfinished))
            }
            _ => Err(unexpected(reply)),
        }
    }

    fn begin_content(&mut self, out: &mut Vec<u8>) -> Event {
        let Some(round) = self.envelope.take() else { return Event::Nothing };
        out.extend_from_slice(b".\r\n");
        match self.lmtp {
            true => self.expected.extend(round.accepted_places().map(|place| Expected::Content(Some(place)))),
            false => self.expected.push_back(Expected::Content(None)),
        }
        let octets = (round.accepted() > 0).then(|| round.content());
        self.content = Some(round);
        Event::Content(octets)
    }

    /// The content goes out now, its end with it.
    pub fn sent(&mut self) {
        self.content.iter_mut().for_each(Round::sent);
    }

    fn content_answered(&mut self, place: Option<usize>, reply: Raw<'_>) -> Result<Event, Trouble> {
        let Some(round) = self.content.as_mut().filter(|_| !(300..400).contains(&reply.code)) else {
            return Err(unexpected(reply));
        };
        if round.accepted() > 0 {
            round.answer(place, reply.to_reply(), self.offered.dsn);
        }
        let more = matches!(self.expected.front(), Some(Expected::Content(_)));
        if reply.code == 421 {
            return Err(closing(reply));
        }
        Ok(if more { Event::Nothing } else { self.content.take().map_or(Event::Nothing, |round| self.end(round)) })
    }

    /// The envelope on its way comes to nothing.
    fn end_envelope(&mut self, unfinished: bool) -> Event {
        self.unfinished |= unfinished;
        self.next = Next::Reply;
        self.envelope.take().map_or(Event::Nothing, |round| self.end(round))
    }

    /// A round is over, and with it the transaction, unless there are recipients left.
    fn end(&mut self, round: Round) -> Event {
        if round.is_known() {
            let (transaction, outcomes) = round.finish();
            return Event::Done(transaction, outcomes);
        }
        self.waiting.push_back(round);
        Event::Nothing
    }

    /// Hands back all that is open: the connection is no more, or takes no more.
    pub fn abandon(&mut self) -> Vec<(Transaction, Vec<Outcome>)> {
        self.expected.clear();
        let open = self.content.take().into_iter().chain(self.envelope.take()).chain(self.waiting.drain(..));
        open.map(Round::finish).collect()
    }
}

/// More recipients than the host takes at once (RFC 5321 4.5.3.1.10).
fn is_too_many(reply: Raw<'_>) -> bool {
    let text = reply.lines().next().unwrap_or_default();
    reply.code == 452 || reply.code == 552 && (text.starts_with(b"5.5.3") || !text.starts_with(b"5."))
}

/// A reply that is none to what was said.
fn unexpected(reply: Raw<'_>) -> Trouble {
    match reply.code {
        421 => closing(reply),
        _ => Trouble::new(Kind::Protocol, Status(4, 5, 0), "an answer that does not fit").said(reply.to_reply()),
    }
}

fn closing(reply: Raw<'_>) -> Trouble {
    let reply = reply.to_reply();
    let status = reply.status.unwrap_or(Status(4, 3, 2));
    Trouble::new(Kind::Closed, status, "the host ends the session").said(reply)
}
