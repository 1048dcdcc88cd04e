//! Entries in the hands of workers: what a worker does next, what it takes, and what it gives back.

use std::sync::Arc;

use super::{Board, End, Order, Timer};
use crate::relay::envelope::QueueId;
use crate::relay::queue::entry::{Message, Slot, State};
use crate::relay::queue::failure::{Failure, Reasons, Tried};
use crate::relay::queue::lane::{Lane, Mood};
use crate::relay::queue::set::Set;
use crate::relay::route::Route;
use crate::relay::spool::{Change, Place};

/// A lane's route, and the domain that it looks up.
pub(in super::super) type Way = (Arc<Route>, Box<str>);

/// What a worker does next.
pub(in super::super) enum Job {
    /// It finds a host, and takes whatever is in line then.
    Line(Way),
    /// It takes this message to a host that was not tried in this attempt, and then those that have tried the same.
    Again(Way, Ticket, Vec<Tried>),
}

/// An entry in a worker's hands.
pub(in super::super) struct Ticket {
    pub(in super::super) slot: Slot,
    pub(in super::super) id: QueueId,
    pub(in super::super) place: Place,
    pub(in super::super) arrived: u64,
    pub(in super::super) size: u32,
    pub(in super::super) tries: u16,
    pub(in super::super) recipients: Set,
    pub(in super::super) fresh: Option<Box<Message>>,
}

/// What became of the recipients of an entry.
#[derive(Debug, Default)]
pub(in super::super) struct Verdict {
    /// Delivered, returned or removed.
    pub(in super::super) gone: Set,
    /// Refused for now.
    pub(in super::super) later: Vec<(u32, Arc<Failure>)>,
    /// Where they were refused.
    pub(in super::super) tried: Option<Tried>,
    /// By no fault of theirs, nothing was tried: they are the first in line again.
    pub(in super::super) untried: bool,
    /// The spool knows already what is gone.
    pub(in super::super) noted: bool,
}

impl Board {
    /// What a worker of a lane does next; with `None`, it ends.
    pub(in super::super) fn assign(&mut self, at: u32, now: u64) -> Option<Job> {
        let draining = self.draining;
        let lane = self.lanes.at(at)?;
        let asleep = matches!(lane.mood, Mood::Asleep { .. });
        if draining || asleep || lane.in_line() == 0 || lane.workers > 1 && lane.mood == Mood::Trying {
            self.worker_ends(at, now);
            return None;
        }
        let way = (Arc::clone(&lane.route), lane.domain.clone());
        let Some(slot) = lane.again.first() else { return Some(Job::Line(way)) };
        let tried = self.slab.get(slot).past.as_ref().map(|past| past.tried.clone()).unwrap_or_default();
        self.unlink(slot);
        Some(Job::Again(way, self.ticket(slot), tried))
    }

    /// Whose turn it is for one more connection of a lane, where others share its load.
    pub(in super::super) fn turn(&mut self, at: u32, again: bool) -> u64 {
        self.lanes.get(at).map_or(0, |lane| self.turns.take(&lane.route, again, &mut self.random))
    }

    /// Such a connection ends, and has carried so many messages.
    pub(in super::super) fn turn_ends(&mut self, at: u32, again: bool, carried: u32) {
        if let Some(lane) = self.lanes.get(at) {
            self.turns.give_back(&lane.route, again, carried);
        }
    }

    /// The next message in line for a connection.
    pub(in super::super) fn next(&mut self, at: u32) -> Option<Ticket> {
        let slot = self.flyable(at)?.ready.first()?;
        self.unlink(slot);
        Some(self.ticket(slot))
    }

    /// The next message that has tried the same hosts in its attempt.
    pub(in super::super) fn next_again(&mut self, at: u32, tried: &[Tried]) -> Option<Ticket> {
        let slot = self.flyable(at)?.again.first()?;
        let same = self.slab.get(slot).past.as_ref().is_some_and(|past| past.tried == tried);
        same.then(|| {
            self.unlink(slot);
            self.ticket(slot)
        })
    }

    /// The lane, where one more message may be under way: a lane that is being tried sends one at a time.
    pub(super) fn flyable(&self, at: u32) -> Option<&Lane> {
        let draining = self.draining;
        self.lanes.get(at).filter(|lane| !draining && (lane.mood == Mood::Awake || lane.flying == 0))
    }

    fn ticket(&mut self, slot: Slot) -> Ticket {
        let fresh = self.take_fresh(slot);
        let entry = self.slab.at(slot);
        entry.state = State::Flying;
        let at = entry.lane;
        if let Some(lane) = self.lanes.at(at) {
            lane.flying += 1;
            lane.taken = lane.taken.wrapping_add(1);
        }
        Ticket { fresh, ..self.copy(slot) }
    }

    pub(super) fn copy(&self, slot: Slot) -> Ticket {
        let entry = self.slab.get(slot);
        Ticket {
            slot,
            id: entry.id,
            place: entry.place,
            arrived: entry.arrived,
            size: entry.size,
            tries: entry.tries,
            recipients: entry.recipients.clone(),
            fresh: None,
        }
    }

    /// A worker gives an entry back.
    pub(in super::super) fn settle(&mut self, slot: Slot, verdict: Verdict, now: u64) {
        self.landed(slot);
        let entry = self.slab.at(slot);
        verdict.gone.iter().for_each(|place| entry.recipients.remove(place));
        let (at, over) = (entry.lane, entry.recipients.is_empty());
        // The end of a whole message says it of all its recipients.
        let known = verdict.noted || verdict.gone.is_empty() || over && self.is_last_part(slot);
        if !known {
            self.note(slot, Change::Done(verdict.gone.iter().collect()));
        }
        if over {
            return self.drop_entry(slot);
        }
        if let Some((_, failure)) = verdict.later.first() {
            let past = self.slab.at(slot).past.get_or_insert_default();
            verdict.later.iter().for_each(|(place, failure)| past.set(*place, failure));
            past.tried.extend(verdict.tried);
            self.remember(at, failure);
        }
        if self.is_called(slot, now) {
            return;
        }
        if verdict.untried {
            self.put_back(slot, at);
        } else {
            self.slab.at(slot).state = State::Again;
            if let Some(lane) = self.lanes.at(at) {
                lane.again.push(&mut self.slab, slot);
            }
        }
        self.staff(at, now);
    }

    /// Some recipients of an entry that is being told of have the message. Answers whether there are others.
    pub(in super::super) fn strike(&mut self, slot: Slot, gone: &Set) -> bool {
        let entry = self.slab.at(slot);
        gone.iter().for_each(|place| entry.recipients.remove(place));
        let over = entry.recipients.is_empty();
        let known = gone.is_empty() || over && self.is_last_part(slot);
        if !known {
            self.note(slot, Change::Done(gone.iter().collect()));
        }
        if over {
            self.drop_entry(slot);
        }
        !over
    }

    fn put_back(&mut self, slot: Slot, at: u32) {
        self.slab.at(slot).state = State::Ready;
        let told = self.slab.get(slot).flags.told;
        if let Some(lane) = self.lanes.at(at) {
            lane.untold += u32::from(!told);
            lane.ready.push_front(&mut self.slab, slot);
        }
    }

    /// Every host was tried: the entry waits for its next attempt, unless it is too old. Answers when that is.
    pub(in super::super) fn defer(&mut self, slot: Slot, now: u64) -> u64 {
        let due = self.postpone(slot, None, now);
        self.unlink(slot);
        if !self.is_called(slot, now) {
            self.wait(slot, due);
        }
        due
    }

    fn wait(&mut self, slot: Slot, due: u64) {
        let entry = self.slab.at(slot);
        (entry.state, entry.due) = (State::Waiting, due);
        self.set_timer(due, Timer::Entry(slot));
    }

    /// The entry waits, whatever its age: nothing can be done about it now.
    pub(in super::super) fn postpone(&mut self, slot: Slot, why: Option<&Arc<Failure>>, now: u64) -> u64 {
        self.landed(slot);
        let entry = self.slab.at(slot);
        entry.tries = entry.tries.saturating_add(1);
        let (tries, at) = (u32::from(entry.tries), entry.lane);
        if let Some(why) = why {
            let past = entry.past.get_or_insert_default();
            entry.recipients.iter().for_each(|place| past.set(place, why));
        }
        entry.past.iter_mut().for_each(|past| past.tried = Vec::new());
        if let Some(why) = why {
            self.remember(at, why);
        }
        let due = now + self.schedule.message.wait(tries, &mut self.random);
        self.wait(slot, due);
        due
    }

    /// A connection was lost under an entry. Answers whether that is the first time that it happens to it.
    pub(in super::super) fn lost(&mut self, slot: Slot) -> bool {
        !std::mem::replace(&mut self.slab.at(slot).flags.lost, true)
    }

    /// Somebody is being told of its recipients: nobody else deals with it until it is settled.
    pub(in super::super) fn ending(&mut self, slot: Slot) {
        self.landed(slot);
        self.slab.at(slot).state = State::Ending;
    }

    /// As [`Board::ending`], of an entry that is in nobody's hands. Its lane is found again when it is settled, and that of
    /// one that somebody has, when it is given back.
    pub(in super::super) fn seize(&mut self, id: QueueId, slot: Slot) -> Option<Ticket> {
        if !self.same(id, slot) {
            return None;
        }
        let entry = self.slab.at(slot);
        entry.flags.stale = true;
        let waits = match entry.state {
            State::Ready | State::Again | State::Waiting | State::Routing => true,
            State::Flying => entry.lane == super::NOWHERE,
            State::Free | State::Ending | State::Held => false,
        };
        if !waits {
            return None;
        }
        self.unlink(slot);
        self.slab.at(slot).state = State::Ending;
        Some(self.copy(slot))
    }

    /// An entry that is over or waits for long, and the last failure of each of its recipients.
    pub(in super::super) fn last_words(&self, slot: Slot) -> (Ticket, Reasons) {
        let ticket = self.copy(slot);
        let entry = self.slab.get(slot);
        let of_lane = self.lanes.get(entry.lane).and_then(|lane| lane.last.as_ref());
        let own = |place| entry.past.as_ref().and_then(|past| past.of(place));
        let reasons = ticket.recipients.iter().map(|place| (place, own(place).or(of_lane).cloned())).collect();
        (ticket, reasons)
    }

    /// The failures of an entry's own.
    pub(in super::super) fn failures(&self, slot: Slot) -> Vec<(u32, Arc<Failure>)> {
        let past = self.slab.get(slot).past.as_ref();
        past.map(|past| past.failures.clone()).unwrap_or_default()
    }

    pub(in super::super) fn place(&self, id: QueueId, slot: Slot) -> Option<Place> {
        self.same(id, slot).then(|| self.slab.get(slot).place)
    }

    pub(in super::super) fn recipients(&self, id: QueueId, slot: Slot) -> Option<Set> {
        self.same(id, slot).then(|| self.slab.get(slot).recipients.clone())
    }

    fn landed(&mut self, slot: Slot) {
        let entry = self.slab.get(slot);
        let (flying, at) = (entry.state == State::Flying, entry.lane);
        if let Some(lane) = self.lanes.at(at).filter(|_| flying) {
            lane.flying -= 1;
        }
    }

    /// Whether something else is to be done with an entry than to try it again; it is done then.
    pub(super) fn is_called(&mut self, slot: Slot, now: u64) -> bool {
        let over = self.is_over(slot, now);
        let entry = self.slab.at(slot);
        let flags = &mut entry.flags;
        if flags.remove {
            self.drop_entry(slot);
        } else if std::mem::take(&mut flags.bounce) {
            self.end(slot, End::ByHand);
        } else if flags.hold {
            self.hold_now(slot);
        } else if over {
            self.end(slot, End::Expired);
        } else if std::mem::take(&mut flags.stale) {
            self.find_lane(slot);
        } else {
            return false;
        }
        true
    }

    pub(super) fn end(&mut self, slot: Slot, why: End) {
        self.slab.at(slot).state = State::Ending;
        self.orders.push(Order::End(slot, why));
    }

    pub(super) fn find_lane(&mut self, slot: Slot) {
        let entry = self.slab.at(slot);
        entry.state = State::Routing;
        let id = entry.id;
        self.orders.push(Order::Route(id, slot));
    }
}
