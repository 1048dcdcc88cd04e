//! What the handles of a spool, its writer and its keeper have in common.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use super::disk::Disk;
use super::draft::Draft;
use super::moves::Moves;
use super::segment::{BLOCK, Segment};
use super::{Options, Place, SpoolError};
use crate::relay::envelope::QueueId;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    folder: PathBuf,
    pub(crate) options: Options,
    pending: Mutex<Pending>,
    wake: Condvar,
    segments: RwLock<BTreeMap<u32, Segment>>,
    moves: Mutex<Moves>,
    /// The keeper copies messages forward.
    copying: AtomicBool,
    failed: AtomicBool,
    free: AtomicU64,
    last_id: AtomicU64,
    lock: Mutex<Option<Box<dyn Any + Send + Sync>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Pending {
    drafts: Vec<Draft>,
    /// Somebody waits for one of them.
    awaited: bool,
    /// There was no room for them.
    stalled: bool,
    closed: bool,
}

/// Closes the spool when the last of its handles goes.
#[derive(Debug)]
pub(crate) struct Handle(pub(crate) Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.begin_close();
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No one panics while it holds a lock of the spool, and the data under it is whole at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(
        folder: &Path,
        disk: Arc<dyn Disk>,
        options: Options,
        lock: Box<dyn Any + Send + Sync>,
    ) -> Shared {
        Shared {
            disk,
            folder: folder.to_owned(),
            options,
            pending: Mutex::default(),
            wake: Condvar::new(),
            segments: RwLock::default(),
            moves: Mutex::default(),
            copying: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            free: AtomicU64::new(u64::MAX),
            last_id: AtomicU64::new(0),
            lock: Mutex::new(Some(lock)),
            writer: Mutex::default(),
        }
    }

    /// Keeps every other process away until what is given back is dropped.
    pub(crate) fn lock(folder: &Path, disk: &dyn Disk) -> Result<Box<dyn Any + Send + Sync>, SpoolError> {
        disk.lock(&folder.join("lock")).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => SpoolError::Locked,
            _ => SpoolError::disk("lock its folder")(e),
        })
    }

    pub(crate) fn segments_folder(&self) -> PathBuf {
        self.folder.join("segments")
    }

    pub(crate) fn bodies(&self) -> PathBuf {
        self.folder.join("bodies")
    }

    pub(crate) fn damaged(&self) -> PathBuf {
        self.folder.join("damaged")
    }

    pub(crate) fn body(&self, id: QueueId) -> PathBuf {
        self.bodies().join(id.to_string())
    }

    pub(crate) fn next_id(&self) -> QueueId {
        QueueId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn last_id(&self) -> QueueId {
        QueueId(self.last_id.load(Ordering::Relaxed))
    }

    pub(crate) fn set_last_id(&self, id: u64) {
        self.last_id.store(id, Ordering::Relaxed);
    }

    pub(crate) fn synced(&self, took: std::time::Duration, transactions: usize) {
        (self.options.synced.0)(took, transactions);
    }

    pub(crate) fn alarm(&self, error: &SpoolError) {
        (self.options.alarm.0)(error);
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(crate) fn fail(&self, error: &SpoolError) {
        self.failed.store(true, Ordering::Release);
        self.alarm(error);
    }

    pub(crate) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    pub(crate) fn look_at_free(&self) {
        // Where it cannot be told, writes will say so.
        self.free.store(self.disk.free(&self.folder).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Hands a transaction to the writer.
    pub(crate) fn push(&self, mut draft: Draft) {
        draft.seal();
        let refusal = if self.is_failed() {
            Some(SpoolError::Failed)
        } else if draft.length() + 2 * BLOCK > self.options.segment {
            Some(SpoolError::TooLarge)
        } else {
            None
        };
        if let Some(error) = refusal {
            return draft.fail(error);
        }
        let mut pending = hold(&self.pending);
        if pending.closed {
            drop(pending);
            return draft.fail(SpoolError::Closed);
        }
        let wakes = pending.drafts.is_empty() || (draft.is_awaited() && !pending.awaited);
        pending.awaited |= draft.is_awaited();
        pending.drafts.push(draft);
        drop(pending);
        if wakes {
            self.wake.notify_one();
        }
    }

    /// Waits for transactions, and gives the writer all there are; `None` when the spool is closed and nothing is left.
    pub(crate) fn take(&self, into: &mut Vec<Draft>) -> Option<()> {
        let mut pending = hold(&self.pending);
        while pending.drafts.is_empty() && !pending.closed {
            pending = self.wake.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        if !pending.awaited && !pending.closed {
            let patience = if pending.stalled { Duration::from_secs(1) } else { self.options.patience };
            let company = |pending: &mut Pending| !pending.awaited && !pending.closed;
            let waited = self.wake.wait_timeout_while(pending, patience, company);
            pending = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut pending.drafts, into);
        (pending.awaited, pending.stalled) = (false, false);
        (!into.is_empty()).then_some(())
    }

    /// Takes notes back for which there is no room yet; `false` when the spool is being closed.
    pub(crate) fn put_back(&self, mut notes: Vec<Draft>) -> bool {
        let mut pending = hold(&self.pending);
        if pending.closed {
            return false;
        }
        notes.append(&mut pending.drafts);
        pending.drafts = notes;
        pending.stalled = true;
        true
    }

    pub(crate) fn segment(&self, number: u32) -> Option<Segment> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    pub(crate) fn add_segment(&self, segment: Segment) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).insert(segment.number, segment);
    }

    pub(crate) fn remove_segment(&self, number: u32) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// The segments that were there before one.
    pub(crate) fn segments_before(&self, number: u32) -> Vec<Segment> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.range(..number).map(|(_, segment)| segment.clone()).collect()
    }

    /// Where a message stands now.
    pub(crate) fn resolve(&self, place: Place) -> Place {
        hold(&self.moves).resolve(place)
    }

    pub(crate) fn moved(&self, from: Place, to: Place) {
        hold(&self.moves).add(from, to);
    }

    /// Where a message stood that goes now.
    pub(crate) fn forget(&self, place: Place) -> Place {
        hold(&self.moves).remove(place)
    }

    pub(crate) fn set_copying(&self, copying: bool) {
        self.copying.store(copying, Ordering::Release);
    }

    pub(crate) fn is_copying(&self) -> bool {
        self.copying.load(Ordering::Acquire)
    }

    pub(crate) fn set_writer(&self, thread: JoinHandle<()>) {
        *hold(&self.writer) = Some(thread);
    }

    pub(crate) fn begin_close(&self) {
        hold(&self.pending).closed = true;
        self.wake.notify_all();
    }

    pub(crate) fn close(&self) {
        self.begin_close();
        let thread = hold(&self.writer).take();
        // A writer that panicked has said so itself.
        thread.map(JoinHandle::join);
    }

    pub(crate) fn unlock(&self) {
        hold(&self.lock).take();
    }
}
