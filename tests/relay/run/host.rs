//! A host with a relay: a folder that was built, a spool, and the process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailswitch");
/// Longer than anything takes that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Host {
    folder: tempfile::TempDir,
    spool: PathBuf,
    /// That the relay may open.
    pub(super) files: u32,
    pub(super) address: SocketAddr,
}

impl Host {
    /// With the accounts of `bob` and of what is said besides; nothing takes mail at its next hop.
    pub(super) fn new(more: &str) -> Host {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        Host::at(folder, spool, more)
    }

    pub(super) fn with_spool(spool: &Path) -> Host {
        Host::at(tempfile::tempdir().unwrap(), spool.to_owned(), "")
    }

    fn at(folder: tempfile::TempDir, spool: PathBuf, more: &str) -> Host {
        // Nobody else gets this port soon.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let host = Host { folder, spool, files: 4096, address };
        host.build(more);
        host
    }

    /// Builds the folder anew from a source with this in its system.
    pub(super) fn build(&self, more: &str) {
        let source = format!(
            "mta hub {{\n hostname mx.own.example\n target relay\n listen {}\n postmaster bob@own.example\n}}\n\
             system store {{\n account bob@own.example\n {more}\n}}\n\
             domain own.example\n\
             connector to-store {{\n to store\n smart-host 127.0.0.1:9\n tls off\n}}\n\
             connector out {{\n address-space *\n smart-host 127.0.0.1:9\n}}\n",
            self.address
        );
        self.write("routing.dsl", &source);
        let out = Command::new(PROGRAM).current_dir(self.folder.path()).args(["build", "-o", "out"]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        for file in ["relay.yaml", "contacts.cdb", "accounts.cdb", "recipients.cdb"] {
            std::fs::rename(self.folder.path().join("out/hub").join(file), self.folder.path().join(file)).unwrap();
        }
        std::fs::remove_dir_all(self.folder.path().join("out")).unwrap();
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    /// Puts something in the place of a piece of a file.
    pub(super) fn edit(&self, file: &str, piece: &str, new: &str) {
        let text = std::fs::read_to_string(self.folder.path().join(file)).unwrap();
        assert!(text.contains(piece), "{text}");
        self.write(file, &text.replacen(piece, new, 1));
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.spool.clone()
    }

    fn command(&self) -> Command {
        // No more open files than it is said to have.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &self.files.to_string(), PROGRAM]);
        command.args(["relay", "run"]).arg(self.folder.path().join("relay.yaml")).arg("--spool").arg(&self.spool);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts the relay, and waits until it serves.
    pub(super) fn start(&self) -> Relay {
        let mut child = self.command().spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        let mut relay = Relay { child, lines, address: self.address, start: Vec::new() };
        while !relay.start.last().is_some_and(|line| is_event(line, "started")) {
            let line = relay.line();
            relay.start.push(line);
        }
        relay
    }

    /// Its exit code and what it says, where it cannot start.
    pub(super) fn fails(&self) -> (i32, String) {
        let output = self.command().output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

fn is_event(line: &str, name: &str) -> bool {
    line.split(' ').nth(1) == Some(name)
}

pub(super) struct Relay {
    child: Child,
    lines: Receiver<String>,
    address: SocketAddr,
    start: Vec<String>,
}

impl Relay {
    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the relay should say something more")
    }

    /// The next line of its log about such an event.
    pub(super) fn log(&mut self, event: &str) -> String {
        loop {
            let line = self.line();
            if is_event(&line, event) {
                return line;
            }
        }
    }

    /// Whether it said this before it served.
    pub(super) fn starts_with(&self, words: &str) -> bool {
        self.start.iter().any(|line| line.contains(words))
    }

    /// The names of the events up to the next one of that name.
    pub(super) fn events_until(&mut self, event: &str) -> Vec<String> {
        let mut names = Vec::new();
        while names.last().is_none_or(|last| last != event) {
            names.push(self.line().split(' ').nth(1).unwrap_or_default().to_owned());
        }
        names
    }

    pub(super) fn log_of_the_start(&mut self, event: &str) -> String {
        self.start.iter().find(|line| is_event(line, event)).cloned().unwrap()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub(super) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(super) fn client(&self) -> Client {
        Client::connect(&self.address)
    }

    pub(super) fn greeted(&self) -> Client {
        let mut client = self.client();
        client.hears_greeting();
        client
    }

    pub(super) fn client_as_soon_as_there_is_room(&self) -> Client {
        loop {
            let mut client = self.client();
            if client.reply().starts_with("220 ") {
                return client;
            }
        }
    }

    /// Octets in memory.
    pub(super) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client's side of a conversation.
pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    pub(super) fn connect(address: &SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(stream))
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.0.into_inner()
    }

    pub(super) fn send(&mut self, octets: &[u8]) {
        self.0.get_mut().write_all(octets).unwrap();
    }

    /// The last line of the next reply.
    pub(super) fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    pub(super) fn hears(&mut self, start: &str) {
        let reply = self.reply();
        assert!(reply.starts_with(start), "{reply:?} instead of {start}");
    }

    pub(super) fn hears_greeting(&mut self) {
        self.hears("220 mx.own.example");
    }

    pub(super) fn says(&mut self, line: &str, reply: &str) {
        self.send(format!("{line}\r\n").as_bytes());
        self.hears(reply);
    }

    pub(super) fn hello(&mut self) {
        self.hears_greeting();
        self.says("EHLO client.example", "250 ");
    }

    pub(super) fn message(&mut self, recipient: &str) {
        self.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
        self.says(&format!("RCPT TO:<{recipient}>"), "250 2.1.5");
        self.says("DATA", "354");
        self.says("Subject: test\r\n\r\ntest\r\n.", "250 2.0.0");
    }

    /// The other side says nothing more.
    pub(super) fn ends(&mut self) {
        let mut rest = Vec::new();
        // Closed with something unread, the connection is reset.
        let _ = self.0.read_to_end(&mut rest);
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }
}
