//! Parameters of MAIL and RCPT (RFC 5321 4.1.2; RFC 1870, RFC 3461, RFC 6152, RFC 6531), one table each.

use crate::relay::envelope::{Body, Notify, Ret};

/// What MAIL says beside the sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    pub size: Option<u64>,
    pub body: Body,
    pub smtputf8: bool,
    pub ret: Option<Ret>,
    pub envid: Option<String>,
}

/// What RCPT says beside the recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rcpt {
    pub notify: Notify,
    pub orcpt: Option<String>,
}

/// Why parameters are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Unknown,
    Twice,
    Value,
}

/// A keyword, and what takes its value; it says whether the value is one.
type Row<P> = (&'static str, fn(&mut P, Option<&str>) -> bool);

#[rustfmt::skip]
const MAIL: &[Row<Mail>] = &[
    ("SIZE",     |mail, value| put(&mut mail.size, value.and_then(size))),
    ("BODY",     |mail, value| set(&mut mail.body, value.and_then(body))),
    ("SMTPUTF8", |mail, value| set(&mut mail.smtputf8, value.is_none().then_some(true))),
    ("RET",      |mail, value| put(&mut mail.ret, value.and_then(ret))),
    ("ENVID",    |mail, value| put(&mut mail.envid, value.and_then(envid))),
];

#[rustfmt::skip]
const RCPT: &[Row<Rcpt>] = &[
    ("NOTIFY",   |rcpt, value| set(&mut rcpt.notify, value.and_then(notify))),
    ("ORCPT",    |rcpt, value| put(&mut rcpt.orcpt, value.and_then(orcpt))),
];

pub fn mail(text: &str) -> Result<Mail, Fault> {
    read(text, MAIL)
}

pub fn rcpt(text: &str) -> Result<Rcpt, Fault> {
    read(text, RCPT)
}

fn read<P: Default>(text: &str, table: &[Row<P>]) -> Result<P, Fault> {
    let (mut params, mut met) = (P::default(), 0);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (keyword, value) = word.split_once('=').map_or((word, None), |(keyword, value)| (keyword, Some(value)));
        let at = table.iter().position(|(name, _)| name.eq_ignore_ascii_case(keyword)).ok_or(Fault::Unknown)?;
        if met & (1 << at) != 0 {
            return Err(Fault::Twice);
        }
        met |= 1 << at;
        if !(table[at].1)(&mut params, value) {
            return Err(Fault::Value);
        }
    }
    Ok(params)
}

fn put<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn set<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}

/// RFC 1870 6: up to 20 digits, and more than a number holds is more than any limit.
fn size(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

fn body(value: &str) -> Option<Body> {
    one_of(value, &[("7BIT", Body::SevenBit), ("8BITMIME", Body::EightBitMime)])
}

fn ret(value: &str) -> Option<Ret> {
    one_of(value, &[("FULL", Ret::Full), ("HDRS", Ret::Headers)])
}

/// RFC 3461 4.4: at most 100 characters.
fn envid(value: &str) -> Option<String> {
    (value.len() <= 100 && is_xtext(value)).then(|| value.to_owned())
}

/// RFC 3461 4.1: NEVER alone, or what to tell of.
fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::NEVER);
    }
    let words = [("SUCCESS", Notify::SUCCESS), ("FAILURE", Notify::FAILURE), ("DELAY", Notify::DELAY)];
    value.split(',').try_fold(Notify::default(), |all, word| {
        let one = one_of(word, &words).filter(|one| !all.has(*one))?;
        Some(Notify(all.0 | one.0))
    })
}

/// RFC 3461 4.2, RFC 6533 3: a type and an address in xtext, 500 characters at most.
fn orcpt(value: &str) -> Option<String> {
    let (kind, address) = value.split_once(';')?;
    let named = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let good = if kind.eq_ignore_ascii_case("utf-8") { is_unitext(address) } else { is_xtext(address) };
    (value.len() <= 500 && named && good).then(|| value.to_owned())
}

fn one_of<T: Copy>(value: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value)).map(|(_, meant)| *meant)
}

/// RFC 3461 4: printable characters, and `+` with two upper-case hexadecimal digits for any other.
pub fn is_xtext(text: &str) -> bool {
    let mut pieces = text.split('+');
    let plain = |piece: &str| piece.bytes().all(|b| (b'!'..=b'~').contains(&b) && b != b'=');
    let digit = |b: &u8| b.is_ascii_digit() || (b'A'..=b'F').contains(b);
    let coded = |piece: &str| piece.len() >= 2 && piece.as_bytes()[..2].iter().all(digit) && plain(piece);
    !text.is_empty() && pieces.next().is_some_and(plain) && pieces.all(coded)
}

/// RFC 6533 3: as xtext, or as UTF-8, or with characters as `\x{41}`.
fn is_unitext(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c > ' ' && !c.is_control() && !matches!(c, '='))
}
