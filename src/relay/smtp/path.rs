//! Paths (RFC 5321 4.1.2): who sends, and who is asked for.

use crate::name::Mailbox;
use crate::name::mailbox::{is_local, spelled};

/// A forward path, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RcptPath {
    /// The bare `<postmaster>` (RFC 5321 4.5.1).
    Postmaster,
    Address {
        mailbox: Mailbox,
        /// As it goes on where nothing rewrites it: the local part as the client spelled it, the domain in A-labels.
        wire: String,
    },
    /// At a domain literal, or without a domain: nobody's.
    Unroutable(String),
}

/// A path has this many octets at most, without its angle brackets (RFC 5321 4.5.3.1.3).
const LONGEST: usize = 254;

/// What stands between the angle brackets at the start of a text, and what behind them.
pub fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => {
                let rest = &text[at + 1..];
                return (rest.is_empty() || rest.starts_with(' ')).then_some((&text[..at], rest));
            }
            _ => {}
        }
    }
    None
}

/// A reverse path, without its source route; empty for `<>`.
pub fn sender(inside: &str) -> Option<String> {
    if inside.is_empty() {
        return Some(String::new());
    }
    let address = mailbox_of(inside)?;
    let (local, domain) = address.rsplit_once('@')?;
    (is_local(local) && (is_domain(domain) || is_literal(domain))).then(|| address.to_owned())
}

/// A forward path, without its source route.
pub fn recipient(inside: &str) -> Option<RcptPath> {
    if inside.eq_ignore_ascii_case("postmaster") {
        return Some(RcptPath::Postmaster);
    }
    let address = mailbox_of(inside)?;
    match address.rsplit_once('@') {
        Some((local, domain)) if is_literal(domain) => is_local(local).then(|| unroutable(address)),
        Some(_) if !address.ends_with('"') => {
            let mailbox = Mailbox::parse(address).ok()?;
            Some(RcptPath::Address { mailbox, wire: spelled(address).ok()? })
        }
        // What looks like a domain stands in quotes, or nothing does.
        _ => is_local(address).then(|| unroutable(address)),
    }
}

fn unroutable(address: &str) -> RcptPath {
    RcptPath::Unroutable(address.to_owned())
}

/// The mailbox of a path: its source route is read and ignored (RFC 5321 3.3), and so is the root's dot after a domain.
fn mailbox_of(inside: &str) -> Option<&str> {
    let mailbox = match inside.strip_prefix('@') {
        Some(route) => {
            let (first, mailbox) = route.split_once(':')?;
            first.split(",@").all(is_domain).then_some(mailbox)?
        }
        None => inside,
    };
    (mailbox.len() <= LONGEST).then(|| mailbox.strip_suffix('.').unwrap_or(mailbox))
}

/// Labels of letters, digits and hyphens; UTF-8 where the client said so. Hosts with an underscore do send mail.
fn is_domain(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || is_word(c);
    let label =
        |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-') && l.chars().all(good);
    text.len() <= 253 && text.split('.').all(label)
}

fn is_word(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric()
}

/// `[192.0.2.1]`, `[IPv6:2001:db8::1]`
fn is_literal(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) else { return false };
    match inside.split_at_checked(5) {
        Some((tag, ip)) if tag.eq_ignore_ascii_case("IPv6:") => ip.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => inside.parse::<std::net::Ipv4Addr>().is_ok(),
    }
}
