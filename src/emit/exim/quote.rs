//! How a value becomes data in `exim.conf` or in a table: the only ways in which text of a user reaches them.
//!
//! The option readers of Exim differ: most strings are expanded (chapter 11), some of them are lists that are split
//! before (6.19) or after that, and a line may end in a comment's or a macro's eyes (6.4). So every character that
//! could mean something to one of them is written as `\xhh`, which the expansion turns back.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::name::mailbox::{content_of_normal, push_quoted};

/// Data inside an expanded option: the expansion gives the very text.
pub fn expanded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    for (i, &byte) in bytes.iter().enumerate() {
        // `_HAVE_…` and its like are macros that are always there: their names start with `_` and a capital (6.4).
        let macro_start = byte == b'_' && bytes.get(i + 1).is_some_and(u8::is_ascii_uppercase);
        if is_plain(byte) && !macro_start {
            out.push(byte as char);
        } else {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Data in an expanded option that is split at colons after the expansion: a colon is data where it is doubled.
pub fn expanded_item(text: &str) -> String {
    expanded(&text.replace(':', "::"))
}

/// Data in a string that the `plaintext` authenticator sends, where `^` stands for a NUL unless doubled (34.7).
pub fn sent(text: &str) -> String {
    expanded(&text.replace('^', "^^"))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/@=+".contains(&byte)
}

/// The key of an address in the tables: what `${quote_local_part:…}@…` makes of it.
///
/// It differs from the normal form: two dots in a row stay bare, and what is not ASCII is quoted.
pub fn key(address: &str) -> Cow<'_, str> {
    let (local, domain) = address.rsplit_once('@').unwrap_or_default();
    if local.is_ascii() && !local.starts_with('"') {
        return Cow::Borrowed(address);
    }
    let content = content_of_normal(local);
    if is_bare(content.as_bytes()) {
        return Cow::Owned(format!("{content}@{domain}"));
    }
    let mut out = String::with_capacity(address.len() + 2);
    push_quoted(&content, &mut out);
    out.push('@');
    out.push_str(domain);
    Cow::Owned(out)
}

fn is_bare(content: &[u8]) -> bool {
    let last = content.len().saturating_sub(1);
    !content.is_empty()
        && content.iter().enumerate().all(|(i, &byte)| {
            byte.is_ascii_alphanumeric()
                || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
                || (byte == b'.' && i != 0 && i != last)
        })
}

/// A key of an `lsearch` file (9.3): quoted where it would end early or be a comment.
pub fn lsearch_key(key: &str) -> String {
    if !key.starts_with('#') && !key.bytes().any(|b| matches!(b, b'"' | b'\\' | b':' | b' ')) {
        return key.to_owned();
    }
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The name of a router, transport, authenticator or list: letters, digits and underscores, and not too long for
/// the 64 that a transport may have (24); the caller makes it unique.
pub fn name(prefix: &str, text: &str) -> String {
    const MOST: usize = 44;
    let tail = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    prefix.chars().chain(tail).take(MOST).collect()
}

/// Text for a comment: one line, and nothing at its end that would draw the next line in.
pub fn comment(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim_end_matches(['\\', ' ']).to_owned()
}
