//! What people and new routes change: entries are held, released, tried at once, removed, returned, or moved to other lanes.

use std::ops::Bound;
use std::sync::Arc;

use super::{Board, End, NOWHERE, add_to};
use crate::relay::envelope::{Envelope, QueueId};
use crate::relay::queue::entry::{Slot, State};
use crate::relay::queue::lane::Mood;
use crate::relay::queue::set::Set;
use crate::relay::route::Route;
use crate::relay::spool::Change;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Hold,
    Release,
    /// Now, whatever it waits for.
    Retry,
    Remove,
    /// Back to its sender.
    Bounce,
}

impl Board {
    pub(in super::super) fn slots(&self, id: QueueId) -> Vec<Slot> {
        self.index.range((id, 0)..=(id, Slot::MAX)).map(|(_, slot)| *slot).collect()
    }

    /// The next entries by queue id, for somebody who looks at all of them a few at a time.
    pub(in super::super) fn page(&self, after: (QueueId, Slot), most: usize) -> Vec<(QueueId, Slot)> {
        self.index.range((Bound::Excluded(after), Bound::Unbounded)).take(most).copied().collect()
    }

    /// Answers whether that changes anything.
    pub(in super::super) fn act(&mut self, slot: Slot, action: Action, now: u64) -> bool {
        let state = self.slab.get(slot).state;
        match (action, state) {
            (_, State::Free) | (Action::Hold | Action::Retry, State::Held) => return false,
            (_, State::Flying | State::Ending | State::Routing) => return self.act_later(slot, action),
            (Action::Release, State::Held) => self.release(slot, now),
            (Action::Release, _) => return false,
            (Action::Hold, _) => {
                self.unlink(slot);
                self.note(slot, Change::Held);
                self.hold_now(slot);
            }
            (Action::Retry, _) => self.retry(slot, now),
            (Action::Remove, _) => {
                self.unlink(slot);
                self.drop_entry(slot);
            }
            (Action::Bounce, _) => {
                self.unlink(slot);
                self.slab.at(slot).flags.hold = false;
                self.end(slot, End::ByHand);
            }
        }
        true
    }

    /// Somebody has it: it is done when it is given back.
    fn act_later(&mut self, slot: Slot, action: Action) -> bool {
        let flags = &mut self.slab.at(slot).flags;
        match action {
            Action::Hold if flags.hold => return false,
            Action::Hold => {
                flags.hold = true;
                self.note(slot, Change::Held);
            }
            Action::Release if !flags.hold => return false,
            Action::Release => {
                flags.hold = false;
                self.note(slot, Change::Released);
            }
            Action::Retry => return false,
            Action::Remove => flags.remove = true,
            Action::Bounce => flags.bounce = true,
        }
        true
    }

    pub(super) fn hold_now(&mut self, slot: Slot) {
        self.take_fresh(slot);
        let entry = self.slab.at(slot);
        (entry.state, entry.flags.hold) = (State::Held, true);
    }

    fn release(&mut self, slot: Slot, now: u64) {
        let entry = self.slab.at(slot);
        // However old it has become, somebody wants it to be tried.
        (entry.flags.hold, entry.tries) = (false, 0);
        self.note(slot, Change::Released);
        // It may be too old already, and its lane asleep.
        self.untried = true;
        let entry = self.slab.at(slot);
        if entry.lane == NOWHERE || std::mem::take(&mut entry.flags.stale) {
            self.find_lane(slot);
        } else {
            self.line_up(slot, now);
        }
    }

    fn retry(&mut self, slot: Slot, now: u64) {
        let entry = self.slab.get(slot);
        let (state, at) = (entry.state, entry.lane);
        if state == State::Waiting {
            self.unlink(slot);
            self.line_up(slot, now);
        }
        self.wake(at, now);
    }

    /// A sleeping lane and its dead hosts are tried now.
    fn wake(&mut self, at: u32, now: u64) {
        let Some(lane) = self.lanes.at(at).filter(|lane| lane.mood != Mood::Awake) else { return };
        let route = Arc::clone(&lane.route);
        self.hosts.wake(|name| route.tiers.iter().flatten().any(|connector| connector.name == name));
        self.wake_lane(at, now);
    }

    /// Where an entry's recipients go now. It moves where that is another lane, and stays in its place where it is not.
    pub(in super::super) fn reroute(
        &mut self,
        (id, slot): (QueueId, Slot),
        (envelope, size): (&Envelope, u64),
        routes: &[(u32, Arc<Route>)],
        now: u64,
    ) {
        if !self.same(id, slot) {
            return;
        }
        self.slab.at(slot).size = u32::try_from(size).unwrap_or(u32::MAX);
        let mut parts: Vec<(u32, Set)> = Vec::with_capacity(1);
        let left = self.slab.get(slot).recipients.clone();
        for (place, route) in routes.iter().filter(|(place, _)| left.has(*place)) {
            if let Some(recipient) = envelope.recipients.get(*place as usize) {
                let lane = self.lane(route, &recipient.address, now);
                add_to(&mut parts, lane, *place);
            }
        }
        let entry = self.slab.at(slot);
        if entry.state == State::Ending || entry.state == State::Flying && entry.lane != NOWHERE {
            // Somebody has it: it moves when it is given back.
            entry.flags.stale = parts.len() != 1 || parts[0].0 != entry.lane;
            let unused: Vec<u32> = parts.iter().map(|(lane, _)| *lane).collect();
            return unused.into_iter().for_each(|lane| self.tidy(lane));
        }
        self.split(slot, parts, now);
    }

    /// Where its recipients go cannot be found out now. What is in no lane yet waits.
    pub(in super::super) fn not_found(&mut self, id: QueueId, slot: Slot, now: u64) {
        if !self.same(id, slot) {
            return;
        }
        let entry = self.slab.get(slot);
        if entry.state == State::Routing || entry.state == State::Flying && entry.lane == NOWHERE {
            self.postpone(slot, None, now);
        }
    }

    /// The first part keeps the entry, the others become new ones.
    fn split(&mut self, slot: Slot, parts: Vec<(u32, Set)>, now: u64) {
        let mut parts = parts.into_iter();
        let Some((lane, set)) = parts.next() else { return };
        for (lane, set) in parts {
            let part = self.slab.get(slot).part(set);
            self.add(part, lane, now);
        }
        let entry = self.slab.at(slot);
        let (old, state) = (entry.lane, entry.state);
        let settled = old == lane && state != State::Routing;
        entry.recipients = set;
        if settled {
            return;
        }
        self.unlink(slot);
        let entry = self.slab.at(slot);
        entry.lane = lane;
        entry.past.iter_mut().for_each(|past| past.tried = Vec::new());
        if let Some(lane) = self.lanes.at(lane) {
            lane.entries += 1;
        }
        self.leave_lane(old);
        if state != State::Held && !self.is_called(slot, now) {
            self.line_up(slot, now);
        }
    }
}
