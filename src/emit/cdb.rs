//! Constant databases, in the classic 32-bit format that Postfix (`cdb:`) and Exim (`cdb`) read.
//!
//! The bytes are those of `cdb -c`: records in the order they are added, then 256 hash tables, each with twice as
//! many slots as it has records. Keys and values have no trailing NUL: Exim looks for that form only, Postfix for
//! both.

/// A pair of 32-bit numbers for each of the 256 hash tables: where it starts, and how many slots it has.
const HEADER: usize = 256 * 8;

/// A database would not fit into the 4 GiB that its 32-bit offsets reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Builds one database. The caller adds each key once: nothing checks that.
#[derive(Debug)]
pub struct Cdb {
    bytes: Vec<u8>,
    /// Hash and offset of each record, in the order of adding.
    records: Vec<(u32, u32)>,
}

impl Default for Cdb {
    fn default() -> Self {
        Cdb { bytes: vec![0; HEADER], records: Vec::new() }
    }
}

impl Cdb {
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), TooLarge> {
        let at = self.offset()?;
        let lengths = [key.len(), value.len()].map(u32::try_from);
        let [Ok(key_length), Ok(value_length)] = lengths else { return Err(TooLarge) };
        self.records.push((hash(key), at));
        self.bytes.extend(key_length.to_le_bytes());
        self.bytes.extend(value_length.to_le_bytes());
        self.bytes.extend(key);
        self.bytes.extend(value);
        Ok(())
    }

    pub fn finish(mut self) -> Result<Vec<u8>, TooLarge> {
        let mut tables: Vec<Vec<(u32, u32)>> = vec![Vec::new(); 256];
        for &(hash, at) in &self.records {
            tables[(hash & 0xff) as usize].push((hash, at));
        }
        for (number, records) in tables.iter().enumerate() {
            let start = self.offset()?;
            let slots = spread(records);
            let length = u32::try_from(slots.len()).map_err(|_| TooLarge)?;
            self.bytes[number * 8..number * 8 + 4].copy_from_slice(&start.to_le_bytes());
            self.bytes[number * 8 + 4..number * 8 + 8].copy_from_slice(&length.to_le_bytes());
            for (hash, at) in slots {
                self.bytes.extend(hash.to_le_bytes());
                self.bytes.extend(at.to_le_bytes());
            }
        }
        self.offset()?;
        Ok(self.bytes)
    }

    fn offset(&self) -> Result<u32, TooLarge> {
        u32::try_from(self.bytes.len()).map_err(|_| TooLarge)
    }
}

/// Each record in the first free slot from where its hash points; a slot of offset 0 is free.
fn spread(records: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut slots = vec![(0, 0); records.len() * 2];
    for &(hash, at) in records {
        let mut slot = (hash >> 8) as usize % slots.len();
        while slots[slot].1 != 0 {
            slot = (slot + 1) % slots.len();
        }
        slots[slot] = (hash, at);
    }
    slots
}

fn hash(key: &[u8]) -> u32 {
    key.iter().fold(5381, |h: u32, &byte| (h << 5).wrapping_add(h) ^ u32::from(byte))
}
