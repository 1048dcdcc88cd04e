//! Constant databases: 2048 octets of header, records, and 256 hash tables, all numbers in 32 bits, little-endian.

use std::fs::File;
use std::io::Read;
use std::path::Path;

const HEADER: usize = 2048;

/// A database that was looked over whole: no offset in it leads anywhere else.
#[derive(Debug)]
pub struct Table {
    bytes: Vec<u8>,
}

impl Table {
    pub fn open(path: &Path) -> Result<Table, String> {
        let mut bytes = Vec::new();
        // One octet more than the format can hold tells that it is not one.
        let most = u64::from(u32::MAX) + 1;
        let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
        read.map_err(|error| error.to_string())?;
        Table::from_bytes(bytes)
    }

    pub fn from_bytes(bytes: Vec<u8>) -> Result<Table, String> {
        let table = Table { bytes };
        table.look_over()?;
        Ok(table)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let hash = hash(key);
        let (at, slots) = self.pair((hash & 0xff) as usize * 8)?;
        let mut slot = (hash >> 8) as usize % slots.max(1);
        for _ in 0..slots {
            let (found, record) = self.pair(at + slot * 8)?;
            if record == 0 {
                return None;
            }
            if found == hash as usize {
                let (known, value) = self.record(record)?;
                if known == key {
                    return Some(value);
                }
            }
            slot = (slot + 1) % slots;
        }
        None
    }

    /// How many keys it has.
    pub fn len(&self) -> usize {
        // As many slots as twice the records, in all.
        (0..256).filter_map(|number| self.pair(number * 8)).map(|(_, slots)| slots / 2).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn pair(&self, at: usize) -> Option<(usize, usize)> {
        let bytes = self.bytes.get(at..at.checked_add(8)?)?;
        let number = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).ok().map(|n| n as usize);
        Some((number(&bytes[..4])?, number(&bytes[4..])?))
    }

    fn record(&self, at: usize) -> Option<(&[u8], &[u8])> {
        let (key, value) = self.pair(at)?;
        let start = at + 8;
        let middle = start.checked_add(key)?;
        Some((self.bytes.get(start..middle)?, self.bytes.get(middle..middle.checked_add(value)?)?))
    }

    fn look_over(&self) -> Result<(), String> {
        if self.bytes.len() < HEADER || u32::try_from(self.bytes.len()).is_err() {
            return Err(format!("it is no constant database: {} octets", self.bytes.len()));
        }
        for number in 0..256 {
            let sound = self.pair(number * 8).is_some_and(|(at, slots)| self.is_sound(number, at, slots));
            if !sound {
                return Err(format!("it is no constant database, or a damaged one: hash table {number} is wrong"));
            }
        }
        Ok(())
    }

    fn is_sound(&self, number: usize, at: usize, slots: usize) -> bool {
        let inside = slots.checked_mul(8).and_then(|octets| at.checked_add(octets));
        if at < HEADER || inside.is_none_or(|end| end > self.bytes.len()) {
            return slots == 0;
        }
        (0..slots).all(|slot| match self.pair(at + slot * 8) {
            Some((_, 0)) => true,
            Some((found, record)) => {
                let known = self.record(record).filter(|_| record >= HEADER);
                known.is_some_and(|(key, _)| hash(key) as usize == found && found & 0xff == number)
            }
            None => false,
        })
    }
}

/// The format's own hash function.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33) ^ u32::from(byte))
}
