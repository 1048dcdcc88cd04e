//! The keeper: a thread for what the writer must not wait for. It makes segments ready ahead of need and removes what
//! is finished.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::SpoolError;
use super::copy;
use super::disk::{Disk, File, write_all};
use super::segment::{self, BLOCK, Segment};
use super::shared::Shared;
use crate::relay::envelope::QueueId;

#[derive(Debug)]
pub(crate) enum Job {
    /// Make the segment of this number.
    Prepare(u32),
    /// Nothing lives in it any more.
    Remove(u32),
    RemoveBody(QueueId),
    /// Copy forward what lives in the segments up to `last`, as of when `before` was begun.
    Copy {
        last: u32,
        before: u32,
    },
}

/// A segment that can be written to.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) segment: Segment,
    pub(crate) capacity: u64,
}

#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) jobs: Receiver<Job>,
    pub(crate) ready: Sender<Result<Ready, SpoolError>>,
    pub(crate) doomed: VecDeque<u32>,
    pub(crate) copier: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn run(mut self) {
        self.shared.look_at_free();
        loop {
            match self.jobs.recv_timeout(Duration::from_secs(1)) {
                Ok(job) => self.work(job),
                Err(RecvTimeoutError::Timeout) => self.shared.look_at_free(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // It ends at once: nothing is taken from it any more.
        self.copier.map(JoinHandle::join);
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Prepare(number) => {
                let shared = &self.shared;
                let made = prepare(&*shared.disk, &shared.segments_folder(), number, shared.options.segment);
                shared.look_at_free();
                // Nobody takes it from a writer that has ended.
                drop(self.ready.send(made.map_err(SpoolError::disk("make a segment"))));
            }
            Job::Remove(number) => {
                self.doomed.push_back(number);
                remove(&self.shared, &mut self.doomed)
                    .unwrap_or_else(|e| self.shared.alarm(&SpoolError::disk("remove a segment")(e)));
            }
            Job::RemoveBody(id) => {
                let removed = self.shared.disk.remove(&self.shared.body(id));
                removed.unwrap_or_else(|e| self.shared.alarm(&SpoolError::disk("remove a body file")(e)));
            }
            Job::Copy { last, before } => self.copy(last, before),
        }
    }

    /// In a thread of its own: the writer, for which the copies wait, may itself wait for a segment to be made ready.
    fn copy(&mut self, last: u32, before: u32) {
        let shared = Arc::clone(&self.shared);
        let copy = move || {
            let copied = copy::forward(&shared, last, before);
            shared.set_copying(false);
            copied.unwrap_or_else(|e| shared.alarm(&e));
        };
        match std::thread::Builder::new().name("spool-copier".into()).spawn(copy) {
            Ok(thread) => self.copier = Some(thread),
            Err(e) => {
                self.shared.set_copying(false);
                self.shared.alarm(&SpoolError::disk("start a thread")(e));
            }
        }
    }
}

/// One after the other, and each for good before the next: if a later one were gone and an earlier one were not,
/// messages would come back of which only the later one says that they are finished.
pub(crate) fn remove(shared: &Shared, doomed: &mut VecDeque<u32>) -> io::Result<()> {
    let folder = shared.segments_folder();
    while let Some(number) = doomed.front() {
        match shared.disk.remove(&folder.join(segment::name(*number))) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => shared.disk.sync_folder(&folder)?,
        }
        doomed.pop_front();
    }
    Ok(())
}

/// Makes a segment: filled with zeros, so that a sync of what is written into it later touches no metadata, and
/// durable with its name.
pub(crate) fn prepare(disk: &dyn Disk, folder: &Path, number: u32, capacity: u64) -> io::Result<Ready> {
    let (file, nonce) = create(disk, folder, number)?;
    let head = segment::head_block(number, nonce);
    let filled = fill(&*file, capacity).and_then(|()| name(disk, folder, number, &*file, &head));
    if let Err(e) = filled {
        // It takes no room while there is none. One that stays is removed at the next start.
        drop(disk.remove(&unnamed(folder, number)));
        return Err(e);
    }
    Ok(Ready { segment: Segment { number, nonce, file }, capacity })
}

/// A segment that has no head and no name yet.
pub(crate) fn create(disk: &dyn Disk, folder: &Path, number: u32) -> io::Result<(Arc<dyn File>, u64)> {
    let file = disk.create(&unnamed(folder, number))?;
    Ok((file, RandomState::new().hash_one(number)))
}

fn unnamed(folder: &Path, number: u32) -> PathBuf {
    folder.join(segment::name(number).replace(".log", ".new"))
}

/// Gives it both, once what is in it is durable.
pub(crate) fn name(disk: &dyn Disk, folder: &Path, number: u32, file: &dyn File, head: &[u8]) -> io::Result<()> {
    write_all(file, head, 0)?;
    file.sync_all()?;
    disk.rename(&unnamed(folder, number), &folder.join(segment::name(number)))?;
    disk.sync_folder(folder)
}

/// In small portions, with as long a rest behind each as it took: a sync of the log beside it waits for one of them at
/// most, and seldom for that.
fn fill(file: &dyn File, capacity: u64) -> io::Result<()> {
    const PIECE: u64 = 128 << 10;
    let zeros = vec![0; PIECE as usize];
    let mut at = BLOCK;
    while at < capacity {
        let begun = Instant::now();
        let length = PIECE.min(capacity - at);
        write_all(file, &zeros[..length as usize], at)?;
        file.sync_data()?;
        at += length;
        std::thread::sleep(begun.elapsed());
    }
    Ok(())
}
