//! Lanes: messages that go the same way wait in one line. A lane whose hosts are all dead sleeps as a whole, so that its
//! messages cost nothing until one of them has come through.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use tokio::sync::Notify;

use super::entry::List;
use super::failure::Failure;
use crate::relay::route::Route;

/// Messages in line for each connection before there is another one.
const PER_WORKER: usize = 8;

/// Whether a lane moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Awake,
    /// No host of it could be had; it is tried again then.
    Asleep {
        until: u64,
    },
    /// One message finds out whether a host can be had.
    Trying,
}

pub(super) struct Lane {
    pub(super) route: Arc<Route>,
    /// The recipients' domain, where a connector looks it up; else empty.
    pub(super) domain: Box<str>,
    pub(super) ready: List,
    /// Entries that go on to the next of the lane's hosts.
    pub(super) again: List,
    /// All of its entries, whatever they wait for.
    pub(super) entries: u32,
    /// Of them, those in the hands of workers.
    pub(super) flying: u32,
    /// Of those in line, the ones that still carry their content.
    pub(super) fresh: u32,
    /// Of those in line, the ones of which the log has not heard that they wait; and whether it is being told.
    pub(super) untold: u32,
    pub(super) telling: bool,
    pub(super) workers: u32,
    /// Of them, those that wait for a message with an open connection.
    pub(super) idle: u32,
    /// Of them, those that try a host that was dead: others need not wait for that.
    pub(super) probing: u32,
    /// Connections that are open.
    pub(super) connected: u32,
    pub(super) mood: Mood,
    /// How often in a row no host could be had.
    pub(super) failures: u32,
    pub(super) last: Option<Arc<Failure>>,
    /// A host takes no more connections than these until then.
    pub(super) cap: (u32, u64),
    /// It waits for the number of all workers to go down.
    pub(super) queued: bool,
    /// Messages that were taken out of its line, and how many that were when somebody began to watch whether it moves.
    pub(super) taken: u32,
    pub(super) watched: Option<u32>,
    pub(super) bell: Arc<Notify>,
}

impl Lane {
    fn new(route: Arc<Route>, domain: &str) -> Lane {
        Lane {
            route,
            domain: domain.into(),
            ready: List::default(),
            again: List::default(),
            entries: 0,
            flying: 0,
            fresh: 0,
            untold: 0,
            telling: false,
            workers: 0,
            idle: 0,
            probing: 0,
            connected: 0,
            mood: Mood::Awake,
            failures: 0,
            last: None,
            cap: (u32::MAX, 0),
            queued: false,
            taken: 0,
            watched: None,
            bell: Arc::new(Notify::new()),
        }
    }

    pub(super) fn in_line(&self) -> usize {
        self.ready.len() + self.again.len()
    }

    /// Whether it has work for one more worker.
    pub(super) fn wants_worker(&self, concurrency: u32, now: u64) -> bool {
        let able = self.workers.saturating_sub(self.probing);
        match self.mood {
            Mood::Asleep { .. } => false,
            Mood::Trying => self.workers == 0 && self.in_line() > 0 && !self.queued,
            Mood::Awake => {
                let behind = self.in_line() > if able == 0 { 0 } else { PER_WORKER * able as usize };
                behind && self.may_have_worker(concurrency, now)
            }
        }
    }

    pub(super) fn may_have_worker(&self, concurrency: u32, now: u64) -> bool {
        !self.queued && self.workers < self.most(concurrency, now)
    }

    fn most(&self, concurrency: u32, now: u64) -> u32 {
        let connectors = self.route.tiers.iter().flatten();
        let most = connectors.map(|connector| connector.concurrency.unwrap_or(concurrency)).max();
        let most = most.unwrap_or(concurrency).max(1);
        if now < self.cap.1 { most.min(self.cap.0.max(1)) } else { most }
    }
}

/// The lane's part of an address.
pub(super) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// All lanes, by route and domain.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: Vec<Option<Lane>>,
    free: Vec<u32>,
    table: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
}

impl Lanes {
    /// The lane for a recipient, new where there is none; its route is the given one from now on.
    /// Answers whether that leads elsewhere than before.
    pub(super) fn find(&mut self, route: &Arc<Route>, address: &str) -> (u32, bool) {
        let domain = if route.dns { domain_of(address) } else { "" };
        let hash = self.hasher.hash_one((route.key.as_str(), domain));
        let lanes = &self.lanes;
        let same = |at: &u32| {
            lanes[*at as usize].as_ref().is_some_and(|lane| lane.route.key == route.key && *lane.domain == *domain)
        };
        if let Some(&at) = self.table.find(hash, same) {
            return (at, self.renew(at, route));
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.lanes.push(None);
            (self.lanes.len() - 1) as u32
        });
        self.lanes[at as usize] = Some(Lane::new(Arc::clone(route), domain));
        let (lanes, hasher) = (&self.lanes, &self.hasher);
        self.table.insert_unique(hash, at, |at| hash_of(hasher, &lanes[*at as usize]));
        (at, false)
    }

    fn renew(&mut self, at: u32, route: &Arc<Route>) -> bool {
        let Some(lane) = self.at(at) else { return false };
        if Arc::ptr_eq(&lane.route, route) {
            return false;
        }
        let elsewhere = lane.route.tiers != route.tiers;
        lane.route = Arc::clone(route);
        elsewhere
    }

    pub(super) fn at(&mut self, at: u32) -> Option<&mut Lane> {
        self.lanes.get_mut(at as usize)?.as_mut()
    }

    pub(super) fn get(&self, at: u32) -> Option<&Lane> {
        self.lanes.get(at as usize)?.as_ref()
    }

    pub(super) fn remove(&mut self, at: u32) {
        let hash = hash_of(&self.hasher, &self.lanes[at as usize]);
        if let Ok(found) = self.table.find_entry(hash, |other| *other == at) {
            found.remove();
            self.lanes[at as usize] = None;
            self.free.push(at);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Lane)> {
        (0..).zip(&self.lanes).filter_map(|(at, lane)| lane.as_ref().map(|lane| (at, lane)))
    }
}

fn hash_of(hasher: &foldhash::fast::RandomState, lane: &Option<Lane>) -> u64 {
    lane.as_ref().map_or(0, |lane| hasher.hash_one((lane.route.key.as_str(), &*lane.domain)))
}
