//! The whole check of a table: every slot, and every record that a slot names.

use super::{Damaged, Table, hash, pair, wrong};

/// Octets that are read ahead: tables are checked from their first record to their last.
const AHEAD: usize = 1 << 20;

impl Table {
    /// Looks at everything in the table: what is found afterwards is what was built.
    pub fn check(&self) -> Result<(), Damaged> {
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
        for (&(hash_of_key, record), next) in hashes.iter().zip(after) {
            let (key, value) = self.lengths(record, window.octets(record.into(), 8)?)?;
            let start = u64::from(record) + 8;
            // Records lie one behind the other, and the hash tables behind them.
            let apart = start + (key + value) as u64 <= u64::from(next);
            if !apart || hash(window.octets(start, key)?) != hash_of_key {
                return Err(super::lookup::broken(record));
            }
        }
        Ok(())
    }

    fn first_table(&self) -> u32 {
        self.places.iter().filter(|(_, slots)| *slots > 0).map(|(at, _)| *at).min().unwrap_or(u32::MAX)
    }
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
