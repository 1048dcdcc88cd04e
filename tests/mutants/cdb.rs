//! Constant databases as lists of rows.

use mailswitch::emit::cdb::Cdb;

/// A key and its value.
pub(super) type Row = (String, String);

/// The records lie between the header, 256 places of hash tables, and the first of these.
pub(super) fn rows(bytes: &[u8]) -> Vec<Row> {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let end = (0..256).map(|table| number(table * 8)).min().unwrap();
    let text = |from: usize, length: usize| String::from_utf8(bytes[from..from + length].to_vec()).unwrap();
    let mut rows = Vec::new();
    let mut at = 256 * 8;
    while at < end {
        let (key, value) = (number(at), number(at + 4));
        rows.push((text(at + 8, key), text(at + 8 + key, value)));
        at += 8 + key + value;
    }
    rows
}

pub(super) fn bytes(rows: &[Row]) -> Vec<u8> {
    let mut cdb = Cdb::default();
    rows.iter().for_each(|(key, value)| cdb.add(key.as_bytes(), value.as_bytes()).unwrap());
    cdb.finish()
}
