//! What a filter changes in a message: its header fields, and its body.

use memchr::memmem;

/// Changes in the order in which the filter asked for them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Edits {
    fields: Vec<FieldEdit>,
    /// Without dots stuffed.
    body: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum FieldEdit {
    /// Behind the last one.
    Add(String, String),
    /// Before the field of that number, from 0.
    Insert(usize, String, String),
    /// The field of that name and number, from 1; without a value it goes.
    Change(usize, String, Option<String>),
}

impl Edits {
    pub(super) fn field(&mut self, edit: FieldEdit) {
        self.fields.push(edit);
    }

    /// The first part of a new body drops the old one.
    pub(super) fn body(&mut self, part: &[u8]) {
        self.body.get_or_insert_default().extend_from_slice(part);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.body.is_none()
    }

    /// The header as the filter wants it: lines as on the wire, without the empty line.
    pub(super) fn header(&self, header: &[u8], keeps_space: bool) -> Vec<u8> {
        let mut fields: Vec<Vec<u8>> = fields(header).map(<[u8]>::to_vec).collect();
        for edit in &self.fields {
            match edit {
                FieldEdit::Add(name, value) => fields.extend(field(name, value, keeps_space)),
                FieldEdit::Insert(at, name, value) => {
                    let at = (*at).min(fields.len());
                    fields.splice(at..at, field(name, value, keeps_space));
                }
                FieldEdit::Change(number, name, value) => {
                    change(&mut fields, *number, name, value.as_deref(), keeps_space)
                }
            }
        }
        fields.concat()
    }

    /// The new body as on the wire, where there is one.
    pub(super) fn new_body(&self) -> Option<Vec<u8>> {
        self.body.as_deref().map(stuffed)
    }
}

/// The fields of a header, each with its folded lines.
pub(super) fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let end = field_end(rest)?;
        let (field, more) = rest.split_at(end);
        rest = more;
        Some(field)
    })
}

fn field_end(text: &[u8]) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    let ends = memmem::find_iter(text, b"\r\n").map(|at| at + 2);
    let folded = |end: usize| matches!(text.get(end), Some(b' ' | b'\t'));
    Some(ends.into_iter().find(|end| !folded(*end)).unwrap_or(text.len()))
}

fn change(fields: &mut Vec<Vec<u8>>, number: usize, name: &str, value: Option<&str>, keeps_space: bool) {
    let named = |field: &&mut Vec<u8>| name_of(field).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()));
    let found = fields.iter_mut().filter(named).nth(number.saturating_sub(1));
    let new = value.and_then(|value| field(name, value, keeps_space));
    match (found, new) {
        (Some(old), Some(new)) => *old = new,
        (Some(old), None) => old.clear(),
        (None, Some(new)) => fields.push(new),
        (None, None) => {}
    }
}

/// The name of a field: what stands before the colon, without blanks.
pub(super) fn name_of(field: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b':', field).map(|colon| field[..colon].trim_ascii_end())
}

/// A field as on the wire. A name that is none gives nothing; line breaks in a value are folds, whatever the filter says.
fn field(name: &str, value: &str, keeps_space: bool) -> Option<Vec<u8>> {
    let is_name = !name.is_empty() && name.bytes().all(|b| (33..127).contains(&b) && b != b':');
    if !is_name || name.starts_with('.') {
        return None;
    }
    let mut field = format!("{name}:{}", if keeps_space { "" } else { " " });
    let lines = value.split(['\n', '\r', '\0']).filter(|line| !line.is_empty());
    for (number, line) in lines.enumerate() {
        if number > 0 {
            field.push_str("\r\n");
            if !line.starts_with([' ', '\t']) {
                field.push('\t');
            }
        }
        field.push_str(line);
    }
    field.push_str("\r\n");
    Some(field.into_bytes())
}

/// Lines that end with CRLF, whatever ended them, and a dot more where one begins with a dot (RFC 5321 4.5.2).
fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 64 + 2);
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() && lines.peek().is_none() {
            break;
        }
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend(line.iter().copied().filter(|byte| !matches!(byte, b'\r' | 0)));
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Text without the dots that were stuffed; `at_start`: whether it begins a line.
pub(super) fn unstuffed(text: &[u8], at_start: &mut bool, out: &mut Vec<u8>) {
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let begins = std::mem::replace(at_start, line.ends_with(b"\n"));
        out.extend_from_slice(if begins { line.strip_prefix(b".").unwrap_or(line) } else { line });
    }
}
