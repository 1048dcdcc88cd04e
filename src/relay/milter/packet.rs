//! Packets of the milter protocol: a length in four octets, big-endian, a letter, and data; what the relay says and hears.

/// What the relay says.
pub(super) mod command {
    pub(crate) const MACROS: u8 = b'D';
    pub(crate) const NEGOTIATE: u8 = b'O';
    pub(crate) const CONNECT: u8 = b'C';
    pub(crate) const HELO: u8 = b'H';
    pub(crate) const MAIL: u8 = b'M';
    pub(crate) const RCPT: u8 = b'R';
    pub(crate) const DATA: u8 = b'T';
    pub(crate) const HEADER: u8 = b'L';
    pub(crate) const END_OF_HEADER: u8 = b'N';
    pub(crate) const BODY: u8 = b'B';
    pub(crate) const END_OF_BODY: u8 = b'E';
    pub(crate) const QUIT: u8 = b'Q';
}

/// What a filter may ask for: what the relay lets it do.
pub(super) mod action {
    pub(crate) const ADD_HEADERS: u32 = 0x01;
    pub(crate) const CHANGE_BODY: u32 = 0x02;
    pub(crate) const CHANGE_HEADERS: u32 = 0x10;
    pub(crate) const QUARANTINE: u32 = 0x20;
    /// Sender and recipients stay as they were decided: where mail goes is not a filter's to say.
    pub(crate) const OFFERED: u32 = ADD_HEADERS | CHANGE_BODY | CHANGE_HEADERS | QUARANTINE;
}

/// Steps that a filter wants left out, or does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Protocol(pub(super) u32);

impl Protocol {
    /// All that this side knows, but for packets of more than 64 KiB and recipients that were refused (0x800).
    pub(super) const OFFERED: u32 = 0x001f_f7ff;

    /// Whether a command is left out.
    pub(super) fn leaves_out(self, letter: u8) -> bool {
        let bit = match letter {
            command::CONNECT => 0x01,
            command::HELO => 0x02,
            command::MAIL => 0x04,
            command::RCPT => 0x08,
            command::BODY => 0x10,
            command::HEADER => 0x20,
            command::END_OF_HEADER => 0x40,
            command::DATA => 0x200,
            _ => 0,
        };
        self.0 & bit != 0
    }

    /// Whether a command gets no answer.
    pub(super) fn is_silent(self, letter: u8) -> bool {
        let bit = match letter {
            command::HEADER => 0x80,
            command::CONNECT => 0x1000,
            command::HELO => 0x2000,
            command::MAIL => 0x4000,
            command::RCPT => 0x8000,
            command::DATA => 0x10000,
            command::END_OF_HEADER => 0x40000,
            command::BODY => 0x80000,
            _ => 0,
        };
        self.0 & bit != 0
    }

    /// The blank behind a header's colon belongs to its value.
    pub(super) fn keeps_leading_space(self) -> bool {
        self.0 & 0x10_0000 != 0
    }
}

/// What a filter answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Negotiated {
        actions: u32,
        protocol: Protocol,
    },
    Continue,
    Accept,
    Discard,
    Reject,
    TemporaryFailure,
    /// A reply of SMTP in full.
    Reply(String),
    /// It is still at work.
    Progress,
    /// No more of this message's body is needed.
    Skip,
    AddHeader {
        name: String,
        value: String,
    },
    InsertHeader {
        at: u32,
        name: String,
        value: String,
    },
    /// The `number`th field of that name; an empty value takes it away.
    ChangeHeader {
        number: u32,
        name: String,
        value: String,
    },
    ReplaceBody(Vec<u8>),
    Quarantine(String),
}

/// Appends a packet.
pub(super) fn push(out: &mut Vec<u8>, letter: u8, parts: &[&[u8]]) {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    out.push(letter);
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Appends text with the zero octet that ends it; one inside would end it early.
pub(super) fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().copied().filter(|byte| *byte != 0));
    out.push(0);
}

impl Answer {
    /// Reads an answer: its letter and its data.
    pub(super) fn read(letter: u8, data: &[u8]) -> Option<Answer> {
        Some(match letter {
            b'O' => {
                Answer::Negotiated { actions: number(data.get(4..)?)?, protocol: Protocol(number(data.get(8..)?)?) }
            }
            b'c' => Answer::Continue,
            b'a' => Answer::Accept,
            b'd' => Answer::Discard,
            b'r' => Answer::Reject,
            b't' => Answer::TemporaryFailure,
            b'y' => Answer::Reply(strings::<1>(data)?.into_iter().next()?),
            b'p' => Answer::Progress,
            b's' => Answer::Skip,
            b'h' => {
                let [name, value] = strings(data)?;
                Answer::AddHeader { name, value }
            }
            b'i' => {
                let [name, value] = strings(data.get(4..)?)?;
                Answer::InsertHeader { at: number(data)?, name, value }
            }
            b'm' => {
                let [name, value] = strings(data.get(4..)?)?;
                Answer::ChangeHeader { number: number(data)?, name, value }
            }
            b'b' => Answer::ReplaceBody(data.to_vec()),
            b'q' => Answer::Quarantine(strings::<1>(data)?.into_iter().next()?),
            _ => return None,
        })
    }
}

fn number(data: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(data.get(..4)?.try_into().ok()?))
}

/// As many strings as are asked for, each ended by a zero octet.
fn strings<const N: usize>(data: &[u8]) -> Option<[String; N]> {
    let mut parts = data.split(|byte| *byte == 0);
    let mut strings = std::array::from_fn(|_| String::new());
    for string in &mut strings {
        *string = String::from_utf8_lossy(parts.next()?).into_owned();
    }
    // The last one ends with a zero octet, too.
    parts.next()?;
    Some(strings)
}
