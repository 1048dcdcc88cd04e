//! The queue: what was accepted waits here until it is delivered, returned, or too old.
//!
//! ```text
//!  submit ──> board: lanes, entries, times, dead hosts ──> worker: ways ──> link (deliver) <──> feed
//!             (one lock, no clock, no socket)                                                    │
//!               ^            ^            ^                                                      │
//!          route: lanes   view: people   ending: notifications, with dsn <────────────────────── ┘
//!          found again
//! ```
//!
//! - A *lane* is a route and, where hosts are found by the recipient's domain, that domain. Its messages wait in one line.
//! - An *entry* is a message on one lane, small, since there may be very many: what it carries is in the spool, and in
//!   memory only while it is fresh and there is room.
//! - A host that cannot be had is *dead* for its whole connector; a lane whose hosts are all dead sleeps as a whole until
//!   one message has come through. A message that a host does not take now tries the lane's other hosts, and then waits for
//!   a time of its own.
//! - Age is the queue's to watch: what is too old goes back to its sender, whatever it waits for.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::deliver::Client;
use super::event::Log;
use super::metrics::Metrics;
use super::route::Router;
use super::spool::{Recovered, Spool};

mod board;
mod drive;
mod ending;
mod entry;
pub mod failure;
mod feed;
mod hosts;
mod lane;
mod link;
pub mod retry;
mod room;
mod route;
mod set;
mod turns;
mod view;
mod ways;
mod worker;

pub use board::{Action, Limits};
use board::{Board, Order};
pub use entry::{Slot, State};
pub use link::{Hop, Link};
use retry::Schedule;
pub use view::{HostView, LaneView, View};

/// Notifications that are written at once.
const WRITERS: usize = 64;

/// A handle on the queue; clones are handles on the same one.
pub struct Queue<H = Client> {
    shared: Arc<Shared<H>>,
}

impl<H> Clone for Queue<H> {
    fn clone(&self) -> Queue<H> {
        Queue { shared: Arc::clone(&self.shared) }
    }
}

/// What the queue works with.
pub struct Parts<H> {
    pub hop: H,
    pub spool: Spool,
    pub log: Log,
    pub metrics: Arc<Metrics>,
    pub router: Arc<ArcSwap<Router>>,
    pub schedule: Schedule,
    pub limits: Limits,
    /// The time now, in milliseconds of Unix time. From here on, time is what the runtime measures.
    pub now: u64,
}

struct Shared<H> {
    board: Mutex<Board>,
    hop: H,
    spool: Spool,
    log: Log,
    metrics: Arc<Metrics>,
    router: Arc<ArcSwap<Router>>,
    rooms: room::Rooms,
    writers: Semaphore,
    /// Of notifications.
    tasks: AtomicUsize,
    started: (Instant, u64),
    runtime: Handle,
    /// The next time is earlier than it was.
    alarm: Notify,
    /// Something that the end of the relay waits for is over.
    ended: Notify,
}

impl<H: Hop> Queue<H> {
    /// A queue that delivers from now on. It must be made in a runtime.
    pub fn start(parts: Parts<H>) -> Queue<H> {
        let Parts { hop, spool, log, metrics, router, schedule, limits, now } = parts;
        let shared = Shared {
            board: Mutex::new(Board::new(schedule, limits, fastrand::u64(..))),
            hop,
            spool,
            log,
            metrics,
            router,
            rooms: room::Rooms::default(),
            writers: Semaphore::new(WRITERS),
            tasks: AtomicUsize::new(0),
            started: (Instant::now(), now),
            runtime: Handle::current(),
            alarm: Notify::new(),
            ended: Notify::new(),
        };
        let queue = Queue { shared: Arc::new(shared) };
        tokio::spawn(drive::keep_time(Arc::downgrade(&queue.shared)));
        queue
    }

    /// Takes up what an earlier run left; [`Queue::reroute`] finds where it goes.
    pub fn recover(&self, left: impl IntoIterator<Item = Recovered>) {
        for recovered in left {
            self.with(|board, now| board.recover(&recovered, now));
        }
    }

    /// The times that the queue goes by, from now on.
    pub fn set_schedule(&self, schedule: Schedule, limits: Limits) {
        self.with(|board, _| board.set_schedule(schedule, limits));
        self.shared.alarm.notify_one();
    }

    /// The time by the queue's clock, in milliseconds of Unix time.
    pub fn now(&self) -> u64 {
        let (instant, unix) = self.shared.started;
        unix + instant.elapsed().as_millis() as u64
    }

    fn lifetime(&self) -> u64 {
        self.with(|board, _| board.schedule.lifetime.as_millis() as u64)
    }

    /// Does something to the board, and then what the board orders.
    fn with<T>(&self, change: impl FnOnce(&mut Board, u64) -> T) -> T {
        let now = self.now();
        let (answer, orders) = {
            let mut board = self.shared.board.lock().unwrap_or_else(PoisonError::into_inner);
            if self.shared.spool.is_failed() {
                // What is delivered from here on could not be noted: the next start would send it again.
                board.drain();
            }
            (change(&mut board, now), board.take_orders())
        };
        orders.into_iter().for_each(|order| self.obey(order));
        answer
    }

    fn obey(&self, order: Order) {
        match order {
            Order::Start(at) => drop(self.shared.runtime.spawn(self.clone().work(at))),
            Order::End(slot, end) => self.give_up(slot, end),
            Order::Warn(id, slot) => self.warn(id, slot),
            Order::Route(id, slot) => {
                let router = self.shared.router.load_full();
                self.find_lane(&router, id, slot);
            }
            Order::Tell(at) => self.tell_asleep(at),
            Order::Note(note) => self.shared.spool.note(&note),
            Order::Alarm => self.shared.alarm.notify_one(),
            Order::Ended => self.shared.ended.notify_waiters(),
        }
    }
}
