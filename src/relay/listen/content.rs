//! The content of a message while it comes in: in memory while it is small, in a file of the spool from then on.

use std::io;
use std::sync::Arc;

use crate::relay::envelope::QueueId;
use crate::relay::spool::{BodyWriter, Content, Spool, SpoolError};

/// Octets of a message that are held in memory; more make a file.
pub const IN_MEMORY: usize = 64 << 10;

/// A message that is coming in.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) id: QueueId,
    octets: Vec<u8>,
    file: Option<BodyWriter>,
    /// Octets that went to the file.
    spilled: u64,
    /// Octets of our own trace line, which stands in front.
    trace: usize,
    /// After a write that failed the message can only be refused.
    failed: Option<SpoolError>,
}

impl Incoming {
    pub(super) fn new(id: QueueId, trace: Vec<u8>) -> Incoming {
        Incoming { id, trace: trace.len(), octets: trace, file: None, spilled: 0, failed: None }
    }

    pub(super) fn push(&mut self, spool: &Spool, octets: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if self.octets.len() + octets.len() <= IN_MEMORY {
            self.octets.extend_from_slice(octets);
        } else if let Err(error) = self.spill(spool, octets) {
            self.fail(error);
        }
    }

    /// Octets so far.
    pub(super) fn len(&self) -> u64 {
        self.octets.len() as u64 + self.spilled
    }

    /// It is too large for memory.
    pub(super) fn is_in_file(&self) -> bool {
        self.file.is_some()
    }

    /// Reads what the client sent, without our trace line; nothing only at the end.
    pub(super) fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let at = at + self.trace as u64;
        if let Some(file) = self.file.as_ref().filter(|_| at < self.spilled) {
            let most = usize::try_from(self.spilled - at).map_or(into.len(), |left| left.min(into.len()));
            return file.read_at(&mut into[..most], at);
        }
        let rest = usize::try_from(at - self.spilled).ok().and_then(|at| self.octets.get(at..)).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    /// Forgets what came; nothing more is kept.
    pub(super) fn discard(&mut self) {
        self.fail(SpoolError::Closed);
    }

    /// Nothing more is kept, and it can only be refused.
    pub(super) fn fail(&mut self, error: SpoolError) {
        (self.octets, self.file, self.failed) = (Vec::new(), None, Some(error));
    }

    /// What is in memory goes to the file, in large pieces.
    fn spill(&mut self, spool: &Spool, octets: &[u8]) -> Result<(), SpoolError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(spool.body(self.id)?),
        };
        file.write(&self.octets)?;
        self.spilled += self.octets.len() as u64;
        self.octets.clear();
        self.octets.extend_from_slice(octets);
        Ok(())
    }

    /// The whole content, and how much of its front is our own trace line.
    pub(super) fn finish(mut self) -> Result<(Content, usize), SpoolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let content = match self.file.take() {
            None => Content::Bytes(Arc::from(self.octets)),
            Some(mut file) => {
                file.write(&self.octets)?;
                Content::File(file.finish()?)
            }
        };
        Ok((content, self.trace))
    }
}
