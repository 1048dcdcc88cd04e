//! Repair: what can be read of a damaged spool is written anew at the end of its log, and then the old segments go.
//!
//! A message that is there already is replaced by its copy, and a segment has its name only when all of it is synced:
//! whenever this is stopped the folder is a spool with every message that could be read, and it can be begun again.

use std::path::Path;
use std::sync::Arc;

use super::audit::{self, Report};
use super::disk::{Disk, File, write_all};
use super::draft::Draft;
use super::keeper;
use super::replay::{Live, Replay};
use super::segment::{self, BLOCK};
use super::shared::Shared;
use super::{Options, SpoolError, copy, recover};
use crate::relay::envelope::QueueId;

/// How many messages are written at a time.
const GROUP: usize = 64;

/// What was found, and what was done about it.
#[derive(Debug)]
pub struct Repaired {
    pub found: Report,
    /// The files below `damaged/` that hold what could not be read.
    pub kept: Vec<String>,
}

/// Mends a spool in which something is damaged; one that is good is left as it is.
pub fn repair(folder: &Path, disk: Arc<dyn Disk>, options: Options) -> Result<Repaired, SpoolError> {
    let (shared, version) = audit::closed(folder, disk, options)?;
    let put = || SpoolError::disk("put its folder in order");
    recover::make_folders(folder, &*shared.disk).map_err(put())?;
    let (found, survey) = audit::look(&shared, version)?;
    if found.is_good() {
        return Ok(Repaired { found, kept: Vec::new() });
    }
    let before = shared.disk.list(&shared.damaged()).map_err(put())?;
    let mut replay = recover::tidy(&shared, survey).map_err(put())?;
    recover::settle(&shared, &mut replay).map_err(put())?;
    if !replay.damage.is_empty() {
        write_anew(&shared, &replay)?;
    }
    recover::write_version(folder, &*shared.disk).map_err(put())?;
    let mut kept = shared.disk.list(&shared.damaged()).map_err(put())?;
    kept.retain(|name| !before.contains(name));
    Ok(Repaired { found, kept })
}

fn write_anew(shared: &Shared, replay: &Replay) -> Result<(), SpoolError> {
    let mut live: Vec<&Live> = replay.live.values().collect();
    live.sort_unstable_by_key(|live| live.place);
    let last = replay.segments.last().copied().unwrap_or(0);
    let mut writer = Writer { shared, number: last, sequence: replay.next.max(1), floor: QueueId(replay.floor) };
    let mut groups = live.chunks(GROUP).peekable();
    loop {
        let mut next = writer.begin()?;
        while next.at < shared.options.segment
            && let Some(group) = groups.next()
        {
            let drafts = group.iter().map(|live| copy::draft(shared, live)).collect::<Result<Vec<_>, _>>()?;
            writer.batch(&mut next, &drafts)?;
        }
        writer.finish(next)?;
        if groups.peek().is_none() {
            break;
        }
    }
    let old = shared.segments_before(last + 1).into_iter().map(|segment| segment.number);
    keeper::remove(shared, &mut old.collect()).map_err(SpoolError::disk("remove a segment"))
}

/// Writes segments that are whole when they have their name.
struct Writer<'a> {
    shared: &'a Shared,
    number: u32,
    sequence: u64,
    floor: QueueId,
}

struct Begun {
    file: Arc<dyn File>,
    nonce: u64,
    at: u64,
}

impl Writer<'_> {
    fn begin(&mut self) -> Result<Begun, SpoolError> {
        self.number += 1;
        let made = keeper::create(&*self.shared.disk, &self.shared.segments_folder(), self.number);
        let (file, nonce) = made.map_err(SpoolError::disk("make a segment"))?;
        let mut begun = Begun { file, nonce, at: BLOCK };
        // Only the old segments say yet which ids have been given away.
        self.batch(&mut begun, &[Draft::floor(self.floor)])?;
        Ok(begun)
    }

    fn batch(&mut self, to: &mut Begun, drafts: &[Draft]) -> Result<(), SpoolError> {
        let (mut batch, first) = (Vec::new(), self.sequence);
        for draft in drafts {
            draft.append(to.nonce, self.sequence, first, &mut batch);
            self.sequence += 1;
        }
        batch.resize(batch.len().next_multiple_of(BLOCK as usize), 0);
        write_all(&*to.file, &batch, to.at).map_err(SpoolError::disk("write to its log"))?;
        to.at += batch.len() as u64;
        Ok(())
    }

    fn finish(&self, Begun { file, nonce, .. }: Begun) -> Result<(), SpoolError> {
        let folder = self.shared.segments_folder();
        let head = segment::head_block(self.number, nonce);
        keeper::name(&*self.shared.disk, &folder, self.number, &*file, &head)
            .map_err(SpoolError::disk("make a segment"))
    }
}
