//! Postfix on a machine of the lab, from an emitted folder.

use std::path::Path;
use std::sync::Mutex;

use crate::lab::daemon::Daemon;
use crate::lab::node::{Node, Output, give};

pub(crate) struct Postfix {
    node: Node,
    daemon: Mutex<Option<Daemon>>,
}

impl Postfix {
    /// Lays the folder's files over the packaged `/etc/postfix`.
    pub(crate) fn install(node: &Node, folder: &Path) -> Postfix {
        node.place(folder, "/etc/postfix");
        node.space().run(|| {
            // The package owns these; the machine begins with them empty.
            give("/var/lib/postfix".as_ref(), "postfix");
            std::fs::create_dir_all("/var/spool/postfix").expect("the machine's spool is empty");
        });
        Postfix { node: node.clone(), daemon: Mutex::new(None) }
    }

    /// Puts a changed folder in place; a running Postfix sees it after `reload`.
    pub(crate) fn replace(&self, folder: &Path) {
        self.node.place(folder, "/etc/postfix");
    }

    /// `postfix check`: its output is empty where all is well. It also makes the queue's folders.
    pub(crate) fn check(&self) -> Output {
        let output = self.node.command("postfix", &["check"], "");
        if output.success {
            // What has just been checked need not be checked again at the start.
            self.node.write("/var/spool/postfix/quick-start", b"", 0o644);
        }
        output
    }

    /// Starts it as Debian does, and waits until these ports listen.
    pub(crate) fn start(&self, ports: &[u16]) {
        // It copies resolv.conf and its like below the queue for the services that run chrooted.
        let output = self.node.command("/usr/lib/postfix/configure-instance.sh", &["-"], "");
        assert!(output.success, "configure-instance.sh: {}", output.text());
        let daemon = Daemon::start(&self.node, &["postfix", "start-fg"], ports);
        *self.lock() = Some(daemon);
    }

    pub(crate) fn stop(&self) {
        self.lock().take();
    }

    /// `postfix reload`.
    pub(crate) fn reload(&self) {
        let space = self.lock().as_ref().expect("Postfix has been started").process_namespace();
        let output = self.node.command("nsenter", &[&format!("--pid={space}"), "postfix", "reload"], "");
        assert!(output.success, "postfix reload: {}", output.text());
    }

    /// `postconf -n`: the parameters that the configuration sets, and on stderr any warning.
    pub(crate) fn postconf_n(&self) -> Output {
        self.node.command("postconf", &["-n"], "")
    }

    /// A parameter's value, with what it refers to expanded.
    pub(crate) fn postconf(&self, parameter: &str) -> String {
        self.node.command("postconf", &["-hx", parameter], "").stdout.trim_end().to_owned()
    }

    /// What a table such as `cdb:/etc/postfix/contacts` answers to each key.
    pub(crate) fn postmap_q(&self, table: &str, keys: &[&str]) -> Vec<Option<String>> {
        let input: String = keys.iter().map(|key| format!("{key}\n")).collect();
        let output = self.node.command("postmap", &["-q", "-", table], &input);
        assert_eq!(output.stderr, "", "postmap -q - {table}");
        let answers: Vec<_> = output.stdout.lines().filter_map(|line| line.split_once('\t')).collect();
        let answer = |key: &&str| answers.iter().find(|(known, _)| known == key).map(|(_, value)| (*value).to_owned());
        keys.iter().map(answer).collect()
    }

    /// The queue, one JSON object a message.
    pub(crate) fn queue(&self) -> String {
        self.node.command("postqueue", &["-j"], "").stdout
    }

    /// Tries every deferred message now.
    pub(crate) fn flush(&self) -> Output {
        self.node.command("postqueue", &["-f"], "")
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn log(&self) -> String {
        self.node.log()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Daemon>> {
        self.daemon.lock().expect("no one panicked with Postfix")
    }
}
