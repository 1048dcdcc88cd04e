//! Command lines (RFC 5321 4.1.1, 2.3.8): what a line may hold, and its verb.

use memchr::memchr2;

/// A command line, whatever its verb, has this many octets at most, CRLF included.
pub const LONGEST: usize = 4096;

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    TooLong,
    /// It ends in LF alone.
    BareLf,
    /// CR stands in it, not before its LF.
    BareCr,
    Nul,
    NotUtf8,
}

/// The text of a line that ends in LF, without its CRLF.
pub fn text(line: &[u8]) -> Result<&str, Fault> {
    if line.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    let text = line.strip_suffix(b"\r\n").ok_or(Fault::BareLf)?;
    match memchr2(b'\r', 0, text).map(|at| text[at]) {
        Some(0) => Err(Fault::Nul),
        Some(_) => Err(Fault::BareCr),
        None => std::str::from_utf8(text).map_err(|_| Fault::NotUtf8),
    }
}

/// The verb, and what stands behind the blank after it. Blanks at the end mean nothing (RFC 5321 4.1.1).
pub fn split(text: &str) -> (&str, &str) {
    let text = text.trim_end_matches([' ', '\t']);
    text.split_once(' ').unwrap_or((text, ""))
}

/// What stands behind `FROM:` or `TO:`. Many clients put a blank there, though no standard has it.
pub fn behind<'a>(keyword: &str, argument: &'a str) -> Option<&'a str> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then(|| rest.trim_start_matches(' '))
}
