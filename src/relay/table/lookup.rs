//! The value of a key: a look at the slots where its hash points, then at the record that they name.

use super::{Damaged, HEADER, Table, hash, pair, wrong};

/// Slots that are read at once. Half of all slots are free, so that more are hardly ever needed.
const SLOTS: usize = 16;
/// Octets of a record that are read at once, with its lengths: an address and another.
const RECORD: usize = 512;

impl Table {
    /// The value of a key, or `None` where the table does not have it.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Damaged> {
        let hash = hash(key);
        let number = (hash & 0xff) as usize;
        let (at, slots) = self.places[number];
        if slots == 0 {
            return Ok(None);
        }
        let mut slot = (hash >> 8) % slots;
        let mut left = slots;
        let mut buffer = [0; SLOTS * 8];
        while left > 0 {
            // Up to the end of the hash table, where it goes on at its beginning.
            let run = left.min(slots - slot).min(SLOTS as u32);
            let read = &mut buffer[..run as usize * 8];
            self.source.read(read, u64::from(at) + u64::from(slot) * 8)?;
            for (found, record) in read.chunks_exact(8).map(pair) {
                if record == 0 {
                    return Ok(None);
                }
                if found & 0xff != number as u32 {
                    return Err(wrong(number));
                }
                if found == hash
                    && let Some(value) = self.value(record, key)?
                {
                    return Ok(Some(value));
                }
            }
            left -= run;
            slot = (slot + run) % slots;
        }
        // A hash table without a free slot was never built.
        Err(wrong(number))
    }

    /// The value of the record at this place, if the key is its.
    fn value(&self, at: u32, key: &[u8]) -> Result<Option<Vec<u8>>, Damaged> {
        let mut buffer = [0; RECORD];
        let read = RECORD.min(usize::try_from(self.length.saturating_sub(at.into())).unwrap_or(RECORD));
        self.source.read(&mut buffer[..read], at.into())?;
        let (key_length, value_length) = self.lengths(at, &buffer[..read])?;
        let end = 8 + key_length + value_length;
        let whole;
        let record = if end <= read {
            &buffer[8..end]
        } else {
            whole = self.piece(u64::from(at) + 8, end - 8)?;
            &whole
        };
        let (known, value) = record.split_at(key_length);
        if known == key {
            return Ok(Some(value.to_vec()));
        }
        if super::hash(known) == hash(key) { Ok(None) } else { Err(broken(at)) }
    }

    /// How long the key and the value of a record are, of which these are the first octets.
    pub(super) fn lengths(&self, at: u32, octets: &[u8]) -> Result<(usize, usize), Damaged> {
        if (at as usize) < HEADER || octets.len() < 8 {
            return Err(broken(at));
        }
        let (key, value) = pair(octets);
        let end = u64::from(at) + 8 + u64::from(key) + u64::from(value);
        if end > self.length { Err(broken(at)) } else { Ok((key as usize, value as usize)) }
    }

    pub(super) fn piece(&self, at: u64, length: usize) -> Result<Vec<u8>, Damaged> {
        let mut octets = vec![0; length];
        self.source.read(&mut octets, at)?;
        Ok(octets)
    }
}

pub(super) fn broken(record: u32) -> Damaged {
    Damaged(format!("it is damaged: the record at {record} is wrong"))
}
