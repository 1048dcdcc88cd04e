//! What is different on a terminal: colours, and a line that tells of long work.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Child;

use nix::pty::openpty;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::run::{Folder, mailswitch};

/// Starts a command with its output on a new terminal; gives the terminal's other end too.
fn on_terminal(folder: &Folder, arguments: &[&str]) -> (Child, File) {
    let pair = openpty(None, None).unwrap();
    let slave = |fd: &OwnedFd| fd.try_clone().unwrap();
    let mut command = mailswitch();
    command.current_dir(folder.path("")).args(arguments).env("TERM", "xterm").env("LANG", "C.UTF-8");
    command.stdout(slave(&pair.slave)).stderr(slave(&pair.slave));
    (command.spawn().unwrap(), File::from(pair.master))
}

/// Reads until a text has come; the end of the terminal is an error on Linux, and ends it too.
fn read_until(terminal: &mut File, wanted: &str) -> String {
    let mut read = Vec::new();
    let mut part = [0; 4096];
    while !String::from_utf8_lossy(&read).contains(wanted) {
        match terminal.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(count) => read.extend_from_slice(&part[..count]),
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

#[test]
fn long_work_is_told_and_the_line_is_taken_away() {
    let folder = Folder::with(&[]);
    mkfifo(&folder.path("routing.dsl"), Mode::from_bits_truncate(0o600)).unwrap();
    let (mut child, mut terminal) = on_terminal(&folder, &["build", "-o", "out"]);
    // The source is not there before the line is.
    let before = read_until(&mut terminal, "reading routing.dsl …");
    assert!(before.ends_with("\r\u{1b}[Kreading routing.dsl …"), "{before:?}");
    let mut source = File::options().write(true).open(folder.path("routing.dsl")).unwrap();
    source.write_all(include_bytes!("contoso.dsl")).unwrap();
    drop(source);
    let after = read_until(&mut terminal, "out/hub: postfix");
    assert!(after.contains("\r\u{1b}[Kout/hub: postfix"), "{after:?}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_terminal_gets_colours() {
    let folder = Folder::with(&[("routing.dsl", b"mta hub { oops 1 }\n")]);
    let (mut child, mut terminal) = on_terminal(&folder, &["check"]);
    let shown = read_until(&mut terminal, "errors\r\n");
    assert!(shown.contains("\u{1b}[31m"), "{shown:?}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
