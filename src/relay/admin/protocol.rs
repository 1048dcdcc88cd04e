//! What is said over the control socket: a request is a line of JSON, and so is each part of its answer.
//!
//! A client sends `{"version":1,"ask":…}` and reads lines until one is `done` or `error`; then it may ask again. Answers
//! come as they are found: a queue of any length needs no memory on either side. [`VERSION`] changes when an old client
//! would misread an answer; new fields and new kinds of questions do not change it.

use std::net::{IpAddr, SocketAddr};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::filter::Filter;
use crate::relay::envelope::QueueId;
use crate::relay::event::time::Utc;
pub use crate::relay::metrics::Totals;
use crate::relay::route::trace::Trace;

/// The version of this protocol.
pub const VERSION: u32 = 1;

/// Where the socket is unless something else is said: in the spool's own folder.
pub const SOCKET: &str = "/var/lib/mailswitch/control";

/// Octets of a request, at most.
pub const LONGEST: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub version: u32,
    pub ask: Ask,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Answered by [`Answer::Status`].
    Status,
    /// Nothing but `done`, or what is wrong.
    Reload,
    /// [`Answer::Top`], with so many lanes and hosts at most.
    Top { most: usize },
    /// [`Answer::Traced`].
    Trace { address: String, from: Option<IpAddr> },
    /// [`Answer::Entry`] each.
    List { filter: Filter },
    /// `done` alone, with how many there are.
    Count { filter: Filter },
    /// [`Answer::Shown`], once for each way out, or [`Answer::Missing`].
    Show { ids: Vec<QueueId> },
    /// `done` with how many it was done to; [`Answer::Missing`] and [`Answer::Failed`] before.
    Act { action: Action, filter: Filter },
}

impl Ask {
    /// Its name, for the log.
    pub fn name(&self) -> &'static str {
        match self {
            Ask::Status => "status",
            Ask::Reload => "reload",
            Ask::Top { .. } => "top",
            Ask::Trace { .. } => "trace",
            Ask::List { .. } => "queue list",
            Ask::Count { .. } => "queue count",
            Ask::Show { .. } => "queue show",
            Ask::Act { action, .. } => action.command(),
        }
    }
}

/// What can be done to a message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It stays until it is released.
    Hold,
    Release,
    /// It is tried at once.
    Retry,
    /// It is gone, and nobody is told.
    Remove,
    /// It is returned to its sender.
    Bounce,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Hold => "hold",
            Action::Release => "release",
            Action::Retry => "retry",
            Action::Remove => "remove",
            Action::Bounce => "bounce",
        }
    }

    fn command(self) -> &'static str {
        match self {
            Action::Hold => "queue hold",
            Action::Release => "queue release",
            Action::Retry => "queue retry",
            Action::Remove => "queue remove",
            Action::Bounce => "queue bounce",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Entry(Entry),
    Shown(Shown),
    Top(Snapshot),
    Traced(Traced),
    Status(Status),
    /// No message of that name is in the queue.
    Missing {
        id: QueueId,
    },
    /// It could not be looked at, or nothing could be done to it.
    Failed {
        id: QueueId,
        why: String,
    },
    /// The end of an answer: how many entries it was about, and the newest of them.
    Done {
        count: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest: Option<QueueId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The end of an answer, too: why the question has none.
    Error {
        message: String,
    },
}

/// What a message in the queue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is being sent, or next in turn.
    Active,
    /// It was tried, and waits for its next time.
    Deferred,
    /// Somebody holds it.
    Held,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Deferred => "deferred",
            State::Held => "held",
        }
    }
}

/// A message on one of its ways out: what memory knows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub id: QueueId,
    pub state: State,
    /// The connectors that it may leave by: `,` between those that share the load, `;` before those that take over.
    pub connector: String,
    /// The recipients' domain, where hosts are found by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    pub arrived: Utc,
    pub size: u64,
    pub attempts: u32,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Utc>,
    /// Why it is still here: each reason once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// Whose message it is: what the spool knows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipients {
    /// Empty for `<>`.
    pub sender: String,
    /// Those that are left on this way.
    pub recipients: Vec<Recipient>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    pub recipient: String,
    /// As the client asked for it.
    pub asked: String,
    /// What its last attempt came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A row of `queue list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(flatten)]
    pub part: Part,
    #[serde(flatten)]
    pub whose: Recipients,
}

/// What `queue show` shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    #[serde(flatten)]
    pub entry: Entry,
    /// The first octets of the message's header.
    pub header: String,
}

/// What `relay top` shows, and the difference of two of which makes a rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub time: Utc,
    pub totals: Totals,
    pub sessions: u64,
    /// Connections to next hops.
    pub connections: u64,
    /// Messages in the queue, once for each way out.
    pub entries: u64,
    /// How many lanes there are; those with the most messages follow.
    pub lane_count: u64,
    pub lanes: Vec<Lane>,
    pub hosts: Vec<Host>,
}

/// Messages that go the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    pub connector: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Being sent, or next in turn.
    pub active: u64,
    /// Deferred, or held.
    pub waiting: u64,
    pub connections: u64,
    /// None of its hosts answers: it is tried again then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asleep_until: Option<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A next hop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    pub connector: String,
    pub address: SocketAddr,
    /// Connections to it that are open.
    pub connections: u64,
    /// It does not answer, and is left alone until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_until: Option<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where an address goes, and whether it would get there now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Traced {
    #[serde(flatten)]
    pub trace: Trace,
    /// The lane that it would wait in, where there is one now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// What is known of the hosts of its connectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
}

/// How the relay is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of the program.
    pub release: String,
    pub hostname: String,
    pub pid: u32,
    pub started: Utc,
    /// When the configuration in use was read.
    pub configured: Utc,
    /// Why no mail is accepted now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ready: Option<String>,
    pub sessions: u64,
    pub entries: u64,
    /// Octets free on the spool's disk.
    pub free: u64,
}

impl Serialize for QueueId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QueueId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<QueueId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| D::Error::custom("no name of a message in the queue"))
    }
}
