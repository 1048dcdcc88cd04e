//! `local.yaml`: what the host says of a relay that runs on it. It lies beside `relay.yaml`, and need not be there.
//!
//! It belongs to whoever runs the host; the compiler never writes it, and no recipient goes elsewhere for it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Config, Malformed, read};
use crate::relay::check::{Place, Problem};

/// Its name.
pub const FILE: &str = "local.yaml";

/// The whole file; each of its sections and fields may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Local {
    /// The folder of the spool; without it, and without `--spool`, systemd's StateDirectory or `/var/lib/mailswitch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<PathBuf>,
    /// The socket that `relay queue` and its like talk to; `control` in the spool's folder without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<PathBuf>,
    /// The group whose members may use that socket too; the relay's own user alone without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_group: Option<String>,
    /// Where `/metrics`, `/healthz` and `/readyz` are served over HTTP; nowhere without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SocketAddr>,
    /// The user that a relay started by root becomes once it listens; it stays what it is without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its group; that user's own without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub log: Log,
    /// More about addresses that `server.listen` names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub queue: Queue,
}

/// Where events are told: one line each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Log {
    /// `human` without it.
    pub format: Format,
    /// A file to append to, opened again at a reload; standard error without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    #[default]
    Human,
    Json,
}

/// One of the addresses in `server.listen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Listener {
    pub address: SocketAddr,
    /// Load balancers that open each connection with a PROXY header, version 1 or 2. All others are turned away there.
    pub proxy: Vec<IpNet>,
}

/// How much a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Sessions at once; 15000 without it. Each needs an open file.
    pub sessions: u32,
    /// Sessions at once from one network (IPv4 /24, IPv6 /64) that is not in `trust`; 100 without it.
    pub sessions_per_network: u32,
    /// Recipients of one message; 1000 without it. RFC 5321 4.5.3.1.8 asks for 100 at least.
    pub recipients: u32,
    /// Commands that a session may get wrong before it is closed; 20 without it.
    pub errors: u32,
    /// Octets of a line of content without its CRLF; 998 without it (RFC 5322 2.1.1).
    pub line: u32,
    /// Octets that stay free on the spool's disk: below, MAIL is answered with 452; 104857600 (100 MiB) without it.
    pub free_disk: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            sessions: 15_000,
            sessions_per_network: 100,
            recipients: 1000,
            errors: 20,
            line: 998,
            free_disk: 100 << 20,
        }
    }
}

/// Seconds that are waited for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Timeouts {
    /// Before the greeting, while who talks already is turned away; 0 without it: only what has come by then counts.
    pub greeting: u32,
    /// For a whole command; 300 without it (RFC 5321 4.5.3.2.7).
    pub command: u32,
    /// For some more content; 180 without it (RFC 5321 4.5.3.2.5).
    pub content: u32,
    /// For all the content of a message, and one more for each 1024 octets that have come; 600 without it.
    pub message: u32,
    /// For the running sessions when the relay is asked to end; 30 without it.
    pub drain: u32,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts { greeting: 0, command: 300, content: 180, message: 600, drain: 30 }
    }
}

/// How messages wait for their next hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Queue {
    /// Connections at once by a connector that does not say; 20 without it.
    pub concurrency: u32,
    /// Seconds until the next try after the first failure, the second, …; the last one is repeated.
    pub retry: Vec<u32>,
    /// Seconds until a sender who asks for it is told that a message waits; 14400 (four hours) without it.
    pub warning: u32,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue { concurrency: 20, retry: vec![60, 300, 600, 900, 1800, 3600], warning: 14_400 }
    }
}

impl Local {
    /// What lies in the folder of a `relay.yaml`, with all that is wrong with it.
    pub fn load(folder: &Path, config: Option<&Config>) -> (Local, Vec<Problem>) {
        let text = match std::fs::read(folder.join(FILE)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Local::default(), Vec::new()),
            Err(error) => return unread(format!("it cannot be read: {error}")),
            Ok(bytes) => String::from_utf8(bytes),
        };
        let Ok(text) = text else { return unread("it is not UTF-8".to_owned()) };
        match parse(&text) {
            Ok(local) => {
                let problems = look_over(&local, config);
                (local, problems)
            }
            Err(malformed) => (Local::default(), vec![Problem::malformed(malformed, FILE)]),
        }
    }

    /// What is said of an address in `server.listen`.
    pub fn proxies(&self, address: SocketAddr) -> Option<&[IpNet]> {
        self.listeners.iter().find(|l| l.address == address).map(|l| l.proxy.as_slice())
    }

    pub fn warning(&self) -> Duration {
        Duration::from_secs(self.queue.warning.into())
    }
}

/// Reads the file's text; an empty one says nothing.
pub fn parse(text: &str) -> Result<Local, Malformed> {
    // A file of comments alone is a null value, which serde takes for no mapping.
    Ok(read::<Option<Local>>(text)?.unwrap_or_default())
}

fn unread(message: String) -> (Local, Vec<Problem>) {
    (Local::default(), vec![Problem { error: true, place: Place::Value(FILE.into()), message }])
}

/// Values in range, and addresses that the relay listens on.
fn look_over(local: &Local, config: Option<&Config>) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut error = |place: String, message: String| {
        found.push(Problem { error: true, place: Place::Value(place), message });
    };
    for (place, value, least) in ranges(local) {
        if value < least {
            error(place.to_owned(), format!("{value} is too little: {least} at least"));
        }
    }
    if local.queue.retry.is_empty() {
        error("queue.retry".to_owned(), "without a time there is no next try".to_owned());
    }
    if local.queue.retry.contains(&0) {
        error("queue.retry".to_owned(), "0 is too little: 1 at least".to_owned());
    }
    if local.group.is_some() && local.user.is_none() {
        error("group".to_owned(), "say `user` as well".to_owned());
    }
    let mut met = BTreeSet::new();
    for (i, listener) in local.listeners.iter().enumerate() {
        let address = listener.address;
        if !met.insert(address) {
            error(format!("listeners[{i}]"), format!("`{address}` stands in this list already"));
        }
        if config.is_some_and(|config| !config.server.listen.contains(&address)) {
            error(format!("listeners[{i}]"), format!("`{address}` is not in `server.listen` of relay.yaml"));
        }
        if listener.proxy.is_empty() {
            error(format!("listeners[{i}].proxy"), "name the networks of the load balancers".to_owned());
        }
    }
    found
}

/// The fields that are numbers, and the least that each may be.
fn ranges(local: &Local) -> [(&'static str, u32, u32); 10] {
    let Limits { sessions, sessions_per_network, recipients, errors, line, .. } = local.limits;
    let Timeouts { command, content, message, .. } = local.timeouts;
    [
        ("limits.sessions", sessions, 1),
        ("limits.sessions-per-network", sessions_per_network, 1),
        ("limits.recipients", recipients, 100),
        ("limits.errors", errors, 1),
        ("limits.line", line, 998),
        ("timeouts.command", command, 1),
        ("timeouts.content", content, 1),
        ("timeouts.message", message, 1),
        ("queue.concurrency", local.queue.concurrency, 1),
        ("queue.warning", local.queue.warning, 1),
    ]
}
