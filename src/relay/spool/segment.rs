//! A segment of the log: its head, the headers of its frames, and reading it from one frame to the next (the format
//! itself is in `record`).

use std::io;
use std::sync::Arc;

use super::disk::{File, read_full};
use super::record::{Record, decode};

pub(crate) const MAGIC: &[u8; 8] = b"MSWSPOOL";
pub(crate) const VERSION: u32 = 1;
/// Batches begin at multiples of this: no sector that holds what was acknowledged is ever written again.
pub(crate) const BLOCK: u64 = 4096;
const SECOND_HEAD: usize = 2048;
const FRAME: &[u8; 4] = b"MSWF";
pub(crate) const HEADER: usize = 48;
const WINDOW: usize = 256 * 1024;

pub(crate) fn name(number: u32) -> String {
    format!("{number:010}.log")
}

/// The number of a segment from its file's name.
pub(crate) fn number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".log").filter(|d| d.len() == 10 && d.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

/// An open segment.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    pub(crate) nonce: u64,
    pub(crate) file: Arc<dyn File>,
}

/// The first block of a segment.
pub(crate) fn head_block(number: u32, nonce: u64) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend(VERSION.to_le_bytes());
    head.extend(number.to_le_bytes());
    head.extend(nonce.to_le_bytes());
    head.extend(crc32c::crc32c(&head).to_le_bytes());
    let mut block = vec![0; BLOCK as usize];
    for at in [0, SECOND_HEAD] {
        block[at..at + head.len()].copy_from_slice(&head);
    }
    block
}

/// The nonce in either head.
fn nonce(block: &[u8], number: u32) -> Option<u64> {
    [0, SECOND_HEAD].iter().find_map(|at| {
        let head = block.get(*at..at + 28)?;
        let crc = u32::from_le_bytes(array(head, 24));
        let good = head.starts_with(MAGIC)
            && crc == crc32c::crc32c(&head[..24])
            && u32::from_le_bytes(array(head, 8)) == VERSION
            && u32::from_le_bytes(array(head, 12)) == number;
        good.then(|| u64::from_le_bytes(array(head, 16)))
    })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

impl Segment {
    /// `None` when neither head is whole: no frame in it can be told from other octets.
    pub(crate) fn open(file: Arc<dyn File>, number: u32) -> io::Result<Option<Segment>> {
        let mut block = vec![0; BLOCK as usize];
        let read = read_full(&*file, &mut block, 0)?;
        Ok(nonce(&block[..read], number).map(|nonce| Segment { number, nonce, file }))
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) nonce: u64,
    pub(crate) sequence: u64,
    pub(crate) first: u64,
    pub(crate) ops: u32,
    pub(crate) contents: u32,
    pub(crate) ops_crc: u32,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(FRAME);
        header[8..16].copy_from_slice(&self.nonce.to_le_bytes());
        header[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        header[24..32].copy_from_slice(&self.first.to_le_bytes());
        header[32..36].copy_from_slice(&self.ops.to_le_bytes());
        header[36..40].copy_from_slice(&self.contents.to_le_bytes());
        header[40..44].copy_from_slice(&self.ops_crc.to_le_bytes());
        let crc = crc32c::crc32c(&header[8..]);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        header
    }

    pub(crate) fn decode(bytes: &[u8], nonce: u64) -> Option<Header> {
        let bytes = bytes.get(..HEADER)?;
        let header = Header {
            nonce: u64::from_le_bytes(array(bytes, 8)),
            sequence: u64::from_le_bytes(array(bytes, 16)),
            first: u64::from_le_bytes(array(bytes, 24)),
            ops: u32::from_le_bytes(array(bytes, 32)),
            contents: u32::from_le_bytes(array(bytes, 36)),
            ops_crc: u32::from_le_bytes(array(bytes, 40)),
        };
        let good = bytes.starts_with(FRAME)
            && header.nonce == nonce
            && u32::from_le_bytes(array(bytes, 4)) == crc32c::crc32c(&bytes[8..])
            && header.first <= header.sequence;
        good.then_some(header)
    }

    /// Header and operations.
    pub(crate) fn head(&self) -> u64 {
        HEADER as u64 + u64::from(self.ops)
    }

    /// The whole frame with its padding.
    pub(crate) fn length(&self) -> u64 {
        (self.head() + u64::from(self.contents)).next_multiple_of(8)
    }
}

/// Reads a segment from frame to frame, over what is no frame. A gap shows in the sequence of the frames.
#[derive(Debug)]
pub(crate) struct Scan {
    segment: Segment,
    length: u64,
    at: u64,
    window: Vec<u8>,
    window_at: u64,
    /// How much of the window is filled.
    held: usize,
}

impl Scan {
    pub(crate) fn new(segment: Segment) -> io::Result<Scan> {
        let length = segment.file.len()?;
        Ok(Scan::until(segment, length))
    }

    /// As far as an offset where a batch ends.
    pub(crate) fn until(segment: Segment, length: u64) -> Scan {
        Scan { segment, length, at: BLOCK, window: Vec::new(), window_at: 0, held: 0 }
    }

    /// The next frame with a good header, and where it stands.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Header)>> {
        // A frame follows at once, or at the next block; only where neither is so has every octet to be looked at.
        for at in [self.at, self.at.next_multiple_of(BLOCK)] {
            if let Some(header) = self.header(at)? {
                self.at = at + header.length();
                return Ok(Some((at, header)));
            }
        }
        self.search()
    }

    fn search(&mut self) -> io::Result<Option<(u64, Header)>> {
        while self.at + (HEADER as u64) <= self.length {
            let bytes = self.bytes(self.at, WINDOW)?;
            if bytes.len() < FRAME.len() {
                break;
            }
            let Some(found) = memchr::memmem::find(bytes, FRAME) else {
                self.at += (bytes.len() - FRAME.len() + 1) as u64;
                continue;
            };
            let at = self.at + found as u64;
            if let Some(header) = self.header(at)? {
                self.at = at + header.length();
                return Ok(Some((at, header)));
            }
            self.at = at + 1;
        }
        Ok(None)
    }

    fn header(&mut self, at: u64) -> io::Result<Option<Header>> {
        if !at.is_multiple_of(8) || at + HEADER as u64 > self.length {
            return Ok(None);
        }
        let nonce = self.segment.nonce;
        let header = Header::decode(self.bytes(at, HEADER)?, nonce);
        Ok(header.filter(|h| at + h.head() + u64::from(h.contents) <= self.length))
    }

    /// The operations of a frame; `None` when they are damaged.
    pub(crate) fn ops(&mut self, at: u64, header: &Header) -> io::Result<Option<&[u8]>> {
        let ops = self.bytes(at + HEADER as u64, header.ops as usize)?;
        Ok((ops.len() == header.ops as usize && crc32c::crc32c(ops) == header.ops_crc).then_some(ops))
    }

    /// Octets of the segment, at most `length` and no fewer unless it ends.
    pub(crate) fn bytes(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        let length = length.min(usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX));
        let held = at >= self.window_at && at + length as u64 <= self.window_at + self.held as u64;
        if !held {
            if self.window.len() < length {
                self.window = vec![0; length.max(WINDOW.min(self.length as usize))];
            }
            self.held = read_full(&*self.segment.file, &mut self.window, at)?;
            self.window_at = at;
        }
        let from = (at - self.window_at) as usize;
        Ok(&self.window[from..self.held.min(from + length)])
    }

    /// Whether the contents of a frame are what its operations say.
    pub(crate) fn is_whole(&mut self, at: u64, header: &Header) -> io::Result<bool> {
        let Some(records) = self.ops(at, header)?.and_then(decode) else { return Ok(false) };
        let contents = records.into_iter().filter_map(|record| match record {
            Record::Message(message) => Some((message.inline(), message.crc)),
            _ => None,
        });
        let contents: Vec<(u64, u32)> = contents.filter(|(length, _)| *length > 0).collect();
        let mut left = u64::from(header.contents);
        for (length, crc) in contents {
            if length > left {
                return Ok(false);
            }
            let from = at + header.head() + u64::from(header.contents) - left;
            if crc32c::crc32c(self.bytes(from, length as usize)?) != crc {
                return Ok(false);
            }
            left -= length;
        }
        Ok(left == 0)
    }

    pub(crate) fn end(&self) -> u64 {
        self.length
    }
}
