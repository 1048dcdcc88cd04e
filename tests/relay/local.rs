//! `local.yaml`: what may stand in it, and what is said of what may not.

use std::path::Path;

use mailswitch::relay::check::{Place, Problem};
use mailswitch::relay::config::local::{Format, Limits, Local, parse};
use mailswitch::relay::config::{self, Config};

const RELAY: &str = "\
version: 1
server: {hostname: mx.example, listen: ['127.0.0.1:2525']}
routing:
  postmaster: postmaster@mx.example
  tables: {contacts: c.cdb, accounts: a.cdb, recipients: r.cdb}
  domains: []
";

fn relay() -> Config {
    config::parse(RELAY).unwrap()
}

/// What is said of a text, one line each.
fn said(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("local.yaml"), text).unwrap();
    let (_, problems) = Local::load(folder.path(), Some(&relay()));
    problems.into_iter().map(line).collect()
}

fn line(problem: Problem) -> String {
    assert!(problem.error);
    match problem.place {
        Place::Position(line, column) => format!("{line}:{column}: {}", problem.message),
        Place::Value(value) => format!("{value}: {}", problem.message),
    }
}

#[test]
fn nothing_has_to_be_said() {
    assert_eq!(Local::load(Path::new("/nonexistent"), None), (Local::default(), Vec::new()));
    assert_eq!(parse("").unwrap(), Local::default());
    assert_eq!(parse("# limits:\n").unwrap(), Local::default());
    let local = parse("limits: {sessions: 5}\nlog: {format: json}\n").unwrap();
    assert_eq!(local.limits, Limits { sessions: 5, ..Limits::default() });
    assert_eq!(local.log.format, Format::Json);
}

#[test]
fn what_is_written_is_read_again() {
    let text = config::write(&Local::default()).unwrap();
    assert_eq!(parse(&text).unwrap(), Local::default());
}

#[test]
fn load_balancers_stand_at_addresses_that_are_listened_on() {
    let local = parse("listeners: [{address: '127.0.0.1:2525', proxy: [10.0.0.0/8]}]").unwrap();
    assert_eq!(local.proxies("127.0.0.1:2525".parse().unwrap()), Some(&["10.0.0.0/8".parse().unwrap()][..]));
    assert_eq!(local.proxies("127.0.0.1:25".parse().unwrap()), None);
    let text = "listeners: [{address: '127.0.0.1:25', proxy: []}, {address: '127.0.0.1:25', proxy: ['::1/128']}]";
    assert_eq!(
        said(text),
        [
            "listeners[0]: `127.0.0.1:25` is not in `server.listen` of relay.yaml",
            "listeners[0].proxy: name the networks of the load balancers",
            "listeners[1]: `127.0.0.1:25` stands in this list already",
            "listeners[1]: `127.0.0.1:25` is not in `server.listen` of relay.yaml",
        ]
    );
}

#[test]
fn values_out_of_range() {
    let text = "\
group: mail
limits: {sessions: 0, recipients: 99, line: 997}
timeouts: {command: 0}
queue: {retry: [60, 0], concurrency: 0}
";
    assert_eq!(
        said(text),
        [
            "limits.sessions: 0 is too little: 1 at least",
            "limits.recipients: 99 is too little: 100 at least",
            "limits.line: 997 is too little: 998 at least",
            "timeouts.command: 0 is too little: 1 at least",
            "queue.concurrency: 0 is too little: 1 at least",
            "queue.retry: 0 is too little: 1 at least",
            "group: say `user` as well",
        ]
    );
    assert_eq!(said("queue: {retry: []}"), ["queue.retry: without a time there is no next try"]);
}

#[test]
fn a_key_that_nobody_knows() {
    let [line] = &said("limits:\n  session: 5\n")[..] else { panic!("one problem") };
    assert!(line.starts_with("2:3: ") && line.contains("unknown field `session`"), "{line}");
    assert_eq!(said("limits: {sessions: 5, sessions: 6}").len(), 1);
    assert_eq!(said("routing: {}").len(), 1);
}
