//! The order of a table's rows, on several threads where there are many.

use std::thread::Builder;

/// From so many rows on a second thread pays.
const MANY: usize = 1 << 15;
const THREADS: usize = 4;

/// A row: the beginning of its key, which nearly always decides, and its number. The keys lie all over the memory.
type Row = (u64, u64, u32);

/// The numbers of the rows 0 to `count`, sorted by their keys. Of equal keys the first row stays.
pub(super) fn by_key<'k>(count: usize, key: impl Fn(usize) -> &'k str + Sync) -> Vec<u32> {
    let mut rows: Vec<Row> = (0..count).map(|row| entry(key(row), row as u32)).collect();
    let by_key = |a: &Row, b: &Row| {
        let keys = || key(a.2 as usize).cmp(key(b.2 as usize));
        (a.0, a.1).cmp(&(b.0, b.1)).then_with(keys).then(a.2.cmp(&b.2))
    };
    if count >= MANY {
        std::thread::scope(|scope| {
            for part in rows.chunks_mut(count.div_ceil(THREADS)) {
                // A part without a thread is left to the sort of the whole.
                let _ = Builder::new().spawn_scoped(scope, || part.sort_unstable_by(by_key));
            }
        });
    }
    // A stable sort merges parts that are sorted already.
    rows.sort_by(by_key);
    rows.dedup_by(|later, first| {
        (later.0, later.1) == (first.0, first.1) && key(later.2 as usize) == key(first.2 as usize)
    });
    rows.into_iter().map(|row| row.2).collect()
}

fn entry(key: &str, row: u32) -> Row {
    let mut start = [0; 16];
    let length = key.len().min(16);
    start[..length].copy_from_slice(&key.as_bytes()[..length]);
    let start = u128::from_be_bytes(start);
    ((start >> 64) as u64, start as u64, row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_their_keys_and_the_first_of_equal_ones_stays() {
        let keys = ["b", "a\0", "a", "b", "", "a-key-of-over-sixteen-octets", "a-key-of-over-sixteen", "a"];
        assert_eq!(by_key(keys.len(), |row| keys[row]), [4, 2, 1, 6, 5, 0]);
    }

    #[test]
    fn many_rows_are_sorted_as_a_few_are() {
        let keys: Vec<String> = (0..2 * MANY).map(|n| format!("key {}", n * 7919 % MANY)).collect();
        let mut expected: Vec<u32> = (0..MANY as u32).collect();
        expected.sort_by_key(|&row| &keys[row as usize]);
        assert_eq!(by_key(keys.len(), |row| &keys[row]), expected);
    }
}
