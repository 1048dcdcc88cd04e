//! Exim on a machine of the lab, from an emitted folder.

use std::path::Path;
use std::sync::Mutex;

use crate::lab::daemon::Daemon;
use crate::lab::error::{Error, Explain, Result, lock};
use crate::lab::node::{Node, Output, files};

/// Debian's name for the program and that of others, and for its user.
const PROGRAMS: [&str; 2] = ["/usr/sbin/exim4", "/usr/sbin/exim"];
const USERS: [&str; 2] = ["Debian-exim", "exim"];
const FOLDER: &str = "/etc/exim4";
const CONFIG: &str = "/etc/exim4/exim.conf";
const HINTS: &str = "/var/spool/exim4/db";
/// What the package makes and owns.
const FOLDERS: [&str; 6] =
    ["/var/spool/exim4", HINTS, "/var/spool/exim4/input", "/var/spool/exim4/msglog", "/var/log/exim4", "/run/exim4"];

pub struct Exim {
    node: Node,
    program: &'static str,
    user: &'static str,
    daemon: Mutex<Option<Daemon>>,
}

impl Exim {
    /// Makes the folder `/etc/exim4`.
    pub fn install(node: &Node, folder: &Path) -> Result<Exim> {
        Exim::install_files(node, files::of_folder(folder)?)
    }

    /// The same from memory: the path of each file in the folder, its bytes and its mode.
    pub fn install_files(node: &Node, files: impl IntoIterator<Item = (String, Vec<u8>, u32)>) -> Result<Exim> {
        node.place_files(FOLDER, files)?;
        // Exim keeps its privileges with a configuration of another name only if that name is listed here.
        node.write("/etc/exim4/trusted_configs", format!("{CONFIG}\n").as_bytes(), 0o644)?;
        let (program, user) = node.space().run(|| {
            let program = PROGRAMS.into_iter().find(|program| Path::new(program).exists());
            let program = program.ok_or_else(|| missing("program", &PROGRAMS))?;
            let user = USERS.into_iter().find(|user| files::has_user(user));
            let user = user.ok_or_else(|| missing("user", &USERS))?;
            for folder in FOLDERS {
                files::make_folder(folder)?;
                files::give(folder, user)?;
            }
            Ok((program, user))
        })??;
        Ok(Exim { node: node.clone(), program, user, daemon: Mutex::new(None) })
    }

    /// Puts a changed folder in place; Exim sees it with the next message.
    pub fn replace(&self, folder: &Path) -> Result<()> {
        self.node.place(folder, FOLDER)
    }

    /// Starts it with a queue runner each second, and waits until these ports listen.
    pub fn start(&self, ports: &[u16]) -> Result<()> {
        self.node.space().run(clear_hints)?.explain(format_args!("cannot empty {HINTS} on a machine"))?;
        let daemon = Daemon::start(&self.node, &[self.program, "-C", CONFIG, "-bdf", "-q1s"], ports)?;
        *lock(&self.daemon) = Some(daemon);
        Ok(())
    }

    pub fn stop(&self) {
        lock(&self.daemon).take();
    }

    /// `exim -bV`: what it is, or what is wrong with the configuration.
    pub fn bv(&self) -> Result<Output> {
        self.run(&["-bV"], "")
    }

    /// `exim -bt`: how each address would be routed.
    pub fn bt(&self, addresses: &[&str]) -> Result<Output> {
        self.run(&["-bt"], &lines(addresses))
    }

    /// `exim -be`: what each string expands to, or the error. Neither may hold a newline.
    pub fn be(&self, strings: &[&str]) -> Result<Vec<String>> {
        let output = self.run(&["-be"], &lines(strings))?;
        if !output.stderr.is_empty() {
            return Err(Error::new(format!("exim -be: {}", output.stderr)));
        }
        // Each line is preceded by a prompt, and so is the end of the input.
        let answers = output.stdout.lines().take(strings.len());
        Ok(answers.map(|line| line.strip_prefix("> ").unwrap_or(line).to_owned()).collect())
    }

    /// `exim -bP`: the configuration as Exim read it; without items, all of the main section.
    pub fn bp(&self, items: &[&str]) -> Result<Output> {
        let arguments: Vec<&str> = ["-bP"].iter().chain(items).copied().collect();
        self.run(&arguments, "")
    }

    /// The message ids and recipients in the queue.
    pub fn queue(&self) -> Result<String> {
        Ok(self.run(&["-bp"], "")?.insist("exim -bp")?.stdout)
    }

    /// Tries every deferred message now, whatever its retry time.
    pub fn flush(&self) -> Result<Output> {
        self.run(&["-qff"], "")
    }

    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The user that Exim runs as on this machine.
    pub fn user(&self) -> &str {
        self.user
    }

    pub fn log(&self) -> String {
        self.node.log()
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let arguments: Vec<&str> = ["-C", CONFIG].iter().chain(arguments).copied().collect();
        self.node.command(self.program, &arguments, input)
    }
}

/// A delivery that a stop cut short may leave a half-made hints file, named after its process id. The new
/// daemon's process ids begin at 1 again, and one that meets that name waits for ever.
fn clear_hints() -> std::io::Result<()> {
    std::fs::read_dir(HINTS)?.try_for_each(|entry| std::fs::remove_file(entry?.path()))
}

fn missing(what: &str, names: &[&str]) -> Error {
    Error::new(format!("a machine for Exim has no {what} {} (package exim4-daemon-heavy)", names.join(" or ")))
}

fn lines(items: &[&str]) -> String {
    items.iter().map(|item| format!("{item}\n")).collect()
}
