//! Workers: how many a lane has, and whose turn it is where there are not enough for all lanes.

use super::{Board, Order, Timer};
use crate::relay::queue::lane::Mood;

/// A lane in whose line nothing has moved for so long gets another worker, in milliseconds: the others have a slow host.
const SLOW: u64 = 2000;

/// Workers that wait for a place at a connector, at most: more of them count as working.
const PARKED: u32 = 2000;

impl Board {
    /// Starts workers where a lane has work for more of them.
    pub(super) fn staff(&mut self, at: u32, now: u64) {
        let Some(lane) = self.lanes.at(at) else { return };
        while !self.draining && lane.wants_worker(self.limits.concurrency, now) {
            if self.workers >= self.limits.workers {
                lane.queued = true;
                self.queued.push_back(at);
                return;
            }
            lane.workers += 1;
            self.workers += 1;
            self.orders.push(Order::Start(at));
        }
        if lane.mood == Mood::Awake && lane.watched.is_none() && lane.in_line() > 0 {
            lane.watched = Some(lane.taken);
            self.set_timer(now + SLOW, Timer::Slow(at));
        }
    }

    /// Looks whether a line has moved since the last time.
    pub(super) fn look_at_line(&mut self, at: u32, now: u64) {
        let (concurrency, room) = (self.limits.concurrency, self.workers < self.limits.workers && !self.draining);
        let Some(lane) = self.lanes.at(at) else { return };
        let Some(before) = lane.watched.take() else { return };
        let stuck = before == lane.taken && lane.mood == Mood::Awake && lane.in_line() > 0;
        if stuck && room && lane.may_have_worker(concurrency, now) {
            lane.workers += 1;
            self.workers += 1;
            self.orders.push(Order::Start(at));
        }
        self.staff(at, now);
    }

    /// Whether lanes wait for a worker.
    pub(in super::super) fn is_crowded(&self) -> bool {
        !self.queued.is_empty()
    }

    pub(in super::super) fn worker_ends(&mut self, at: u32, now: u64) {
        self.workers -= 1;
        if self.workers == 0 {
            self.orders.push(Order::Ended);
        }
        if let Some(lane) = self.lanes.at(at) {
            lane.workers -= 1;
        }
        // Its own lane has had its turn.
        self.staff_queued(now);
        self.staff(at, now);
        self.tidy(at);
    }

    fn staff_queued(&mut self, now: u64) {
        while self.workers < self.limits.workers {
            let Some(next) = self.queued.pop_front() else { return };
            if let Some(lane) = self.lanes.at(next) {
                lane.queued = false;
            }
            self.staff(next, now);
            self.tidy(next);
        }
    }

    /// A worker waits for a place at a connector: others may work meanwhile. Answers whether it is not counted now.
    pub(in super::super) fn park(&mut self, now: u64) -> bool {
        let parks = self.parked < PARKED && !self.draining;
        if parks {
            self.parked += 1;
            self.workers -= 1;
            self.staff_queued(now);
        }
        parks
    }

    /// It goes on, though there may be as many as there should be already.
    pub(in super::super) fn unpark(&mut self) {
        self.parked -= 1;
        self.workers += 1;
    }
}
