//! LDIF (RFC 2849), as ldapsearch and ldifde write it: entries, not changes.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::entry::{Entry, Raw, Role};
use super::{Columns, Reports, Row, Verdict};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::{DIRECTORY_INVALID, DIRECTORY_ROW};
use crate::name::printable;
use crate::source::{FileId, Span};

pub(super) fn read(
    text: &str,
    file: FileId,
    columns: &Columns,
    reports: &mut Reports<'_>,
    each: &mut dyn FnMut(&Row<'_>, &mut Reports<'_>),
) -> Verdict {
    let mut reader = Reader {
        file,
        columns,
        lines: Lines { text, at: 0 },
        entry: Entry::default(),
        first_dn: None,
        primary_seen: false,
    };
    if let Some(first) = reader.first_line() {
        let begins = ["version", "dn", "search", "ref", "result"];
        if !reader.attribute(&first).is_some_and(|a| begins.iter().any(|name| a.name.eq_ignore_ascii_case(name))) {
            let span = Span::new(file, first.range.start, first.range.end);
            reports.push(
                Diagnostic::new(DIRECTORY_INVALID, "the file is not LDIF")
                    .label(span, "`version: 1` or `dn: …` should be here")
                    .help("export it with ldapsearch or ldifde, or name a CSV file `.csv`"),
            );
            return Verdict::Other;
        }
    }
    while reader.record(reports, each) {}
    reader.unseen(reports)
}

struct Reader<'s, 'c> {
    file: FileId,
    columns: &'c Columns,
    lines: Lines<'s>,
    entry: Entry<'s>,
    /// The name of the first entry.
    first_dn: Option<Span>,
    /// Some entry has what a block maps to `primary`.
    primary_seen: bool,
}

/// `name: value`, before the value is unfolded or decoded.
struct Attribute<'s> {
    /// Without options such as `;lang-en`.
    name: Cow<'s, str>,
    kind: ValueKind,
    /// Where the value stands, blanks trimmed.
    value: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ValueKind {
    Plain,
    Base64,
    Url,
}

/// Why the rest of a record is passed over.
enum Stop {
    /// It was reported.
    Reported,
    /// What ldapsearch says of its own search.
    Silent,
}

impl<'s> Reader<'s, '_> {
    fn first_line(&mut self) -> Option<Line> {
        let start = self.lines.at;
        let mut line = self.lines.next();
        while line.as_ref().is_some_and(|l| l.range.is_empty()) {
            line = self.lines.next();
        }
        self.lines.at = start;
        line
    }

    /// Reads one record; false at the end.
    fn record(&mut self, reports: &mut Reports<'_>, each: &mut dyn FnMut(&Row<'_>, &mut Reports<'_>)) -> bool {
        self.entry.clear();
        let mut whole: Option<Range<usize>> = None;
        let mut stop: Option<Stop> = None;
        let more = loop {
            let Some(line) = self.lines.next() else { break false };
            if line.range.is_empty() {
                break true;
            }
            if stop.is_none() {
                let first = whole.is_none();
                stop = self.line(&line, first, reports).err();
                if first && stop.is_none() && self.is_version(&line) {
                    continue;
                }
            }
            let start = whole.map_or(line.range.start, |w| w.start);
            whole = Some(start..line.range.end);
        };
        if let (Some(whole), None) = (whole, stop) {
            let listed = self.columns.primary.is_some();
            self.entry.finish(Span::new(self.file, whole.start, whole.end), listed, reports, each);
        }
        more
    }

    /// A mapped attribute that no entry has is most likely misspelt.
    fn unseen(&self, reports: &mut Reports<'_>) -> Verdict {
        match (&self.columns.primary, self.first_dn) {
            (Some(mapped), Some(first)) if !self.primary_seen => {
                let message = format!("no entry of the file has an attribute `{}`", printable(mapped));
                reports.push(
                    Diagnostic::new(DIRECTORY_INVALID, message)
                        .label(first, "the first entry")
                        .help("map an attribute that the entries have"),
                );
                Verdict::Other
            }
            _ => Verdict::Directory,
        }
    }

    fn is_version(&self, line: &Line) -> bool {
        self.attribute(line).is_some_and(|a| a.name.eq_ignore_ascii_case("version"))
    }

    /// Takes one line of a record in.
    fn line(&mut self, line: &Line, first: bool, reports: &mut Reports<'_>) -> Result<(), Stop> {
        let span = Span::new(self.file, line.range.start, line.range.end);
        let report = |message: &str, label: &str| Diagnostic::new(DIRECTORY_ROW, message).label(span, label);
        let Some(attribute) = self.attribute(line) else {
            reports.push(report("this line is not LDIF", "no `name: value`"));
            return Err(Stop::Reported);
        };
        let is = |name: &str| attribute.name.eq_ignore_ascii_case(name);
        if first {
            if is("dn") {
                self.first_dn.get_or_insert(span);
            }
            if is("version") || is("dn") {
                return Ok(());
            }
            if is("search") || is("ref") || is("result") {
                return Err(Stop::Silent);
            }
            reports.push(report("the entry has no name", "`dn: …` should be here"));
            return Err(Stop::Reported);
        }
        if is("changetype") {
            return self.changetype(&attribute, span, reports);
        }
        if attribute.kind == ValueKind::Url {
            let help = "export the value itself: nothing but this file is read";
            reports.push(report("a value that is kept elsewhere is not read", "`:<` names another file").help(help));
            return Err(Stop::Reported);
        }
        if let Some(role) = Role::of(&attribute.name, self.columns) {
            self.primary_seen |= role == Role::Listed;
            self.value(role, &attribute, reports)?;
        }
        Ok(())
    }

    fn changetype(&self, attribute: &Attribute<'_>, span: Span, reports: &mut Reports<'_>) -> Result<(), Stop> {
        let kind = &self.lines.text[attribute.value.clone()];
        if kind.eq_ignore_ascii_case("add") {
            return Ok(());
        }
        reports.push(
            Diagnostic::new(DIRECTORY_ROW, format!("the record is a change (`{}`), not an entry", printable(kind)))
                .label(span, "only `add` says what an entry holds")
                .help("export the directory as it is, not changes to it"),
        );
        Err(Stop::Reported)
    }

    fn value(&mut self, role: Role, attribute: &Attribute<'s>, reports: &mut Reports<'_>) -> Result<(), Stop> {
        let span = Span::new(self.file, attribute.value.start, attribute.value.end);
        let text = unfolded(&self.lines.text[attribute.value.clone()]);
        let text = match attribute.kind {
            ValueKind::Base64 => match decoded(&text) {
                Some(text) => Cow::Owned(text),
                // A label in some other encoding is no reason to refuse the entry.
                None if matches!(role, Role::Label(_)) => return Ok(()),
                None => {
                    let report = Diagnostic::new(DIRECTORY_ROW, "the value is not base64 of UTF-8 text");
                    reports.push(report.label(span, "after `::`"));
                    return Err(Stop::Reported);
                }
            },
            ValueKind::Plain | ValueKind::Url => text,
        };
        self.entry.take(role, &Raw { text, span }, false, reports);
        Ok(())
    }

    fn attribute(&self, line: &Line) -> Option<Attribute<'s>> {
        let text: &'s str = self.lines.text;
        let bytes = text.as_bytes();
        let colon = line.range.start + memchr::memchr(b':', &bytes[line.range.clone()])?;
        let name = unfolded(&text[line.range.start..colon]);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.;_=".contains(&b)) {
            return None;
        }
        let name = match name {
            Cow::Borrowed(name) => Cow::Borrowed(name.split(';').next().unwrap_or(name)),
            Cow::Owned(name) => Cow::Owned(name.split(';').next().unwrap_or(&name).to_owned()),
        };
        let (kind, start) = match bytes.get(colon + 1) {
            Some(b':') => (ValueKind::Base64, colon + 2),
            Some(b'<') => (ValueKind::Url, colon + 2),
            _ => (ValueKind::Plain, colon + 1),
        };
        let start = start.min(line.range.end);
        let value = &text[start..line.range.end];
        let start = start + value.len() - value.trim_start().len();
        Some(Attribute { name, kind, value: start..start + value.trim().len() })
    }
}

/// Takes the folds out: a newline and the one blank after it.
fn unfolded(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\n', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        out.push_str(if i == 0 { line } else { line.get(1..).unwrap_or_default() });
    }
    Cow::Owned(out)
}

fn decoded(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64.trim()).ok()?).ok()
}

/// One line with its continuations, comments left out; empty where a record ends.
struct Line {
    range: Range<usize>,
}

struct Lines<'s> {
    text: &'s str,
    at: usize,
}

impl Lines<'_> {
    fn next(&mut self) -> Option<Line> {
        loop {
            let start = self.at;
            if start == self.text.len() {
                return None;
            }
            let mut end = self.physical();
            if start == end {
                return Some(Line { range: start..end });
            }
            while let Some(b' ' | b'\t') = self.text.as_bytes().get(self.at) {
                end = self.physical();
            }
            let line = &self.text[start..end];
            if line.starts_with('#') {
                continue;
            }
            // A line of blanks is one that an editor left behind.
            let range = if line.trim().is_empty() { start..start } else { start..end };
            return Some(Line { range });
        }
    }

    /// Steps over a line of the file and gives its end, without CR and LF.
    fn physical(&mut self) -> usize {
        let bytes = self.text.as_bytes();
        let newline = memchr::memchr(b'\n', &bytes[self.at..]).map(|i| self.at + i);
        let end = newline.unwrap_or(bytes.len());
        let end = if end > self.at && bytes[end - 1] == b'\r' { end - 1 } else { end };
        self.at = newline.map_or(bytes.len(), |i| i + 1);
        end
    }
}
