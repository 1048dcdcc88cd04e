//! A machine for one MTA: its addresses, its throw-away file system, its log.

pub(crate) mod files;
mod network;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Weak};

use tempfile::TempDir;

use crate::lab::client::Client;
use crate::lab::error::{Error, Explain, Result};
use crate::lab::log::{Log, Syslog};
use crate::lab::space::Space;
use crate::lab::tls::authority_pem;
use crate::lab::{PATIENCE, RESOLVER, poll};

pub(crate) use network::{ip, sysctl};

/// Clones stand for the same machine, which is gone with the last of them.
#[derive(Clone)]
pub struct Node {
    machine: Arc<Machine>,
}

/// A machine that may be gone.
pub(crate) struct WeakNode(Weak<Machine>);

impl WeakNode {
    pub(crate) fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(|machine| Node { machine })
    }
}

struct Machine {
    name: String,
    space: Space,
    addresses: Vec<IpAddr>,
    /// The first of them that is IPv4.
    address: IpAddr,
    log: Log,
    _syslog: Syslog,
    /// Only the place where the machine's file system is mounted, for itself alone.
    _scratch: TempDir,
}

/// What a command that ran on a machine said.
#[derive(Debug)]
pub struct Output {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// All of it, with a last line that tells of a failure: empty means clean.
    pub fn text(&self) -> String {
        let failure = if self.success { "" } else { "(the command failed)\n" };
        format!("{}{}{failure}", self.stdout, self.stderr)
    }

    /// An error where the command failed.
    pub(crate) fn insist(self, what: &str) -> Result<Output> {
        if self.success { Ok(self) } else { Err(Error::new(format!("{what}: {}", self.text()))) }
    }
}

impl Node {
    pub(crate) fn new(
        world: &Space,
        number: u8,
        name: &str,
        addresses: Vec<IpAddr>,
        layers: &[PathBuf],
        disk: Option<&Path>,
    ) -> Result<Node> {
        let address = addresses.iter().find(|address| address.is_ipv4()).copied();
        let address = address.ok_or_else(|| Error::new(format!("the machine {name} has no IPv4 address")))?;
        let scratch = tempfile::tempdir().explain("cannot make a temporary folder")?;
        let space = Space::machine(scratch.path(), layers, disk)?;
        world.run(|| network::connect_world(&space, number, &addresses))??;
        let log = Log::default();
        let authority = authority_pem()?;
        let syslog = space.run(|| {
            network::connect_machine(&addresses)?;
            let write = |path: &str, text: &str| files::write(path.as_ref(), text.as_bytes(), 0o644);
            write("/etc/resolv.conf", &format!("nameserver {RESOLVER}\n"))?;
            write("/etc/hosts", &format!("127.0.0.1 localhost {name}\n::1 localhost\n"))?;
            write("/etc/ssl/certs/ca-certificates.crt", &authority)?;
            Syslog::listen(log.clone())
        })??;
        Ok(Node {
            machine: Arc::new(Machine {
                name: name.to_owned(),
                space,
                addresses,
                address,
                log,
                _syslog: syslog,
                _scratch: scratch,
            }),
        })
    }

    /// Its first IPv4 address and port 25.
    pub fn smtp(&self) -> SocketAddr {
        self.port(25)
    }

    pub fn port(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.machine.address, port)
    }

    pub fn addresses(&self) -> &[IpAddr] {
        &self.machine.addresses
    }

    /// Takes its routes over IPv6 away, but for those to these hosts: a machine that others know by IPv4 addresses alone
    /// must not speak to them from one that the laboratory gave it.
    pub fn narrow_ipv6(&self, hosts: &[Ipv6Addr]) -> Result<()> {
        self.space().run(|| network::narrow_ipv6(hosts))?
    }

    /// Writes a file, with the folders above it. No symbolic link is followed.
    pub fn write(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        self.space().run(|| files::write(path.as_ref(), bytes, mode))?
    }

    /// Puts a program on the machine. Another process writes it: a file that this one has open for writing, however
    /// briefly, is open in the children that other threads start just then, and is no program for so long.
    pub fn write_program(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let script = "mkdir -p \"${0%/*}\" && cat >\"$0\" && chmod 755 \"$0\"";
        let output = self.space().run(|| run("sh", &["-c", script, path], bytes))??;
        output.insist(&format!("cannot write {path} on a machine"))?;
        Ok(())
    }

    /// The same with a program of the host's, which the machine may have nothing of.
    pub fn copy_program(&self, from: &Path, to: &str) -> Result<()> {
        let bytes = std::fs::read(from).explain(format_args!("cannot read {}", from.display()))?;
        self.write_program(to, &bytes)
    }

    /// Gives a file or folder to a user, such as `Debian-exim`, and that user's group.
    pub fn give(&self, path: &str, user: &str) -> Result<()> {
        self.space().run(|| files::give(path, user))?
    }

    /// A file's text; none if there is no such file.
    pub fn read(&self, path: &str) -> Option<String> {
        let bytes = self.space().run(|| fs::read(path)).ok()?.ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Runs a command on the machine, with that standard input.
    pub fn command(&self, program: &str, arguments: &[&str], input: &str) -> Result<Output> {
        self.space().run(|| run(program, arguments, input.as_bytes()))?
    }

    /// Everything logged so far, in whatever way: by syslog, on a daemon's output, to a file under `/var/log`.
    pub fn log(&self) -> String {
        let mut text = self.machine.log.text();
        // Where the machine cannot be entered there is nothing more to read.
        let _ = self.space().run(|| files::append_text("/var/log".as_ref(), &mut text));
        text
    }

    /// Waits until the log holds this text. Programs write files as they like, so it is looked at again and again.
    pub fn wait_for_log(&self, text: &str) -> Result<()> {
        let found = poll(PATIENCE, || Ok(self.log().contains(text).then_some(())))?;
        let late = || Error::new(format!("{text:?} is not in the log after {PATIENCE:?}:\n{}", self.log()));
        found.ok_or_else(late)
    }

    /// A client on this machine itself, speaking from its loopback.
    pub fn client(&self) -> Client {
        Client::new(self.space(), IpAddr::from([127, 0, 0, 1]))
    }

    /// The TCP ports that something listens on.
    pub fn listening(&self) -> Result<BTreeSet<u16>> {
        self.space().run(|| ["tcp", "tcp6"].iter().flat_map(|kind| network::listening(kind)).collect())
    }

    pub fn name(&self) -> &str {
        &self.machine.name
    }

    pub(crate) fn downgrade(&self) -> WeakNode {
        WeakNode(Arc::downgrade(&self.machine))
    }

    pub fn space(&self) -> &Space {
        &self.machine.space
    }

    pub fn log_lines(&self) -> &Log {
        &self.machine.log
    }

    /// Copies a folder's files, byte for byte, into one of the machine's.
    pub fn place(&self, source: &Path, target: &str) -> Result<()> {
        self.place_files(target, files::of_folder(source)?)
    }

    /// Writes files into a folder of the machine: the path of each below it, its bytes and its mode.
    pub fn place_files(&self, target: &str, files: impl IntoIterator<Item = (String, Vec<u8>, u32)>) -> Result<()> {
        let files: Vec<_> = files.into_iter().collect();
        self.space().run(|| files::place(target.as_ref(), files))?
    }
}

/// Where a program comes from, for whoever lacks it.
fn package(program: &str) -> &'static str {
    match program {
        "ip" => " (package iproute2)",
        "nsenter" => " (package util-linux)",
        "postfix" | "postconf" | "postmap" | "postqueue" => " (package postfix)",
        _ if program.starts_with("/usr/sbin/exim") => " (package exim4-daemon-heavy)",
        _ => "",
    }
}

fn run(program: &str, arguments: &[&str], input: &[u8]) -> Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::new(format!("`{program}` cannot be started: {error}{}", package(program))))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A command that does not read all of its input closes it early, and that is no fault.
        let feed = move || stdin.map(|mut stdin| stdin.write_all(input));
        std::thread::Builder::new().spawn_scoped(scope, feed)?;
        child.wait_with_output()
    });
    let output = output.explain(format_args!("`{program}` cannot be waited for"))?;
    Ok(Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
