//! CSV (RFC 4180) with exact places: the header says what each column is, every row becomes an entry.
//!
//! The scanner is our own because a place inside a quoted cell, and the very quote that was left open in row 700,000, are what
//! a report needs; the tests hold it to the `csv` crate.

use std::borrow::Cow;

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
    let (delimiter, start) = preamble(text);
    let mut scanner = Scanner { text, at: start, delimiter };
    let mut cells = Vec::new();
    let header = match scanner.record(&mut cells) {
        Record::End => return Verdict::Directory,
        Record::Broken(broken) => {
            reports.push(broken.report(file, DIRECTORY_INVALID));
            return Verdict::Other;
        }
        Record::Cells(span) => match Header::new(text, Span::new(file, span.0, span.1), &cells, columns) {
            Ok(header) => header,
            Err(report) => {
                reports.push(*report);
                return Verdict::Other;
            }
        },
    };
    rows(&mut scanner, &header, reports, each);
    Verdict::Directory
}

fn rows<'s>(
    scanner: &mut Scanner<'s>,
    header: &Header,
    reports: &mut Reports<'_>,
    each: &mut dyn FnMut(&Row<'_>, &mut Reports<'_>),
) {
    let (text, file) = (scanner.text, header.span.file);
    let mut cells = Vec::with_capacity(header.width);
    let mut entry = Entry::default();
    loop {
        let span = match scanner.record(&mut cells) {
            Record::End => return,
            Record::Cells((start, end)) => Span::new(file, start, end),
            Record::Broken(broken) => {
                reports.push(broken.report(file, DIRECTORY_ROW));
                scanner.resume_after_line(broken.opened);
                continue;
            }
        };
        if let Some(surplus) = cells.get(header.width..).and_then(|rest| rest.iter().find(|c| !c.is_blank(text))) {
            reports.push(too_many(header, cells.len(), surplus.span(file)));
            continue;
        }
        if let Some(cell) = header.type_name(text, &cells) {
            return reports.push(names_a_type(cell.span(file)));
        }
        entry.clear();
        for &(column, role) in &header.roles {
            if let Some(cell) = cells.get(column) {
                entry.take(role, &cell.raw(text, file), true, reports);
            }
        }
        entry.finish(span, header.listed, reports, each);
    }
}

/// What the columns are.
struct Header {
    span: Span,
    width: usize,
    roles: Vec<(usize, Role)>,
    listed: bool,
}

impl Header {
    fn new(text: &str, span: Span, cells: &[Cell], columns: &Columns) -> Result<Header, Box<Diagnostic>> {
        let names: Vec<Cow<'_, str>> = cells.iter().map(|cell| trimmed(cell.text(text))).collect();
        let invalid = |message: String| Diagnostic::new(DIRECTORY_INVALID, message).label(span, "the header");
        for mapped in [&columns.primary, &columns.secondary, &columns.name].into_iter().flatten() {
            if !names.iter().any(|name| name.eq_ignore_ascii_case(mapped)) {
                let report = invalid(format!("the file has no column `{}`", printable(mapped)));
                return Err(Box::new(report.help("map a column that the first line names")));
            }
        }
        let roles: Vec<(usize, Role)> =
            names.iter().enumerate().filter_map(|(i, name)| Some((i, Role::of(name, columns)?))).collect();
        if let Some(&(i, _)) =
            roles.iter().find(|&&(i, _)| names[..i].iter().any(|n| n.eq_ignore_ascii_case(&names[i])))
        {
            let report = Diagnostic::new(DIRECTORY_INVALID, "a column is there twice");
            return Err(Box::new(report.label(cells[i].span(span.file), "the second of that name")));
        }
        let listed = roles.iter().any(|&(_, role)| role == Role::Listed);
        let unmapped_secondary = columns.secondary.is_none();
        let addresses = |role| match role {
            Role::Listed | Role::Target | Role::Primary(_) => true,
            Role::Secondary => unmapped_secondary && !names.iter().any(|n| n.eq_ignore_ascii_case("secondary")),
            Role::Label(_) => false,
        };
        if !roles.iter().any(|&(_, role)| addresses(role)) {
            let help = "the first line names the columns: `name,primary,secondary`, those that Exchange or csvde \
                        writes, or any, mapped as `{ primary \"Mail\"; secondary \"Aliases\" }`";
            return Err(Box::new(invalid("the file has no column of primary addresses".into()).help(help)));
        }
        Ok(Header { span, width: cells.len(), roles, listed })
    }

    /// `Export-Csv` writes the type of a list that was not joined, such as `System.String[]`: its addresses are lost.
    fn type_name<'c>(&self, text: &str, cells: &'c [Cell]) -> Option<&'c Cell> {
        let secondaries = self.roles.iter().filter(|(_, role)| *role == Role::Secondary);
        secondaries.filter_map(|&(i, _)| cells.get(i)).find(|cell| {
            let value = text[cell.start..cell.end].trim();
            (value.starts_with("System.") || value.starts_with("Microsoft.")) && !value.contains(['@', ':', ' '])
        })
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn too_many(header: &Header, count: usize, surplus: Span) -> Diagnostic {
    Diagnostic::new(DIRECTORY_ROW, format!("the row has {count} cells where the header has {}", header.width))
        .label(surplus, "one too many")
        .label(header.span, "the header")
        .help("put a cell that holds the delimiter in quotes: `\"a@contoso.com, b@contoso.com\"`")
}

fn names_a_type(span: Span) -> Diagnostic {
    Diagnostic::new(DIRECTORY_ROW, "the export holds the name of a type instead of the addresses")
        .label(span, "so it is in this row and likely in all others")
        .help("export it joined: `Select-Object …, @{n='EmailAddresses';e={$_.EmailAddresses -join ';'}}`")
}

/// The delimiter, and where the header begins: after PowerShell's `#TYPE` line or a spreadsheet's `sep=;`.
fn preamble(text: &str) -> (u8, usize) {
    let mut start = 0;
    loop {
        let line = &text[start..line_end(text, start)];
        if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter @ (b',' | b';' | b'\t'), b'\r' | b'\n', ..] =
            text.as_bytes()[start..]
        {
            return (delimiter, line_end(text, start));
        }
        if line.is_empty() || !(line.trim().is_empty() || line.starts_with("#TYPE")) {
            return (sniff(line), start);
        }
        start += line.len();
    }
}

/// The end of the line, its newline included.
fn line_end(text: &str, start: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[start..]).map_or(text.len(), |i| start + i + 1)
}

/// Where lists are written with `;`, so are exports (`Export-Csv -UseCulture`).
fn sniff(header: &str) -> u8 {
    let mut quoted = false;
    let mut other = b',';
    for byte in header.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => return b',',
            b';' | b'\t' if !quoted && other == b',' => other = byte,
            _ => {}
        }
    }
    other
}

/// One cell: its text, without the quotes around it.
#[derive(Debug, Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
    /// It holds doubled quotes.
    escaped: bool,
}

impl Cell {
    fn text<'s>(&self, text: &'s str) -> Cow<'s, str> {
        let raw = &text[self.start..self.end];
        if self.escaped { Cow::Owned(raw.replace("\"\"", "\"")) } else { Cow::Borrowed(raw) }
    }

    fn span(&self, file: FileId) -> Span {
        Span::new(file, self.start, self.end)
    }

    fn raw<'s>(&self, text: &'s str, file: FileId) -> Raw<'s> {
        Raw { text: self.text(text), span: self.span(file) }
    }

    fn is_blank(&self, text: &str) -> bool {
        text[self.start..self.end].trim().is_empty()
    }
}

enum Record {
    /// From here to there.
    Cells((usize, usize)),
    Broken(Broken),
    End,
}

/// Quotes that do not fit together.
struct Broken {
    /// The quote that opens the cell.
    opened: usize,
    /// The quote that closes the cell too early, where there is one.
    closed: Option<usize>,
    /// Opening and closing quote are on the same line.
    one_line: bool,
}

impl Broken {
    fn report(&self, file: FileId, code: crate::diagnostic::Code) -> Diagnostic {
        let place = |at| Span::new(file, at, at + 1);
        let help = "double a quote that belongs to the text, and quote the whole cell: `\"Ann \"\"A\"\" Lee\"`";
        match self.closed {
            Some(closed) if self.one_line => Diagnostic::new(code, "a quoted cell goes on after its closing quote")
                .label(place(closed), "a delimiter should follow")
                .label(place(self.opened), "the cell begins here"),
            Some(closed) => Diagnostic::new(code, "a quote is not closed")
                .label(place(self.opened), "it opens here")
                .label(place(closed), "so this one closes it"),
            None => Diagnostic::new(code, "a quote is not closed").label(place(self.opened), "it opens here"),
        }
        .help(help)
    }
}

struct Scanner<'s> {
    text: &'s str,
    at: usize,
    delimiter: u8,
}

impl Scanner<'_> {
    /// The next record that is not a blank line.
    fn record(&mut self, cells: &mut Vec<Cell>) -> Record {
        let bytes = self.text.as_bytes();
        while let Some(b'\n' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
        if self.at == bytes.len() {
            return Record::End;
        }
        cells.clear();
        let start = self.at;
        loop {
            let cell = match self.cell() {
                Ok(cell) => cell,
                Err(broken) => return Record::Broken(broken),
            };
            cells.push(cell);
            let at = self.at;
            self.at += 1;
            match bytes.get(at) {
                Some(b'\n') => return Record::Cells((start, end_of_record(bytes, at))),
                None => {
                    self.at = at;
                    return Record::Cells((start, at));
                }
                Some(_) => {}
            }
        }
    }

    /// One cell; stops at the delimiter, the newline or the end.
    fn cell(&mut self) -> Result<Cell, Broken> {
        let bytes = self.text.as_bytes();
        let blanks = bytes[self.at..].iter().take_while(|&&b| b == b' ').count();
        match bytes.get(self.at + blanks) {
            Some(b'"') => self.quoted(self.at + blanks),
            _ => self.bare(),
        }
    }

    fn quoted(&mut self, opened: usize) -> Result<Cell, Broken> {
        let bytes = self.text.as_bytes();
        let (mut end, mut escaped) = (opened + 1, false);
        loop {
            match memchr::memchr(b'"', &bytes[end..]) {
                None => return Err(Broken { opened, closed: None, one_line: false }),
                Some(i) => end += i,
            }
            if bytes.get(end + 1) != Some(&b'"') {
                break;
            }
            escaped = true;
            end += 2;
        }
        let blanks = bytes[end + 1..].iter().take_while(|&&b| matches!(b, b' ' | b'\r')).count();
        self.at = end + 1 + blanks;
        match bytes.get(self.at) {
            Some(&b) if b != b'\n' && b != self.delimiter => {
                let one_line = memchr::memchr(b'\n', &bytes[opened..end]).is_none();
                Err(Broken { opened, closed: Some(end), one_line })
            }
            _ => Ok(Cell { start: opened + 1, end, escaped }),
        }
    }

    /// A cell without quotes around it. Quotes inside are text as long as they come in pairs.
    fn bare(&mut self) -> Result<Cell, Broken> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let end = memchr::memchr2(self.delimiter, b'\n', &bytes[start..]).map_or(bytes.len(), |i| start + i);
        self.at = end;
        let mut quotes = memchr::memchr_iter(b'"', &bytes[start..end]);
        if let Some(first) = quotes.next()
            && quotes.count().is_multiple_of(2)
        {
            return Err(Broken { opened: start + first, closed: None, one_line: true });
        }
        let end = if bytes.get(end) == Some(&self.delimiter) { end } else { end_of_record(bytes, end).max(start) };
        Ok(Cell { start, end, escaped: false })
    }

    /// After a broken quote: on with the line after the one where it stands.
    fn resume_after_line(&mut self, opened: usize) {
        self.at = line_end(self.text, opened);
    }
}

/// Leaves out the CR of a CRLF.
fn end_of_record(bytes: &[u8], newline: usize) -> usize {
    if newline > 0 && bytes[newline - 1] == b'\r' { newline - 1 } else { newline }
}
