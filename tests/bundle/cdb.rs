//! The cdb writer against tinycdb: the same bytes, and every key found.

use std::collections::BTreeMap;
use std::process::Command;

use mailswitch::emit::cdb::Cdb;
use proptest::prelude::*;
use tempfile::tempdir;

fn ours<'a>(records: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let mut cdb = Cdb::default();
    for (key, value) in records {
        cdb.add(key, value).unwrap();
    }
    cdb.finish()
}

/// What `cdb -c` makes of the same records, given with their lengths so that any byte may occur.
fn theirs<'a>(records: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let folder = tempdir().unwrap();
    let mut text = Vec::new();
    for (key, value) in records {
        text.extend(format!("+{},{}:", key.len(), value.len()).bytes());
        text.extend([key, b"->", value, b"\n"].concat());
    }
    text.push(b'\n');
    std::fs::write(folder.path().join("in"), text).unwrap();
    let status = Command::new("cdb").args(["-c", "out", "in"]).current_dir(folder.path()).status().unwrap();
    assert!(status.success());
    std::fs::read(folder.path().join("out")).unwrap()
}

#[test]
fn an_empty_database_is_the_same() {
    assert_eq!(ours([]), theirs([]));
}

#[test]
fn text_records_are_those_of_the_map_format() {
    let folder = tempdir().unwrap();
    let records: Vec<(String, String)> =
        (0..5000).map(|i| (format!("user{i}@contoso.com"), format!("relay:[10.0.0.{}]:25", i % 250))).collect();
    let text: String = records.iter().map(|(key, value)| format!("{key} {value}\n")).collect();
    std::fs::write(folder.path().join("in"), text).unwrap();
    let made = Command::new("cdb").args(["-c", "-m", "out", "in"]).current_dir(folder.path()).status().unwrap();
    assert!(made.success());
    let bytes = ours(records.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())));
    assert!(bytes == std::fs::read(folder.path().join("out")).unwrap());

    std::fs::write(folder.path().join("ours"), bytes).unwrap();
    let found =
        Command::new("cdb").args(["-q", "ours", "user4711@contoso.com"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap().trim_end(), "relay:[10.0.0.211]:25");
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a key was added twice")]
fn a_key_added_twice_is_noticed_while_testing() {
    ours([(b"a".as_slice(), b"1".as_slice()), (b"a", b"2")]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_bytes_give_the_same_database(
        records in prop::collection::btree_map(prop::collection::vec(any::<u8>(), 0..6), prop::collection::vec(any::<u8>(), 0..20), 0..200),
    ) {
        let records: BTreeMap<Vec<u8>, Vec<u8>> = records;
        let all = || records.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
        prop_assert_eq!(ours(all()), theirs(all()));
    }
}
