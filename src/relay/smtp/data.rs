//! The data phase (RFC 5321 4.1.1.4, 4.5.2), as the wire has it: nothing is copied and nothing is changed.
//!
//! Only `CRLF.CRLF` ends a message, and CR and LF stand only together: whatever else another server takes for an end is
//! refused here, so that one message stays one message wherever it goes.

use memchr::memchr3;

/// What a message may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Octets, dot-stuffing taken away.
    pub size: u64,
    /// Octets in a line, without its CRLF.
    pub line: usize,
    /// `Received:` fields in the header (RFC 5321 6.3).
    pub received: u32,
}

/// Why a message is refused when its end is met. The gravest one is told: the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Nul,
    LongLine,
    Loop,
    TooLarge,
}

/// What a stretch of input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'i> {
    /// Nothing to keep: it is held back, or the message is refused already.
    Nothing,
    /// Octets of the content as they stand on the wire.
    Content(&'i [u8]),
    /// The message is complete.
    End,
    /// CR without LF: where the message ends would be anybody's guess.
    BareCr,
    /// LF without CR.
    BareLf,
}

/// Reads a message in pieces of any size.
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
    at: At,
    /// The blank line has not been met yet.
    header: bool,
    /// The line is the start of `Received:` so far.
    named: bool,
    fault: Option<Fault>,
    received: u32,
    column: usize,
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    /// Behind a dot that begins a line: it is held back, since it may be the end.
    Dot,
    DotCr,
    Text,
    Cr,
}

const NAME: &[u8] = b"Received:";

impl Scanner {
    pub fn new(limits: Limits) -> Scanner {
        Scanner { limits, at: At::Start, header: true, named: true, fault: None, received: 0, column: 0, size: 0 }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Octets so far, dot-stuffing taken away.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Takes some of the input, which is not empty, and says how much and what it was.
    pub fn step<'i>(&mut self, input: &'i [u8]) -> (usize, Found<'i>) {
        match (self.at, input[0]) {
            (At::Dot, b'\r') => {
                self.at = At::DotCr;
                (1, Found::Nothing)
            }
            (At::Dot, _) => {
                self.at = At::Text;
                (0, self.content(b"."))
            }
            (At::DotCr, b'\n') => (1, Found::End),
            (At::Cr, b'\n') => {
                self.line_ends();
                (1, self.content(b"\n"))
            }
            (At::DotCr | At::Cr, _) => (0, Found::BareCr),
            (At::Start | At::Text, _) => self.lines(input),
        }
    }

    /// Lines up to the end of the input or of the message.
    fn lines<'i>(&mut self, input: &'i [u8]) -> (usize, Found<'i>) {
        let mut pos = 0;
        while pos < input.len() {
            if self.at == At::Start {
                match &input[pos..] {
                    [b'.', b'\r', b'\n', ..] if pos == 0 => return (3, Found::End),
                    [b'.', b'\r', b'\n', ..] => break,
                    [b'.'] => return self.hold(At::Dot, input, pos),
                    [b'.', b'\r'] => return self.hold(At::DotCr, input, pos),
                    [b'.', ..] => pos += 1,
                    _ => {}
                }
                self.at = At::Text;
            }
            pos += self.run(&input[pos..]);
            match self.mark(&input[pos..]) {
                Ok(octets) => pos += octets,
                Err(bare) => return (pos, bare),
            }
        }
        (pos, self.content(&input[..pos]))
    }

    /// Text up to the next CR, LF or NUL.
    fn run(&mut self, input: &[u8]) -> usize {
        let length = memchr3(b'\r', b'\n', 0, input).unwrap_or(input.len());
        self.text(&input[..length]);
        length
    }

    /// One of those, and how many octets it has; or why nothing after it is read.
    fn mark(&mut self, input: &[u8]) -> Result<usize, Found<'static>> {
        match input {
            [] => return Ok(0),
            [b'\r', b'\n', ..] => {
                self.line_ends();
                return Ok(2);
            }
            [b'\r'] => self.at = At::Cr,
            [b'\r', ..] => return Err(Found::BareCr),
            [b'\n', ..] => return Err(Found::BareLf),
            _ => {
                self.note(Fault::Nul);
                self.text(&[0]);
            }
        }
        Ok(1)
    }

    /// The input ends in what may be the end of the message.
    fn hold<'i>(&mut self, at: At, input: &'i [u8], pos: usize) -> (usize, Found<'i>) {
        self.at = at;
        (input.len(), self.content(&input[..pos]))
    }

    fn content<'i>(&self, octets: &'i [u8]) -> Found<'i> {
        if self.fault.is_some() || octets.is_empty() { Found::Nothing } else { Found::Content(octets) }
    }

    fn text(&mut self, run: &[u8]) {
        if self.header && self.named {
            self.field_name(run);
        }
        self.column += run.len();
        if self.column > self.limits.line {
            self.note(Fault::LongLine);
        }
        self.count(run.len());
    }

    /// Goes on comparing the start of the line with `Received:`.
    fn field_name(&mut self, run: &[u8]) {
        let wanted = NAME.get(self.column..).unwrap_or_default();
        let length = wanted.len().min(run.len());
        self.named = length > 0 && run[..length].eq_ignore_ascii_case(&wanted[..length]);
        if self.named && length == wanted.len() {
            self.received += 1;
            if self.received > self.limits.received {
                self.note(Fault::Loop);
            }
        }
    }

    fn line_ends(&mut self) {
        self.header &= self.column > 0;
        (self.at, self.column, self.named) = (At::Start, 0, true);
        self.count(2);
    }

    fn count(&mut self, octets: usize) {
        self.size += octets as u64;
        if self.size > self.limits.size {
            self.note(Fault::TooLarge);
        }
    }

    fn note(&mut self, fault: Fault) {
        self.fault = self.fault.max(Some(fault));
    }
}
