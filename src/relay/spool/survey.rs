//! What a spool's folder holds, read without a change to it.

use std::collections::BTreeSet;
use std::io;

use super::damage;
use super::replay::Replay;
use super::segment::{self, BLOCK, Scan, Segment};
use super::shared::Shared;
use crate::relay::envelope::QueueId;

#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) replay: Replay,
    /// Names in `segments/` that are no segment's: one that was being made has such a name.
    pub(crate) strange: Vec<String>,
    /// Segments without their head: no frame in them can be told from other octets.
    pub(crate) headless: Vec<u32>,
    /// The last segments, as far as nothing is in them that was finished; and where their octets end.
    pub(crate) unused: Vec<(Segment, u64)>,
}

/// Reads all segments, the oldest first; those with something in them can be read through `shared` from then on.
pub(crate) fn survey(shared: &Shared) -> io::Result<Survey> {
    let mut survey =
        Survey { replay: Replay::default(), strange: Vec::new(), headless: Vec::new(), unused: Vec::new() };
    let mut opened = survey.segments(shared)?;
    while let Some(last) = opened.pop_if(|last| is_unused(last)) {
        survey.unused(last)?;
    }
    let (replay, tail) = (&mut survey.replay, opened.pop());
    for segment in opened {
        replay.sealed(&segment)?;
        shared.add_segment(segment);
    }
    if let Some(segment) = tail {
        replay.tail(&segment)?;
        shared.add_segment(segment);
    }
    replay.live.retain(|_, live| !live.is_done());
    survey.rest()?;
    Ok(survey)
}

impl Survey {
    fn segments(&mut self, shared: &Shared) -> io::Result<Vec<Segment>> {
        let (folder, mut opened) = (shared.segments_folder(), Vec::new());
        for name in shared.disk.list(&folder)? {
            let Some(number) = segment::number(&name) else {
                self.strange.push(name);
                continue;
            };
            self.replay.segments.push(number);
            let file = shared.disk.open(&folder.join(&name))?;
            let length = file.len()?;
            match Segment::open(file, number)? {
                Some(segment) => opened.push(segment),
                None => {
                    self.headless.push(number);
                    self.replay.damaged(number, 0, length, "a segment without its head".to_owned());
                }
            }
        }
        Ok(opened)
    }

    fn unused(&mut self, segment: Segment) -> io::Result<()> {
        let end = damage::end_of_data(&segment, BLOCK)?;
        if end > BLOCK {
            self.replay.unfinished(segment.number, BLOCK, end);
        }
        self.unused.push((segment, end));
        Ok(())
    }

    /// What stands behind the end of the log.
    fn rest(&mut self) -> io::Result<()> {
        let Some((segment, at)) = self.replay.end.as_ref().map(|end| (end.segment.clone(), end.at)) else {
            return Ok(());
        };
        let to = damage::end_of_data(&segment, at)?;
        if to > at {
            self.replay.unfinished(segment.number, at, to);
        }
        Ok(())
    }
}

/// Whether a segment has no frame: it was made ready and not used, or its first batch was not finished.
fn is_unused(segment: &Segment) -> bool {
    Scan::new(segment.clone()).and_then(|mut scan| scan.next()).is_ok_and(|frame| frame.is_none())
}

/// What is in `bodies/`.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    /// Names of which there is no message.
    pub(crate) orphans: Vec<String>,
    /// Messages without their body file, or with one of another length.
    pub(crate) lost: Vec<QueueId>,
}

pub(crate) fn bodies(shared: &Shared, replay: &Replay) -> io::Result<Bodies> {
    let (mut orphans, mut whole) = (Vec::new(), BTreeSet::new());
    for name in shared.disk.list(&shared.bodies())? {
        let owner = name.parse::<QueueId>().ok().and_then(|id| Some((id, replay.live.get(&id)?)));
        let Some((id, live)) = owner.filter(|(_, live)| live.is_file()) else {
            orphans.push(name);
            continue;
        };
        if shared.disk.open(&shared.bodies().join(&name))?.len()? == live.length {
            whole.insert(id);
        }
    }
    let files = replay.live.iter().filter(|(_, live)| live.is_file()).map(|(id, _)| *id);
    let lost: BTreeSet<QueueId> = files.filter(|id| !whole.contains(id)).collect();
    Ok(Bodies { orphans, lost: lost.into_iter().collect() })
}
