//! Opening a spool: reading back what was acknowledged, and making the rest harmless.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use super::damage;
use super::disk::{Disk, read_full, write_all};
use super::keeper::{self, Job, Keeper, Ready};
use super::replay::{End, Live, Replay};
use super::segment::{self, BLOCK, Segment};
use super::shared::{Handle, Shared};
use super::survey::{self, Survey};
use super::writer::{Account, Writer};
use super::{Options, Place, Spool, SpoolError};
use crate::relay::envelope::QueueId;

pub(crate) const VERSION: &str = "mailswitch spool 1\n";
/// The first segment after a start is small: it is needed at once.
const FIRST_SEGMENT: u64 = 4 << 20;

/// A spool, and what it held.
#[derive(Debug)]
pub struct Opened {
    pub spool: Spool,
    /// By their ids.
    pub messages: Vec<Recovered>,
    /// Acknowledged news that could not be read. Copies of the octets are in `damaged/`.
    pub damage: Vec<Damage>,
    /// What was being written when the relay or the machine stopped: it had not been acknowledged. Copied likewise.
    pub unfinished: Vec<Damage>,
}

/// A message that has recipients left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    pub id: QueueId,
    pub arrived: u64,
    pub place: Place,
    /// How many there were.
    pub recipients: u32,
    /// Those that need nothing more, sorted.
    pub done: Vec<u32>,
    pub held: bool,
    pub warned: bool,
}

impl Recovered {
    /// The recipients that are left, by their index in the envelope.
    pub fn left(&self) -> impl Iterator<Item = u32> {
        (0..self.recipients).filter(|index| self.done.binary_search(index).is_err())
    }
}

/// A stretch of a segment that is not what was written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub segment: u32,
    pub from: u64,
    pub to: u64,
    /// What is lost by it.
    pub what: String,
}

pub(crate) fn open(folder: &Path, disk: Arc<dyn Disk>, options: Options) -> Result<Opened, SpoolError> {
    let failed = |what| SpoolError::disk(what);
    disk.create_folder(folder).map_err(failed("make its folder"))?;
    let lock = Shared::lock(folder, &*disk)?;
    version(folder, &*disk)?;
    let shared = Arc::new(Shared::new(folder, disk, options, lock));
    let survey = survey::survey(&shared).map_err(failed("read its log"))?;
    let mut replay = tidy(&shared, survey).map_err(failed("put its folder in order"))?;
    settle(&shared, &mut replay).map_err(failed("put its folder in order"))?;
    let messages = messages(&replay);
    let last = replay.segments.last().copied().unwrap_or(0);
    let size = FIRST_SEGMENT.min(shared.options.segment);
    let first = keeper::prepare(&*shared.disk, &shared.segments_folder(), last + 1, size);
    start(&shared, &replay, &messages, first.map_err(failed("make a segment"))?).map_err(failed("start a thread"))?;
    let spool = Spool { _handle: Arc::new(Handle(Arc::clone(&shared))), shared };
    Ok(Opened { spool, messages, damage: replay.damage, unfinished: replay.unfinished })
}

/// Only a spool of this version is read; a new folder becomes one.
fn version(folder: &Path, disk: &dyn Disk) -> Result<(), SpoolError> {
    match read_version(folder, disk)?.as_deref() {
        Some(VERSION) => {
            // Whoever made it may have been stopped before it was durable; an empty folder may have been cleared away.
            make_folders(folder, disk).map_err(SpoolError::disk("make its folder"))?;
            disk.sync_folder(folder).map_err(SpoolError::disk("sync its folder"))
        }
        Some(other) => Err(SpoolError::Version(other.trim_end().to_owned())),
        None if disk.list(&folder.join("segments")).is_ok_and(|names| !names.is_empty()) => {
            Err(SpoolError::Version("no version, and segments".to_owned()))
        }
        None => found_spool(folder, disk).map_err(SpoolError::disk("make its folder")),
    }
}

/// What the folder says of its version.
pub(crate) fn read_version(folder: &Path, disk: &dyn Disk) -> Result<Option<String>, SpoolError> {
    let mut found = [0; 64];
    match disk.open(&folder.join("version")).and_then(|file| read_full(&*file, &mut found, 0)) {
        Ok(read) => Ok(Some(String::from_utf8_lossy(&found[..read]).into_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SpoolError::disk("read its version")(e)),
    }
}

fn found_spool(folder: &Path, disk: &dyn Disk) -> io::Result<()> {
    make_folders(folder, disk)?;
    write_version(folder, disk)?;
    folder.parent().filter(|p| !p.as_os_str().is_empty()).map_or(Ok(()), |parent| disk.sync_folder(parent))
}

pub(crate) fn make_folders(folder: &Path, disk: &dyn Disk) -> io::Result<()> {
    ["segments", "bodies", "damaged"].iter().try_for_each(|name| disk.create_folder(&folder.join(name)))
}

pub(crate) fn write_version(folder: &Path, disk: &dyn Disk) -> io::Result<()> {
    let new = folder.join("version.new");
    let file = disk.create(&new)?;
    write_all(&*file, VERSION.as_bytes(), 0)?;
    file.sync_all()?;
    disk.rename(&new, &folder.join("version"))?;
    disk.sync_folder(folder)
}

/// Clears away what is no part of the log.
pub(crate) fn tidy(shared: &Shared, survey: Survey) -> io::Result<Replay> {
    let folder = shared.segments_folder();
    for name in survey.strange {
        shared.disk.remove(&folder.join(name))?;
    }
    for number in survey.headless {
        set_aside(shared, number)?;
    }
    // The last first: none may be missing between others.
    for (unused, end) in survey.unused {
        discard(shared, &unused, end)?;
    }
    Ok(survey.replay)
}

/// Removes an unused segment; where something is in it, it is kept elsewhere.
fn discard(shared: &Shared, unused: &Segment, end: u64) -> io::Result<()> {
    if end == BLOCK {
        return shared.disk.remove(&shared.segments_folder().join(segment::name(unused.number)));
    }
    unused.file.set_len(end)?;
    set_aside(shared, unused.number)
}

/// Moves a segment in which nothing can be read out of the way, for people to look at.
fn set_aside(shared: &Shared, number: u32) -> io::Result<()> {
    let name = segment::name(number);
    shared.disk.rename(&shared.segments_folder().join(&name), &shared.damaged().join(&name))?;
    shared.disk.sync_folder(&shared.damaged())?;
    shared.disk.sync_folder(&shared.segments_folder())
}

/// Makes the end of the log durable as it was read. What was not finished is cut off: it must not be read as damage
/// once other segments follow. The last batch is written again: it may stand in the system's memory alone, and after a
/// sync that failed the system takes it for written.
fn make_durable(End { segment, last_batch, at }: &End) -> io::Result<()> {
    let mut batch = vec![0; (at - last_batch) as usize];
    let read = read_full(&*segment.file, &mut batch, *last_batch)?;
    write_all(&*segment.file, &batch[..read], *last_batch)?;
    segment.file.set_len(*at)?;
    segment.file.sync_all()
}

/// Brings files and log together.
pub(crate) fn settle(shared: &Shared, replay: &mut Replay) -> io::Result<()> {
    damage::keep(shared, replay)?;
    replay.end.take().as_ref().map_or(Ok(()), make_durable)?;
    let bodies = survey::bodies(shared, replay)?;
    for name in bodies.orphans {
        let path = shared.bodies().join(&name);
        if replay.damage.is_empty() {
            shared.disk.remove(&path)?;
        } else {
            // The message that it belongs to may be among what is lost.
            shared.disk.rename(&path, &shared.damaged().join(&name))?;
        }
    }
    for id in bodies.lost {
        if let Some(Live { place, .. }) = replay.live.remove(&id) {
            replay.lost(place, format!("the content of message {id}"));
        }
    }
    Ok(())
}

/// By their ids.
fn messages(replay: &Replay) -> Vec<Recovered> {
    let mut messages: Vec<Recovered> = replay.live.iter().map(|(id, live)| live.recovered(*id)).collect();
    messages.sort_unstable_by_key(|message| message.id);
    messages
}

/// Starts the threads.
fn start(shared: &Arc<Shared>, replay: &Replay, messages: &[Recovered], first: Ready) -> io::Result<()> {
    shared.set_last_id(replay.floor.max(shared.options.now << 16));
    let mut accounts = BTreeMap::new();
    for Segment { number, file, .. } in shared.segments_before(first.segment.number) {
        accounts.insert(number, Account::new(file.len()?));
    }
    for Recovered { place, .. } in messages {
        accounts.entry(place.segment).or_default().add(place.length);
    }
    let ((jobs, to_do), (made, ready)) = (mpsc::channel(), mpsc::channel());
    let keeper = Keeper { shared: Arc::clone(shared), jobs: to_do, ready: made, doomed: VecDeque::new(), copier: None };
    let keeper = std::thread::Builder::new().name("spool-keeper".into()).spawn(|| keeper.run())?;
    drop(jobs.send(Job::Prepare(first.segment.number + 1)));
    let writer = Writer::new(Arc::clone(shared), first, replay.next.max(1), accounts, jobs, ready);
    let run = move || {
        let shared = writer.run();
        // It ends when the writer no longer has anything for it to do.
        drop(keeper.join());
        shared.unlock();
    };
    shared.set_writer(std::thread::Builder::new().name("spool-writer".into()).spawn(run)?);
    Ok(())
}
