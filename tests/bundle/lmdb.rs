//! LMDB databases that Postfix reads as if `postmap` had made them.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use mailswitch::emit::lmdb::database;

fn postmap(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("postmap");
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().expect("tests/setup.sh installs Postfix");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let mut output = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut output).unwrap();
    writer.join().unwrap().unwrap();
    let mut errors = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut errors).unwrap();
    assert_eq!(errors, "", "postmap {arguments:?}");
    child.wait().unwrap();
    output
}

#[test]
fn every_row_is_found_and_no_other() {
    for count in [0, 1, 2, 60, 61, 62, 63, 3000, 60_000] {
        let rows: BTreeMap<String, String> = (0..count)
            .map(|n: u32| {
                let long = if n % 997 == 5 { "a long list of next hops, ".repeat(300) } else { String::new() };
                (format!("{:x}@d{}.example", n.wrapping_mul(2_654_435_761), n % 7), format!("{long}value {n}"))
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let bytes = database(rows.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes()))).unwrap();
        std::fs::write(folder.path().join("table.lmdb"), bytes).unwrap();
        let table = format!("lmdb:{}", folder.path().join("table").display());
        let all: String = rows.iter().map(|(key, value)| format!("{key}\t{value}\n")).collect();
        assert!(postmap(&["-s", &table], "") == all, "{count} rows listed");
        let asked: String = rows.keys().map(|key| format!("{key}\nno{key}\n")).collect();
        assert!(postmap(&["-q", "-", &table], &asked) == all, "{count} rows asked for");
    }
}
