//! Names of the mail world, normalised once, at construction: a `String` is not a domain.

use std::fmt;
use std::net::IpAddr;

pub mod domain;
pub mod mailbox;
pub mod patterns;
pub mod quantity;

pub use domain::{Domain, Pattern};
pub use mailbox::Mailbox;
pub use patterns::PatternMap;

/// Why a text is not the name it should be, in the user's terms, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    pub message: String,
    pub help: Option<String>,
}

impl NameError {
    pub(crate) fn new(message: impl Into<String>) -> NameError {
        NameError { message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> NameError {
        self.help = Some(help.into());
        self
    }
}

/// A host name or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostName {
    Domain(Domain),
    Ip(IpAddr),
}

/// A smart host: where to connect, and on which port if not the protocol's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    pub name: HostName,
    pub port: Option<u16>,
}

impl Host {
    /// `mail.example.org`, `mail.example.org:587`, `[192.0.2.1]:25`, `[2001:db8::1]`, `192.0.2.1`, `2001:db8::1`.
    pub fn parse(text: &str) -> Result<Host, NameError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Host { name: HostName::Ip(ip), port: None });
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (inside, after) = rest.split_once(']').ok_or_else(|| not_a_host(text))?;
            let inside = inside.strip_prefix("IPv6:").unwrap_or(inside);
            let ip = inside.parse::<IpAddr>().map_err(|_| not_a_host(text))?;
            return Ok(Host { name: HostName::Ip(ip), port: port_suffix(text, after)? });
        }
        let at = text.find(':').unwrap_or(text.len());
        let port = port_suffix(text, &text[at..])?;
        let name = match text[..at].parse::<IpAddr>() {
            Ok(ip) => HostName::Ip(ip),
            Err(_) => HostName::Domain(Domain::parse(&text[..at]).map_err(|_| not_a_host(text))?),
        };
        Ok(Host { name, port })
    }
}

fn not_a_host(text: &str) -> NameError {
    NameError::new(format!("`{}` is not a host", printable(text)))
        .help("write a domain (`mail.example.org`), `[192.0.2.1]` or `[2001:db8::1]`, with `:port` where it is not the usual one")
}

fn port_suffix(text: &str, suffix: &str) -> Result<Option<u16>, NameError> {
    if suffix.is_empty() {
        return Ok(None);
    }
    suffix
        .strip_prefix(':')
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse::<u16>().ok())
        .filter(|&port| port != 0)
        .map(Some)
        .ok_or_else(|| {
            NameError::new(format!("`{}` has no port that exists", printable(text)))
                .help("a port is a number from 1 to 65535")
        })
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostName::Domain(domain) => f.write_str(domain.as_str()),
            HostName::Ip(ip) => write!(f, "[{ip}]"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

/// Text of a user as it may be shown: no control characters, not too long.
pub fn printable(text: &str) -> String {
    const MOST: usize = 80;
    let mut out: String =
        text.chars().take(MOST).map(|c| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out
}

/// Characters that change how the text around them looks: bidirectional controls and line separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The known word that somebody most likely meant.
pub fn nearest<'a>(meant: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A longer word is no slip of the finger.
    const LONGEST: usize = 253;
    if meant.len() > LONGEST {
        return None;
    }
    let meant = meant.to_lowercase();
    let most = (meant.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|word| word.len() <= 2 * LONGEST)
        .map(|word| (strsim::damerau_levenshtein(&meant, &word.to_lowercase()), word))
        .filter(|&(distance, _)| distance <= most)
        .min()
        .map(|(_, word)| word)
}
