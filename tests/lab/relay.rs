//! The project's own relay on a machine of the lab, from an emitted folder.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::PATIENCE;
use crate::lab::daemon::Daemon;
use crate::lab::node::{Node, Output};

const PROGRAM: &str = "/usr/local/bin/mailswitch";
const FOLDER: &str = "/etc/mailswitch";
const CONFIG: &str = "/etc/mailswitch/relay.yaml";
const LOCAL: &str = "/etc/mailswitch/local.yaml";
pub(crate) const SPOOL: &str = "/var/spool/mailswitch";
const CONTROL: &str = "/var/spool/mailswitch/control";

pub(crate) struct Relay {
    node: Node,
    daemon: Mutex<Option<Daemon>>,
}

impl Relay {
    /// What is started.
    pub(crate) const COMMAND: [&str; 6] = [PROGRAM, "relay", "run", CONFIG, "--spool", SPOOL];

    /// Makes the folder `/etc/mailswitch`, and puts the program beside those of the machine, which has nothing of the
    /// folder where it was built.
    pub(crate) fn install(node: &Node, folder: &Path) -> Relay {
        let program = std::fs::read(env!("CARGO_BIN_EXE_mailswitch")).expect("the program has been built");
        node.write_program(PROGRAM, &program);
        node.place(folder, FOLDER);
        node.space().run(|| std::fs::create_dir_all(SPOOL).expect("a machine's spool can be written"));
        Relay { node: node.clone(), daemon: Mutex::new(None) }
    }

    /// Puts a changed folder in place; a running relay sees it by itself, or after `reload`.
    pub(crate) fn replace(&self, folder: &Path) {
        self.node.place(folder, FOLDER);
    }

    /// The host's own settings, beside the emitted ones; read at the next start or reload.
    pub(crate) fn local(&self, yaml: &str) {
        self.node.write(LOCAL, yaml.as_bytes(), 0o644);
    }

    /// `mailswitch relay check`: its output ends in `good: …` where all is well.
    pub(crate) fn check(&self) -> Output {
        self.node.command(PROGRAM, &["relay", "check", CONFIG], "")
    }

    /// Starts it and waits until it says that it has started: ports listen before signals are heard.
    pub(crate) fn start(&self, ports: &[u16]) {
        let starts = || self.node.log_lines().text().matches("started").count();
        let before = starts();
        *self.lock() = Some(Daemon::start(&self.node, &Relay::COMMAND, ports));
        let end = Instant::now() + PATIENCE;
        while starts() == before {
            assert!(Instant::now() < end, "the relay does not start:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&self) {
        self.lock().take();
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn terminate(&self) {
        if let Some(daemon) = self.lock().take() {
            daemon.signal(Signal::SIGTERM);
            daemon.wait();
        }
    }

    /// Asks it to read its configuration again.
    pub(crate) fn reload(&self) {
        self.lock().as_ref().expect("the relay has been started").signal(Signal::SIGHUP);
    }

    pub(crate) fn runs(&self) -> bool {
        self.lock().as_ref().is_some_and(Daemon::runs)
    }

    /// The process of the relay itself, as this side of the process namespace knows it.
    pub(crate) fn pid(&self) -> Option<i32> {
        self.lock().as_ref().and_then(Daemon::pid)
    }

    /// The queue, one JSON object a message; nothing where it is empty.
    pub(crate) fn queue(&self) -> String {
        let output = self.node.command(PROGRAM, &["relay", "queue", "list", "--json", "--control", CONTROL], "");
        assert!(output.success, "relay queue list: {}", output.text());
        output.stdout
    }

    pub(crate) fn log(&self) -> String {
        self.node.log()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Daemon>> {
        self.daemon.lock().expect("no one panicked with the relay")
    }
}
