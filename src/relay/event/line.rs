//! One event on one line, in either format.

use std::fmt::{self, Display, Write};
use std::io;
use std::time::Duration;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::Event;
use super::time::Utc;

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// An object of JSON, without blanks between its parts.
    #[default]
    Json,
    /// `TIME EVENT name=value …`; a value with blanks, quotes or control characters is a string of JSON.
    Human,
}

/// Takes the fields of an event in their order.
pub(super) trait Fields {
    fn text(&mut self, name: &'static str, value: &str);
    /// A value whose text needs no escape: a number with a unit, an address, a time.
    fn shown(&mut self, name: &'static str, value: &dyn Display);
    fn number(&mut self, name: &'static str, value: u64);
    fn flag(&mut self, name: &'static str, value: bool);
    fn millis(&mut self, name: &'static str, value: Duration);
    fn list(&mut self, name: &'static str, values: &mut dyn Iterator<Item = &str>);
}

pub(super) fn write(event: &Event<'_>, format: Format, now: u64, out: &mut Vec<u8>) {
    match format {
        Format::Json => {
            out.extend_from_slice(b"{");
            let mut json = Json(out);
            json.shown("time", &Utc(now));
            json.text("event", event.name());
            event.fields(&mut json);
            out.push(b'}');
        }
        Format::Human => {
            let mut human = Human(out);
            human.show(&Utc(now));
            human.0.push(b' ');
            human.0.extend_from_slice(event.name().as_bytes());
            event.fields(&mut human);
        }
    }
}

struct Json<'a>(&'a mut Vec<u8>);

impl Json<'_> {
    fn name(&mut self, name: &'static str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

impl Fields for Json<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        quoted(value, self.0);
    }

    fn shown(&mut self, name: &'static str, value: &dyn Display) {
        self.name(name);
        self.0.push(b'"');
        show(value, self.0);
        self.0.push(b'"');
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        number(value, self.0);
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn millis(&mut self, name: &'static str, value: Duration) {
        self.name(name);
        millis(value, self.0);
    }

    fn list(&mut self, name: &'static str, values: &mut dyn Iterator<Item = &str>) {
        self.name(name);
        self.0.push(b'[');
        for (i, value) in values.enumerate() {
            if i > 0 {
                self.0.push(b',');
            }
            quoted(value, self.0);
        }
        self.0.push(b']');
    }
}

struct Human<'a>(&'a mut Vec<u8>);

impl Human<'_> {
    fn name(&mut self, name: &'static str) {
        self.0.push(b' ');
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'=');
    }

    fn show(&mut self, value: &dyn Display) {
        show(value, self.0);
    }
}

impl Fields for Human<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        if is_plain(value) { self.0.extend_from_slice(value.as_bytes()) } else { quoted(value, self.0) }
    }

    fn shown(&mut self, name: &'static str, value: &dyn Display) {
        self.name(name);
        self.show(value);
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        number(value, self.0);
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn millis(&mut self, name: &'static str, value: Duration) {
        self.name(name);
        millis(value, self.0);
    }

    fn list(&mut self, name: &'static str, values: &mut dyn Iterator<Item = &str>) {
        values.for_each(|value| self.text(name, value));
    }
}

/// Whether a value can stand without quotes, so that no other value reads as it does.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && c != '"' && c != '\\' && !is_hidden(c))
}

/// Characters that a terminal obeys, or that make a line look like another: controls (C1 too), line and paragraph
/// separators, and what turns the direction of writing.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A string of JSON, in which everything hidden is escaped too.
fn quoted(value: &str, out: &mut Vec<u8>) {
    // A vector takes everything, and a string can always be written.
    let _ = value.serialize(&mut Serializer::with_formatter(out, Visible(CompactFormatter)));
}

struct Visible(CompactFormatter);

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|b| b.is_ascii() && b != 0x7f) {
            return self.0.write_string_fragment(out, fragment);
        }
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            out.write_all(&rest.as_bytes()[..at])?;
            // Everything hidden is below U+10000, so that one escape is enough.
            write!(out, "\\u{:04x}", u32::from(hidden))?;
            rest = &rest[at + hidden.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

/// Milliseconds with three decimals: microseconds matter between a message and its 250.
fn millis(value: Duration, out: &mut Vec<u8>) {
    let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
    number(micros / 1000, out);
    let digit = |value: u64| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[b'.', digit(micros / 100), digit(micros / 10), digit(micros)]);
}

/// Without the machinery of `fmt`, which is slow for something that each line has several of.
fn number(value: u64, out: &mut Vec<u8>) {
    // A vector takes everything, and a number can always be written.
    let _ = value.serialize(&mut Serializer::new(out));
}

fn show(value: &dyn Display, out: &mut Vec<u8>) {
    struct Octets<'a>(&'a mut Vec<u8>);
    impl Write for Octets<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // A vector takes everything.
    let _ = write!(Octets(out), "{value}");
}
