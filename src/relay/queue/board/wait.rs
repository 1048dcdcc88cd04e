//! Times: entries that wait for theirs, lanes that sleep, hosts that are dead, and idle workers.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Board, Order, Ticket, Timer};
use crate::relay::queue::entry::{Slot, State};
use crate::relay::queue::failure::Failure;
use crate::relay::queue::hosts::{Claim, Failed, Key};
use crate::relay::queue::lane::{Lane, Mood};

/// A host that takes no more connections is not asked for more of them for so long, in milliseconds.
const FULL: u64 = 60_000;

/// Dead hosts that nobody asks for are forgotten after so long, in milliseconds.
const FORGET: u64 = 24 * 60 * 60 * 1000;

/// Entries and lanes that are dealt with in one go.
const MOST: usize = 1000;

/// Entries that the log is told of in one go.
const TOLD: usize = 64;

impl Board {
    pub(super) fn set_timer(&mut self, due: u64, timer: Timer) {
        self.timers.insert((due, timer));
        if due < self.armed {
            self.armed = due;
            self.orders.push(Order::Alarm);
        }
    }

    /// When [`Board::tick`] is to be called next.
    pub(in super::super) fn next_time(&mut self) -> u64 {
        let timer = self.timers.first().map_or(u64::MAX, |(due, _)| *due);
        self.armed = timer.min(self.next_of_age());
        self.armed
    }

    /// Does what is due, a bounded amount of it; nothing about age where the writers of notifications are busy.
    pub(in super::super) fn tick(&mut self, now: u64, busy: bool) {
        for _ in 0..MOST {
            if self.timers.first().is_none_or(|(due, _)| *due > now) {
                break;
            }
            match self.timers.pop_first() {
                Some((_, Timer::Entry(slot))) => self.entry_is_due(slot, now),
                Some((_, Timer::Lane(at))) => self.try_lane(at, now),
                Some((_, Timer::Slow(at))) => self.look_at_line(at, now),
                None => break,
            }
        }
        if !busy {
            self.look_at_age(now);
        }
        if now >= self.forgets {
            self.forgets = now + FORGET;
            self.hosts.forget(now.saturating_sub(FORGET));
        }
    }

    fn entry_is_due(&mut self, slot: Slot, now: u64) {
        if self.slab.get(slot).state == State::Waiting && !self.is_called(slot, now) {
            self.line_up(slot, now);
        }
    }

    fn try_lane(&mut self, at: u32, now: u64) {
        if let Some(lane) = self.lanes.at(at) {
            lane.mood = Mood::Trying;
            self.staff(at, now);
        }
    }

    /// A sleeping lane is tried now.
    pub(super) fn wake_lane(&mut self, at: u32, now: u64) {
        let Some(lane) = self.lanes.at(at) else { return };
        if let Mood::Asleep { until } = lane.mood {
            self.timers.remove(&(until, Timer::Lane(at)));
            self.try_lane(at, now);
        }
    }

    /// No host of a lane could be had: it sleeps until one may be tried again. Answers when that is; not where other
    /// connections of it are open.
    pub(in super::super) fn lane_down(
        &mut self,
        at: u32,
        failure: &Arc<Failure>,
        until: Option<u64>,
        now: u64,
    ) -> Option<u64> {
        let (schedule, random) = (&self.schedule, &mut self.random);
        let lane = self.lanes.at(at)?;
        lane.last = Some(Arc::clone(failure));
        if let Mood::Asleep { until } = lane.mood {
            return Some(until);
        }
        if lane.connected > 0 {
            lane.cap = (lane.connected, now + FULL);
            return None;
        }
        lane.failures += 1;
        let until = until.unwrap_or_else(|| now + schedule.host.wait(lane.failures, random)).max(now + 1);
        self.put_to_sleep(at, until);
        Some(until)
    }

    /// The host takes no more connections, since other lanes have some: one that has none tries again after a while.
    pub(in super::super) fn lane_full(&mut self, at: u32, now: u64) {
        let awake = |lane: &&mut Lane| lane.connected == 0 && !matches!(lane.mood, Mood::Asleep { .. });
        if self.lanes.at(at).filter(awake).is_some() {
            self.put_to_sleep(at, now + FULL);
        }
    }

    fn put_to_sleep(&mut self, at: u32, until: u64) {
        if let Some(lane) = self.lanes.at(at) {
            lane.mood = Mood::Asleep { until };
        }
        self.drop_fresh_of(at);
        self.set_timer(until, Timer::Lane(at));
        self.tell(at);
        self.look_at_untried();
    }

    /// Orders that the log hears of what waits in a lane that sleeps.
    pub(super) fn tell(&mut self, at: u32) {
        let asleep = |lane: &&mut Lane| matches!(lane.mood, Mood::Asleep { .. }) && lane.untold > 0 && !lane.telling;
        if let Some(lane) = self.lanes.at(at).filter(asleep) {
            lane.telling = true;
            self.orders.push(Order::Tell(at));
        }
    }

    /// Some entries of a lane that sleeps of which the log has not heard, from behind that one on, with what keeps them and
    /// until when; none where it has heard of all.
    pub(in super::super) fn untold(&mut self, at: u32, last: Option<Slot>) -> (Vec<Ticket>, Option<Arc<Failure>>, u64) {
        let Some(lane) = self.lanes.at(at) else { return (Vec::new(), None, 0) };
        let until = match lane.mood {
            Mood::Asleep { until } if lane.untold > 0 && !self.draining => until,
            _ => {
                lane.telling = false;
                return (Vec::new(), None, 0);
            }
        };
        let (why, first) = (lane.last.clone(), lane.ready.first());
        let in_line = |slot: &Slot| {
            let entry = self.slab.get(*slot);
            entry.lane == at && entry.state == State::Ready
        };
        let mut next = last.filter(in_line).map_or(first, |last| self.slab.next(last));
        let mut found = Vec::new();
        while let Some(slot) = next.filter(|_| found.len() < TOLD) {
            if !std::mem::replace(&mut self.slab.at(slot).flags.told, true) {
                found.push(self.copy(slot));
            }
            next = self.slab.next(slot);
        }
        if let Some(lane) = self.lanes.at(at) {
            lane.untold -= found.len() as u32;
            lane.telling = !found.is_empty();
        }
        (found, why, until)
    }

    /// What waits for long is read back when its turn comes.
    fn drop_fresh_of(&mut self, at: u32) {
        let Some(lane) = self.lanes.at(at) else { return };
        let mut left = std::mem::take(&mut lane.fresh);
        let mut next = lane.ready.first();
        while let Some(slot) = next.filter(|_| left > 0) {
            left -= u32::from(self.take_fresh(slot).is_some());
            next = self.slab.next(slot);
        }
    }

    /// A message came through: the others of its lane may follow.
    pub(in super::super) fn lane_up(&mut self, at: u32, now: u64) {
        let Some(lane) = self.lanes.at(at) else { return };
        if lane.mood == Mood::Awake && lane.failures == 0 {
            return;
        }
        if let Mood::Asleep { until } = lane.mood {
            self.timers.remove(&(until, Timer::Lane(at)));
        }
        (lane.mood, lane.failures) = (Mood::Awake, 0);
        self.staff(at, now);
    }

    /// Whether a worker may try a host.
    pub(in super::super) fn claim(&mut self, at: u32, key: &Key, now: u64) -> Claim {
        let claim = self.hosts.claim(key, now);
        if claim == Claim::Probe {
            if let Some(lane) = self.lanes.at(at) {
                lane.probing += 1;
            }
            self.staff(at, now);
        }
        claim
    }

    fn probed(&mut self, at: u32, probe: bool) {
        if let Some(lane) = self.lanes.at(at).filter(|_| probe) {
            lane.probing -= 1;
        }
    }

    /// A connection is ready. Answers since when its host was dead, if it was.
    pub(in super::super) fn opened(&mut self, at: u32, key: &Key, probe: bool) -> Option<u64> {
        self.probed(at, probe);
        if let Some(lane) = self.lanes.at(at) {
            lane.connected += 1;
        }
        self.hosts.opened(key)
    }

    pub(in super::super) fn closed(&mut self, at: u32, key: &Key) {
        if let Some(lane) = self.lanes.at(at) {
            lane.connected -= 1;
        }
        self.hosts.closed(key);
    }

    /// A host could not be had, or it did nothing but close the connection.
    pub(in super::super) fn host_failed(
        &mut self,
        at: u32,
        key: &Key,
        failure: &Arc<Failure>,
        probe: bool,
        now: u64,
    ) -> Failed {
        self.probed(at, probe);
        let failed = self.hosts.failed(key, failure, &self.schedule.host, &mut self.random, now);
        if let Some(lane) = self.lanes.at(at).filter(|_| failed == Failed::Full) {
            lane.cap = (lane.workers.saturating_sub(1), now + FULL);
            lane.last = Some(Arc::clone(failure));
        }
        failed
    }

    /// A worker waits with an open connection until the bell rings; not where there is something in line, and not where
    /// others wait to work.
    pub(in super::super) fn idle(&mut self, at: u32) -> Option<Arc<Notify>> {
        let wanted = self.draining || !self.queued.is_empty();
        let lane = self.lanes.at(at).filter(|lane| !wanted && lane.in_line() == 0)?;
        lane.idle += 1;
        Some(Arc::clone(&lane.bell))
    }

    /// Whether a connection has something to send.
    pub(in super::super) fn has_work(&self, at: u32) -> bool {
        self.flyable(at).is_some_and(|lane| !lane.ready.is_empty() && lane.again.is_empty())
    }

    pub(in super::super) fn busy(&mut self, at: u32) {
        if let Some(lane) = self.lanes.at(at) {
            lane.idle -= 1;
        }
    }
}
