//! A transaction on its way to the log, encoded in the thread that asks for it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::record::{FILE, HELD, Message, Record, WARNED, encode_envelope};
use super::segment::{HEADER, Header};
use super::{Accept, Change, Content, Note, Op, Place, SpoolError};
use crate::relay::envelope::QueueId;

pub(crate) type Answer = Result<Vec<Place>, SpoolError>;

#[derive(Debug)]
pub(crate) struct Draft {
    /// Room for the header, then the operations.
    head: Vec<u8>,
    ops_crc: u32,
    contents: Vec<Arc<[u8]>>,
    contents_length: u64,
    messages: u16,
    effects: Vec<Effect>,
    waiter: Option<oneshot::Sender<Answer>>,
    /// A message that is copied forward: not if it has changed in the meantime.
    is_copy: bool,
}

/// What a transaction means for the accounts of the segments, once it is durable.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effect {
    /// The nth message of the frame, and where it stood if it is copied forward.
    Message {
        id: QueueId,
        nth: u16,
        file: bool,
        from: Option<Place>,
    },
    Finished(QueueId, Place),
    Changed(QueueId),
}

impl Effect {
    pub(crate) fn id(&self) -> QueueId {
        match self {
            Effect::Message { id, .. } | Effect::Finished(id, _) | Effect::Changed(id) => *id,
        }
    }
}

/// What became of a message that is copied forward since it was written.
#[derive(Debug, Clone)]
pub(crate) struct Copied {
    pub(crate) from: Place,
    pub(crate) held: bool,
    pub(crate) warned: bool,
    pub(crate) done: Vec<u32>,
}

impl Draft {
    pub(crate) fn new() -> Draft {
        let mut head = Vec::with_capacity(512);
        head.resize(HEADER, 0);
        let (contents, effects) = (Vec::new(), Vec::with_capacity(1));
        Draft { head, ops_crc: 0, contents, contents_length: 0, messages: 0, effects, waiter: None, is_copy: false }
    }

    pub(crate) fn push(&mut self, op: &Op) {
        match op {
            Op::Accept(accept) => self.accept(accept),
            Op::Note(note) => self.note(note),
        }
    }

    pub(crate) fn accept(&mut self, accept: &Accept) {
        let mut envelope = Vec::with_capacity(256);
        encode_envelope(&accept.envelope, &mut envelope);
        let crc = match &accept.content {
            Content::Bytes(bytes) => crc32c::crc32c(bytes),
            Content::File(body) => body.crc(),
        };
        let message = Message {
            id: accept.id,
            arrived: accept.arrived,
            state: if matches!(accept.content, Content::File(_)) { FILE } else { 0 },
            length: accept.content.len(),
            crc,
            recipients: accept.envelope.recipients.len() as u32,
            done: Vec::new(),
            envelope: &envelope,
        };
        let content = match &accept.content {
            Content::Bytes(bytes) => Some(Arc::clone(bytes)),
            Content::File(_) => None,
        };
        self.message(message, content, None);
    }

    /// A message that stands elsewhere in the log already.
    pub(crate) fn copy(&mut self, message: Message<'_>, content: Option<Arc<[u8]>>, copied: Copied) {
        let held = if copied.held { HELD } else { 0 };
        let warned = if copied.warned { WARNED } else { 0 };
        let state = message.state & FILE | held | warned;
        self.is_copy = true;
        self.message(Message { state, done: copied.done, ..message }, content, Some(copied.from));
    }

    fn message(&mut self, message: Message<'_>, content: Option<Arc<[u8]>>, from: Option<Place>) {
        self.effects.push(Effect::Message { id: message.id, nth: self.messages, file: message.is_file(), from });
        self.messages += 1;
        self.contents_length += message.inline();
        self.contents.extend(content);
        Record::Message(message).encode(&mut self.head);
    }

    pub(crate) fn note(&mut self, note: &Note) {
        let id = note.id;
        let record = match &note.change {
            Change::Done(recipients) => Record::Done(id, recipients.clone()),
            Change::Finished => Record::Finished(id),
            Change::Held => Record::Held(id),
            Change::Released => Record::Released(id),
            Change::Warned => Record::Warned(id),
        };
        record.encode(&mut self.head);
        self.effects.push(match note.change {
            Change::Finished => Effect::Finished(id, note.place),
            _ => Effect::Changed(id),
        });
    }

    /// The ids that have been given away so far, so that no later start gives one again.
    pub(crate) fn floor(id: QueueId) -> Draft {
        let mut draft = Draft::new();
        Record::Floor(id).encode(&mut draft.head);
        draft.seal();
        draft
    }

    /// Who asks is told what became of it.
    pub(crate) fn answer(&mut self) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        self.waiter = Some(sender);
        receiver
    }

    /// Nothing is added any more.
    pub(crate) fn seal(&mut self) {
        self.ops_crc = crc32c::crc32c(&self.head[HEADER..]);
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.waiter.is_some()
    }

    pub(crate) fn is_copy(&self) -> bool {
        self.is_copy
    }

    pub(crate) fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Of the frame that it becomes.
    pub(crate) fn length(&self) -> u64 {
        (self.head.len() as u64 + self.contents_length).next_multiple_of(8)
    }

    /// Puts the frame at the end of a batch.
    pub(crate) fn append(&self, nonce: u64, sequence: u64, first: u64, batch: &mut Vec<u8>) {
        let ops = &self.head[HEADER..];
        let header = Header {
            nonce,
            sequence,
            first,
            ops: ops.len() as u32,
            contents: self.contents_length as u32,
            ops_crc: self.ops_crc,
        };
        batch.extend(header.encode());
        batch.extend(ops);
        self.contents.iter().for_each(|content| batch.extend(&content[..]));
        batch.resize(batch.len().next_multiple_of(8), 0);
    }

    /// Tells who waits; where the frame stands is known once it is written.
    pub(crate) fn done(mut self, segment: u32, offset: u32) {
        let Some(waiter) = self.waiter.take() else { return };
        let length = self.length() as u32;
        let places = self.effects.iter().filter_map(|effect| match *effect {
            Effect::Message { nth, file, .. } => Some(Place { segment, offset, length, nth, file }),
            _ => None,
        });
        // Who no longer waits has broken off; the message is kept all the same.
        drop(waiter.send(Ok(places.collect())));
    }

    pub(crate) fn fail(self, error: SpoolError) {
        self.waiter.map(|waiter| waiter.send(Err(error)));
    }
}
