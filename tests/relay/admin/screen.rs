//! What is different on a terminal: `relay top` draws a screen, and what cannot be taken back is asked for.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use nix::pty::openpty;

use super::fake::{Served, row};
use crate::cli::run::mailswitch;

fn command(served: &Served, arguments: &[&str]) -> Command {
    let mut command = mailswitch();
    command.arg("relay").args(arguments).arg("--control").arg(served.path());
    command
}

fn on_terminal(served: &Served, arguments: &[&str]) -> (Child, File) {
    let pair = openpty(None, None).unwrap();
    let slave = || pair.slave.try_clone().unwrap();
    let mut command = command(served, arguments);
    command.stdin(slave()).stdout(slave()).stderr(slave()).env("TERM", "xterm");
    (command.spawn().unwrap(), File::from(pair.master))
}

fn read_until(terminal: &mut File, wanted: &str) -> String {
    let (mut read, mut part) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&read).contains(wanted) {
        match terminal.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(count) => read.extend_from_slice(&part[..count]),
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

#[test]
fn the_screen_is_drawn_anew_each_second() {
    let served = Served::with(Vec::new());
    let (mut child, mut terminal) = on_terminal(&served, &["top"]);
    let first = read_until(&mut terminal, "\u{1b}[J");
    assert!(first.starts_with("\u{1b}[H") && first.contains("accepted 10  refused 0"), "{first:?}");
    // As many lines as the terminal is said to have, and one for the cursor.
    assert_eq!(first.matches("\u{1b}[K").count(), 23, "{first:?}");
    let second = read_until(&mut terminal, "\u{1b}[J");
    assert!(second.contains("/s  refused 0.0/s"), "{second:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn elsewhere_there_is_a_row_each_second_or_one_page() {
    let served = Served::with(Vec::new());
    let mut child = command(&served, &["top"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = rows.next().unwrap().unwrap();
    assert!(
        first.ends_with("accepted=10 refused=0 delivered=0 deferred=0 bounced=0 queue=300 sessions=5 connections=3")
    );
    let second = rows.next().unwrap().unwrap();
    assert!(second.contains("/s refused=0.0/s "), "{second}");
    // It ends where nobody reads any more.
    drop(rows);
    assert!(child.wait().unwrap().success());
    let page = served.run(&["top", "--once"]);
    assert_eq!(page.code, 0, "{}", page.stderr);
    assert!(page.stdout.contains("\nto-99  ") && page.stdout.contains("\n… and 100 more\n"), "{}", page.stdout);
    assert!(page.stdout.contains("asleep, tried in 1m 1s  refused\n"), "{}", page.stdout);
    assert!(page.stdout.ends_with("dead, tried in 1m 1s  connect: connection refused\n"), "{}", page.stdout);
    let json = served.run(&["top", "--once", "--json"]);
    let snapshot: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((snapshot["entries"].as_u64(), snapshot["lanes"].as_array().unwrap().len()), (Some(300), 100));
}

#[test]
fn a_no_changes_nothing_and_what_came_since_the_question_is_left_alone() {
    let served = Served::with(vec![row(1, 9, "a@b", &["c@d"], "x"), row(2, 8, "a@b", &["c@d"], "x")]);
    let (mut child, mut terminal) = on_terminal(&served, &["queue", "remove", "--all"]);
    let asked = read_until(&mut terminal, "[y/N] ");
    assert_eq!(asked, "remove 2 messages? [y/N] ");
    terminal.write_all(b"n\n").unwrap();
    assert!(read_until(&mut terminal, "done").contains("nothing was done"));
    assert_eq!((child.wait().unwrap().code(), served.left().len()), (Some(1), 2));

    let (mut child, mut terminal) = on_terminal(&served, &["queue", "remove", "--all"]);
    read_until(&mut terminal, "[y/N] ");
    served.relay.rows.lock().unwrap().push(Some(row(3, 0, "a@b", &["c@d"], "x")));
    terminal.write_all(b"y\n").unwrap();
    assert!(read_until(&mut terminal, "removed").contains("2 messages: removed"));
    assert_eq!((child.wait().unwrap().code(), served.left().len()), (Some(0), 1));
}
