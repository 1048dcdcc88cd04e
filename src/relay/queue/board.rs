//! What waits where: every entry, lane and time of the queue behind one lock. It knows no socket, no disk and no clock: it
//! is told the time, and what must be done outside it gives out as [`Order`]s.
//!
//! Nothing here looks at more than a few entries at a time, however many there are: entries in line are in lists, those
//! with a time of their own in one ordered set, and age is read off an index by queue id, which is also one by arrival.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::entry::{Entry, Message, NONE, Slab, Slot, State};
use super::failure::Failure;
use super::hosts::Hosts;
use super::lane::{Lanes, Mood};
use super::retry::Schedule;
use super::set::Set;
use super::turns::Turns;
use crate::relay::envelope::QueueId;
use crate::relay::route::Route;
use crate::relay::spool::{Change, Content, Note, Place, Recovered};

mod age;
mod change;
mod crew;
mod flight;
mod wait;

pub use change::Action;
pub(super) use flight::{Job, Ticket, Verdict, Way};

/// What the board wants done outside.
#[derive(Debug)]
pub(super) enum Order {
    /// A worker for this lane; it is counted already.
    Start(u32),
    /// A notification of a failure to its sender; the entry is given back with [`Board::settle`].
    End(Slot, End),
    /// A notification of a delay to its sender.
    Warn(QueueId, Slot),
    /// Its lane is to be found again.
    Route(QueueId, Slot),
    /// The log is to hear of what waits in a lane that sleeps.
    Tell(u32),
    /// The last worker has ended.
    Ended,
    /// News for the spool.
    Note(Note),
    /// The next time is earlier than it was.
    Alarm,
}

/// Why a message is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Expired,
    /// Somebody wants it so.
    ByHand,
}

/// Bounds of what the queue uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once of a lane whose connectors say nothing.
    pub concurrency: u32,
    /// Octets of contents that are kept in memory, so that fresh messages need not be read back.
    pub fresh: u64,
    /// Workers at once, of all lanes.
    pub workers: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { concurrency: 20, fresh: 16 << 20, workers: 500 }
    }
}

/// A message that was accepted.
pub(super) struct Arrival<'a> {
    pub(super) id: QueueId,
    pub(super) place: Place,
    pub(super) arrived: u64,
    pub(super) message: Message,
    /// Where each recipient goes, in the envelope's order.
    pub(super) routes: &'a [Arc<Route>],
    pub(super) held: bool,
}

/// What is due at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Lane(u32),
    /// A line that may have stopped.
    Slow(u32),
    Entry(Slot),
}

pub(super) struct Board {
    pub(super) slab: Slab,
    pub(super) lanes: Lanes,
    pub(super) hosts: Hosts,
    turns: Turns,
    pub(super) schedule: Schedule,
    pub(super) index: BTreeSet<(QueueId, Slot)>,
    timers: BTreeSet<(u64, Timer)>,
    /// The time that the outside knows as the next one.
    armed: u64,
    /// Entries up to these were looked at: those that are too old are given up, or their senders warned.
    expired: (QueueId, Slot),
    warned: (QueueId, Slot),
    /// Some that are too old were left alone, since nobody has tried them yet.
    untried: bool,
    limits: Limits,
    /// When hosts that nobody asks for are forgotten next.
    forgets: u64,
    fresh: u64,
    workers: u32,
    /// Workers beside these that wait for a place at a connector.
    parked: u32,
    /// Lanes that wait for [`Limits::workers`].
    queued: VecDeque<u32>,
    pub(super) draining: bool,
    orders: Vec<Order>,
    random: fastrand::Rng,
}

/// The lane of entries that have none yet.
pub(super) const NOWHERE: u32 = u32::MAX;

/// What an entry takes beside its octets while it is fresh, about.
const OVERHEAD: u64 = 512;

impl Board {
    pub(super) fn new(schedule: Schedule, limits: Limits, seed: u64) -> Board {
        Board {
            slab: Slab::default(),
            lanes: Lanes::default(),
            hosts: Hosts::default(),
            turns: Turns::default(),
            schedule,
            index: BTreeSet::new(),
            timers: BTreeSet::new(),
            armed: u64::MAX,
            expired: (QueueId(0), 0),
            warned: (QueueId(0), 0),
            untried: false,
            limits,
            forgets: 0,
            fresh: 0,
            workers: 0,
            parked: 0,
            queued: VecDeque::new(),
            draining: false,
            orders: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    pub(super) fn set_schedule(&mut self, schedule: Schedule, limits: Limits) {
        (self.schedule, self.limits) = (schedule, limits);
        // What was too young before may be old enough now.
        (self.expired, self.warned) = ((QueueId(0), 0), (QueueId(0), 0));
    }

    /// Octets for entries and the indexes over them. A tree's leaves are half full at worst.
    pub(super) fn memory(&self) -> usize {
        let index = 2 * self.index.len() * size_of::<(QueueId, Slot)>();
        let timers = 2 * self.timers.len() * size_of::<(u64, Timer)>();
        self.slab.memory() + index + timers
    }

    /// Nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.workers == 0 && self.parked == 0
    }

    /// Takes nothing new, and wakes the workers that wait.
    pub(super) fn drain(&mut self) {
        if std::mem::replace(&mut self.draining, true) {
            return;
        }
        for (_, lane) in self.lanes.iter() {
            (0..lane.idle).for_each(|_| lane.bell.notify_one());
        }
    }

    pub(super) fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// Puts a new message in line, once for each lane that its recipients take.
    pub(super) fn submit(&mut self, arrival: &Arrival<'_>, now: u64) {
        let recipients = &arrival.message.envelope.recipients;
        let mut parts: Vec<(u32, Set)> = Vec::with_capacity(1);
        for (place, (recipient, route)) in (0..).zip(recipients.iter().zip(arrival.routes)) {
            let lane = self.lane(route, &recipient.address, now);
            add_to(&mut parts, lane, place);
        }
        let size = arrival.message.content.len();
        for (lane, set) in parts {
            let mut entry = Entry::new(arrival.id, arrival.place, arrival.arrived, size);
            entry.recipients = set;
            if arrival.held {
                entry.flags.hold = true;
                let slot = self.add(entry, lane, now);
                self.note(slot, Change::Held);
                continue;
            }
            entry.fresh = self.keep_fresh(lane, &arrival.message, size);
            self.add(entry, lane, now);
        }
    }

    /// Puts a message of an earlier run on the board; its lanes are found later.
    pub(super) fn recover(&mut self, recovered: &Recovered, now: u64) {
        let Recovered { id, arrived, place, held, warned, .. } = *recovered;
        // A clock that was ahead then makes no message younger than all that came before this start.
        let mut entry = Entry::new(id, place, arrived.min(now), 0);
        entry.recipients = recovered.left().collect();
        (entry.lane, entry.flags.warned, entry.flags.hold) = (NOWHERE, warned, held);
        entry.state = if held { State::Held } else { State::Flying };
        let slot = self.slab.add(entry);
        self.index.insert((id, slot));
    }

    /// The lane for a recipient. Where its route leads elsewhere since the last reload, it is tried at once.
    pub(super) fn lane(&mut self, route: &Arc<Route>, address: &str, now: u64) -> u32 {
        let (at, elsewhere) = self.lanes.find(route, address);
        if elsewhere {
            self.wake_lane(at, now);
        }
        at
    }

    /// Puts an entry of a lane in line.
    pub(super) fn add(&mut self, mut entry: Entry, lane: u32, now: u64) -> Slot {
        entry.lane = lane;
        let (id, held) = (entry.id, entry.flags.hold);
        let slot = self.slab.add(entry);
        self.index.insert((id, slot));
        if let Some(lane) = self.lanes.at(lane) {
            lane.entries += 1;
        }
        if held {
            self.hold_now(slot);
        } else {
            self.line_up(slot, now);
        }
        slot
    }

    /// Puts an entry that is in no list at the end of its lane.
    pub(super) fn line_up(&mut self, slot: Slot, now: u64) {
        let entry = self.slab.at(slot);
        if entry.lane == NOWHERE {
            return self.find_lane(slot);
        }
        entry.state = State::Ready;
        let (at, fresh, told) = (entry.lane, entry.fresh.is_some(), entry.flags.told);
        let Some(lane) = self.lanes.at(at) else { return };
        lane.fresh += u32::from(fresh);
        lane.untold += u32::from(!told);
        lane.ready.push(&mut self.slab, slot);
        self.tell(at);
        let Some(lane) = self.lanes.at(at) else { return };
        if lane.idle > 0 {
            lane.bell.notify_one();
        }
        self.staff(at, now);
    }

    fn keep_fresh(&mut self, lane: u32, message: &Message, size: u64) -> Option<Box<Message>> {
        let awake = self.lanes.get(lane).is_some_and(|lane| lane.mood == Mood::Awake);
        let costs = size + OVERHEAD;
        if !awake || matches!(message.content, Content::File(_)) || self.fresh + costs > self.limits.fresh {
            return None;
        }
        self.fresh += costs;
        Some(Box::new(message.clone()))
    }

    /// Takes what a fresh entry carries; it is no longer counted.
    pub(super) fn take_fresh(&mut self, slot: Slot) -> Option<Box<Message>> {
        let entry = self.slab.at(slot);
        let fresh = entry.fresh.take()?;
        self.fresh = self.fresh.saturating_sub(u64::from(entry.size) + OVERHEAD);
        Some(fresh)
    }

    /// Takes an entry out of whatever it waits in.
    pub(super) fn unlink(&mut self, slot: Slot) {
        let entry = self.slab.get(slot);
        let (state, at, due, fresh) = (entry.state, entry.lane, entry.due, entry.fresh.is_some());
        let told = entry.flags.told;
        if state == State::Waiting {
            self.timers.remove(&(due, Timer::Entry(slot)));
        }
        if let Some(lane) = self.lanes.at(at) {
            match state {
                State::Ready => {
                    lane.fresh -= u32::from(fresh);
                    lane.untold -= u32::from(!told);
                    lane.ready.remove(&mut self.slab, slot);
                }
                State::Again => lane.again.remove(&mut self.slab, slot),
                _ => {}
            }
        }
    }

    /// Forgets an entry that is in no list, and with the last one its message.
    pub(super) fn drop_entry(&mut self, slot: Slot) {
        self.take_fresh(slot);
        let entry = self.slab.get(slot);
        let (id, place, at) = (entry.id, entry.place, entry.lane);
        let left: Vec<u32> = entry.recipients.iter().collect();
        let last = self.is_last_part(slot);
        self.index.remove(&(id, slot));
        self.slab.remove(slot);
        self.leave_lane(at);
        if last {
            self.orders.push(Order::Note(Note { id, place, change: Change::Finished }));
        } else if !left.is_empty() {
            self.orders.push(Order::Note(Note { id, place, change: Change::Done(left) }));
        }
    }

    /// Whether a message is on no other lane.
    fn is_last_part(&self, slot: Slot) -> bool {
        let id = self.slab.get(slot).id;
        self.index.range((id, 0)..=(id, Slot::MAX)).nth(1).is_none()
    }

    fn note(&mut self, slot: Slot, change: Change) {
        let entry = self.slab.get(slot);
        self.orders.push(Order::Note(Note { id: entry.id, place: entry.place, change }));
    }

    /// One entry less in a lane.
    pub(super) fn leave_lane(&mut self, at: u32) {
        if let Some(lane) = self.lanes.at(at) {
            lane.entries -= 1;
        }
        self.tidy(at);
    }

    /// Forgets a lane that has nothing to do.
    pub(super) fn tidy(&mut self, at: u32) {
        let Some(lane) = self.lanes.get(at) else { return };
        if lane.entries > 0 || lane.workers > 0 || lane.queued {
            return;
        }
        if let Mood::Asleep { until } = lane.mood {
            self.timers.remove(&(until, Timer::Lane(at)));
        }
        self.lanes.remove(at);
    }

    /// The entry, if it is still the one that was meant.
    pub(super) fn same(&self, id: QueueId, slot: Slot) -> bool {
        slot != NONE && self.index.contains(&(id, slot))
    }

    fn remember(&mut self, at: u32, failure: &Arc<Failure>) {
        if let Some(lane) = self.lanes.at(at) {
            lane.last = Some(Arc::clone(failure));
        }
    }
}

/// A recipient more for a lane. Most messages take one lane, and most of the others a few.
pub(super) fn add_to(parts: &mut Vec<(u32, Set)>, lane: u32, place: u32) {
    match parts.iter_mut().rev().find(|(at, _)| *at == lane) {
        Some((_, set)) => set.add(place),
        None => parts.push((lane, Set::from_iter([place]))),
    }
}
