//! Replies as they come (RFC 5321 4.2, RFC 2034): read in place, and made into a [`Reply`] only where one is kept.

use memchr::memchr;

use crate::relay::reply::{Reply, Status};

/// Octets that one reply may have, with all its lines.
pub const LONGEST: usize = 16 * 1024;
/// Lines that one reply may have.
pub const MOST_LINES: usize = 200;

/// A whole reply, in the octets that it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'b> {
    pub code: u16,
    /// Its lines, with codes and line ends.
    octets: &'b [u8],
}

/// Octets that are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A line that does not start with a code and a blank or hyphen, or with another code than the line before.
    Line,
    TooLong,
}

/// The reply that `octets` start with; `None` where it is not all there.
pub fn parse(octets: &[u8]) -> Result<Option<Raw<'_>>, Malformed> {
    Ok(measure(octets)?.map(|whole| whole.of(octets)))
}

/// A reply that is all there, at the start of some octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    code: u16,
    pub(super) len: usize,
}

impl Whole {
    pub(super) fn of(self, octets: &[u8]) -> Raw<'_> {
        Raw { code: self.code, octets: &octets[..self.len] }
    }
}

/// How much of `octets` their first reply takes.
pub(super) fn measure(octets: &[u8]) -> Result<Option<Whole>, Malformed> {
    let (mut at, mut code) = (0, None);
    for _ in 0..MOST_LINES {
        let Some(end) = memchr(b'\n', &octets[at..]) else {
            return if octets.len() > LONGEST { Err(Malformed::TooLong) } else { Ok(None) };
        };
        let (number, last) = line(&octets[at..at + end])?;
        if *code.get_or_insert(number) != number {
            return Err(Malformed::Line);
        }
        at += end + 1;
        if at > LONGEST {
            return Err(Malformed::TooLong);
        }
        if last {
            return Ok(Some(Whole { code: number, len: at }));
        }
    }
    Err(Malformed::TooLong)
}

/// A line's code, and whether it is the last of its reply. A line of the code alone is tolerated, as RFC 5321 4.2.1 asks.
fn line(line: &[u8]) -> Result<(u16, bool), Malformed> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = line else { return Err(Malformed::Line) };
    let last = match rest {
        [] | [b' ', ..] => true,
        [b'-', ..] => false,
        _ => return Err(Malformed::Line),
    };
    let digit = |d: &u8| u16::from(d - b'0');
    Ok((digit(a) * 100 + digit(b) * 10 + digit(c), last))
}

impl<'b> Raw<'b> {
    /// How many octets it has.
    #[expect(clippy::len_without_is_empty, reason = "a reply is never empty")]
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    pub fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// What its lines say, without codes and line ends.
    pub fn lines(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        let lines = self.octets.split(|&octet| octet == b'\n');
        lines.filter(|line| !line.is_empty()).map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.get(4..).unwrap_or_default()
        })
    }

    /// To keep: the enhanced status code is taken off each line that has one, and control characters are replaced.
    pub fn to_reply(self) -> Reply {
        let (mut status, mut text) = (None, String::with_capacity(self.octets.len()));
        for (number, line) in self.lines().enumerate() {
            let line = String::from_utf8_lossy(line);
            let (found, rest) = split_status(&line, self.code);
            status = status.or(found);
            if number > 0 {
                text.push('\n');
            }
            text.extend(rest.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
        }
        Reply { code: self.code, status, text }
    }
}

/// The enhanced status code at the start of a line, if its class is that of the code.
fn split_status(line: &str, code: u16) -> (Option<Status>, &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word.parse::<Status>() {
        Ok(status) if u16::from(status.0) == code / 100 => (Some(status), rest),
        _ => (None, line),
    }
}
