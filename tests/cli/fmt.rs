//! `fmt`: in place, in one step, and only where something changes.

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use super::run::{Folder, finish, mailswitch};

const LOOSE: &[u8] = b"mta  hub{target postfix;hostname mail.a.test}   # the hub\n";
const BROKEN: &[u8] = b"mta hub {\n";

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path(name)).unwrap()
}

#[test]
fn a_file_is_rewritten_once_with_its_mode_and_behind_its_link() {
    let folder = Folder::with(&[("real/site.dsl", LOOSE)]);
    std::fs::set_permissions(folder.path("real/site.dsl"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("real/site.dsl", folder.path("routing.dsl")).unwrap();

    let ran = folder.run(&["fmt", "--check"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "routing.dsl: would change\n"));
    assert_eq!(read(&folder, "real/site.dsl").as_bytes(), LOOSE);

    let ran = folder.run(&["fmt"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "routing.dsl: formatted\n"));
    assert!(read(&folder, "real/site.dsl").starts_with("mta hub {"));
    assert!(read(&folder, "real/site.dsl").contains("# the hub"));
    assert!(folder.path("routing.dsl").is_symlink());
    let mode = std::fs::metadata(folder.path("real/site.dsl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
    assert_eq!(std::fs::read_dir(folder.path("real")).unwrap().count(), 1);

    for arguments in [&["fmt"][..], &["fmt", "--check"]] {
        let ran = folder.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    }
}

#[test]
fn a_file_with_mistakes_is_left_alone_and_the_others_are_formatted() {
    let folder = Folder::with(&[("a.dsl", BROKEN), ("b.dsl", LOOSE), ("c.dsl", b"\xff")]);
    let ran = folder.run(&["fmt", "a.dsl", "b.dsl", "c.dsl"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "b.dsl: formatted\n"));
    assert!(ran.stderr.contains("[a.dsl:1:"), "{}", ran.stderr);
    assert_eq!(read(&folder, "a.dsl").as_bytes(), BROKEN);
    let ran = folder.run(&["fmt", "missing.dsl", "b.dsl"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot read missing.dsl"), "{}", ran.stderr);
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let mut child = mailswitch().args(["fmt", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(LOOSE).unwrap();
    let ran = finish(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.starts_with("mta hub {"), "{}", ran.stdout);
}
