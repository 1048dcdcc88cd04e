//! Reading a message back.

use std::io;
use std::sync::Arc;

use super::body::Body;
use super::disk::read_full;
use super::record::{Message, Record, decode, decode_envelope};
use super::segment::{HEADER, Header, Segment};
use super::shared::Shared;
use super::{Content, Place, SpoolError};
use crate::relay::envelope::Envelope;

/// Enough for the operations of nearly every frame.
const FIRST_READ: usize = 2048;

/// With the octets of the content.
pub(crate) fn envelope(shared: &Shared, place: Place) -> Result<(Envelope, u64), SpoolError> {
    let frame = Frame::read(shared, place, FIRST_READ)?;
    let (message, _) = frame.message()?;
    let envelope = decode_envelope(message.envelope, message.recipients).ok_or_else(|| frame.damaged())?;
    Ok((envelope, message.length))
}

pub(crate) fn content(shared: &Shared, place: Place) -> Result<Content, SpoolError> {
    let frame = Frame::whole(shared, place)?;
    let (message, at) = frame.message()?;
    frame.content(shared, &message, at)
}

pub(crate) fn message(shared: &Shared, place: Place) -> Result<(Envelope, Content), SpoolError> {
    let frame = Frame::whole(shared, place)?;
    let (message, at) = frame.message()?;
    let envelope = decode_envelope(message.envelope, message.recipients).ok_or_else(|| frame.damaged())?;
    Ok((envelope, frame.content(shared, &message, at)?))
}

/// As much of a frame as was asked for, its header and operations at least.
#[derive(Debug)]
pub(crate) struct Frame {
    place: Place,
    header: Header,
    bytes: Vec<u8>,
}

impl Frame {
    pub(crate) fn read(shared: &Shared, place: Place, first: usize) -> Result<Frame, SpoolError> {
        // A message that is copied forward between the two has moved once more when it is asked for again.
        for _ in 0..2 {
            let place = shared.resolve(place);
            if let Some(segment) = shared.segment(place.segment) {
                return Frame::at(&segment, place, first);
            }
        }
        Err(SpoolError::Gone)
    }

    /// One read: for a file the content lies elsewhere.
    fn whole(shared: &Shared, place: Place) -> Result<Frame, SpoolError> {
        Frame::read(shared, place, if place.file { FIRST_READ } else { place.length as usize })
    }

    fn content(&self, shared: &Shared, message: &Message<'_>, at: usize) -> Result<Content, SpoolError> {
        if message.is_file() {
            let body = Body::open(&*shared.disk, &shared.body(message.id), message.length, message.crc)?;
            return Ok(Content::File(body));
        }
        Ok(Content::Bytes(self.inline(message, at)?))
    }

    fn at(segment: &Segment, place: Place, first: usize) -> Result<Frame, SpoolError> {
        let failed = SpoolError::disk("read its log");
        let damaged = SpoolError::Damaged { segment: place.segment, offset: place.offset };
        let length = place.length as usize;
        let mut bytes = vec![0; first.min(length)];
        let mut read = || -> io::Result<Option<Header>> {
            read_full(&*segment.file, &mut bytes, u64::from(place.offset))?;
            let Some(header) = Header::decode(&bytes, segment.nonce) else { return Ok(None) };
            let head = header.head() as usize;
            if head > bytes.len() && head <= length {
                bytes.resize(head, 0);
                read_full(&*segment.file, &mut bytes, u64::from(place.offset))?;
            }
            Ok(Some(header))
        };
        let header = read().map_err(failed)?.ok_or_else(|| damaged.clone())?;
        let ops = bytes.get(HEADER..header.head() as usize);
        match ops.is_some_and(|ops| crc32c::crc32c(ops) == header.ops_crc) {
            true => Ok(Frame { place, header, bytes }),
            false => Err(damaged),
        }
    }

    fn damaged(&self) -> SpoolError {
        SpoolError::Damaged { segment: self.place.segment, offset: self.place.offset }
    }

    /// The content that stands in the frame, at an offset.
    pub(crate) fn inline(&self, message: &Message<'_>, at: usize) -> Result<Arc<[u8]>, SpoolError> {
        let content = at.checked_add(message.length as usize).and_then(|end| self.bytes.get(at..end));
        let content = content.filter(|content| crc32c::crc32c(content) == message.crc);
        content.map(Arc::from).ok_or_else(|| self.damaged())
    }

    /// The message of the place, and where its content begins.
    pub(crate) fn message(&self) -> Result<(Message<'_>, usize), SpoolError> {
        let head = self.header.head() as usize;
        let records = decode(&self.bytes[HEADER..head]).ok_or_else(|| self.damaged())?;
        let mut at = head;
        let messages = records.into_iter().filter_map(|record| match record {
            Record::Message(message) => Some(message),
            _ => None,
        });
        for (nth, message) in messages.enumerate() {
            if nth == usize::from(self.place.nth) {
                return Ok((message, at));
            }
            at = at.saturating_add(message.inline() as usize);
        }
        Err(self.damaged())
    }
}
