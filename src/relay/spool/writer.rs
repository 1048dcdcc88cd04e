//! The writer: one thread that puts all pending transactions into the log with one write and one sync.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;
use std::vec;

use hashbrown::HashSet;

use super::copy;
use super::disk::write_all;
use super::draft::{Draft, Effect};
use super::keeper::{Job, Ready};
use super::segment::BLOCK;
use super::shared::Shared;
use super::{Place, SpoolError};
use crate::relay::envelope::QueueId;

/// A batch is not made larger than this: those who wait in front would wait for all behind them.
const LARGEST_BATCH: u64 = 4 << 20;

/// What lives in a segment.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Account {
    messages: u64,
    pub(crate) octets: u64,
    /// Of the whole segment.
    pub(crate) size: u64,
}

impl Account {
    pub(crate) fn new(size: u64) -> Account {
        Account { size, ..Account::default() }
    }

    pub(crate) fn add(&mut self, length: u32) {
        self.messages += 1;
        self.octets += u64::from(length);
    }

    fn take(&mut self, length: u32) {
        self.messages = self.messages.saturating_sub(1);
        self.octets = self.octets.saturating_sub(u64::from(length));
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    current: Ready,
    at: u64,
    sequence: u64,
    /// Of every segment there is.
    accounts: BTreeMap<u32, Account>,
    jobs: Sender<Job>,
    ready: Receiver<Result<Ready, SpoolError>>,
    /// The messages of which there has been news since the keeper began to copy.
    changed: HashSet<QueueId>,
    batch: Vec<u8>,
}

type Drafts = Peekable<vec::IntoIter<Draft>>;

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        first: Ready,
        sequence: u64,
        mut accounts: BTreeMap<u32, Account>,
        jobs: Sender<Job>,
        ready: Receiver<Result<Ready, SpoolError>>,
    ) -> Writer {
        shared.add_segment(first.segment.clone());
        accounts.insert(first.segment.number, Account::new(first.capacity));
        let (changed, batch) = (HashSet::new(), Vec::new());
        Writer { shared, current: first, at: BLOCK, sequence, accounts, jobs, ready, changed, batch }
    }

    /// Until the spool is closed.
    pub(crate) fn run(mut self) -> Arc<Shared> {
        let mut drafts = Vec::new();
        while self.shared.take(&mut drafts).is_some() {
            self.commit(std::mem::take(&mut drafts));
        }
        self.shared
    }

    fn commit(&mut self, drafts: Vec<Draft>) {
        let mut drafts = drafts.into_iter().peekable();
        while drafts.peek().is_some() {
            match self.make_room(&mut drafts) {
                Ok(()) => self.commit_batch(&mut drafts),
                Err(error) => self.postpone(drafts.by_ref(), &error),
            }
        }
    }

    /// The next segment, where this one has no room for the first of them.
    fn make_room(&mut self, drafts: &mut Drafts) -> Result<(), SpoolError> {
        if drafts.peek().is_none_or(|draft| draft.length() <= self.room()) {
            return Ok(());
        }
        let next = self.ready.recv().unwrap_or(Err(SpoolError::Closed));
        let number = next.as_ref().map_or(self.current.segment.number, |next| next.segment.number) + 1;
        // Where there was no room for it, it is tried again.
        drop(self.jobs.send(Job::Prepare(number)));
        self.begin(next?);
        Ok(())
    }

    fn begin(&mut self, next: Ready) {
        self.shared.add_segment(next.segment.clone());
        let number = next.segment.number;
        self.accounts.insert(number, Account::new(next.capacity));
        self.current = next;
        self.at = BLOCK;
        if self.shared.is_copying() {
            return;
        }
        self.changed.clear();
        if let Some(last) = copy::sparse(&self.accounts, number, self.shared.options.segment) {
            self.shared.set_copying(true);
            drop(self.jobs.send(Job::Copy { last, before: number }));
        }
    }

    /// Whether a transaction still says what is so: a copy of a message that has changed does not.
    fn is_true(&mut self, draft: &Draft) -> bool {
        let mut ids = draft.effects().iter().map(Effect::id);
        if draft.is_copy() {
            return !ids.any(|id| self.changed.contains(&id));
        }
        if self.shared.is_copying() {
            self.changed.extend(ids);
        }
        true
    }

    fn room(&self) -> u64 {
        self.current.capacity - self.at
    }

    /// Without room, those who wait are told; notes wait.
    fn postpone(&self, drafts: impl Iterator<Item = Draft>, error: &SpoolError) {
        self.shared.alarm(error);
        let (awaited, notes): (Vec<_>, Vec<_>) = drafts.partition(Draft::is_awaited);
        awaited.into_iter().for_each(|draft| draft.fail(SpoolError::Full));
        if !notes.is_empty() && !self.shared.put_back(notes) {
            self.shared.fail(&SpoolError::Full);
        }
    }

    fn commit_batch(&mut self, drafts: &mut Drafts) {
        if self.shared.is_failed() {
            return drafts.for_each(|draft| draft.fail(SpoolError::Failed));
        }
        let (first, room) = (self.sequence, self.room());
        self.batch.clear();
        let mut taken: Vec<(Draft, u64)> = Vec::with_capacity(drafts.len());
        let mut floor = (self.at == BLOCK).then(|| Draft::floor(self.shared.last_id()));
        let fits = |batch: &[u8], draft: &Draft| {
            let length = batch.len() as u64;
            length < LARGEST_BATCH && length + draft.length() <= room
        };
        while let Some(draft) = floor.take().or_else(|| drafts.next_if(|draft| fits(&self.batch, draft))) {
            if !self.is_true(&draft) {
                draft.fail(SpoolError::Gone);
                continue;
            }
            let offset = self.at + self.batch.len() as u64;
            draft.append(self.current.segment.nonce, self.sequence, first, &mut self.batch);
            self.sequence += 1;
            taken.push((draft, offset));
        }
        if taken.is_empty() {
            return;
        }
        match self.write(taken.len()) {
            Ok(()) => self.acknowledge(taken),
            Err(error) => {
                self.shared.fail(&error);
                taken.into_iter().for_each(|(draft, _)| draft.fail(SpoolError::Failed));
            }
        }
    }

    fn write(&mut self, transactions: usize) -> Result<(), SpoolError> {
        self.batch.resize(self.batch.len().next_multiple_of(BLOCK as usize), 0);
        let file = &*self.current.segment.file;
        write_all(file, &self.batch, self.at).map_err(SpoolError::disk("write to its log"))?;
        let started = Instant::now();
        file.sync_data().map_err(SpoolError::disk("sync its log"))?;
        self.shared.synced(started.elapsed(), transactions);
        self.at += self.batch.len() as u64;
        Ok(())
    }

    fn acknowledge(&mut self, taken: Vec<(Draft, u64)>) {
        let segment = self.current.segment.number;
        let mut finished = taken.first().is_some_and(|(_, offset)| *offset == BLOCK);
        for (draft, offset) in taken {
            for effect in draft.effects() {
                finished |= self.enter(effect, segment, offset as u32, draft.length() as u32);
            }
            draft.done(segment, offset as u32);
        }
        if finished {
            self.retire();
        }
    }

    /// Keeps the accounts; says whether something has gone from where it stood.
    fn enter(&mut self, effect: &Effect, segment: u32, offset: u32, length: u32) -> bool {
        match *effect {
            Effect::Message { nth, file, from, .. } => {
                self.accounts.entry(segment).or_default().add(length);
                from.map(|from| self.take_along(from, Place { segment, offset, length, nth, file })).is_some()
            }
            Effect::Changed(_) => false,
            Effect::Finished(id, place) => {
                self.finish(id, place);
                true
            }
        }
    }

    /// A message has been copied forward.
    fn take_along(&mut self, from: Place, to: Place) {
        self.shared.moved(from, to);
        if let Some(account) = self.accounts.get_mut(&from.segment) {
            account.take(from.length);
        }
    }

    fn finish(&mut self, id: QueueId, place: Place) {
        let place = self.shared.forget(place);
        if let Some(account) = self.accounts.get_mut(&place.segment) {
            account.take(place.length);
        }
        if place.file {
            drop(self.jobs.send(Job::RemoveBody(id)));
        }
    }

    /// Removes segments in which nothing lives, the oldest first: the news in a later one may be of messages in it.
    fn retire(&mut self) {
        if self.at == BLOCK {
            // Only the older ones say yet which ids have been given away.
            return;
        }
        while let Some(oldest) = self.accounts.first_entry() {
            if oldest.get().messages > 0 || *oldest.key() == self.current.segment.number {
                break;
            }
            let number = oldest.remove_entry().0;
            self.shared.remove_segment(number);
            drop(self.jobs.send(Job::Remove(number)));
        }
    }
}
