//! Our constant databases are, byte for byte, those of `cdb -c`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use mailswitch::emit::cdb::Cdb;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

fn ours(records: &Records) -> Vec<u8> {
    let mut cdb = Cdb::default();
    for (key, value) in records {
        cdb.add(key, value).unwrap();
    }
    cdb.finish().unwrap()
}

fn theirs(records: &Records) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.cdb");
    let mut cdb = Command::new("cdb").arg("-c").arg(&file).stdin(Stdio::piped()).spawn().expect("tests/setup.sh");
    let mut input = cdb.stdin.take().unwrap();
    for (key, value) in records {
        write!(input, "+{},{}:", key.len(), value.len()).unwrap();
        input.write_all(&[&key[..], b"->", value, b"\n"].concat()).unwrap();
    }
    input.write_all(b"\n").unwrap();
    drop(input);
    assert!(cdb.wait().unwrap().success());
    std::fs::read(file).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn bytes_are_those_of_cdb(records in btree_map(vec(any::<u8>(), 1..20), vec(any::<u8>(), 0..40), 0..1200)) {
        prop_assert_eq!(ours(&records), theirs(&records));
    }
}
