//! Addresses: RFC 5321 mailboxes (with RFC 6531's UTF-8) in one normal form.
//!
//! Normal form: the local part in NFC and fully case-folded, quoted only where it has to be; the domain in A-labels.

use std::borrow::Cow;
use std::fmt;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;

use super::domain::normalize;
use super::{NameError, printable};

/// An address in normal form.
#[derive(Debug, Clone)]
pub struct Mailbox {
    text: String,
    at: u32,
    /// Its local part was not ASCII as given: folding may have made it so (`straße` is `strasse`).
    utf8: bool,
}

/// Addresses are equal in their normal form, however they were given.
impl PartialEq for Mailbox {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Mailbox {}

impl PartialOrd for Mailbox {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Mailbox {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::hash::Hash for Mailbox {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Mailbox {
    pub fn parse(text: &str) -> Result<Mailbox, NameError> {
        let mut out = String::with_capacity(text.len());
        let at = normalize_into(text, &mut out)?;
        let utf8 = text.rsplit_once('@').is_some_and(|(local, _)| !local.is_ascii());
        Ok(Mailbox { text: out, at: at as u32, utf8 })
    }

    /// From a text that is in normal form already.
    pub(crate) fn from_normal(text: &str) -> Mailbox {
        let at = text.rfind('@').unwrap_or(0);
        Mailbox { text: text.to_owned(), at: at as u32, utf8: !text.is_ascii() }
    }

    /// From the content of a local part (quotes and escapes taken away) and a domain in normal form.
    pub fn from_content(content: &str, domain: &str) -> Mailbox {
        let mut text = String::with_capacity(content.len() + domain.len() + 1);
        push_local(content, &mut text);
        let at = text.len() as u32;
        text.push('@');
        text.push_str(domain);
        let utf8 = !content.is_ascii();
        Mailbox { text, at, utf8 }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The local part as it stands in an address, quotes included.
    pub fn local(&self) -> &str {
        &self.text[..self.at as usize]
    }

    pub fn domain(&self) -> &str {
        &self.text[self.at as usize + 1..]
    }

    /// The local part without quotes and escapes.
    pub fn content(&self) -> Cow<'_, str> {
        content_of_normal(self.local())
    }

    /// Needs SMTPUTF8: the local part was not ASCII as given (the domain always is).
    pub fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// Holds `@`, `%` or `!` in its local part: an old way to route past the machine that reads it.
    pub fn routes_past(&self) -> bool {
        routes_past(&self.content())
    }

    /// `user+detail` as `user` and `+detail`, cut at the first separator that is not the first character.
    pub fn cut(&self, separator: char) -> Option<(Mailbox, String)> {
        let (base, detail) = cut_of_normal(self.local(), separator)?;
        Some((Mailbox::from_content(&base, self.domain()), detail))
    }

    /// The same address with `+detail` carried over to its local part.
    pub fn with_detail(&self, detail: &str) -> Mailbox {
        let mut content = self.content().into_owned();
        content.push_str(detail);
        Mailbox::from_content(&content, self.domain())
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A local part in normal form without quotes and escapes.
pub(crate) fn content_of_normal(local: &str) -> Cow<'_, str> {
    crate::source::unquote(local)
}

/// Whether the content of a local part holds `@`, `%` or `!`.
pub(crate) fn routes_past(content: &str) -> bool {
    content.bytes().any(|byte| matches!(byte, b'@' | b'%' | b'!'))
}

/// The content of a local part in normal form, cut before the first separator that is not its first character.
pub(crate) fn cut_of_normal(local: &str, separator: char) -> Option<(String, String)> {
    let content = content_of_normal(local);
    let (at, _) = content.char_indices().skip(1).find(|&(_, c)| c == separator)?;
    Some((content[..at].to_owned(), content[at..].to_owned()))
}

/// Appends the normal form of an address to `out`; gives the offset of its `@` from where it was appended.
fn normalize_into(text: &str, out: &mut String) -> Result<usize, NameError> {
    let start = out.len();
    let domain = normalize_local_into(text, out)?;
    let at = out.len() - start;
    out.push('@');
    out.push_str(&normalize_domain(text, domain)?);
    Ok(at)
}

/// Appends the normal form of an address's local part to `out`, which an error leaves as it was; gives the domain as written.
pub(crate) fn normalize_local_into<'t>(text: &'t str, out: &mut String) -> Result<&'t str, NameError> {
    let (local, domain) = split(text)?;
    push_normal_local(text, local, out)?;
    Ok(domain)
}

/// The normal form of the domain of an address.
pub(crate) fn normalize_domain<'t>(text: &str, domain: &'t str) -> Result<Cow<'t, str>, NameError> {
    normalize(domain).map_err(|error| domain_error(text, domain, error))
}

/// How the address looks on the wire where nothing folds its case: the local part as written, without needless
/// quotes, and the domain in normal form.
pub fn spelled(text: &str) -> Result<String, NameError> {
    let (local, domain) = split(text)?;
    let mut out = String::with_capacity(text.len());
    push_local(&content_of(text, local)?, &mut out);
    out.push('@');
    out.push_str(&normalize_domain(text, domain)?);
    Ok(out)
}

/// Whether a text can stand before the `@` of an address.
pub fn is_local(text: &str) -> bool {
    content_of(text, text).is_ok()
}

fn domain_error(text: &str, domain: &str, error: NameError) -> NameError {
    if domain.starts_with('[') {
        return NameError::new(format!("`{}` has a domain literal", printable(text)))
            .help("routing is by domain: write the domain of the address instead of an IP address");
    }
    NameError { message: format!("`{}` is not an address: {}", printable(text), error.message), help: error.help }
}

/// The local part and the domain: parted by the last `@`, since a quoted local part may hold one.
fn split(text: &str) -> Result<(&str, &str), NameError> {
    let Some(at) = memchr::memrchr(b'@', text.as_bytes()) else {
        return Err(NameError::new(format!("`{}` is not an address", printable(text)))
            .help("an address has a local part and a domain: `ann@example.org`"));
    };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    if local.is_empty() || domain.is_empty() {
        let missing = if local.is_empty() { "local part" } else { "domain" };
        return Err(NameError::new(format!("`{}` has no {missing}", printable(text)))
            .help("an address has a local part and a domain: `ann@example.org`"));
    }
    Ok((local, domain))
}

fn push_normal_local(text: &str, local: &str, out: &mut String) -> Result<(), NameError> {
    if is_ascii_dot_atom(local.as_bytes()) {
        check_length(text, local)?;
        let start = out.len();
        out.push_str(local);
        out[start..].make_ascii_lowercase();
        return Ok(());
    }
    push_local(&fold(&content_of(text, local)?), out);
    Ok(())
}

/// NFC, then full case folding (Unicode 3.13, D144 and on), then NFC again so that equal texts are equal bytes.
fn fold(content: &str) -> String {
    if content.is_ascii() {
        return content.to_ascii_lowercase();
    }
    let nfc = ComposingNormalizer::new_nfc();
    let folded = CaseMapper::new().fold_string(&nfc.normalize(content)).into_owned();
    nfc.normalize(&folded).into_owned()
}

/// What stands between the quotes, or the dot-atom itself.
fn content_of<'a>(text: &str, local: &'a str) -> Result<Cow<'a, str>, NameError> {
    check_length(text, local)?;
    if is_dot_atom(local) {
        return Ok(Cow::Borrowed(local));
    }
    if local.len() < 2 || !local.starts_with('"') || !local.ends_with('"') {
        return Err(bad_local(text, local));
    }
    unquote_strict(&local[1..local.len() - 1]).map(Cow::Owned).ok_or_else(|| bad_local(text, local))
}

fn check_length(text: &str, local: &str) -> Result<(), NameError> {
    if local.len() <= 64 {
        return Ok(());
    }
    Err(NameError::new(format!("`{}` has a local part of {} octets", printable(text), local.len()))
        .help("a local part has 64 octets at most (RFC 5321 4.5.3.1.1)"))
}

/// RFC 5321 4.1.2 QcontentSMTP: printable characters, `"` and `\` behind a backslash.
fn unquote_strict(inner: &str) -> Option<String> {
    let mut content = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => chars.next().filter(|c| (' '..='~').contains(c))?,
            '"' => return None,
            c => c,
        };
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            return None;
        }
        content.push(c);
    }
    Some(content)
}

fn bad_local(text: &str, local: &str) -> NameError {
    let error = NameError::new(format!("`{}` is not an address", printable(text)));
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return error.help("a dot may stand only between two other characters of a local part, or in quotes");
    }
    if local.chars().any(char::is_control) {
        return error.help("a local part has no control characters");
    }
    error.help("a local part is letters, digits and !#$%&'*+-/=?^_`{|}~ with single dots between, or any printable text in \"quotes\"")
}

fn is_dot_atom(local: &str) -> bool {
    if local.is_ascii() {
        return is_ascii_dot_atom(local.as_bytes());
    }
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// The same for nearly every local part that there is, in one pass.
fn is_ascii_dot_atom(local: &[u8]) -> bool {
    let mut after_dot = true;
    for &byte in local {
        if byte == b'.' && !after_dot {
            after_dot = true;
        } else if ATEXT[usize::from(byte)] {
            after_dot = false;
        } else {
            return false;
        }
    }
    !after_dot
}

fn is_atext(c: char) -> bool {
    match u8::try_from(c) {
        Ok(byte) if c.is_ascii() => ATEXT[usize::from(byte)],
        _ => !c.is_control() && !c.is_whitespace() && !matches!(c, '\u{2028}' | '\u{2029}'),
    }
}

/// RFC 5322 3.2.3.
static ATEXT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let specials = b"!#$%&'*+-/=?^_`{|}~";
    let mut at = 0;
    while at < specials.len() {
        table[specials[at] as usize] = true;
        at += 1;
    }
    table
};

/// Writes a local part, quoted where it has to be.
fn push_local(content: &str, out: &mut String) {
    if is_dot_atom(content) {
        out.push_str(content);
        return;
    }
    push_quoted(content, out);
}

/// Writes a quoted string (RFC 5321 4.1.2).
pub(crate) fn push_quoted(content: &str, out: &mut String) {
    out.push('"');
    for c in content.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
