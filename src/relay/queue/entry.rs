//! A message on its way along one lane, and where all of them are kept: a slab that grows a block at a time, with lists
//! that run through it. An entry is small, since there may be very many; the rest is in the spool.

use std::sync::Arc;

use super::failure::Past;
use super::set::Set;
use crate::relay::envelope::{Envelope, QueueId};
use crate::relay::spool::{Content, Place};

/// Where an entry is kept.
pub type Slot = u32;

/// No slot.
pub(super) const NONE: Slot = Slot::MAX;

/// A message in memory.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) envelope: Arc<Envelope>,
    pub(super) content: Content,
}

/// What an entry waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The slot is nobody's.
    Free,
    /// Its turn, in its lane.
    Ready,
    /// Another way of its lane, in this same attempt.
    Again,
    /// Its own time.
    Waiting,
    /// A worker has it.
    Flying,
    /// A notification about it is being written: its slot stays its own until that is done.
    Ending,
    /// Its lane, which is being found.
    Routing,
    /// Somebody to release it.
    Held,
}

/// What is to be done with an entry as soon as nobody works on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// Its sender knows of the delay, or did not ask.
    pub(super) warned: bool,
    pub(super) hold: bool,
    pub(super) remove: bool,
    /// Returned to its sender, by hand.
    pub(super) bounce: bool,
    /// The routes changed while a worker had it.
    pub(super) stale: bool,
    /// A connection that had carried other messages was lost under it, once.
    pub(super) lost: bool,
    /// The log has heard that it waits with its whole lane.
    pub(super) told: bool,
}

pub(super) struct Entry {
    pub(super) id: QueueId,
    pub(super) place: Place,
    /// Unix time, in milliseconds, as all times here.
    pub(super) arrived: u64,
    /// When it is ready again, while it waits.
    pub(super) due: u64,
    /// The recipients that are left.
    pub(super) recipients: Set,
    /// What it carries, while it is fresh: it need not be read back.
    pub(super) fresh: Option<Box<Message>>,
    pub(super) past: Option<Box<Past>>,
    pub(super) size: u32,
    pub(super) lane: u32,
    pub(super) next: Slot,
    pub(super) previous: Slot,
    pub(super) tries: u16,
    pub(super) state: State,
    pub(super) flags: Flags,
}

impl Entry {
    pub(super) fn new(id: QueueId, place: Place, arrived: u64, size: u64) -> Entry {
        Entry {
            id,
            place,
            arrived,
            due: 0,
            recipients: Set::default(),
            fresh: None,
            past: None,
            size: u32::try_from(size).unwrap_or(u32::MAX),
            lane: 0,
            next: NONE,
            previous: NONE,
            tries: 0,
            state: State::Ready,
            flags: Flags::default(),
        }
    }

    /// A part of the same message, for another lane.
    pub(super) fn part(&self, recipients: Set) -> Entry {
        let mut part = Entry::new(self.id, self.place, self.arrived, 0);
        part.recipients = recipients;
        part.size = self.size;
        part.tries = self.tries;
        part.flags = self.flags;
        part
    }
}

/// Entries in a block: one allocation.
const BLOCK: usize = 256;

/// All entries.
#[derive(Default)]
pub(super) struct Slab {
    blocks: Vec<Box<[Entry]>>,
    free: List,
    used: usize,
}

impl Slab {
    pub(super) fn add(&mut self, mut entry: Entry) -> Slot {
        if self.free.is_empty() {
            self.grow();
        }
        let mut free = std::mem::take(&mut self.free);
        let slot = free.pop(self).unwrap_or(NONE);
        self.free = free;
        self.used += 1;
        (entry.next, entry.previous) = (NONE, NONE);
        *self.at(slot) = entry;
        slot
    }

    /// The entry must be in no list.
    pub(super) fn remove(&mut self, slot: Slot) {
        let mut empty = Entry::new(QueueId(0), Place::default(), 0, 0);
        empty.state = State::Free;
        *self.at(slot) = empty;
        let mut free = std::mem::take(&mut self.free);
        free.push_front(self, slot);
        self.free = free;
        self.used -= 1;
    }

    pub(super) fn at(&mut self, slot: Slot) -> &mut Entry {
        &mut self.blocks[slot as usize / BLOCK][slot as usize % BLOCK]
    }

    pub(super) fn get(&self, slot: Slot) -> &Entry {
        &self.blocks[slot as usize / BLOCK][slot as usize % BLOCK]
    }

    /// The one behind it in its list.
    pub(super) fn next(&self, slot: Slot) -> Option<Slot> {
        Some(self.get(slot).next).filter(|next| *next != NONE)
    }

    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Octets in memory for the entries, whatever they point to aside.
    pub(super) fn memory(&self) -> usize {
        self.blocks.len() * BLOCK * size_of::<Entry>()
    }

    fn grow(&mut self) {
        let first = self.blocks.len() * BLOCK;
        let empty = |_| {
            let mut entry = Entry::new(QueueId(0), Place::default(), 0, 0);
            entry.state = State::Free;
            entry
        };
        self.blocks.push((0..BLOCK).map(empty).collect());
        let mut free = std::mem::take(&mut self.free);
        for slot in first..first + BLOCK {
            free.push(self, slot as Slot);
        }
        self.free = free;
    }
}

/// A list through a slab: first in, first out; anything in it can be taken out at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    first: Slot,
    last: Slot,
    len: u32,
}

impl Default for List {
    fn default() -> List {
        List { first: NONE, last: NONE, len: 0 }
    }
}

impl List {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn first(&self) -> Option<Slot> {
        (self.first != NONE).then_some(self.first)
    }

    pub(super) fn push(&mut self, slab: &mut Slab, slot: Slot) {
        let entry = slab.at(slot);
        (entry.previous, entry.next) = (self.last, NONE);
        match self.last {
            NONE => self.first = slot,
            last => slab.at(last).next = slot,
        }
        self.last = slot;
        self.len += 1;
    }

    pub(super) fn push_front(&mut self, slab: &mut Slab, slot: Slot) {
        let entry = slab.at(slot);
        (entry.previous, entry.next) = (NONE, self.first);
        match self.first {
            NONE => self.last = slot,
            first => slab.at(first).previous = slot,
        }
        self.first = slot;
        self.len += 1;
    }

    pub(super) fn pop(&mut self, slab: &mut Slab) -> Option<Slot> {
        let slot = self.first()?;
        self.remove(slab, slot);
        Some(slot)
    }

    /// The slot must be in this list.
    pub(super) fn remove(&mut self, slab: &mut Slab, slot: Slot) {
        let entry = slab.at(slot);
        let (previous, next) = (entry.previous, entry.next);
        (entry.previous, entry.next) = (NONE, NONE);
        match previous {
            NONE => self.first = next,
            previous => slab.at(previous).next = next,
        }
        match next {
            NONE => self.last = previous,
            next => slab.at(next).previous = previous,
        }
        self.len -= 1;
    }
}
