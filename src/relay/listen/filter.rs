//! The filter's part of a transaction (`server.milter`): asked with each recipient, and shown the whole message.
//!
//! A filter that cannot be asked, or that talks nonsense, is told to the log; the client is asked to try again later.

use std::io;

use super::content::Incoming;
use super::serve::Connection;
use crate::relay::envelope::{Envelope, QueueId};
use crate::relay::event::Event;
use crate::relay::milter::{Changes, Client, Filter, Judgement, Verdict};
use crate::relay::reply::Reply;
use crate::relay::session::replies;
use crate::relay::spool::{Spool, SpoolError};

/// What is known of the filter's mind in a transaction.
#[derive(Default)]
pub(super) enum Asked {
    #[default]
    NotYet,
    Open(Box<Filter>),
    /// It was lost in the middle: what it was not asked about must not pass with what it was.
    Lost,
    /// The client or the sender is not wanted, whoever the recipient is.
    Refused(Reply),
    /// Whatever comes is thrown away, and the client is not told.
    Discard,
}

/// What becomes of a message that the filter has seen.
pub(super) enum Filtered {
    Kept { incoming: Incoming, held: bool },
    Refused(Reply),
    Discarded(QueueId),
    NotStored(SpoolError),
}

/// Octets of a header that a filter is shown, at most.
const HEADER: usize = 256 << 10;
const PART: usize = 64 << 10;

impl Connection {
    /// Asks about the last recipient that the client named.
    pub(super) async fn ask_filter(&mut self) -> Result<(), Reply> {
        let milter = self.server.now().router.config().server.milter.clone();
        let Some(host) = milter else { return Ok(()) };
        if matches!(self.transaction.filter, Asked::NotYet) {
            let hostname = self.server.now().settings.hostname.clone();
            let client =
                Client { ip: self.client.ip(), port: self.client.port(), helo: self.helo(), hostname: &hostname };
            let opened = Filter::open(&host, client, self.session.sender()).await;
            self.transaction.filter = match opened.map_err(|error| self.no_filter(&error))? {
                (filter, Verdict::Continue) => Asked::Open(Box::new(filter)),
                (_, Verdict::Refused(reply)) => Asked::Refused(reply),
                (_, Verdict::Discard) => Asked::Discard,
            };
        }
        let asked = self.session.envelope().recipients.last().map(|recipient| recipient.asked.clone());
        match &mut self.transaction.filter {
            Asked::Open(filter) => match filter.recipient(&asked.unwrap_or_default()).await {
                Ok(Verdict::Continue) => Ok(()),
                Ok(Verdict::Refused(reply)) => Err(reply),
                Ok(Verdict::Discard) => {
                    self.transaction.filter = Asked::Discard;
                    Ok(())
                }
                Err(error) => {
                    self.transaction.filter = Asked::Lost;
                    Err(self.no_filter(&error))
                }
            },
            Asked::Refused(reply) => Err(reply.clone()),
            Asked::Lost => Err(replies::NO_FILTER.reply()),
            Asked::Discard | Asked::NotYet => Ok(()),
        }
    }

    /// Shows a whole message to the filter, and does to it what that says.
    pub(super) async fn filtered(&mut self, envelope: &Envelope, incoming: Incoming) -> Filtered {
        let filter = match std::mem::take(&mut self.transaction.filter) {
            // A filter that a reload brought has not been asked about these recipients.
            Asked::NotYet if self.has_filter() => return Filtered::Refused(replies::NO_FILTER.reply()),
            Asked::NotYet => return Filtered::Kept { incoming, held: false },
            Asked::Lost => return Filtered::Refused(replies::NO_FILTER.reply()),
            Asked::Refused(reply) => return Filtered::Refused(reply),
            Asked::Discard => return self.discarded(envelope, incoming.id),
            Asked::Open(filter) => filter,
        };
        // What lies in a file is written again, so that the message has one name for the filter and for us.
        let rewritten = incoming.is_in_file().then(|| self.begin(envelope));
        let id = rewritten.as_ref().map_or(incoming.id, |rewritten| rewritten.id);
        let shown = show(*filter, id, &incoming).await;
        let (header_length, judgement) = match shown {
            Ok(shown) => shown,
            Err(error) => return Filtered::Refused(self.no_filter(&error)),
        };
        let changes = match judgement {
            Judgement::Refused(reply) => return Filtered::Refused(reply),
            Judgement::Discard => return self.discarded(envelope, id),
            Judgement::Taken(changes) => changes,
        };
        let held = changes.held.is_some();
        changes.held.iter().for_each(|why| self.tell_filtered(envelope, id, "held", why));
        if rewritten.is_none() && changes.header.is_none() {
            return Filtered::Kept { incoming, held };
        }
        let new = rewritten.unwrap_or_else(|| self.again(envelope, id));
        match rewrite(&self.server.spool, &incoming, header_length, &changes, new) {
            Ok(incoming) => Filtered::Kept { incoming, held },
            Err(error) => Filtered::NotStored(error),
        }
    }

    fn discarded(&self, envelope: &Envelope, id: QueueId) -> Filtered {
        self.tell_filtered(envelope, id, "discarded", "");
        Filtered::Discarded(id)
    }

    fn tell_filtered(&self, envelope: &Envelope, id: QueueId, action: &str, why: &str) {
        let (client, helo, sender) = (self.client, self.helo(), envelope.sender.as_str());
        self.server.log.write(&Event::Filtered { id, client, helo, sender, action, why });
    }

    fn no_filter(&self, error: &io::Error) -> Reply {
        self.server.log.write(&Event::Error { part: "milter", why: &error.to_string() });
        replies::NO_FILTER.reply()
    }
}

/// Shows a message; the length of its header, without the empty line, comes back with what the filter says.
async fn show(filter: Filter, id: QueueId, incoming: &Incoming) -> io::Result<(u64, Judgement)> {
    let mut start = vec![0; HEADER];
    let read = fill(incoming, &mut start)?;
    start.truncate(read);
    let end = match memchr::memmem::find(&start, b"\r\n\r\n") {
        _ if start.starts_with(b"\r\n") => 0,
        Some(end) => end + 2,
        None if read < HEADER => read,
        None => return Err(io::Error::other("the message's header is too large for a filter")),
    };
    start.truncate(end);
    let judgement = filter.message(&id.to_string(), &start, parts(incoming, end as u64 + 2)).await?;
    Ok((end as u64, judgement))
}

/// As much as there is room for: what lies in a file and what lies in memory come one by one.
fn fill(incoming: &Incoming, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        match incoming.read_at(&mut into[filled..], filled as u64)? {
            0 => return Ok(filled),
            read => filled += read,
        }
    }
}

/// What stands from an offset on, in parts.
fn parts(incoming: &Incoming, mut at: u64) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        let mut part = vec![0; PART];
        match incoming.read_at(&mut part, at) {
            Ok(0) => None,
            Ok(read) => {
                at += read as u64;
                part.truncate(read);
                Some(Ok(part))
            }
            Err(error) => Some(Err(error)),
        }
    })
}

/// The message as the filter wants it.
fn rewrite(
    spool: &Spool,
    old: &Incoming,
    header: u64,
    changes: &Changes,
    mut new: Incoming,
) -> Result<Incoming, SpoolError> {
    match &changes.header {
        Some(header) => new.push(spool, header),
        None => copy(spool, old, 0, header, &mut new)?,
    }
    match &changes.body {
        Some(body) => {
            new.push(spool, b"\r\n");
            body.chunks(PART).for_each(|part| new.push(spool, part));
        }
        None => copy(spool, old, header, u64::MAX, &mut new)?,
    }
    Ok(new)
}

fn copy(spool: &Spool, old: &Incoming, from: u64, until: u64, new: &mut Incoming) -> Result<(), SpoolError> {
    let mut left = until - from;
    for part in parts(old, from) {
        let part = part.map_err(SpoolError::disk("read a message again"))?;
        let some = usize::try_from(left).map_or(part.len(), |left| left.min(part.len()));
        new.push(spool, &part[..some]);
        left -= some as u64;
        if left == 0 {
            break;
        }
    }
    Ok(())
}
