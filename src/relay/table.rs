//! Constant databases (cdb): 2048 octets of header, records, and 256 hash tables, all numbers in 32 bits, little-endian.
//!
//! A table is read where it lies, by `pread`: its header alone is kept in memory, an address that it does not have costs
//! one read and one that it has two. It is copied before or soon after, so that nobody can change what is in use.

use std::io;
use std::path::Path;

use copy::Shared;

mod copy;
mod lookup;
mod sound;

const HEADER: usize = 2048;

/// A table, or a part of one, is not what it was built as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged(pub String);

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damaged {}

/// A database whose header fits its size: no hash table in it lies elsewhere.
#[derive(Debug)]
pub struct Table {
    source: Source,
    length: u64,
    /// Where each hash table begins, and how many slots it has.
    places: Box<[(u32, u32); 256]>,
}

#[derive(Debug)]
enum Source {
    File(Shared),
    Bytes(Vec<u8>),
}

impl Table {
    /// A table in its own file. One that is changed there says nothing more, until it is [settled](Table::settle).
    pub fn open(path: &Path) -> Result<Table, Damaged> {
        let file = Shared::open(path).map_err(|error| Damaged(error.to_string()))?;
        let length = file.len();
        Table::new(Source::File(file), length)
    }

    /// Goes on with a copy in a file of the folder `private` that has no name: whatever becomes of the table's own file,
    /// this one stays. One that has changed already is refused.
    pub fn settle(&self, private: &Path) -> Result<(), Damaged> {
        match &self.source {
            Source::File(file) => file.settle(private).map_err(|error| Damaged(error.to_string())),
            Source::Bytes(_) => Ok(()),
        }
    }

    pub fn from_bytes(bytes: Vec<u8>) -> Result<Table, Damaged> {
        let length = bytes.len() as u64;
        Table::new(Source::Bytes(bytes), length)
    }

    fn new(source: Source, length: u64) -> Result<Table, Damaged> {
        if length < HEADER as u64 || length > u64::from(u32::MAX) {
            return Err(Damaged(format!("it is no constant database: {length} octets")));
        }
        let mut header = [0; HEADER];
        source.read(&mut header, 0)?;
        let mut places = Box::new([(0, 0); 256]);
        for (number, (place, octets)) in places.iter_mut().zip(header.chunks_exact(8)).enumerate() {
            *place = pair(octets);
            if !lies_inside(*place, length) {
                return Err(wrong(number));
            }
        }
        Ok(Table { source, length, places })
    }

    /// How many keys it has.
    pub fn len(&self) -> usize {
        // Twice as many slots as records.
        self.places.iter().map(|(_, slots)| *slots as usize / 2).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Source {
    /// Fills the buffer from this place on.
    fn read(&self, buffer: &mut [u8], at: u64) -> Result<(), Damaged> {
        match self {
            Source::File(file) => file.read(buffer, at).map_err(|error| unreadable(&error)),
            Source::Bytes(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX);
                let found = bytes.get(start..).and_then(|rest| rest.get(..buffer.len()));
                buffer.copy_from_slice(found.ok_or_else(|| unreadable(&io::ErrorKind::UnexpectedEof.into()))?);
                Ok(())
            }
        }
    }
}

fn unreadable(error: &io::Error) -> Damaged {
    Damaged(format!("it cannot be read: {error}"))
}

fn wrong(table: usize) -> Damaged {
    Damaged(format!("it is no constant database, or a damaged one: hash table {table} is wrong"))
}

fn lies_inside((at, slots): (u32, u32), length: u64) -> bool {
    slots == 0 || (at as usize >= HEADER && u64::from(at) + u64::from(slots) * 8 <= length)
}

/// Two numbers; `octets` are eight of them.
fn pair(octets: &[u8]) -> (u32, u32) {
    let number = |from: usize| octets[from..from + 4].iter().rev().fold(0, |n, &octet| n << 8 | u32::from(octet));
    (number(0), number(4))
}

/// The format's own hash function.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33) ^ u32::from(byte))
}
