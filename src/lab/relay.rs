//! The project's own relay on a machine of the lab, from an emitted folder.

use std::path::Path;
use std::sync::Mutex;

use nix::sys::signal::Signal;

use crate::lab::daemon::Daemon;
use crate::lab::error::{Error, Result, lock};
use crate::lab::node::{Node, Output, files};
use crate::lab::{PATIENCE, poll};

const PROGRAM: &str = "/usr/local/bin/mailswitch";
const FOLDER: &str = "/etc/mailswitch";
const CONFIG: &str = "/etc/mailswitch/relay.yaml";
const LOCAL: &str = "/etc/mailswitch/local.yaml";
pub const SPOOL: &str = "/var/spool/mailswitch";
const CONTROL: &str = "/var/spool/mailswitch/control";

pub struct Relay {
    node: Node,
    daemon: Mutex<Option<Daemon>>,
}

impl Relay {
    /// What is started.
    pub const COMMAND: [&str; 6] = [PROGRAM, "relay", "run", CONFIG, "--spool", SPOOL];

    /// Makes the folder `/etc/mailswitch`, and puts the program beside those of the machine, which has nothing of the
    /// folder where it was built.
    pub fn install(node: &Node, folder: &Path, program: &Path) -> Result<Relay> {
        Relay::install_files(node, files::of_folder(folder)?, program)
    }

    /// The same from memory: the path of each file in the folder, its bytes and its mode.
    pub fn install_files(
        node: &Node,
        files: impl IntoIterator<Item = (String, Vec<u8>, u32)>,
        program: &Path,
    ) -> Result<Relay> {
        node.copy_program(program, PROGRAM)?;
        node.place_files(FOLDER, files)?;
        node.space().run(|| files::make_folder(SPOOL))??;
        Ok(Relay { node: node.clone(), daemon: Mutex::new(None) })
    }

    /// Puts a changed folder in place; a running relay sees it by itself, or after `reload`.
    pub fn replace(&self, folder: &Path) -> Result<()> {
        self.node.place(folder, FOLDER)
    }

    /// The host's own settings, beside the emitted ones; read at the next start or reload.
    pub fn local(&self, yaml: &str) -> Result<()> {
        self.node.write(LOCAL, yaml.as_bytes(), 0o644)
    }

    /// `mailswitch relay check`: its output ends in `good: …` where all is well.
    pub fn check(&self) -> Result<Output> {
        self.node.command(PROGRAM, &["relay", "check", CONFIG], "")
    }

    /// Starts it and waits until it says that it has started: ports listen before signals are heard.
    pub fn start(&self, ports: &[u16]) -> Result<()> {
        let starts = || self.node.log_lines().text().matches("started").count();
        let before = starts();
        let daemon = Daemon::start(&self.node, &Relay::COMMAND, ports)?;
        *lock(&self.daemon) = Some(daemon);
        let started = poll(PATIENCE, || Ok((starts() > before).then_some(())))?;
        started.ok_or_else(|| Error::new(format!("the relay does not start:\n{}", self.log())))
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&self) {
        lock(&self.daemon).take();
    }

    /// Asks it to end and waits until it has.
    pub fn terminate(&self) -> Result<()> {
        let Some(daemon) = lock(&self.daemon).take() else { return Ok(()) };
        daemon.signal(Signal::SIGTERM)?;
        daemon.wait()
    }

    /// Asks it to read its configuration again.
    pub fn reload(&self) -> Result<()> {
        match &*lock(&self.daemon) {
            Some(daemon) => daemon.signal(Signal::SIGHUP),
            None => Err(Error::new("cannot reload a relay that has not been started")),
        }
    }

    pub fn runs(&self) -> bool {
        lock(&self.daemon).as_ref().is_some_and(Daemon::runs)
    }

    /// The process of the relay itself, as this side of the process namespace knows it.
    pub fn pid(&self) -> Option<i32> {
        lock(&self.daemon).as_ref().and_then(Daemon::pid)
    }

    /// The queue, one JSON object a message; nothing where it is empty.
    pub fn queue(&self) -> Result<String> {
        let output = self.node.command(PROGRAM, &["relay", "queue", "list", "--json", "--control", CONTROL], "")?;
        Ok(output.insist("relay queue list")?.stdout)
    }

    pub fn log(&self) -> String {
        self.node.log()
    }
}
