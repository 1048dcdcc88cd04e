//! Reading the log from its beginning: what it says of every message in the end.

use std::io;

use hashbrown::HashMap;

use super::Place;
use super::record::{FILE, HELD, Message, Record, WARNED, decode};
use super::recover::{Damage, Recovered};
use super::segment::{BLOCK, Header, Scan, Segment};
use crate::relay::envelope::QueueId;

#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Every segment that was found, in order.
    pub(crate) segments: Vec<u32>,
    pub(crate) live: HashMap<QueueId, Live, foldhash::fast::RandomState>,
    /// The highest id that was given away.
    pub(crate) floor: u64,
    pub(crate) damage: Vec<Damage>,
    pub(crate) unfinished: Vec<Damage>,
    /// The last segment that is used.
    pub(crate) end: Option<End>,
    /// The sequence of the next frame; 0 before the first.
    pub(crate) next: u64,
    /// Only messages that stand in segments up to this one are of interest.
    limit: Option<u32>,
    /// Where the frame before ended: its segment, the offset, and the segment's length.
    before: Option<(u32, u64, u64)>,
}

/// Where the log ends.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) segment: Segment,
    /// From here on it may not have been synced.
    pub(crate) last_batch: u64,
    pub(crate) at: u64,
}

/// A message, as far as it has been read.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) place: Place,
    arrived: u64,
    state: u8,
    recipients: u32,
    pub(crate) done: Vec<u32>,
    pub(crate) length: u64,
}

impl Live {
    pub(crate) fn is_file(&self) -> bool {
        self.state & FILE != 0
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.len() as u32 >= self.recipients
    }

    pub(crate) fn left(&self) -> usize {
        self.recipients as usize - self.done.len()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.state & HELD != 0
    }

    pub(crate) fn is_warned(&self) -> bool {
        self.state & WARNED != 0
    }

    fn add_done(&mut self, more: Vec<u32>) {
        self.done.extend(more.into_iter().filter(|index| *index < self.recipients));
        self.done.sort_unstable();
        self.done.dedup();
    }

    pub(crate) fn recovered(&self, id: QueueId) -> Recovered {
        Recovered {
            id,
            arrived: self.arrived,
            place: self.place,
            recipients: self.recipients,
            done: self.done.clone(),
            held: self.is_held(),
            warned: self.is_warned(),
        }
    }
}

/// A frame of a batch that is not yet known to be complete.
#[derive(Debug)]
struct Waiting {
    at: u64,
    header: Header,
    ops: Vec<u8>,
}

impl Replay {
    pub(crate) fn up_to(limit: u32) -> Replay {
        Replay { limit: Some(limit), ..Replay::default() }
    }

    /// A segment that others follow: all of it was synced before those were begun.
    pub(crate) fn sealed(&mut self, segment: &Segment) -> io::Result<()> {
        let mut scan = Scan::new(segment.clone())?;
        while let Some((at, header)) = scan.next()? {
            let end = scan.end();
            // Damaged operations show as a gap before the next frame.
            if let Some(ops) = scan.ops(at, &header)? {
                self.frame(segment.number, end, at, &header, ops);
            }
        }
        Ok(())
    }

    /// The last segment, every octet of it. Its last batch may be unfinished: what of it comes before the first hole
    /// is taken, and the rest was never acknowledged.
    pub(crate) fn tail(&mut self, segment: &Segment) -> io::Result<()> {
        let mut scan = Scan::new(segment.clone())?;
        let (number, end) = (segment.number, scan.end());
        let mut batch: Vec<Waiting> = Vec::new();
        while let Some((at, header)) = scan.next()? {
            if !scan.is_whole(at, &header)? {
                continue;
            }
            if batch.last().is_some_and(|last| last.header.first != header.first) {
                // Another batch follows: this one was acknowledged.
                batch.drain(..).for_each(|frame| self.frame(number, end, frame.at, &frame.header, &frame.ops));
            }
            if let Some(ops) = scan.ops(at, &header)? {
                batch.push(Waiting { at, header, ops: ops.to_vec() });
            }
        }
        let mut end_of_good = self.before.filter(|(before, ..)| *before == number).map_or(BLOCK, |(_, at, _)| at);
        let whole = |(place, frame): &(usize, &Waiting)| frame.header.first + *place as u64 == frame.header.sequence;
        for (_, frame) in batch.iter().enumerate().take_while(whole) {
            self.frame(number, end, frame.at, &frame.header, &frame.ops);
            end_of_good = frame.at + frame.header.length();
        }
        let last_batch = batch.first().map_or(end_of_good, |frame| frame.at.min(end_of_good));
        self.end = Some(End { segment: segment.clone(), last_batch, at: end_of_good });
        Ok(())
    }

    fn frame(&mut self, segment: u32, end: u64, at: u64, header: &Header, ops: &[u8]) {
        if header.sequence < self.next {
            return self.damaged(
                segment,
                at,
                at + header.length(),
                "a frame that stands where it was not written".into(),
            );
        }
        self.gap(segment, at, header.sequence);
        self.next = header.sequence + 1;
        self.before = Some((segment, at + header.length(), end));
        match decode(ops) {
            Some(records) => self.apply(segment, at, header, records),
            None => self.damaged(segment, at, at + header.length(), "a transaction of unknown form".into()),
        }
    }

    /// Frames that should stand before this one and do not.
    fn gap(&mut self, segment: u32, at: u64, sequence: u64) {
        if self.next == 0 && at != BLOCK {
            return self.damaged(segment, BLOCK, at, "what stood first".to_owned());
        }
        let lost = if self.next == 0 { 0 } else { sequence - self.next };
        if lost == 0 {
            return;
        }
        let what = format!("{lost} transaction{}", if lost == 1 { "" } else { "s" });
        match self.before {
            Some((before, from, _)) if before == segment => self.damaged(segment, from, at, what),
            // A segment's first frame stands at its beginning: what is lost stood in the one before.
            Some((before, from, to)) if at == BLOCK => self.damaged(before, from, to, what),
            _ => self.damaged(segment, BLOCK, at, what),
        }
    }

    pub(crate) fn damaged(&mut self, segment: u32, from: u64, to: u64, what: String) {
        self.damage.push(Damage { segment, from, to, what });
    }

    /// A frame of which something is lost.
    pub(crate) fn lost(&mut self, place: Place, what: String) {
        let from = u64::from(place.offset);
        self.damaged(place.segment, from, from + u64::from(place.length), what);
    }

    pub(crate) fn unfinished(&mut self, segment: u32, from: u64, to: u64) {
        self.unfinished.push(Damage { segment, from, to, what: "what was not finished".to_owned() });
    }

    fn apply(&mut self, segment: u32, at: u64, header: &Header, records: Vec<Record<'_>>) {
        let mut nth = 0;
        for record in records {
            match record {
                Record::Message(message) => {
                    let (offset, length, file) = (at as u32, header.length() as u32, message.is_file());
                    self.message(message, Place { segment, offset, length, nth, file });
                    nth += 1;
                }
                Record::Done(id, more) => self.change(id, |live| live.add_done(more)),
                Record::Finished(id) => drop(self.live.remove(&id)),
                Record::Held(id) => self.change(id, |live| live.state |= HELD),
                Record::Released(id) => self.change(id, |live| live.state &= !HELD),
                Record::Warned(id) => self.change(id, |live| live.state |= WARNED),
                Record::Floor(id) => self.floor = self.floor.max(id.0),
            }
        }
    }

    fn message(&mut self, message: Message<'_>, place: Place) {
        if self.limit.is_some_and(|limit| place.segment > limit) {
            // It has been copied forward.
            self.live.remove(&message.id);
            return;
        }
        let Message { id, arrived, state, recipients, length, .. } = message;
        self.floor = self.floor.max(id.0);
        let mut live = Live { place, arrived, state, recipients, done: Vec::new(), length };
        live.add_done(message.done);
        self.live.insert(id, live);
    }

    /// News of a message that is gone are of no use: it was copied forward or finished after they were written.
    fn change(&mut self, id: QueueId, change: impl FnOnce(&mut Live)) {
        self.live.get_mut(&id).map(change);
    }
}
