//! A cell's or attribute's text to addresses: types such as `SMTP:`, and joined values.

/// What one value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// An SMTP address without its prefix; `primary` where the prefix is upper case.
    Address { text: &'a str, start: usize, primary: bool },
    /// No address at all, or a type that looks like a slip for `smtp:`.
    Bad { text: &'a str, start: usize, why: &'static str },
    /// Blank, or an address of another kind: X400, X500, SIP, EX and so on.
    Skipped,
}

/// How long the separator is that begins here: `;`, `|`, `,` or a blank of any script; 0 where there is none.
fn separator(text: &str, at: usize) -> usize {
    match text.as_bytes()[at] {
        b';' | b'|' | b',' | b' ' | b'\t'..=b'\r' => 1,
        byte if byte.is_ascii() => 0,
        // The places asked about are beginnings of characters, or inside one that is no blank.
        _ => {
            text.get(at..).and_then(|rest| rest.chars().next()).filter(|c| c.is_whitespace()).map_or(0, char::len_utf8)
        }
    }
}

fn next_separator(text: &str, from: usize) -> Option<usize> {
    (from..text.len()).find(|&at| separator(text, at) > 0)
}

/// The first place from here on that is no separator.
fn skip(text: &str, mut at: usize) -> usize {
    while at < text.len() {
        match separator(text, at) {
            0 => break,
            length => at += length,
        }
    }
    at
}

/// One value, which is never split. `start` counts from the beginning of `text`.
pub(super) fn single(text: &str) -> Piece<'_> {
    value(text, 0, text.len())
}

/// The values of a cell, joined by `;`, `|`, `,` or blanks. An SMTP address ends at a separator outside quotes; any other typed
/// value may hold separators, so it ends only before the next `type:`.
pub(super) fn split(cell: &str) -> impl Iterator<Item = Piece<'_>> {
    let (cell, mut at) = unbraced(cell);
    std::iter::from_fn(move || {
        at = skip(cell, at);
        if at == cell.len() {
            return None;
        }
        let start = at;
        at = end_of_value(cell, start);
        Some(value(cell, start, at))
    })
}

/// PowerShell shows a list as `{a, b}`; no address ends in a brace.
fn unbraced(cell: &str) -> (&str, usize) {
    let trimmed = cell.trim();
    match trimmed.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        Some(inner) => {
            let start = inner.as_ptr() as usize - cell.as_ptr() as usize;
            (&cell[..start + inner.len()], start)
        }
        None => (cell, 0),
    }
}

fn end_of_value(cell: &str, start: usize) -> usize {
    match type_prefix(&cell[start..]) {
        Some(kind) if !is_smtp(kind) => before_next_type(cell, start),
        Some(kind) => end_of_address(cell, start + kind.len() + 1),
        None => end_of_address(cell, start),
    }
}

/// The end of an address: a separator outside quotes. Where a quote stays open, quotes mean nothing.
fn end_of_address(cell: &str, from: usize) -> usize {
    let body = from + cell[from..].len() - cell[from..].trim_start().len();
    if body < cell.len() && separator(cell, body) > 0 || type_prefix(&cell[body..]).is_some() {
        return from;
    }
    let (mut quoted, mut at) = (false, body);
    while let Some(&byte) = cell.as_bytes().get(at) {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            // Nearly all of every address.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'@' | b'-' => {}
            _ if !quoted && separator(cell, at) > 0 => return at,
            _ => {}
        }
        at += 1;
    }
    if quoted { next_separator(cell, body).unwrap_or(cell.len()) } else { cell.len() }
}

fn before_next_type(cell: &str, start: usize) -> usize {
    let mut at = start;
    while let Some(end) = next_separator(cell, at) {
        at = skip(cell, end);
        if type_prefix(&cell[at..]).is_some() {
            return end;
        }
    }
    cell.len()
}

/// The `SMTP` of `SMTP:…`. An unquoted local part cannot hold a colon, so this is never part of an address.
fn type_prefix(text: &str) -> Option<&str> {
    let end = text.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))?;
    (text.as_bytes()[end] == b':' && text.as_bytes()[0].is_ascii_alphabetic()).then(|| &text[..end])
}

fn is_smtp(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("smtp")
}

fn value(text: &str, start: usize, end: usize) -> Piece<'_> {
    let (start, whole) = trim(text, start, end);
    let Some(kind) = type_prefix(whole) else { return address(start, whole, false) };
    if is_smtp(kind) {
        let (start, body) = trim(text, start + kind.len() + 1, end);
        return address(start, body, kind == "SMTP");
    }
    if is_slip(kind) {
        return Piece::Bad { text: whole, start, why: "this type looks like a slip for `smtp:`" };
    }
    Piece::Skipped
}

fn address(start: usize, text: &str, primary: bool) -> Piece<'_> {
    if text.is_empty() {
        Piece::Skipped
    } else if text.contains('@') {
        Piece::Address { text, start, primary }
    } else {
        Piece::Bad { text, start, why: "no `@`, so not an address" }
    }
}

fn trim(text: &str, start: usize, end: usize) -> (usize, &str) {
    let part = &text[start..end];
    let trimmed = part.trim_start();
    (start + part.len() - trimmed.len(), trimmed.trim_end())
}

/// A type one letter away from `smtp` would otherwise lose an address in silence.
fn is_slip(kind: &str) -> bool {
    const COMMON: [&str; 6] = ["X400", "X500", "SIP", "EX", "EUM", "SPO"];
    if COMMON.iter().any(|common| kind.eq_ignore_ascii_case(common)) {
        return false;
    }
    let kind = kind.to_ascii_lowercase();
    kind == "mailto" || (kind.len() <= 5 && strsim::damerau_levenshtein(&kind, "smtp") == 1)
}
