//! The sending side: SMTP (RFC 5321), SMTP over TLS (RFC 8314) and LMTP (RFC 2033) to a next hop.
//!
//! ```text
//! targets ──> connect ─────────────────────────────> Connection::run
//! resolve,    dial, opening (greeting, EHLO,          dialogue (MAIL, RCPT, DATA, content),
//! mx          STARTTLS, AUTH), tls                    as many transactions as the source has
//! ```
//!
//! [`opening`] and [`dialogue`] are state machines that see replies and write commands, and know no socket; [`wire`] is the
//! one place that reads and writes. A reply counts for exactly the recipients that it speaks of, and every transaction that
//! was taken from a [`Source`] is handed back once, with one [`Outcome`] for each of its recipients.
//!
//! Where the next hop lacks an extension:
//! - *8BITMIME* (RFC 6152 3): a message that was declared 8-bit and is, is returned with 5.6.3; it is never converted, since that
//!   would break signatures over it. One whose octets turn out to be ASCII goes without the parameter, and so does one that
//!   nobody declared.
//! - *SMTPUTF8* (RFC 6531 3.2): what needs it is returned with 5.6.7. A message that was declared so and is ASCII altogether
//!   goes without it.
//! - *DSN* (RFC 3461 5.2.2): the outcome says so, and the one who asked for a notification gets one that says "relayed".
//! - *SIZE* (RFC 1870 6.1): a message over the limit that was offered is returned with 5.3.4 and not sent.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::relay::envelope::{Envelope, QueueId};
use crate::relay::reply::{Reply, Status};

pub mod auth;
pub mod capabilities;
mod command;
mod connect;
mod connection;
pub mod content;
pub mod dial;
pub mod dialogue;
pub mod mx;
pub mod opening;
mod own;
mod probe;
pub mod reply;
pub mod resolve;
mod round;
mod tls;
mod wire;

pub use connect::connect;
pub use connection::Connection;
pub use content::Octets;
pub use dial::{Dial, Pending, Tcp};
pub use mx::targets;
pub use own::own_addresses;
pub use probe::{Verdict, probe};
pub use resolve::{Resolve, System};
pub use wire::Io;

/// What all connections share. A reload makes a new one; the resolver, with what it has cached, may be handed on.
pub struct Client {
    settings: Settings,
    resolve: Arc<dyn Resolve>,
    dial: Arc<dyn Dial>,
    tls: tls::Configs,
}

impl Client {
    pub fn new(settings: Settings, resolve: Arc<dyn Resolve>, dial: Arc<dyn Dial>) -> Client {
        Client { settings, resolve, dial, tls: tls::Configs::default() }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

#[derive(Debug, Clone)]
pub struct Settings {
    /// Our name in EHLO; a host of this name in an MX set is this relay.
    pub hostname: String,
    /// Our addresses on [`Settings::mx_port`]: a host that has one of them is this relay.
    pub addresses: BTreeSet<IpAddr>,
    /// Where files of the configuration are, unless their paths are absolute.
    pub folder: PathBuf,
    /// The port of hosts that MX records name.
    pub mx_port: u16,
    /// Addresses that one message is tried at, at most.
    pub most_targets: usize,
    pub timeouts: Timeouts,
}

impl Settings {
    pub fn new(hostname: &str) -> Settings {
        Settings {
            hostname: hostname.to_owned(),
            addresses: BTreeSet::new(),
            folder: PathBuf::new(),
            mx_port: 25,
            most_targets: 20,
            timeouts: Timeouts::default(),
        }
    }
}

/// How long each thing may take (RFC 5321 4.5.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    pub greeting: Duration,
    /// MAIL, RCPT and whatever else has an answer; the TLS handshake.
    pub command: Duration,
    /// DATA.
    pub data: Duration,
    /// A block of content.
    pub block: Duration,
    /// The end of the content.
    pub end: Duration,
    /// QUIT, on which nothing depends.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Timeouts {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            end: minutes(10),
            quit: Duration::from_secs(5),
        }
    }
}

/// One address of a next hop.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The host's name, or its address where it has none.
    pub name: String,
    pub addr: SocketAddr,
}

/// TLS on a connection to a next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secured {
    /// `TLSv1.3`
    pub version: &'static str,
    pub cipher: &'static str,
    /// The host's certificate was verified.
    pub verified: bool,
}

/// A message on its way to one next hop.
#[derive(Clone)]
pub struct Transaction {
    pub id: QueueId,
    pub envelope: Arc<Envelope>,
    /// Those of the envelope's recipients that are to be sent now, by their places in it.
    pub recipients: Vec<u32>,
    pub content: Arc<dyn Octets>,
}

/// Where a connection gets its messages from, and tells what became of them.
pub trait Source: Send {
    /// The next message for this connection; `None` where there is none now. It is asked again after every answer.
    fn next(&mut self) -> Option<Transaction>;

    /// What became of the recipients, in the order of [`Transaction::recipients`].
    fn done(&mut self, transaction: Transaction, outcomes: Vec<Outcome>);
}

/// What became of one recipient of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The next hop is responsible now.
    Delivered {
        reply: Reply,
        /// Whether NOTIFY, ORCPT, RET and ENVID went with it; the sender's wish for a notification is ours otherwise.
        dsn: bool,
    },
    /// A reply of 4xx or 5xx, and what it answered.
    Refused { reply: Reply, stage: Stage },
    /// The connection ended before an answer.
    Lost {
        /// The whole content was on its way: the message may have arrived.
        sent: bool,
    },
}

/// What a refusal answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing: this relay cannot send it to such a next hop, and its reply says why.
    Unsent,
    Mail,
    Rcpt,
    Data,
    /// The content, whole.
    Content,
}

/// Why a next hop cannot be had at all, or no longer: it says nothing of a message or recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub kind: Kind,
    pub status: Status,
    /// Our words.
    pub text: String,
    /// The remote's words, where it spoke.
    pub reply: Option<Reply>,
    /// It will not get better: the recipients are to be returned.
    pub permanent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Dns,
    Connect,
    Greeting,
    Tls,
    Auth,
    /// The remote does not speak as it must.
    Protocol,
    Timeout,
    /// The remote closed the connection, or said 421.
    Closed,
    /// It is no fault of the remote: the content could not be read.
    Local,
}

impl Trouble {
    /// One that may pass.
    pub fn new(kind: Kind, status: Status, text: impl Into<String>) -> Trouble {
        Trouble { kind, status, text: text.into(), reply: None, permanent: false }
    }

    pub fn permanent(status: Status, text: impl Into<String>) -> Trouble {
        Trouble { permanent: true, ..Trouble::new(Kind::Dns, status, text) }
    }

    pub fn said(self, reply: Reply) -> Trouble {
        Trouble { reply: Some(reply), ..self }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.reply.iter().try_for_each(|reply| write!(f, ": {reply}"))
    }
}
