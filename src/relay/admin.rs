//! What operators see of a running relay and do to it: a control socket, and a page of numbers over HTTP.
//!
//! Both speak to the relay through [`Relay`]. The control socket has a thread of its own, and one for each of the few
//! connections that it takes, so that reading the spool for somebody who looks at the queue holds up no mail.

use std::net::IpAddr;

pub mod control;
pub mod filter;
pub mod http;
pub mod live;
pub mod protocol;

use super::envelope::QueueId;
use protocol::{Action, Part, Recipients, Snapshot, Status, Traced};

/// Octets of a message's header that are shown.
pub const HEADER: usize = 16 << 10;

/// A message on one of its ways out, as long as it is in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub id: QueueId,
    /// The queue's own number for it.
    pub part: u32,
}

/// A running relay. What takes long may block: it is never asked from a thread that moves mail.
pub trait Relay: Send + Sync + 'static {
    /// Whether it accepts mail; if not, why: `draining`.
    fn ready(&self) -> Result<(), String>;

    /// Its numbers, as OpenMetrics writes them.
    fn metrics(&self) -> String;

    fn status(&self) -> Status;

    /// What moves now, with so many lanes and hosts at most: those with the most messages.
    fn snapshot(&self, most: usize) -> Snapshot;

    /// Everything in the queue, the oldest first. Sixteen octets each.
    fn keys(&self) -> Vec<Key>;

    /// What memory knows of it; none where it has left the queue.
    fn part(&self, key: Key) -> Option<Part>;

    /// What the spool knows of it too.
    fn recipients(&self, key: Key) -> Result<Option<Recipients>, String>;

    /// The first [`HEADER`] octets of its header.
    fn header(&self, key: Key) -> Result<Option<String>, String>;

    /// Does what a user of this host asks for; whether it was still there, and could be done.
    fn act(&self, key: Key, action: Action, uid: u32) -> Result<bool, String>;

    /// Where an address goes now; as a client of that address asks, or as one in `trust`.
    fn trace(&self, address: &str, from: Option<IpAddr>) -> Result<Traced, String>;

    /// Reads configuration, tables and certificates anew; says what was read, or what is wrong.
    fn reload(&self) -> Result<String, String>;

    /// Somebody used the control socket.
    fn used(&self, command: &str, uid: u32, pid: i32);
}
