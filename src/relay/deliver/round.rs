//! One transaction of a connection, and what is known of its recipients.

use std::sync::Arc;

use crate::relay::deliver::capabilities::Capabilities;
use crate::relay::deliver::command::{self, Mail};
use crate::relay::deliver::{Octets, Outcome, Stage, Transaction, content};
use crate::relay::envelope::{Body, Recipient};
use crate::relay::reply::{Reply, Status};

/// Recipients of one transaction where the host does not say how many it takes (RFC 5321 4.5.3.1.8).
const MOST_RECIPIENTS: u32 = 100;

/// A recipient, as far as things went.
#[derive(Debug)]
enum State {
    /// For this round, or for another one of the same message.
    Waiting,
    Accepted,
    Known(Outcome),
}

/// A message, and those of its recipients that the host takes at once.
pub(super) struct Round {
    transaction: Transaction,
    states: Vec<State>,
    pub(super) mail: Mail,
    pub(super) mail_accepted: bool,
    /// The place that RCPT goes on from, and how many this round may still have.
    next: usize,
    room: u32,
    accepted: u32,
    sent: bool,
}

impl Round {
    pub(super) fn new(transaction: Transaction, offered: &Capabilities) -> Round {
        let states = transaction.recipients.iter().map(|_| State::Waiting).collect();
        let mail = Mail { size: transaction.content.size(), eight_bit: false, smtputf8: false };
        let mut round =
            Round { transaction, states, mail, mail_accepted: false, next: 0, room: 0, accepted: 0, sent: false };
        round.fit(offered);
        round
    }

    /// Refuses what cannot be sent to such a host, and finds what MAIL has to say.
    fn fit(&mut self, offered: &Capabilities) {
        let envelope = Arc::clone(&self.transaction.envelope);
        if !command::can_stand(&envelope.sender) {
            return self.refuse(Stage::Unsent, &ours(550, Status(5, 1, 7), "the sender's address cannot be sent"));
        }
        if offered.size.flatten().is_some_and(|limit| self.mail.size > limit) {
            return self.refuse(Stage::Unsent, &ours(552, Status(5, 3, 4), "the message is too big for the next hop"));
        }
        if envelope.body == Body::EightBitMime && !self.fit_body(offered) {
            return;
        }
        let declared = envelope.smtputf8 && envelope.sender.is_ascii();
        match declared && !offered.smtputf8 {
            false => self.fit_addresses(offered, envelope.smtputf8 || !envelope.sender.is_ascii()),
            // As with 8-bit content, a client may have said more than its message needs.
            true => match content::is_seven_bit(&*self.transaction.content) {
                Ok(plain) => self.fit_addresses(offered, !plain),
                Err(_) => self.refuse(Stage::Unsent, &unreadable()),
            },
        }
    }

    /// Whether the content can go: a declaration of 8-bit content may be more than it needs.
    fn fit_body(&mut self, offered: &Capabilities) -> bool {
        self.mail.eight_bit = offered.eight_bit;
        if offered.eight_bit {
            return true;
        }
        match content::is_seven_bit(&*self.transaction.content) {
            Ok(true) => return true,
            Ok(false) => {
                let text = "the next hop takes no 8-bit content, and it is not converted";
                self.refuse(Stage::Unsent, &ours(554, Status(5, 6, 3), text));
            }
            Err(_) => self.refuse(Stage::Unsent, &unreadable()),
        }
        false
    }

    fn fit_addresses(&mut self, offered: &Capabilities, all_need_utf8: bool) {
        let mut smtputf8 = all_need_utf8;
        for place in 0..self.states.len() {
            let Some(recipient) = self.recipient(place) else {
                self.known(place, Stage::Unsent, ours(550, Status(5, 1, 3), "no such recipient in the envelope"));
                continue;
            };
            let needs_utf8 = all_need_utf8 || !recipient.address.is_ascii();
            if !command::can_stand(&recipient.address) {
                self.known(place, Stage::Unsent, ours(550, Status(5, 1, 3), "the address cannot be sent"));
            } else if needs_utf8 && !offered.smtputf8 {
                self.known(place, Stage::Unsent, ours(553, Status(5, 6, 7), "the next hop does not offer SMTPUTF8"));
            } else {
                smtputf8 |= needs_utf8;
            }
        }
        self.mail.smtputf8 = smtputf8 && offered.smtputf8;
    }

    pub(super) fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    fn recipient(&self, place: usize) -> Option<&Recipient> {
        self.transaction.envelope.recipients.get(self.transaction.recipients[place] as usize)
    }

    /// Starts over with the recipients that wait.
    pub(super) fn start(&mut self, most: Option<u32>) {
        (self.next, self.accepted, self.mail_accepted, self.sent) = (0, 0, false, false);
        self.room = most.map_or(MOST_RECIPIENTS, |most| most.clamp(1, MOST_RECIPIENTS));
    }

    /// The next recipient of this round that RCPT is to be said for.
    pub(super) fn next_recipient(&mut self) -> Option<(usize, &Recipient)> {
        let waiting = |state: &State| matches!(state, State::Waiting);
        let place = self.next + self.states.get(self.next..)?.iter().position(waiting)?;
        self.room = self.room.checked_sub(1)?;
        self.next = place + 1;
        self.recipient(place).map(|recipient| (place, recipient))
    }

    pub(super) fn accept(&mut self, place: usize) {
        self.states[place] = State::Accepted;
        self.accepted += 1;
    }

    /// How many recipients were accepted in this round.
    pub(super) fn accepted(&self) -> u32 {
        self.accepted
    }

    /// The places of the recipients that the content is for.
    pub(super) fn accepted_places(&self) -> impl Iterator<Item = usize> {
        self.states.iter().enumerate().filter(|(_, state)| matches!(state, State::Accepted)).map(|(place, _)| place)
    }

    pub(super) fn known(&mut self, place: usize, stage: Stage, reply: Reply) {
        self.states[place] = State::Known(Outcome::Refused { reply, stage });
    }

    /// A refusal for everybody of whom nothing is known yet.
    pub(super) fn refuse(&mut self, stage: Stage, reply: &Reply) {
        for state in self.states.iter_mut().filter(|state| !matches!(state, State::Known(_))) {
            *state = State::Known(Outcome::Refused { reply: reply.clone(), stage });
        }
    }

    /// A refusal for those who were accepted before.
    pub(super) fn refuse_accepted(&mut self, reply: &Reply) {
        for state in self.states.iter_mut().filter(|state| matches!(state, State::Accepted)) {
            *state = State::Known(Outcome::Refused { reply: reply.clone(), stage: Stage::Data });
        }
    }

    /// The answer to the content, for one recipient (RFC 2033 4.2) or for all that were accepted.
    pub(super) fn answer(&mut self, place: Option<usize>, reply: Reply, dsn: bool) {
        let outcome = if reply.is_positive() {
            Outcome::Delivered { reply, dsn }
        } else {
            Outcome::Refused { reply, stage: Stage::Content }
        };
        if let Some(place) = place {
            self.states[place] = State::Known(outcome);
            return;
        }
        let mut accepted = self.states.iter_mut().filter(|state| matches!(state, State::Accepted));
        // The common case, one recipient, copies nothing.
        if let Some(first) = accepted.next() {
            accepted.for_each(|state| *state = State::Known(outcome.clone()));
            *first = State::Known(outcome);
        }
    }

    /// The content is on its way, whole.
    pub(super) fn sent(&mut self) {
        self.sent = true;
    }

    pub(super) fn content(&self) -> Arc<dyn Octets> {
        Arc::clone(&self.transaction.content)
    }

    /// Whether there are recipients for another round.
    pub(super) fn has_rest(&self) -> bool {
        self.states.iter().any(|state| matches!(state, State::Waiting))
    }

    /// Whether something is known of every recipient.
    pub(super) fn is_known(&self) -> bool {
        self.states.iter().all(|state| matches!(state, State::Known(_)))
    }

    /// One outcome a recipient; those of whom nothing is known are lost.
    pub(super) fn finish(self) -> (Transaction, Vec<Outcome>) {
        let sent = self.sent;
        let outcomes = self.states.into_iter().map(|state| match state {
            State::Known(outcome) => outcome,
            State::Accepted => Outcome::Lost { sent },
            State::Waiting => Outcome::Lost { sent: false },
        });
        (self.transaction, outcomes.collect())
    }
}

fn unreadable() -> Reply {
    ours(451, Status(4, 3, 0), "the content cannot be read")
}

/// A refusal in the relay's own words.
fn ours(code: u16, status: Status, text: &str) -> Reply {
    Reply { code, status: Some(status), text: text.to_owned() }
}
