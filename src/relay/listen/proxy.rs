//! The PROXY protocol, versions 1 and 2: the header by which a load balancer tells who its client is.
//!
//! Sans-I/O: octets in, a [`Header`] out. The reader is strict and its input bounded; a version 2 header may carry
//! extensions, which are passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest header of version 1, with its CRLF.
const LINE: usize = 107;
/// What a version 2 header starts with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Octets of a version 2 header before its addresses.
const FIXED: usize = 16;
/// Octets of addresses and extensions that are taken; what load balancers send stays far below.
const EXTENSIONS: usize = 1024;
/// More octets than any header that is taken has.
pub const LONGEST: usize = FIXED + EXTENSIONS;

/// A whole header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How many octets it has.
    pub length: usize,
    /// The client; none where the load balancer speaks for itself (`LOCAL`, `UNKNOWN`), to see whether we are there.
    pub client: Option<IpAddr>,
}

/// What stands there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHeader;

/// Reads a header off the start of a connection; `None` while more octets are needed.
pub fn read(input: &[u8]) -> Result<Option<Header>, NoHeader> {
    let common = |start: &[u8]| start.iter().zip(input).all(|(a, b)| a == b);
    if common(SIGNATURE) {
        binary(input)
    } else if common(b"PROXY ") {
        line(input)
    } else {
        Err(NoHeader)
    }
}

fn line(input: &[u8]) -> Result<Option<Header>, NoHeader> {
    let window = &input[..input.len().min(LINE)];
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if window.len() < LINE { Ok(None) } else { Err(NoHeader) };
    };
    let text = window[..end].strip_suffix(b"\r").ok_or(NoHeader)?;
    let text = std::str::from_utf8(text).map_err(|_| NoHeader)?;
    let words: Vec<&str> = text.split(' ').collect();
    let client = match words[..] {
        // Whatever else an UNKNOWN line says is to be passed over.
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", "TCP4", source, destination, from, to] => {
            Some(IpAddr::V4(addresses::<Ipv4Addr>(source, destination, from, to)?))
        }
        ["PROXY", "TCP6", source, destination, from, to] => {
            Some(IpAddr::V6(addresses::<Ipv6Addr>(source, destination, from, to)?))
        }
        _ => return Err(NoHeader),
    };
    Ok(Some(Header { length: end + 1, client: client.map(|ip| ip.to_canonical()) }))
}

fn addresses<T: std::str::FromStr>(source: &str, destination: &str, from: &str, to: &str) -> Result<T, NoHeader> {
    let ip = |text: &str| text.parse::<T>().map_err(|_| NoHeader);
    ip(destination)?;
    port(from)?;
    port(to)?;
    ip(source)
}

/// A port has digits alone, and no leading zero.
fn port(text: &str) -> Result<u16, NoHeader> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| plain).ok_or(NoHeader)
}

fn binary(input: &[u8]) -> Result<Option<Header>, NoHeader> {
    let Some((fixed, rest)) = input.split_first_chunk::<FIXED>() else {
        return Ok(None);
    };
    let size = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let known = matches!(fixed[12], 0x20 | 0x21);
    if !known || size > EXTENSIONS {
        return Err(NoHeader);
    }
    let Some(body) = rest.get(..size) else {
        return Ok(None);
    };
    let client = match (fixed[12], fixed[13]) {
        // The load balancer's own connection, whatever addresses it names.
        (0x20, _) => None,
        (_, 0x11) if size >= 12 => first::<4>(body).map(|octets| IpAddr::from(*octets)),
        (_, 0x21) if size >= 36 => first::<16>(body).map(|octets| IpAddr::from(*octets)),
        _ => return Err(NoHeader),
    };
    Ok(Some(Header { length: FIXED + size, client: client.map(|ip| ip.to_canonical()) }))
}

fn first<const N: usize>(body: &[u8]) -> Option<&[u8; N]> {
    body.first_chunk()
}
