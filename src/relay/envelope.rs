//! What a message carries beside its content (RFC 5321 2.3.1, RFC 3461): the data that session, spool, queue, delivery
//! and notifications share.

use std::fmt;

/// The name of a message in the queue. Larger is later, across restarts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct QueueId(pub u64);

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl fmt::Display for QueueId {
    /// Thirteen digits to the base of 32, without letters that are read as others; they sort as the numbers do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |place: u32| char::from(DIGITS[(self.0 >> (5 * place)) as usize & 31]);
        (0..13).rev().try_for_each(|place| fmt::Write::write_char(f, digit(place)))
    }
}

impl std::str::FromStr for QueueId {
    type Err = ();

    fn from_str(text: &str) -> Result<QueueId, ()> {
        if text.len() != 13 {
            return Err(());
        }
        let mut number: u64 = 0;
        for byte in text.bytes() {
            let digit = DIGITS.iter().position(|d| *d == byte.to_ascii_lowercase()).ok_or(())?;
            number = number.checked_mul(32).ok_or(())? + digit as u64;
        }
        Ok(QueueId(number))
    }
}

/// BODY of MAIL (RFC 6152).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Body {
    #[default]
    SevenBit,
    EightBitMime,
}

/// RET of MAIL (RFC 3461 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    Full,
    Headers,
}

/// NOTIFY of RCPT (RFC 3461 4.1). The default is what nothing said means: failures, and delays as the relay likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notify(pub u8);

impl Notify {
    pub const NEVER: Notify = Notify(1);
    pub const SUCCESS: Notify = Notify(2);
    pub const FAILURE: Notify = Notify(4);
    pub const DELAY: Notify = Notify(8);

    pub fn is_said(self) -> bool {
        self.0 != 0
    }

    pub fn has(self, other: Notify) -> bool {
        self.0 & other.0 != 0
    }
}

/// A message's envelope, as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// Without angle brackets, as it goes on the wire; empty for `<>`.
    pub sender: String,
    pub body: Body,
    /// The message needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    pub ret: Option<Ret>,
    /// As the client gave it, in xtext.
    pub envid: Option<String>,
    pub recipients: Vec<Recipient>,
}

/// A recipient, after the tables: each address stands once in an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipient {
    /// What the contacts made of it, as it goes on the wire.
    pub address: String,
    /// What the client asked for.
    pub asked: String,
    pub notify: Notify,
    /// ORCPT as the client gave it: `rfc822;…` in xtext (RFC 3461 4.2).
    pub orcpt: Option<String>,
}
