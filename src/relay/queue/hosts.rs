//! Hosts that cannot be had: each is remembered for all lanes and messages of its connector, until its back-off is over
//! and one worker tries it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::failure::Failure;
use super::retry::Backoff;

/// How long a worker that tries a dead host has it for itself, in milliseconds: longer than a connection may take to be
/// ready.
const LEASE: u64 = 6 * 60 * 1000;

/// How soon others ask again for a host that a worker is trying, in milliseconds: as a rule it knows long before its
/// lease is over.
const TRYING: u64 = 1000;

/// A host that could not be had.
#[derive(Debug, Clone)]
pub(super) struct Dead {
    pub(super) since: u64,
    pub(super) failures: u32,
    /// When it is tried next.
    pub(super) until: u64,
    pub(super) last: Arc<Failure>,
    /// A worker is trying it.
    probed: bool,
}

/// What became of a host that a worker could not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is left alone until then; whether that is new.
    Dead { until: u64, new: bool },
    /// Other connections to it are open: it is alive and takes no more of them now.
    Full,
}

/// Whether a host may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is not known to be dead.
    Good,
    /// It was dead, and this worker finds out whether it still is.
    Probe,
    /// It is left alone until then.
    Dead { until: u64, last: Arc<Failure> },
}

/// A host, by its connector.
pub(super) type Key = (Arc<str>, SocketAddr);

/// The hosts that workers deal with.
#[derive(Default)]
pub(super) struct Hosts {
    dead: HashMap<Key, Dead>,
    open: HashMap<Key, u32>,
}

impl Hosts {
    pub(super) fn claim(&mut self, key: &Key, now: u64) -> Claim {
        match self.dead.get_mut(key) {
            None => Claim::Good,
            Some(dead) if dead.until > now => {
                let until = if dead.probed { dead.until.min(now + TRYING) } else { dead.until };
                Claim::Dead { until, last: Arc::clone(&dead.last) }
            }
            Some(dead) => {
                (dead.until, dead.probed) = (now + LEASE, true);
                Claim::Probe
            }
        }
    }

    /// Whether nobody may try a host now.
    pub(super) fn is_left_alone(&self, key: &Key, now: u64) -> bool {
        self.dead.get(key).is_some_and(|dead| dead.until > now)
    }

    pub(super) fn failed(
        &mut self,
        key: &Key,
        failure: &Arc<Failure>,
        backoff: &Backoff,
        random: &mut fastrand::Rng,
        now: u64,
    ) -> Failed {
        if self.open.contains_key(key) {
            return Failed::Full;
        }
        let unknown = || Dead { since: now, failures: 0, until: now, last: Arc::clone(failure), probed: true };
        let dead = self.dead.entry(key.clone()).or_insert_with(unknown);
        let new = dead.failures == 0;
        // Several connections that were under way find out the same thing: that is one failure.
        if dead.probed || dead.until <= now {
            dead.failures += 1;
            (dead.until, dead.probed) = (now + backoff.wait(dead.failures, random), false);
        }
        dead.last = Arc::clone(failure);
        Failed::Dead { until: dead.until, new }
    }

    /// A connection is ready. Answers since when the host was dead, if it was.
    pub(super) fn opened(&mut self, key: &Key) -> Option<u64> {
        *self.open.entry(key.clone()).or_default() += 1;
        self.dead.remove(key).map(|dead| dead.since)
    }

    pub(super) fn closed(&mut self, key: &Key) {
        if let Some(count) = self.open.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(key);
            }
        }
    }

    /// The hosts of some connectors may be tried at once.
    pub(super) fn wake(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.dead.iter_mut().filter(|((name, _), _)| is_meant(name)).for_each(|(_, dead)| dead.until = 0);
    }

    pub(super) fn dead(&self) -> impl Iterator<Item = (&Key, &Dead)> {
        self.dead.iter()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = (&Key, u32)> {
        self.open.iter().map(|(key, count)| (key, *count))
    }

    /// Forgets hosts that nobody has asked for in a long time.
    pub(super) fn forget(&mut self, before: u64) {
        self.dead.retain(|_, dead| dead.until >= before);
    }
}
