//! The reader of constant databases: every key is found, and no damage makes it panic, run on, or find what is not there.

use std::collections::BTreeMap;

use mailswitch::emit::cdb::Cdb;
use mailswitch::relay::table::Table;
use proptest::prelude::*;

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

fn built(records: &Records) -> Vec<u8> {
    let mut cdb = Cdb::default();
    for (key, value) in records {
        cdb.add(key, value).unwrap();
    }
    cdb.finish()
}

/// Values of any kind.
fn is_any(_: &str) -> bool {
    true
}

fn people(count: usize) -> Records {
    let person = |n| (format!("user{n}@example.com").into_bytes(), format!("u{n}@other.example").into_bytes());
    (0..count).map(person).collect()
}

/// The same bytes as a file that was copied.
fn copied(bytes: &[u8]) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.cdb");
    std::fs::write(&path, bytes).unwrap();
    let table = Table::open(&path).unwrap();
    table.settle(folder.path()).unwrap();
    std::fs::write(&path, vec![0xff; bytes.len()]).unwrap();
    table
}

#[test]
fn a_table_whose_place_another_one_took_is_read_and_copied_still() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.cdb");
    std::fs::write(&path, built(&people(10))).unwrap();
    let table = Table::open(&path).unwrap();
    let new = folder.path().join("new.cdb");
    std::fs::write(&new, built(&people(20))).unwrap();
    std::fs::rename(&new, &path).unwrap();
    let asked = || table.get(b"user7@example.com").unwrap();
    assert_eq!(asked().as_deref(), Some(&b"u7@other.example"[..]));
    table.settle(folder.path()).unwrap();
    assert_eq!(asked().as_deref(), Some(&b"u7@other.example"[..]));
}

#[test]
fn every_key_is_found_and_no_other() {
    let records = people(5000);
    let bytes = built(&records);
    for table in [copied(&bytes), Table::from_bytes(bytes.clone()).unwrap()] {
        table.check(is_any).unwrap();
        assert_eq!(table.len(), records.len());
        for (key, value) in &records {
            assert_eq!(table.get(key).unwrap().as_ref(), Some(value));
            assert_eq!(table.get(&key[1..]).unwrap(), None);
        }
    }
}

#[test]
fn records_of_any_length_are_found() {
    let long = |length: usize| vec![b'x'; length];
    let records: Records = [0, 1, 250, 503, 504, 505, 2000, 100_000].map(|n| (long(n), long(n / 2 + 300))).into();
    let table = copied(&built(&records));
    table.check(is_any).unwrap();
    for (key, value) in &records {
        assert_eq!(table.get(key).unwrap().as_ref(), Some(value), "{} octets", key.len());
    }
}

#[test]
fn an_empty_table_has_nothing() {
    let table = copied(&built(&Records::new()));
    assert!(table.is_empty() && table.check(is_any).is_ok());
    assert_eq!(table.get(b"ann@example.com").unwrap(), None);
}

#[test]
fn a_table_that_is_cut_off_is_never_taken_for_a_whole_one() {
    let bytes = built(&people(20));
    for length in 0..bytes.len() {
        let whole = Table::from_bytes(bytes[..length].to_vec()).and_then(|table| table.check(is_any));
        assert!(whole.is_err(), "{length} of {} octets", bytes.len());
    }
}

#[test]
fn every_octet_that_changes_is_told_or_changes_nothing() {
    let records = people(20);
    let bytes = built(&records);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        let Ok(table) = Table::from_bytes(changed) else { continue };
        let sound = table.check(is_any).is_ok();
        for (key, value) in &records {
            match table.get(key) {
                // The text of a value has nothing to tell it by.
                Ok(Some(found)) => assert!(!sound || found.len() == value.len(), "octet {at}"),
                // A slot that says that it is free cannot be told from one that is.
                Ok(None) => assert!(!sound || at >= bytes.len() - 20 * 16, "octet {at}"),
                Err(_) => assert!(!sound, "octet {at}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn garbage_is_read_without_harm(
        header in prop::collection::vec((0u32..4000, 0u32..64), 256),
        rest in prop::collection::vec(any::<u8>(), 0..2000),
        keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 64),
    ) {
        let mut bytes: Vec<u8> = header.iter().flat_map(|(at, n)| [at.to_le_bytes(), n.to_le_bytes()].concat()).collect();
        bytes.extend(rest);
        if let Ok(table) = Table::from_bytes(bytes) {
            let sound = table.check(is_any).is_ok();
            for key in &keys {
                let found = table.get(key);
                prop_assert!(!sound || found.is_ok(), "{found:?}");
            }
        }
    }

    #[test]
    fn slots_that_point_anywhere_are_read_without_harm(
        slots in prop::collection::vec((any::<u16>(), 0u32..2400), 1..40),
        keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 64),
    ) {
        let count = slots.len() as u32;
        let mut bytes: Vec<u8> = (0..256u32).flat_map(|_| [2048u32.to_le_bytes(), count.to_le_bytes()].concat()).collect();
        bytes.extend(slots.iter().flat_map(|(hash, at)| [u32::from(*hash).to_le_bytes(), at.to_le_bytes()].concat()));
        let table = Table::from_bytes(bytes).unwrap();
        let sound = table.check(is_any).is_ok();
        for key in &keys {
            let found = table.get(key);
            prop_assert!(!sound || found.is_ok(), "{found:?}");
        }
    }
}
