//! What comes back of the message: all of it, or its header (RFC 3461 4.3).

use std::io;

use super::{Kind, Report};
use crate::relay::deliver::Octets;
use crate::relay::envelope::Ret;

/// A message is returned whole up to so many octets.
const WHOLE: u64 = 64 << 10;

/// A header is returned up to so many octets.
const HEADER: usize = 16 << 10;

/// Octets of a line without its CRLF, at most.
const LINE: usize = 998;

pub(super) struct Returned {
    /// The header of the part.
    pub(super) mime: String,
    pub(super) octets: Vec<u8>,
}

pub(super) fn of(report: &Report<'_>) -> io::Result<Returned> {
    let all = report.kind == Kind::Failure && report.envelope.ret != Some(Ret::Headers);
    let (octets, complete) = head(report)?;
    let whole = all && complete && lines(&octets).all(is_line);
    let octets = if whole { octets } else { header(&octets) };
    let kind = match (whole, report.envelope.smtputf8) {
        (true, false) => "message/rfc822",
        (true, true) => "message/global",
        (false, false) => "text/rfc822-headers",
        (false, true) => "message/global-headers",
    };
    let encoding = if octets.is_ascii() { "7bit" } else { "8bit" };
    let what = if whole { "Message" } else { "Header of the message" };
    let mime =
        format!("Content-Description: {what}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n");
    Ok(Returned { mime, octets })
}

/// The first octets of the message, and whether that is all of it.
fn head(report: &Report<'_>) -> io::Result<(Vec<u8>, bool)> {
    let mut octets = vec![0; report.content.size().min(WHOLE) as usize];
    let mut at = 0;
    while at < octets.len() {
        match report.content.read_at(&mut octets[at..], at as u64)? {
            0 => break,
            count => at += count,
        }
    }
    octets.truncate(at);
    Ok((octets, at as u64 == report.content.size()))
}

fn lines(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    octets.split_inclusive(|b| *b == b'\n')
}

/// The lines of the header that are good ones.
fn header(octets: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    for line in lines(octets).take_while(|line| *line != b"\r\n").filter(|line| is_line(line)) {
        if header.len() + line.len() > HEADER {
            break;
        }
        header.extend_from_slice(line);
    }
    header
}

/// Whether octets are a line as it may stand in a message: one that begins with a dot has two.
fn is_line(line: &[u8]) -> bool {
    let Some(text) = line.strip_suffix(b"\r\n") else { return false };
    let text = text.strip_prefix(b".").filter(|rest| rest.starts_with(b".")).unwrap_or(text);
    let is_stuffed = !text.starts_with(b".") || line.starts_with(b"..");
    is_stuffed && text.len() <= LINE && !text.iter().any(|b| matches!(b, b'\r' | b'\n' | 0))
}
