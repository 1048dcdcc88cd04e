//! Postfix on a machine of the lab, from an emitted folder.

use std::path::Path;
use std::sync::Mutex;

use crate::lab::daemon::Daemon;
use crate::lab::error::{Error, Result, lock};
use crate::lab::node::{Node, Output, files};

const FOLDER: &str = "/etc/postfix";
/// Debian's: it copies resolv.conf and its like below the queue for the services that run chrooted.
const INSTANCE: &str = "/usr/lib/postfix/configure-instance.sh";

pub struct Postfix {
    node: Node,
    daemon: Mutex<Option<Daemon>>,
}

impl Postfix {
    /// Lays the folder's files over the packaged `/etc/postfix`.
    pub fn install(node: &Node, folder: &Path) -> Result<Postfix> {
        Postfix::install_files(node, files::of_folder(folder)?)
    }

    /// The same from memory: the path of each file in the folder, its bytes and its mode.
    pub fn install_files(node: &Node, files: impl IntoIterator<Item = (String, Vec<u8>, u32)>) -> Result<Postfix> {
        node.place_files(FOLDER, files)?;
        node.space().run(|| {
            // The package owns these; the machine begins with them empty.
            files::give("/var/lib/postfix", "postfix")?;
            // A link for people, which another release's `postfix check` takes for a file that everybody can write.
            let _ = std::fs::remove_file("/etc/postfix/makedefs.out");
            files::make_folder("/var/spool/postfix")
        })??;
        Ok(Postfix { node: node.clone(), daemon: Mutex::new(None) })
    }

    /// Puts a changed folder in place; a running Postfix sees it after `reload`.
    pub fn replace(&self, folder: &Path) -> Result<()> {
        self.node.place(folder, FOLDER)
    }

    /// `postfix check`: its output is empty where all is well. It also makes the queue's folders.
    pub fn check(&self) -> Result<Output> {
        let check = || self.node.command("postfix", &["check"], "");
        let first = check()?;
        // Since Debian 13 the first one also copies files below the queue, and tells of each.
        let output = if first.stdout.contains("updating ") { check()? } else { first };
        if output.success {
            // What has just been checked need not be checked again at the start.
            self.node.write("/var/spool/postfix/quick-start", b"", 0o644)?;
        }
        Ok(output)
    }

    /// Starts it as Debian does, and waits until these ports listen.
    pub fn start(&self, ports: &[u16]) -> Result<()> {
        let output = self.node.command(INSTANCE, &["-"], "")?;
        // Since Debian 13 Postfix's own start does it, and nobody else may.
        if !output.stderr.contains("internal script") {
            output.insist(INSTANCE)?;
        }
        let daemon = Daemon::start(&self.node, &["postfix", "start-fg"], ports)?;
        *lock(&self.daemon) = Some(daemon);
        Ok(())
    }

    pub fn stop(&self) {
        lock(&self.daemon).take();
    }

    /// `postfix reload`.
    pub fn reload(&self) -> Result<()> {
        let space = match &*lock(&self.daemon) {
            Some(daemon) => daemon.process_namespace()?,
            None => return Err(Error::new("postfix reload: it has not been started")),
        };
        let arguments = [&format!("--pid={space}"), "postfix", "reload"];
        self.node.command("nsenter", &arguments, "")?.insist("postfix reload")?;
        Ok(())
    }

    /// `postconf -n`: the parameters that the configuration sets, and on stderr any warning.
    pub fn postconf_n(&self) -> Result<Output> {
        self.node.command("postconf", &["-n"], "")
    }

    /// A parameter's value, with what it refers to expanded.
    pub fn postconf(&self, parameter: &str) -> Result<String> {
        Ok(self.node.command("postconf", &["-hx", parameter], "")?.stdout.trim_end().to_owned())
    }

    /// What a table such as `cdb:/etc/postfix/contacts` answers to each key.
    pub fn postmap_q(&self, table: &str, keys: &[&str]) -> Result<Vec<Option<String>>> {
        let input: String = keys.iter().map(|key| format!("{key}\n")).collect();
        let output = self.node.command("postmap", &["-q", "-", table], &input)?;
        if !output.stderr.is_empty() {
            return Err(Error::new(format!("postmap -q - {table}: {}", output.stderr)));
        }
        let answers: Vec<_> = output.stdout.lines().filter_map(|line| line.split_once('\t')).collect();
        let answer = |key: &&str| answers.iter().find(|(known, _)| known == key).map(|(_, value)| (*value).to_owned());
        Ok(keys.iter().map(answer).collect())
    }

    /// The queue, one JSON object a message.
    pub fn queue(&self) -> Result<String> {
        Ok(self.node.command("postqueue", &["-j"], "")?.insist("postqueue -j")?.stdout)
    }

    /// Tries every deferred message now.
    pub fn flush(&self) -> Result<Output> {
        self.node.command("postqueue", &["-f"], "")
    }

    pub fn node(&self) -> &Node {
        &self.node
    }

    pub fn log(&self) -> String {
        self.node.log()
    }
}
