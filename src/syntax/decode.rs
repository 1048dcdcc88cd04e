//! Bytes to the text of a source: UTF-8, with or without a byte order mark.

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
