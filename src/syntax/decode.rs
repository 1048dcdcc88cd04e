//! Bytes to the text of a source: UTF-8, with or without a byte order mark.

use crate::diagnostic::code::SYNTAX_ENCODING;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::printable;
use crate::source::{FileId, Sources, Span};

/// Where a source stops being UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUtf8 {
    /// What the file holds up to the wrong byte: a text that a diagnostic can point into.
    pub head: String,
    /// 1-based, the column in characters.
    pub line: usize,
    pub column: usize,
    pub byte: u8,
    /// It begins as UTF-16 does.
    pub utf16: bool,
}

/// The text of a source, its byte order mark taken off.
pub fn decode(mut bytes: Vec<u8>) -> Result<String, NotUtf8> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let mut bytes = error.into_bytes();
        let byte = bytes[valid];
        let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
        bytes.truncate(valid);
        let head = String::from_utf8(bytes).unwrap_or_default();
        let line_start = head.rfind('\n').map_or(0, |at| at + 1);
        let line = memchr::memchr_iter(b'\n', head.as_bytes()).count() + 1;
        let column = head[line_start..].chars().count() + 1;
        NotUtf8 { line, column, byte, utf16, head }
    })
}

/// Decodes a source and adds it; one that is no UTF-8 text is reported, never quoted, and `None`.
pub fn add(sources: &mut Sources, name: &str, bytes: Vec<u8>, diagnostics: &mut Diagnostics) -> Option<FileId> {
    match decode(bytes) {
        Ok(text) => {
            let file = sources.add(name, text);
            if file.is_none() {
                let message = format!("`{}` is larger than 4 GiB", printable(name));
                diagnostics.push(Diagnostic::new(SYNTAX_ENCODING, message));
            }
            file
        }
        Err(error) => {
            let help = if error.utf16 { "the file is UTF-16: save it as UTF-8" } else { "save the file as UTF-8" };
            let message = format!("`{}` is not UTF-8: byte {:#04x} does not belong here", printable(name), error.byte);
            let end = error.head.len();
            let diagnostic = Diagnostic::new(SYNTAX_ENCODING, message).help(help);
            // What comes before the fault is kept, so that the fault has a place.
            let file = sources.add(name, error.head);
            diagnostics.push(match file {
                Some(file) => diagnostic.label(Span::new(file, end, end), "here"),
                None => diagnostic,
            });
            if let Some(file) = file {
                sources.forbid_quoting(file);
            }
            None
        }
    }
}
