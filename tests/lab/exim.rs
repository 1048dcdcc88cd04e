//! Exim on a machine of the lab, from an emitted folder.

use std::path::Path;
use std::sync::Mutex;

use crate::lab::daemon::Daemon;
use crate::lab::node::{Node, Output, give};

const PROGRAM: &str = "/usr/sbin/exim4";
const CONFIG: &str = "/etc/exim4/exim.conf";
/// What the package makes and owns.
const FOLDERS: [&str; 6] = [
    "/var/spool/exim4",
    "/var/spool/exim4/db",
    "/var/spool/exim4/input",
    "/var/spool/exim4/msglog",
    "/var/log/exim4",
    "/run/exim4",
];

pub(crate) struct Exim {
    node: Node,
    daemon: Mutex<Option<Daemon>>,
}

impl Exim {
    /// Makes the folder `/etc/exim4`.
    pub(crate) fn install(node: &Node, folder: &Path) -> Exim {
        node.place(folder, "/etc/exim4");
        // Exim keeps its privileges with a configuration of another name only if that name is listed here.
        node.write("/etc/exim4/trusted_configs", format!("{CONFIG}\n").as_bytes(), 0o644);
        node.space().run(|| {
            for folder in FOLDERS {
                std::fs::create_dir_all(folder).expect("the machine's spool is empty");
                give(folder.as_ref(), "Debian-exim");
            }
        });
        Exim { node: node.clone(), daemon: Mutex::new(None) }
    }

    /// Puts a changed folder in place; Exim sees it with the next message.
    pub(crate) fn replace(&self, folder: &Path) {
        self.node.place(folder, "/etc/exim4");
    }

    /// Starts it with a queue runner each second, and waits until these ports listen.
    pub(crate) fn start(&self, ports: &[u16]) {
        self.node.space().run(clear_hints);
        let daemon = Daemon::start(&self.node, &[PROGRAM, "-C", CONFIG, "-bdf", "-q1s"], ports);
        *self.lock() = Some(daemon);
    }

    pub(crate) fn stop(&self) {
        self.lock().take();
    }

    /// `exim -bV`: what it is, or what is wrong with the configuration.
    pub(crate) fn bv(&self) -> Output {
        self.run(&["-bV"], "")
    }

    /// `exim -bt`: how each address would be routed.
    pub(crate) fn bt(&self, addresses: &[&str]) -> Output {
        self.run(&["-bt"], &lines(addresses))
    }

    /// `exim -be`: what each string expands to, or the error. Neither may hold a newline.
    pub(crate) fn be(&self, strings: &[&str]) -> Vec<String> {
        let output = self.run(&["-be"], &lines(strings));
        assert_eq!(output.stderr, "", "exim -be");
        // Each line is preceded by a prompt, and so is the end of the input.
        output
            .stdout
            .lines()
            .take(strings.len())
            .map(|line| line.strip_prefix("> ").unwrap_or(line).to_owned())
            .collect()
    }

    /// `exim -bP`: the configuration as Exim read it; without items, all of the main section.
    pub(crate) fn bp(&self, items: &[&str]) -> Output {
        let arguments: Vec<&str> = ["-bP"].iter().chain(items).copied().collect();
        self.run(&arguments, "")
    }

    /// The message ids and recipients in the queue.
    pub(crate) fn queue(&self) -> String {
        self.run(&["-bp"], "").stdout
    }

    /// Tries every deferred message now, whatever its retry time.
    pub(crate) fn flush(&self) -> Output {
        self.run(&["-qff"], "")
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn log(&self) -> String {
        self.node.log()
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let arguments: Vec<&str> = ["-C", CONFIG].iter().chain(arguments).copied().collect();
        self.node.command(PROGRAM, &arguments, input)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Daemon>> {
        self.daemon.lock().expect("no one panicked with Exim")
    }
}

/// A delivery that a stop cut short may leave a half-made hints file, named after its process id. The new
/// daemon's process ids begin at 1 again, and one that meets that name waits for ever.
fn clear_hints() {
    for entry in std::fs::read_dir("/var/spool/exim4/db").expect("the machine has Exim's folders") {
        let path = entry.expect("a folder can be listed").path();
        std::fs::remove_file(path).expect("no Exim runs that could have removed it");
    }
}

fn lines(items: &[&str]) -> String {
    items.iter().map(|item| format!("{item}\n")).collect()
}
