//! The spool: where a message is kept, with what is left to do about it, from the 250 until the last recipient is done.
//!
//! ```text
//!  accept, write, note ──> pending ──> writer thread ──> segments/N.log
//!  (encoded by the caller)             one write and one sync a batch, then all that wait are woken
//!                                        └──> keeper thread: next segment made ready, finished ones removed,
//!                                             what lives in sparse ones copied forward
//! ```
//!
//! A transaction is acknowledged after its sync and not before. After a write or a sync that failed nobody knows what
//! the disk holds: the spool takes nothing more until it is opened again, and recovery looks at what is there.
//! The format stands in `record`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::envelope::{Envelope, QueueId};

mod audit;
mod body;
mod copy;
mod damage;
mod disk;
mod draft;
mod keeper;
mod moves;
mod read;
mod record;
mod recover;
mod repair;
mod replay;
mod segment;
mod shared;
mod survey;
mod writer;

pub use audit::{Report, check};
pub use body::{Body, BodyWriter};
pub use disk::{Disk, File, Host};
pub use recover::{Damage, Opened, Recovered};
pub use repair::{Repaired, repair};

use draft::Draft;
use shared::Shared;

/// A handle on the spool; clones are handles on the same one.
#[derive(Debug, Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    /// When the last handle goes, the spool is closed.
    _handle: Arc<shared::Handle>,
}

/// What can be set about a spool.
#[derive(Debug, Clone)]
pub struct Options {
    /// Milliseconds since 1970: ids begin here, or after the last one that was given away, whichever is later.
    pub now: u64,
    /// The size of a segment in octets.
    pub segment: u64,
    /// How long a note waits for company when no message does.
    pub patience: std::time::Duration,
    /// Told when the spool fails, loses space or finds damage while it runs.
    pub alarm: Alarm,
    /// Told of each sync of the log: how long it took, and how many transactions it made durable.
    pub synced: Synced,
}

impl Options {
    pub fn new(now: u64) -> Options {
        let patience = std::time::Duration::from_millis(5);
        let (alarm, synced) = (Alarm(Arc::new(|_| {})), Synced(Arc::new(|_, _| {})));
        Options { now, segment: 64 << 20, patience, alarm, synced }
    }
}

/// Whom to tell of trouble.
#[derive(Clone)]
pub struct Alarm(pub Arc<dyn Fn(&SpoolError) + Send + Sync>);

impl std::fmt::Debug for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Alarm")
    }
}

/// Whom to tell of syncs.
#[derive(Clone)]
pub struct Synced(pub Arc<dyn Fn(std::time::Duration, usize) + Send + Sync>);

impl std::fmt::Debug for Synced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Synced")
    }
}

/// What goes into one transaction.
#[derive(Debug, Clone)]
pub enum Op {
    Accept(Accept),
    Note(Note),
}

impl Op {
    fn content(&self) -> Option<&Content> {
        match self {
            Op::Accept(accept) => Some(&accept.content),
            Op::Note(_) => None,
        }
    }
}

/// A message to keep.
#[derive(Debug, Clone)]
pub struct Accept {
    pub id: QueueId,
    /// Milliseconds since 1970.
    pub arrived: u64,
    pub envelope: Envelope,
    pub content: Content,
}

/// As on the wire: lines that end in CRLF, dots stuffed, without the line that ends it.
#[derive(Debug, Clone)]
pub enum Content {
    Bytes(Arc<[u8]>),
    File(Body),
}

impl Content {
    pub fn len(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(body) => body.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// News of a message that the spool has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub id: QueueId,
    pub place: Place,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These recipients, by their index in the envelope, need nothing more.
    Done(Vec<u32>),
    /// No recipient does: the message goes. Also without a `Done` of the last ones before it. Once a message.
    Finished,
    Held,
    Released,
    /// The sender was told of the delay.
    Warned,
}

/// Where a message stands. It stays good while the message does, also when the message is copied forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    segment: u32,
    offset: u32,
    /// Of the whole frame.
    length: u32,
    /// Which message of the frame.
    nth: u16,
    file: bool,
}

#[derive(Debug, Clone)]
pub enum SpoolError {
    /// An operation on the file system did not succeed.
    Disk { what: &'static str, error: Arc<io::Error> },
    /// An earlier write or sync failed: nothing is taken until the spool is opened again.
    Failed,
    /// There is no room for another segment.
    Full,
    /// Another process uses the spool.
    Locked,
    /// The folder holds a spool of another version, or something else.
    Version(String),
    /// What stands at a place is not what was written there.
    Damaged { segment: u32, offset: u32 },
    /// The message is no longer there.
    Gone,
    /// More than one transaction can hold.
    TooLarge,
    /// The spool was closed.
    Closed,
}

impl SpoolError {
    pub(crate) fn disk(what: &'static str) -> impl FnOnce(io::Error) -> SpoolError {
        move |error| SpoolError::Disk { what, error: Arc::new(error) }
    }
}

impl std::fmt::Display for SpoolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SpoolError::Disk { what, error } => write!(f, "the spool could not {what}: {error}"),
            SpoolError::Failed => f.write_str("the spool takes nothing since a write or a sync failed"),
            SpoolError::Full => f.write_str("the spool has no room for another segment"),
            SpoolError::Locked => f.write_str("the spool is in use by another process"),
            SpoolError::Version(found) => say_version(f, found),
            SpoolError::Damaged { segment, offset } => write!(f, "segment {segment} is damaged at octet {offset}"),
            SpoolError::Gone => f.write_str("the message is no longer in the spool"),
            SpoolError::TooLarge => f.write_str("more than one transaction of the spool can hold"),
            SpoolError::Closed => f.write_str("the spool is closed"),
        }
    }
}

fn say_version(f: &mut std::fmt::Formatter<'_>, found: &str) -> std::fmt::Result {
    let ours = segment::VERSION;
    match found.strip_prefix("mailswitch spool ").and_then(|version| version.parse::<u32>().ok()) {
        Some(other) if other > ours => {
            write!(f, "the spool is of version {other}, which a newer mailswitch wrote: this one reads version {ours}")
        }
        _ => write!(f, "not a spool of version {ours}: {found:?}"),
    }
}

impl std::error::Error for SpoolError {}

impl Spool {
    /// Opens the spool in a folder, which is made if need be, and reads back what it holds.
    pub fn open(folder: &Path, disk: Arc<dyn Disk>, options: Options) -> Result<Opened, SpoolError> {
        recover::open(folder, disk, options)
    }

    /// Keeps a message; returns once it is durable.
    pub async fn accept(&self, accept: &Accept) -> Result<Place, SpoolError> {
        let mut draft = Draft::new();
        draft.accept(accept);
        self.keep(draft, accept).await
    }

    /// As [`Spool::accept`], of a message that waits for somebody to release it: both become durable together.
    pub async fn accept_held(&self, accept: &Accept) -> Result<Place, SpoolError> {
        let mut draft = Draft::new();
        draft.accept(accept);
        // Only the end of a message needs its place.
        draft.note(&Note { id: accept.id, place: Place::default(), change: Change::Held });
        self.keep(draft, accept).await
    }

    async fn keep(&self, draft: Draft, accept: &Accept) -> Result<Place, SpoolError> {
        let places = self.commit(draft, [&accept.content]).await.inspect_err(|error| self.forget(accept, error))?;
        places.first().copied().ok_or(SpoolError::Gone)
    }

    /// A content in a file of its own takes no room any longer, where nothing of its message reached the log.
    fn forget(&self, accept: &Accept, error: &SpoolError) {
        let unwritten = matches!(error, SpoolError::Full | SpoolError::TooLarge);
        if unwritten && matches!(accept.content, Content::File(_)) {
            // One that stays behind is an orphan, which the next start removes.
            drop(self.shared.disk.remove(&self.shared.body(accept.id)));
        }
    }

    /// One transaction: all of it becomes durable, or nothing. Gives the places of what it accepts, in order.
    pub async fn write(&self, ops: &[Op]) -> Result<Vec<Place>, SpoolError> {
        let mut draft = Draft::new();
        ops.iter().for_each(|op| draft.push(op));
        let contents: Vec<&Content> = ops.iter().filter_map(Op::content).collect();
        self.commit(draft, contents).await
    }

    /// Durable with the next transaction, or a few milliseconds later; nobody waits for it.
    pub fn note(&self, note: &Note) {
        let mut draft = Draft::new();
        draft.note(note);
        self.shared.push(draft);
    }

    async fn commit<'a>(
        &self,
        mut draft: Draft,
        contents: impl IntoIterator<Item = &'a Content>,
    ) -> Result<Vec<Place>, SpoolError> {
        for content in contents {
            if let Content::File(body) = content {
                // Whatever of it is on the disk now: like a sync of the log, this one is not tried again.
                body.settle().await.inspect_err(|error| self.shared.fail(error))?;
            }
        }
        let answer = draft.answer();
        self.shared.push(draft);
        answer.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// A place for a content that is too large to be held in memory.
    pub fn body(&self, id: QueueId) -> Result<BodyWriter, SpoolError> {
        BodyWriter::create(&self.shared.disk, &self.shared.bodies(), id)
    }

    pub fn envelope(&self, place: Place) -> Result<Envelope, SpoolError> {
        read::envelope(&self.shared, place).map(|(envelope, _)| envelope)
    }

    /// An envelope, and the octets of the content that goes with it.
    pub fn sized(&self, place: Place) -> Result<(Envelope, u64), SpoolError> {
        read::envelope(&self.shared, place)
    }

    /// Envelope and content.
    pub fn message(&self, place: Place) -> Result<(Envelope, Content), SpoolError> {
        read::message(&self.shared, place)
    }

    pub fn content(&self, place: Place) -> Result<Content, SpoolError> {
        read::content(&self.shared, place)
    }

    pub fn next_id(&self) -> QueueId {
        self.shared.next_id()
    }

    pub fn is_failed(&self) -> bool {
        self.shared.is_failed()
    }

    /// The octets that are free on the spool's file system, as of a second ago at most.
    pub fn free(&self) -> u64 {
        self.shared.free()
    }

    /// Writes what is pending and waits for it; nothing is taken afterwards.
    pub fn close(&self) {
        self.shared.close();
    }
}
