//! The whole check of a table: every slot, and every record that a slot names.

use super::{Damaged, Table, hash, pair, wrong};

/// Octets that are read ahead: tables are checked from their first record to their last.
const AHEAD: usize = 1 << 20;

impl Table {
    /// Looks at everything in the table, and at each value with `good`: what is found afterwards is what was built.
    pub fn check(&self, good: impl Fn(&str) -> bool) -> Result<(), Damaged> {
        let mut hashes = Vec::new();
        for (number, &(at, slots)) in self.places.iter().enumerate() {
            let octets = self.piece(at.into(), slots as usize * 8)?;
            let used: Vec<(u32, u32)> = octets.chunks_exact(8).map(pair).filter(|(_, record)| *record != 0).collect();
            let full = slots > 0 && used.len() == slots as usize;
            if full || used.iter().any(|(hash, _)| hash & 0xff != number as u32) {
                return Err(wrong(number));
            }
            hashes.extend(used);
        }
        // In the order of the file, so that it is read once.
        hashes.sort_unstable_by_key(|&(_, record)| record);
        let mut window = Window { table: self, start: 0, octets: Vec::new() };
        let after = hashes.iter().skip(1).map(|(_, record)| *record).chain([self.first_table()]);
        for (&(hash, record), next) in hashes.iter().zip(after) {
            let lengths = self.lengths(record, window.octets(record.into(), 8)?)?;
            let start = u64::from(record) + 8;
            // Records lie one behind the other, and the hash tables behind them.
            let apart = start + (lengths.0 + lengths.1) as u64 <= u64::from(next);
            if !apart || !is_good(window.octets(start, lengths.0 + lengths.1)?, lengths.0, hash, &good) {
                return Err(super::lookup::broken(record));
            }
        }
        Ok(())
    }

    fn first_table(&self) -> u32 {
        self.places.iter().filter(|(_, slots)| *slots > 0).map(|(at, _)| *at).min().unwrap_or(u32::MAX)
    }
}

/// A record's key and value, as its slot has it and as the relay needs it.
fn is_good(record: &[u8], key: usize, hash_of_key: u32, good: impl Fn(&str) -> bool) -> bool {
    let (key, value) = record.split_at(key);
    hash(key) == hash_of_key && std::str::from_utf8(value).is_ok_and(good)
}

/// The part of the table that was read last.
struct Window<'t> {
    table: &'t Table,
    start: u64,
    octets: Vec<u8>,
}

impl Window<'_> {
    /// Octets of the table; fewer where it ends before.
    fn octets(&mut self, at: u64, length: usize) -> Result<&[u8], Damaged> {
        let held = self.start..=self.start + self.octets.len() as u64;
        if !held.contains(&at) || !held.contains(&(at + length as u64)) {
            let rest = usize::try_from(self.table.length.saturating_sub(at)).unwrap_or(usize::MAX);
            self.octets = self.table.piece(at, length.max(AHEAD).min(rest))?;
            self.start = at;
        }
        let from = (at - self.start) as usize;
        let end = self.octets.len().min(from + length);
        Ok(&self.octets[from..end])
    }
}
