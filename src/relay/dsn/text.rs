//! Words of others, made harmless: they stay on their lines, and lines stay short.

/// Octets of somebody's words that are repeated, at most.
const MOST: usize = 2000;

/// Where lines are folded, if they can be.
const WIDTH: usize = 76;

/// No line is longer, whatever it is made of.
const LIMIT: usize = 900;

/// Without control characters; other characters stay.
pub(super) fn printable(text: &str) -> String {
    shortened(text).chars().map(|c| if is_safe(c) { c } else { ' ' }).collect()
}

/// As [`printable`], in ASCII.
pub(super) fn ascii(text: &str) -> String {
    let plain = |c| match c {
        ' '..='~' => c,
        _ if is_safe(c) => '?',
        _ => ' ',
    };
    shortened(text).chars().map(plain).collect()
}

/// Line separators of Unicode, and what turns the direction of text, are no better than control characters.
fn is_safe(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shortened(text: &str) -> &str {
    let end = text.floor_char_boundary(MOST);
    &text[..end]
}

/// One field of a header: folded at blanks, and anywhere where there are none for too long.
pub(super) fn field(name: &str, value: &str, out: &mut Vec<u8>) {
    let mut line = format!("{name}:");
    let bare = line.len();
    for word in words(value) {
        if line.len() > bare && line.len() + 1 + word.len() > WIDTH {
            end(&mut line, out);
        }
        line.push(' ');
        line.push_str(word);
    }
    end(&mut line, out);
}

/// A paragraph of the text for people: each line begins with the indent.
pub(super) fn paragraph(indent: &str, text: &str, out: &mut Vec<u8>) {
    let mut line = String::from(indent);
    for word in words(text) {
        if line.len() > indent.len() && line.len() + 1 + word.len() > WIDTH {
            end(&mut line, out);
            line.push_str(indent);
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    end(&mut line, out);
}

/// The words of a text; too long ones in pieces.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(LIMIT));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        })
    })
}

fn end(line: &mut String, out: &mut Vec<u8>) {
    if line.starts_with('.') {
        out.push(b'.');
    }
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
    line.clear();
}

/// What xtext stands for (RFC 3461 4), where that is printable ASCII; else as it is.
pub(super) fn decoded(xtext: &str) -> String {
    let mut plain = String::with_capacity(xtext.len());
    let mut bytes = xtext.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => bytes.next().and_then(hex).zip(bytes.next().and_then(hex)).map(|(high, low)| high * 16 + low),
            byte => Some(byte),
        };
        match byte {
            Some(byte @ b' '..=b'~') => plain.push(char::from(byte)),
            _ => return ascii(xtext),
        }
    }
    ascii(&plain)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// An address of the type `utf-8` as a sender gave it, in xtext of its own or plain (RFC 6533 3): in ASCII.
pub(super) fn escaped(address: &str) -> String {
    let mut escaped = String::with_capacity(address.len());
    for c in shortened(address).chars() {
        match c {
            '!'..='~' => escaped.push(c),
            c => escaped.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
        }
    }
    escaped
}

/// An address with its type: plain, or as RFC 6533 3 writes what is not ASCII (`utf-8-addr-xtext`).
pub(super) fn typed(address: &str) -> String {
    if address.is_ascii() {
        return format!("rfc822; {}", ascii(address));
    }
    let mut typed = String::from("utf-8; ");
    for c in shortened(address).chars() {
        match c {
            '!'..='~' if !matches!(c, '+' | '=' | '\\') => typed.push(c),
            c => typed.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
        }
    }
    typed
}
