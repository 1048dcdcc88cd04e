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
use super::segment::{self, BLOCK, Scan, Segment};
use super::shared::{Handle, Shared};
use super::writer::{Account, Writer};
use super::{Options, Place, Spool, SpoolError};
use crate::relay::envelope::QueueId;

const VERSION: &str = "mailswitch spool 1\n";
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
    let lock = lock(folder, &*disk)?;
    version(folder, &*disk)?;
    let shared = Arc::new(Shared::new(folder, disk, options, lock));
    let mut replay = read(&shared).map_err(failed("read its log"))?;
    let messages = settle(&shared, &mut replay).map_err(failed("put its folder in order"))?;
    let last = replay.segments.last().copied().unwrap_or(0);
    let size = FIRST_SEGMENT.min(shared.options.segment);
    let first = keeper::prepare(&*shared.disk, &shared.segments_folder(), last + 1, size);
    start(&shared, &replay, &messages, first.map_err(failed("make a segment"))?).map_err(failed("start a thread"))?;
    let spool = Spool { _handle: Arc::new(Handle(Arc::clone(&shared))), shared };
    Ok(Opened { spool, messages, damage: replay.damage, unfinished: replay.unfinished })
}

fn lock(folder: &Path, disk: &dyn Disk) -> Result<Box<dyn std::any::Any + Send + Sync>, SpoolError> {
    disk.create_folder(folder).map_err(SpoolError::disk("make its folder"))?;
    disk.lock(&folder.join("lock")).map_err(|e| match e.kind() {
        io::ErrorKind::WouldBlock => SpoolError::Locked,
        _ => SpoolError::disk("lock its folder")(e),
    })
}

/// Only a spool of this version is read; a new folder becomes one.
fn version(folder: &Path, disk: &dyn Disk) -> Result<(), SpoolError> {
    let path = folder.join("version");
    let mut found = [0; 64];
    let read = match disk.open(&path) {
        Ok(file) => read_full(&*file, &mut found, 0),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return found_spool(folder, disk),
        Err(e) => Err(e),
    };
    let read = read.map_err(SpoolError::disk("read its version"))?;
    if &found[..read] != VERSION.as_bytes() {
        return Err(SpoolError::Version(String::from_utf8_lossy(&found[..read]).trim_end().to_owned()));
    }
    // Whoever made it may have been stopped before it was durable.
    disk.sync_folder(folder).map_err(SpoolError::disk("sync its folder"))
}

fn found_spool(folder: &Path, disk: &dyn Disk) -> Result<(), SpoolError> {
    let segments = folder.join("segments");
    if disk.list(&segments).is_ok_and(|names| !names.is_empty()) {
        return Err(SpoolError::Version("no version, and segments".to_owned()));
    }
    let make = || -> io::Result<()> {
        for name in ["segments", "bodies", "damaged"] {
            disk.create_folder(&folder.join(name))?;
        }
        let new = folder.join("version.new");
        let file = disk.create(&new)?;
        write_all(&*file, VERSION.as_bytes(), 0)?;
        file.sync_all()?;
        disk.rename(&new, &folder.join("version"))?;
        disk.sync_folder(folder)?;
        folder.parent().filter(|p| !p.as_os_str().is_empty()).map_or(Ok(()), |parent| disk.sync_folder(parent))
    };
    make().map_err(SpoolError::disk("make its folder"))
}

/// Reads all segments, the oldest first.
fn read(shared: &Shared) -> io::Result<Replay> {
    let folder = shared.segments_folder();
    let (mut replay, mut segments) = (Replay::default(), Vec::new());
    for name in shared.disk.list(&folder)? {
        match segment::number(&name) {
            Some(number) => segments.push(number),
            None => shared.disk.remove(&folder.join(&name))?,
        }
    }
    let mut opened = Vec::new();
    for number in segments {
        replay.segments.push(number);
        match Segment::open(shared.disk.open(&folder.join(segment::name(number)))?, number)? {
            Some(segment) => opened.push(segment),
            None => {
                let length = set_aside(shared, number)?;
                replay.damaged(number, 0, length, "a segment without its head".to_owned());
            }
        }
    }
    while let Some(last) = opened.pop_if(|last| is_unused(last)) {
        discard(shared, &mut replay, &last)?;
    }
    let tail = opened.pop();
    for segment in opened {
        replay.sealed(&segment)?;
        shared.add_segment(segment);
    }
    if let Some(segment) = tail {
        replay.tail(&segment)?;
        shared.add_segment(segment);
    }
    Ok(replay)
}

/// Whether a segment has no frame: it was made ready and not used, or its first batch was not finished.
fn is_unused(segment: &Segment) -> bool {
    Scan::new(segment.clone()).and_then(|mut scan| scan.next()).is_ok_and(|frame| frame.is_none())
}

/// Removes an unused segment; where something is in it, a copy stays.
fn discard(shared: &Shared, replay: &mut Replay, unused: &Segment) -> io::Result<()> {
    let (number, end) = (unused.number, damage::end_of_data(unused, BLOCK)?);
    if end == BLOCK {
        return shared.disk.remove(&shared.segments_folder().join(segment::name(number)));
    }
    unused.file.set_len(end)?;
    set_aside(shared, number)?;
    replay.unfinished(number, BLOCK, end);
    Ok(())
}

/// Moves a segment in which nothing can be read out of the way, for people to look at.
fn set_aside(shared: &Shared, number: u32) -> io::Result<u64> {
    let name = segment::name(number);
    let from = shared.segments_folder().join(&name);
    let length = shared.disk.open(&from)?.len()?;
    shared.disk.rename(&from, &shared.damaged().join(&name))?;
    shared.disk.sync_folder(&shared.damaged())?;
    shared.disk.sync_folder(&shared.segments_folder())?;
    Ok(length)
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

/// Brings files and log together: gives the messages that have recipients left.
fn settle(shared: &Shared, replay: &mut Replay) -> io::Result<Vec<Recovered>> {
    replay.live.retain(|_, live| !live.is_done());
    let end = replay.end.take();
    if let Some(End { segment, at, .. }) = &end {
        let to = damage::end_of_data(segment, *at)?;
        if to > *at {
            replay.unfinished(segment.number, *at, to);
        }
    }
    damage::keep(shared, replay)?;
    end.as_ref().map_or(Ok(()), make_durable)?;
    bodies(shared, replay)?;
    let mut messages: Vec<Recovered> = replay.live.iter().map(|(id, live)| live.recovered(*id)).collect();
    messages.sort_unstable_by_key(|message| message.id);
    Ok(messages)
}

/// A body file without a message goes, a message without its body file is damage.
fn bodies(shared: &Shared, replay: &mut Replay) -> io::Result<()> {
    let mut there = BTreeMap::new();
    for name in shared.disk.list(&shared.bodies())? {
        let path = shared.bodies().join(&name);
        let id = name.parse::<QueueId>().ok().filter(|id| replay.live.get(id).is_some_and(Live::is_file));
        match id {
            Some(id) => drop(there.insert(id, shared.disk.open(&path)?.len()?)),
            // The message that it belongs to may be among what is lost.
            None if !replay.damage.is_empty() => shared.disk.rename(&path, &shared.damaged().join(&name))?,
            None => shared.disk.remove(&path)?,
        }
    }
    let lost = |id: &QueueId, live: &mut Live| live.is_file() && there.get(id) != Some(&live.length);
    let lost: Vec<(QueueId, Live)> = replay.live.extract_if(lost).collect();
    for (id, Live { place, .. }) in lost {
        let (from, to) = (u64::from(place.offset), u64::from(place.offset) + u64::from(place.length));
        replay.damaged(place.segment, from, to, format!("the content of message {id}"));
    }
    Ok(())
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
