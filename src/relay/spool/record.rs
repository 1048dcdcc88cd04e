//! What stands in the spool's log, to the octet: the whole format, and the operations in it.
//!
//! ```text
//! spool      = folder (0700) of
//!              version           the text "mailswitch spool 1" and a line feed
//!              lock              held (flock) by whoever uses the spool
//!              segments/N.log    N: its number, ten digits; larger is later
//!              segments/N.new    one that is being made; nothing is in it yet
//!              bodies/ID         a content over 64 KiB; ID: the queue id as it is shown
//!              damaged/          what recovery or repair could not read, kept for people
//!
//! segment    = head head frame-area             ; head at octets 0 and 2048, frames from 4096
//! head       = "MSWSPOOL" version:u32 number:u32 nonce:u64 crc:u32
//!                                               ; crc of the 24 octets before it; version is 1
//! frame-area = { batch }                        ; what follows the last batch is not part of the log
//! batch      = 1*frame, padded with zeros to a multiple of 4096
//!                                               ; written at once and synced before the next is written
//! frame      = header ops contents, padded with zeros to a multiple of 8
//!                                               ; one transaction: it is there wholly or not at all
//! header     = "MSWF" crc:u32 nonce:u64 sequence:u64 first:u64 ops-length:u32 contents-length:u32 ops-crc:u32 0:u32
//!              ; crc: of the 40 octets after it; nonce: the segment's; sequence: one more than the frame's before,
//!              ; across segments too; first: the sequence of its batch's first frame; ops-crc: of ops
//! ops        = 1*( message / done / finished / held / released / warned / floor )
//! message    = %x01 id arrived:varint state:u8 length:varint crc:u32 count:varint done envelope-length:varint envelope
//!              ; arrived: milliseconds since 1970; state: 1 held, 2 warned, 4 the content is in bodies/;
//!              ; length, crc: of the content; count: of recipients.
//!              ; A message that is there already is replaced by it: so it is copied forward.
//! done       = %x02 id recipients               ; these recipients need nothing more
//! finished   = %x03 id                          ; no recipient does: the message may go
//! held       = %x04 id
//! released   = %x05 id
//! warned     = %x06 id                          ; the sender has been told of the delay
//! floor      = %x07 id                          ; ids up to this one have been given away
//! recipients = number:varint { index:varint }   ; by their place in the envelope, from 0
//! contents   = { content }                      ; of the messages without a body file, in their order
//! envelope   = flags:u8 sender:text [ envid:text ] { recipient }
//!              ; flags: 1 8BITMIME, 2 SMTPUTF8, 4 RET=FULL, 8 RET=HDRS, 16 ENVID is there
//! recipient  = flags:u8 notify:u8 address:text [ asked:text ] [ orcpt:text ]
//!              ; flags: 1 what was asked differs from the address, 2 ORCPT is there
//! text       = length:varint octets             ; UTF-8
//! id         = u64
//! ```
//!
//! u32 and u64 are little endian, varint is LEB128, crc is CRC-32C. The done in a message is `recipients` alone.
//! The nonce is drawn at random for every segment: neither what an earlier use of the disk left nor a message that
//! looks like a frame can be taken for one.

use crate::relay::envelope::{Body, Envelope, Notify, QueueId, Recipient, Ret};

pub(crate) const HELD: u8 = 1;
pub(crate) const WARNED: u8 = 2;
pub(crate) const FILE: u8 = 4;

/// One operation, as it is read; the envelope is decoded when someone needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    Message(Message<'a>),
    Done(QueueId, Vec<u32>),
    Finished(QueueId),
    Held(QueueId),
    Released(QueueId),
    Warned(QueueId),
    Floor(QueueId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) id: QueueId,
    pub(crate) arrived: u64,
    pub(crate) state: u8,
    pub(crate) length: u64,
    pub(crate) crc: u32,
    pub(crate) recipients: u32,
    pub(crate) done: Vec<u32>,
    pub(crate) envelope: &'a [u8],
}

impl Message<'_> {
    pub(crate) fn is_file(&self) -> bool {
        self.state & FILE != 0
    }

    /// The octets of content that stand in the frame.
    pub(crate) fn inline(&self) -> u64 {
        if self.is_file() { 0 } else { self.length }
    }
}

impl Record<'_> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Record::Message(message) => encode_message(message, out),
            Record::Done(id, recipients) => {
                tag(2, *id, out);
                indices(recipients, out);
            }
            Record::Finished(id) => tag(3, *id, out),
            Record::Held(id) => tag(4, *id, out),
            Record::Released(id) => tag(5, *id, out),
            Record::Warned(id) => tag(6, *id, out),
            Record::Floor(id) => tag(7, *id, out),
        }
    }
}

fn tag(tag: u8, id: QueueId, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend(id.0.to_le_bytes());
}

fn indices(list: &[u32], out: &mut Vec<u8>) {
    varint(list.len() as u64, out);
    list.iter().for_each(|index| varint(u64::from(*index), out));
}

fn encode_message(message: &Message<'_>, out: &mut Vec<u8>) {
    tag(1, message.id, out);
    varint(message.arrived, out);
    out.push(message.state);
    varint(message.length, out);
    out.extend(message.crc.to_le_bytes());
    varint(u64::from(message.recipients), out);
    indices(&message.done, out);
    varint(message.envelope.len() as u64, out);
    out.extend(message.envelope);
}

pub(crate) fn encode_envelope(envelope: &Envelope, out: &mut Vec<u8>) {
    let ret = envelope.ret.map_or(0, |ret| if ret == Ret::Full { 4 } else { 8 });
    let flags = u8::from(envelope.body == Body::EightBitMime) | u8::from(envelope.smtputf8) << 1 | ret;
    out.push(flags | u8::from(envelope.envid.is_some()) << 4);
    text(&envelope.sender, out);
    envelope.envid.iter().for_each(|envid| text(envid, out));
    for recipient in &envelope.recipients {
        let asked = recipient.asked != recipient.address;
        out.extend([u8::from(asked) | u8::from(recipient.orcpt.is_some()) << 1, recipient.notify.0]);
        text(&recipient.address, out);
        asked.then_some(&recipient.asked).into_iter().chain(&recipient.orcpt).for_each(|words| text(words, out));
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    varint(text.len() as u64, out);
    out.extend(text.as_bytes());
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The operations of a frame; `None` when they are not what the grammar says.
pub(crate) fn decode(ops: &[u8]) -> Option<Vec<Record<'_>>> {
    let mut input = Input(ops);
    let mut records = Vec::with_capacity(1);
    while !input.0.is_empty() {
        records.push(input.record()?);
    }
    Some(records)
}

pub(crate) fn decode_envelope(bytes: &[u8], recipients: u32) -> Option<Envelope> {
    let mut input = Input(bytes);
    let flags = input.octet()?;
    let ret = (flags & 4 != 0).then_some(Ret::Full).or((flags & 8 != 0).then_some(Ret::Headers));
    let mut envelope = Envelope {
        sender: input.text()?,
        body: if flags & 1 != 0 { Body::EightBitMime } else { Body::SevenBit },
        smtputf8: flags & 2 != 0,
        ret,
        envid: if flags & 16 != 0 { Some(input.text()?) } else { None },
        // A damaged count must not reserve memory that the octets cannot fill.
        recipients: Vec::with_capacity((recipients as usize).min(bytes.len() / 3)),
    };
    for _ in 0..recipients {
        envelope.recipients.push(input.recipient()?);
    }
    input.0.is_empty().then_some(envelope)
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn record(&mut self) -> Option<Record<'a>> {
        let tag = self.octet()?;
        let id = QueueId(u64::from_le_bytes(self.array()?));
        Some(match tag {
            1 => Record::Message(self.message(id)?),
            2 => Record::Done(id, self.indices()?),
            3 => Record::Finished(id),
            4 => Record::Held(id),
            5 => Record::Released(id),
            6 => Record::Warned(id),
            7 => Record::Floor(id),
            _ => return None,
        })
    }

    fn message(&mut self, id: QueueId) -> Option<Message<'a>> {
        Some(Message {
            id,
            arrived: self.varint()?,
            state: self.octet()?,
            length: self.varint()?,
            crc: u32::from_le_bytes(self.array()?),
            recipients: self.small()?,
            done: self.indices()?,
            envelope: {
                let length = self.small()? as usize;
                self.take(length)?
            },
        })
    }

    fn recipient(&mut self) -> Option<Recipient> {
        let [flags, notify] = self.array()?;
        let address = self.text()?;
        Some(Recipient {
            asked: if flags & 1 != 0 { self.text()? } else { address.clone() },
            orcpt: if flags & 2 != 0 { Some(self.text()?) } else { None },
            notify: Notify(notify),
            address,
        })
    }

    fn indices(&mut self) -> Option<Vec<u32>> {
        let count = self.small()? as usize;
        if count > self.0.len() {
            return None;
        }
        (0..count).map(|_| self.small()).collect()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.small()? as usize;
        str::from_utf8(self.take(length)?).ok().map(str::to_owned)
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            let part = u64::from(octet & 0x7f);
            if part << shift >> shift != part {
                return None;
            }
            number |= part << shift;
            if octet < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn octet(&mut self) -> Option<u8> {
        self.array::<1>().map(|[octet]| octet)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}
