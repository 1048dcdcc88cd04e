//! What next hops said of recipients, kept in memory: how long an answer counts, and which ones make room for others.

use std::mem;
use std::time::Duration;

use hashbrown::HashMap;

use crate::relay::reply::Status;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// How long an answer counts, from when it was given.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// Until it is asked for again, while the old answer still counts.
    pub refresh: Duration,
    /// Until it counts no longer.
    pub expire: Duration,
}

/// What Postfix takes for its own verification (postconf(5), `address_verify_…_time`).
pub const TAKEN: Ages = Ages { refresh: Duration::from_secs(7 * DAY), expire: Duration::from_secs(31 * DAY) };
pub const REFUSED: Ages = Ages { refresh: Duration::from_secs(3 * HOUR), expire: Duration::from_secs(3 * DAY) };

/// An answer that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Taken,
    Refused {
        status: Status,
        /// The next hop's words, on one line.
        words: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was given, in seconds of Unix time.
    pub at: u64,
    pub answer: Answer,
}

impl Entry {
    fn ages(&self) -> Ages {
        match self.answer {
            Answer::Taken => TAKEN,
            Answer::Refused { .. } => REFUSED,
        }
    }

    /// A clock that went back makes no entry older.
    fn is_older(&self, now: u64, age: Duration) -> bool {
        now.saturating_sub(self.at) >= age.as_secs()
    }

    /// It is time to ask again.
    pub fn is_stale(&self, now: u64) -> bool {
        self.is_older(now, self.ages().refresh)
    }

    pub fn is_expired(&self, now: u64) -> bool {
        self.is_older(now, self.ages().expire)
    }
}

/// Who was asked, and for whom: a route's key and an address in normal form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub route: String,
    pub mailbox: String,
}

/// Answers, of which those that were not asked for lately go first.
#[derive(Debug)]
pub struct Cache {
    /// Those that were given or asked for since the older ones were set apart.
    recent: HashMap<Key, Entry>,
    older: HashMap<Key, Entry>,
    /// Of each of the two.
    most: usize,
}

impl Cache {
    pub fn new(most: usize) -> Cache {
        Cache { recent: HashMap::new(), older: HashMap::new(), most: (most / 2).max(1) }
    }

    pub fn put(&mut self, key: Key, entry: Entry) {
        self.older.remove(&key);
        if self.recent.len() >= self.most && !self.recent.contains_key(&key) {
            self.older = mem::take(&mut self.recent);
        }
        self.recent.insert(key, entry);
    }

    /// The answer to this, if there is one that still counts.
    pub fn get(&mut self, key: &Key, now: u64) -> Option<&Entry> {
        if let Some((key, entry)) = self.older.remove_entry(key) {
            self.put(key, entry);
        }
        self.recent.get(key).filter(|entry| !entry.is_expired(now))
    }

    pub fn forget_expired(&mut self, now: u64) {
        self.recent.retain(|_, entry| !entry.is_expired(now));
        self.older.retain(|_, entry| !entry.is_expired(now));
    }

    /// The ones to go first come first.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.older.iter().chain(&self.recent)
    }

    pub fn len(&self) -> usize {
        self.older.len() + self.recent.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
