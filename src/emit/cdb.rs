//! Constant databases in the classic 32-bit format that Postfix (`cdb:`) and Exim read: the bytes that `cdb -c -m` writes.
//!
//! Records stand in the order of adding, then 256 hash tables with twice as many slots as records. Keys and values have no
//! NUL at the end: Exim looks for that form alone, Postfix for both. The `cdb2` crate writes into a file only, and files are
//! the command line's.

/// Where each of the 256 tables begins and how many slots it has, 32 bits each.
const HEADER: usize = 256 * 8;
/// What a record costs beside its key and value: two lengths, and two slots.
const RECORD: u64 = 8 + 2 * 8;

/// The database would not fit into the 4 GiB that its 32-bit offsets reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the table needs more than the 4 GiB that a cdb can hold")
    }
}

impl std::error::Error for TooLarge {}

/// Builds one database. Each key is added once: both servers would take the first, and `cdb -c` would keep both.
#[derive(Debug)]
pub struct Cdb {
    bytes: Vec<u8>,
    /// Hash and offset of each record.
    records: Vec<(u32, u32)>,
    /// How long the finished database would be.
    total: u64,
}

impl Default for Cdb {
    fn default() -> Cdb {
        Cdb { bytes: vec![0; HEADER], records: Vec::new(), total: HEADER as u64 }
    }
}

impl Cdb {
    /// With room for so many records, whose keys and values come to so many octets.
    pub fn with_room(records: usize, octets: usize) -> Cdb {
        let mut cdb = Cdb::default();
        // What does not fit is refused as it is added.
        let total = (HEADER + octets).saturating_add(records.saturating_mul(RECORD as usize));
        cdb.bytes.reserve_exact(total.min(u32::MAX as usize) - HEADER);
        cdb.records.reserve_exact(records);
        cdb
    }

    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), TooLarge> {
        let total = grown(self.total, key.len(), value.len())?;
        self.records.push((hash(key), self.offset()));
        // The lengths fit, since the whole does.
        self.bytes.extend((key.len() as u32).to_le_bytes());
        self.bytes.extend((value.len() as u32).to_le_bytes());
        self.bytes.extend(key);
        self.bytes.extend(value);
        self.total = total;
        Ok(())
    }

    /// Adds the tables and gives the whole file.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.reserve_exact(self.total as usize - self.bytes.len());
        let mut slots = Vec::new();
        let records = self.by_table();
        for (number, records) in records.iter().enumerate() {
            let place = (self.offset(), 2 * records.len() as u32);
            self.bytes[number * 8..][..8].copy_from_slice(&pair(place));
            self.spread(records, &mut slots);
            self.bytes.extend(slots.iter().flat_map(|&slot| pair(slot)));
        }
        self.bytes
    }

    /// The records of each of the 256 tables, in the order of adding.
    fn by_table(&mut self) -> Vec<Vec<(u32, u32)>> {
        let records = std::mem::take(&mut self.records);
        let mut counts = [0; 256];
        for (hash, _) in &records {
            counts[(hash & 0xff) as usize] += 1;
        }
        let mut tables: Vec<Vec<(u32, u32)>> = counts.into_iter().map(Vec::with_capacity).collect();
        for record in records {
            tables[(record.0 & 0xff) as usize].push(record);
        }
        tables
    }

    /// Each record in the first free slot from where its hash points; a slot whose offset is 0 is free.
    fn spread(&self, records: &[(u32, u32)], slots: &mut Vec<(u32, u32)>) {
        slots.clear();
        slots.resize(2 * records.len(), (0, 0));
        for &(hash, at) in records {
            let mut slot = (hash >> 8) as usize % slots.len();
            while slots[slot].1 != 0 {
                debug_assert!(
                    slots[slot].0 != hash || self.key(slots[slot].1) != self.key(at),
                    "a key was added twice"
                );
                slot = if slot + 1 == slots.len() { 0 } else { slot + 1 };
            }
            slots[slot] = (hash, at);
        }
    }

    fn key(&self, at: u32) -> &[u8] {
        let record = &self.bytes[at as usize..];
        let length = u32::from_le_bytes([record[0], record[1], record[2], record[3]]);
        &record[8..][..length as usize]
    }

    fn offset(&self) -> u32 {
        // `grown` keeps the whole below 4 GiB.
        self.bytes.len() as u32
    }
}

/// The length of the database with one more record, if it may grow so far.
fn grown(total: u64, key: usize, value: usize) -> Result<u64, TooLarge> {
    let total =
        total.checked_add(RECORD).and_then(|t| t.checked_add(key as u64)).and_then(|t| t.checked_add(value as u64));
    total.filter(|&total| total <= u64::from(u32::MAX)).ok_or(TooLarge)
}

fn pair((first, second): (u32, u32)) -> [u8; 8] {
    let [a, b, c, d] = first.to_le_bytes();
    let [e, f, g, h] = second.to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

fn hash(key: &[u8]) -> u32 {
    key.iter().fold(5381, |hash: u32, &byte| (hash << 5).wrapping_add(hash) ^ u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_would_pass_four_gibibytes_is_refused() {
        let most = u64::from(u32::MAX);
        assert_eq!(grown(most - 24 - 7, 3, 4), Ok(most));
        assert_eq!(grown(most - 24 - 6, 3, 4), Err(TooLarge));
        assert_eq!(grown(u64::MAX, 1, 1), Err(TooLarge));
        assert_eq!(grown(2048, usize::MAX, usize::MAX), Err(TooLarge));
    }

    #[test]
    fn the_total_is_the_length() {
        let mut cdb = Cdb::default();
        for i in 0..1000u32 {
            cdb.add(&i.to_le_bytes(), format!("value {i}").as_bytes()).unwrap();
        }
        let total = cdb.total;
        assert_eq!(cdb.finish().len() as u64, total);
    }
}
