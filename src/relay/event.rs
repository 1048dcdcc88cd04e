//! What happens in a relay, an event a line of its log: JSON for programs, `name=value` for people.
//!
//! An event borrows what it tells, is written out where it happens, and handed to the [`Log`], which never waits. The
//! names below are the same in both formats, and stay as they are; new ones may come.
//!
//! | field | what it is |
//! |---|---|
//! | `time` | when the line was made: RFC 3339, UTC, milliseconds |
//! | `event` | the name of the event, see [`Event`] |
//! | `id` | the message in the queue |
//! | `client`, `helo` | who sent it: address with port, and the name it gave in EHLO or HELO |
//! | `sender` | the sender in the envelope; empty for `<>` |
//! | `recipients`, `to` | how many recipients, and the first twenty, as the client asked for them |
//! | `recipient`, `asked` | a recipient as it goes out, and as the client asked for it |
//! | `size` | octets of the content |
//! | `tls`, `cipher`, `verified` | version and cipher suite of TLS, and whether the peer's certificate was verified |
//! | `connector`, `host`, `address` | the way out: the connector, the name of the next hop, and its address with port |
//! | `code`, `status`, `reply` | a reply of SMTP: its code, its enhanced status code, and its words |
//! | `accept_ms` | from the end of the message to its 250 |
//! | `queued_ms` | from that 250 to this event |
//! | `transaction_ms` | from MAIL to the last reply of the next hop |
//! | `attempts` | how often this recipient was tried |
//! | `next` | when it is tried next, as `time` |
//! | `why` | a reason, in words |
//!
//! Whatever comes from outside is escaped: no peer can end a line, forge one, or reach a terminal.

use std::net::SocketAddr;
use std::time::Duration;

use super::envelope::{QueueId, Recipient};
use super::reply::{Reply, Status};

mod fields;
mod line;
mod log;
pub mod time;

pub use line::Format;
pub use log::{Log, To};

/// TLS on a connection.
#[derive(Debug, Clone, Copy)]
pub struct Tls<'a> {
    /// `TLSv1.3`
    pub version: &'a str,
    pub cipher: &'a str,
    pub verified: bool,
}

/// A reply of SMTP, ours or theirs; a line break in its text is `\n`.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub code: u16,
    pub status: Option<Status>,
    pub text: &'a str,
}

impl<'a> From<&'a Reply> for Answer<'a> {
    fn from(reply: &'a Reply) -> Answer<'a> {
        Answer { code: reply.code, status: reply.status, text: &reply.text }
    }
}

/// One recipient of one message on its way out. What is not known is left out of the line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempt<'a> {
    pub id: QueueId,
    pub sender: &'a str,
    pub recipient: &'a str,
    pub asked: &'a str,
    pub connector: &'a str,
    pub host: &'a str,
    pub address: Option<SocketAddr>,
    pub tls: Option<Tls<'a>>,
    pub size: u64,
    pub attempts: u32,
    /// Since it was accepted.
    pub queued: Duration,
    pub transaction: Option<Duration>,
    /// What the next hop said.
    pub answer: Option<Answer<'a>>,
    /// What went wrong where no reply says it: `connection refused`.
    pub why: &'a str,
}

/// What happened. The names in the log are those of the variants, in lower case with hyphens.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The relay serves.
    Started {
        version: &'a str,
        hostname: &'a str,
        listen: &'a [String],
    },
    /// It takes nothing new any more and finishes what it is at.
    Draining {
        why: &'a str,
    },
    /// It has ended, and this many messages wait for its next start.
    Stopped {
        messages: u64,
    },
    /// Configuration, tables or certificates were read anew.
    Reloaded {
        what: &'a str,
        took: Duration,
    },
    /// They were not good: those before stay in use.
    ReloadFailed {
        what: &'a str,
        why: &'a str,
    },
    /// The spool was read back at the start.
    Recovered {
        messages: u64,
        took: Duration,
    },
    /// A session was ended by us, or by a peer in the middle of something.
    SessionCut {
        client: SocketAddr,
        helo: &'a str,
        why: &'a str,
    },
    /// A message is in the spool, and its client has its 250.
    Accepted {
        id: QueueId,
        client: SocketAddr,
        helo: &'a str,
        tls: Option<Tls<'a>>,
        sender: &'a str,
        recipients: &'a [Recipient],
        size: u64,
        took: Duration,
    },
    /// A command or a message was refused.
    Refused {
        client: SocketAddr,
        helo: &'a str,
        /// `RCPT`, or `connect` where there was none yet.
        verb: &'a str,
        sender: Option<&'a str>,
        recipient: Option<&'a str>,
        answer: Answer<'a>,
    },
    /// The filter wants a message `held` in the queue, or `discarded`, and its client has its 250.
    Filtered {
        id: QueueId,
        client: SocketAddr,
        helo: &'a str,
        sender: &'a str,
        action: &'a str,
        why: &'a str,
    },
    /// The next hop has it.
    Delivered(Attempt<'a>),
    /// It stays in the queue until `next`, in milliseconds of Unix time.
    Deferred {
        attempt: Attempt<'a>,
        next: u64,
    },
    /// It was refused for good, and its sender is told.
    Bounced(Attempt<'a>),
    /// It was in the queue for too long, and its sender is told.
    Expired(Attempt<'a>),
    /// It failed, and there is nobody to tell: its sender is `<>`.
    Dropped(Attempt<'a>),
    /// A notification was made (`failure`, `delay`, `success`): the message `id`, about the message `about`.
    Notified {
        id: QueueId,
        about: QueueId,
        kind: &'a str,
        recipient: &'a str,
    },
    /// A host does not answer: it is left alone for `wait`.
    HostDead {
        connector: &'a str,
        host: &'a str,
        address: SocketAddr,
        why: &'a str,
        wait: Duration,
    },
    /// It answers again, after `away`.
    HostBack {
        connector: &'a str,
        host: &'a str,
        address: SocketAddr,
        away: Duration,
    },
    /// The spool cannot be written: nothing is accepted any more.
    SpoolFailed {
        why: &'a str,
    },
    /// The disk is nearly full (clients get 452), or has room again.
    DiskLow {
        free: u64,
        least: u64,
    },
    DiskGood {
        free: u64,
    },
    /// Somebody on this host used the control socket.
    Control {
        command: &'a str,
        uid: u32,
        pid: i32,
    },
    /// Somebody on this host did this to a message: `hold`, `release`, `retry`, `remove`, `bounce`.
    Managed {
        action: &'a str,
        id: QueueId,
        uid: u32,
    },
    /// Something about its configuration is odd; it runs all the same.
    Warning {
        why: &'a str,
    },
    /// Something else went wrong, in this part of the relay.
    Error {
        part: &'a str,
        why: &'a str,
    },
    /// The log could not keep up: so many lines are missing before this one.
    LinesLost {
        lines: u64,
    },
}

impl Event<'_> {
    /// Its name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::Draining { .. } => "draining",
            Event::Stopped { .. } => "stopped",
            Event::Reloaded { .. } => "reloaded",
            Event::ReloadFailed { .. } => "reload-failed",
            Event::Recovered { .. } => "recovered",
            Event::SessionCut { .. } => "session-cut",
            Event::Accepted { .. } => "accepted",
            Event::Refused { .. } => "refused",
            Event::Filtered { .. } => "filtered",
            Event::Delivered(_) => "delivered",
            Event::Deferred { .. } => "deferred",
            Event::Bounced(_) => "bounced",
            Event::Expired(_) => "expired",
            Event::Dropped(_) => "dropped",
            Event::Notified { .. } => "notified",
            Event::HostDead { .. } => "host-dead",
            Event::HostBack { .. } => "host-back",
            Event::SpoolFailed { .. } => "spool-failed",
            Event::DiskLow { .. } => "disk-low",
            Event::DiskGood { .. } => "disk-good",
            Event::Control { .. } => "control",
            Event::Managed { .. } => "managed",
            Event::Warning { .. } => "warning",
            Event::Error { .. } => "error",
            Event::LinesLost { .. } => "lines-lost",
        }
    }

    /// One line without its end, at a time in milliseconds of Unix time.
    pub fn line(&self, format: Format, now: u64, out: &mut Vec<u8>) {
        line::write(self, format, now, out);
    }
}
