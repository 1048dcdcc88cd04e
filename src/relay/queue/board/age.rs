//! Age: what is in the queue for too long goes back to its sender, and where a sender asked for it, he is told of a delay.
//!
//! Queue ids grow with time, so each of the two looks at entries once, in that order, and remembers how far it came. What
//! is in a worker's hands then is looked at when it comes back, and what is held, when it was tried after its release.

use std::ops::Bound;
use std::time::Duration;

use super::{Board, End, Order};
use crate::relay::envelope::QueueId;
use crate::relay::queue::entry::{Slot, State};
use crate::relay::queue::lane::Mood;

/// Entries that are looked at in one go.
const MOST: usize = 64;

type Mark = (QueueId, Slot);

impl Board {
    /// When the next entry is of an age that something is done at.
    pub(super) fn next_of_age(&self) -> u64 {
        let due = |mark, age: Duration| {
            let (_, slot) = self.after(mark)?;
            Some(self.slab.get(slot).arrived + age.as_millis() as u64)
        };
        let expires = due(self.expired, self.schedule.lifetime);
        let warns = due(self.warned, self.schedule.warning);
        expires.unwrap_or(u64::MAX).min(warns.unwrap_or(u64::MAX))
    }

    pub(super) fn look_at_age(&mut self, now: u64) {
        for _ in 0..MOST {
            let Some(mark) = self.aged(self.expired, self.schedule.lifetime, now) else { break };
            self.expired = mark;
            self.expire(mark.1, now);
        }
        for _ in 0..MOST {
            let Some(mark) = self.aged(self.warned, self.schedule.warning, now) else { break };
            self.warned = mark;
            let entry = self.slab.at(mark.1);
            if !entry.flags.warned && entry.state != State::Ending {
                entry.flags.warned = true;
                self.orders.push(Order::Warn(mark.0, mark.1));
            }
        }
    }

    fn after(&self, mark: Mark) -> Option<Mark> {
        self.index.range((Bound::Excluded(mark), Bound::Unbounded)).next().copied()
    }

    fn aged(&self, mark: Mark, age: Duration, now: u64) -> Option<Mark> {
        self.after(mark).filter(|(_, slot)| self.slab.get(*slot).arrived + age.as_millis() as u64 <= now)
    }

    /// Whether an entry is to be given up. After a long time without the relay, or in somebody's hold, it has one attempt
    /// before that, unless its way is known to be blocked.
    pub(super) fn is_over(&self, slot: Slot, now: u64) -> bool {
        let entry = self.slab.get(slot);
        let tried = entry.tries > 0
            || self.lanes.get(entry.lane).is_some_and(|lane| lane.failures > 0 || lane.mood != Mood::Awake);
        tried && entry.arrived + self.schedule.lifetime.as_millis() as u64 <= now
    }

    /// A way is blocked: those that were left alone may be on it.
    pub(super) fn look_at_untried(&mut self) {
        if std::mem::take(&mut self.untried) {
            self.expired = (QueueId(0), 0);
            self.orders.push(Order::Alarm);
        }
    }

    fn expire(&mut self, slot: Slot, now: u64) {
        match self.slab.get(slot).state {
            State::Ready | State::Again | State::Waiting if !self.is_over(slot, now) => self.untried = true,
            State::Ready | State::Again | State::Waiting => {
                self.unlink(slot);
                self.end(slot, End::Expired);
            }
            State::Free | State::Flying | State::Ending | State::Routing | State::Held => {}
        }
    }
}
