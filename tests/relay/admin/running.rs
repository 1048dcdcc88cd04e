//! A relay that really runs, seen and managed from its first message to its next start.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::cli::run::{Ran, finish, mailswitch};

/// A host that nobody is at, behind a connector of its own.
const RELAY: &str = "\
version: 1
server: {hostname: mx.example, listen: ['LISTEN']}
routing:
  trust: [127.0.0.0/8]
  postmaster: postmaster@mx.example
  tables: {contacts: empty.cdb, accounts: empty.cdb, recipients: empty.cdb}
  domains: []
  spaces:
  - {domain: dead.test, tiers: [[dead]]}
  connectors:
  - {name: dead, to: nowhere, hosts: ['DEAD'], protocol: smtp, tls: {level: 'off'}}
";

struct Running {
    folder: tempfile::TempDir,
    listen: SocketAddr,
    metrics: SocketAddr,
    process: Option<(Child, BufReader<ChildStderr>)>,
}

/// An address that nobody listens on.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Running {
    fn start() -> Running {
        let folder = tempfile::tempdir().unwrap();
        let (listen, metrics, dead) = (free(), free(), free());
        let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
        let yaml = RELAY.replace("LISTEN", &listen.to_string()).replace("DEAD", &dead.to_string());
        write("relay.yaml", yaml.as_bytes());
        write("local.yaml", format!("log: {{format: json}}\nmetrics: {metrics}\n").as_bytes());
        // Each of the 256 tables of an empty database is at its end, and has no slots.
        write("empty.cdb", &[0, 8, 0, 0, 0, 0, 0, 0].repeat(256));
        let mut running = Running { folder, listen, metrics, process: None };
        running.launch();
        running
    }

    fn launch(&mut self) {
        let mut command = mailswitch();
        command.args(["relay", "run", "relay.yaml", "--spool", "spool"]).current_dir(self.folder.path());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        self.process = Some((child, log));
        self.event("started");
    }

    /// Reads the log up to the next event of that name.
    fn event(&mut self, name: &str) -> Value {
        let (_, log) = self.process.as_mut().unwrap();
        loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the log ended before `{name}`");
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if event["event"] == name {
                return event;
            }
        }
    }

    fn end(&mut self) {
        let (mut child, mut log) = self.process.take().unwrap();
        kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut rest = String::new();
        log.read_to_string(&mut rest).unwrap();
        assert!(child.wait().unwrap().success(), "{rest}");
        assert!(rest.contains(r#""event":"stopped""#), "{rest}");
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("spool/control")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = mailswitch();
        command.arg("relay").args(arguments).arg("--control").arg(self.control());
        finish(command.output().unwrap())
    }

    /// Runs a command until it says something: the queue is done with an attempt a moment after it is logged.
    fn until(&self, arguments: &[&str], expected: &str) -> Ran {
        let mut runs = (0..200).map(|_| self.run(arguments));
        runs.find(|ran| ran.stdout.contains(expected)).unwrap_or_else(|| panic!("never {expected}"))
    }

    fn send(&self, recipient: &str) {
        let mut stream = BufReader::new(TcpStream::connect(self.listen).unwrap());
        let data = "Subject: hello\r\n..From: dots\r\n\r\nSubject: not this\r\n.";
        let recipient = format!("RCPT TO:<{recipient}>");
        for (command, code) in [
            ("", "220"),
            ("EHLO client.test", "250"),
            ("MAIL FROM:<ann@contoso.com>", "250"),
            (&recipient, "250"),
            ("DATA", "354"),
            (data, "250"),
            ("QUIT", "221"),
        ] {
            if !command.is_empty() {
                stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
            }
            let mut line = String::from("000-");
            while line.as_bytes()[3] == b'-' {
                line.clear();
                assert!(stream.read_line(&mut line).unwrap() > 3, "nothing after {command}");
            }
            assert!(line.starts_with(code), "{command}: {line}");
        }
    }

    fn page(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.metrics).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_message_is_seen_held_shown_and_removed_for_good() {
    let mut relay = Running::start();
    let status = relay.run(&["status"]);
    assert_eq!(status.code, 0, "{}", status.stderr);
    assert!(status.stdout.starts_with("mx.example accepts mail\n"), "{}", status.stdout);

    relay.send("bob@dead.test");
    let id = relay.event("accepted")["id"].as_str().unwrap().to_owned();
    relay.event("host-dead");
    let list = relay.until(&["queue", "list", "--json", "--recipient", "*@dead.test"], r#""state":"deferred""#);
    let row: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!((row["id"].as_str(), row["state"].as_str()), (Some(id.as_str()), Some("deferred")), "{row}");
    assert_eq!((row["sender"].as_str(), row["connector"].as_str()), (Some("ann@contoso.com"), Some("dead")));
    assert_eq!(row["recipients"][0]["recipient"], "bob@dead.test");
    assert!(row["reasons"][0].as_str().unwrap().contains("refused"), "{row}");

    let hold = relay.run(&["queue", "hold", &id]);
    assert_eq!((hold.code, hold.stdout.as_str()), (0, "1 message: held\n"), "{}", hold.stderr);
    let managed = relay.event("managed");
    assert_eq!((managed["action"].as_str(), managed["id"].as_str()), (Some("hold"), Some(id.as_str())));
    assert_eq!(relay.run(&["queue", "list", "--state", "held"]).stderr, "1 message\n");

    let show = relay.run(&["queue", "show", &id]);
    assert!(show.stdout.contains("    Received: from client.test ("), "{}", show.stdout);
    assert!(show.stdout.contains("    Subject: hello\n    .From: dots\n\n"), "{}", show.stdout);

    let remove = relay.run(&["queue", "remove", "--sender", "ann@*", "--yes"]);
    assert_eq!((remove.code, remove.stdout.as_str()), (0, "1 message: removed\n"), "{}", remove.stderr);
    relay.end();
    relay.launch();
    assert_eq!(relay.run(&["queue", "list"]).stderr, "0 messages\n");
    relay.end();
    let ran = relay.run(&["queue", "list"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("it is not running"), "{}", ran.stderr);
}

#[test]
fn where_an_address_goes_now_is_what_the_running_relay_knows() {
    let mut relay = Running::start();
    relay.send("bob@dead.test");
    let dead = relay.event("host-dead")["address"].as_str().unwrap().to_owned();
    let trace = relay.run(&["trace", "bob@dead.test"]);
    assert_eq!(trace.code, 0, "{}", trace.stderr);
    assert!(trace.stdout.contains("  sent as bob@dead.test by dead\n"), "{}", trace.stdout);
    assert!(
        trace.stdout.contains(&format!("host {dead} of dead: does not answer, tried again in ")),
        "{}",
        trace.stdout
    );
    let trace = relay.run(&["trace", "bob@dead.test", "--from", "192.0.2.1"]);
    assert!(trace.stdout.contains("  refused 5.7.1 "), "{}", trace.stdout);
    let top = relay.run(&["top", "--once"]);
    assert!(top.stdout.contains("accepted 1  refused 0  delivered 0"), "{}", top.stdout);
    assert!(top.stdout.contains(&format!("\n{dead:32} dead ")), "{}", top.stdout);
    relay.end();
}

#[test]
fn numbers_and_reloads_are_those_of_the_running_relay() {
    let mut relay = Running::start();
    assert!(relay.page("/readyz").ends_with("\r\n\r\nready\n"));
    relay.send("bob@dead.test");
    relay.event("host-dead");
    relay.until(&["queue", "list"], "  deferred  ");
    let numbers = relay.page("/metrics");
    for line in [
        "mailswitch_accepted_messages_total 1",
        r#"mailswitch_queue_entries{connector="dead",state="waiting"} 1"#,
        r#"mailswitch_dead_hosts{connector="dead"} 1"#,
        "mailswitch_time_to_250_seconds_count 1",
    ] {
        assert!(numbers.contains(&format!("\n{line}\n")), "{line}: {numbers}");
    }
    assert!(!numbers.contains("\nmailswitch_spool_sync_seconds_count 0\n"), "{numbers}");
    let reload = relay.run(&["reload"]);
    assert_eq!(reload.code, 0, "{}", reload.stderr);
    relay.event("reloaded");
    let path = relay.folder.path().join("relay.yaml");
    let yaml = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, yaml.replace("version: 1", "version: 9")).unwrap();
    let reload = relay.run(&["reload"]);
    assert_eq!(reload.code, 1);
    assert!(reload.stderr.contains("9 is not a version that this relay knows"), "{}", reload.stderr);
    relay.event("reload-failed");
    assert_eq!(relay.run(&["status"]).code, 0);
    relay.end();
}
