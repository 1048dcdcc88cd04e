//! Bytes to text: UTF-8 and UTF-16, with or without a byte order mark, as Windows tools write them.

/// A file that is not text in an encoding that we read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    pub message: String,
    pub help: String,
    /// Where in the bytes.
    pub offset: usize,
    /// The text before that place.
    pub before: String,
}

/// Decodes a file. UTF-8 is checked in place, not copied.
pub fn decode(bytes: Vec<u8>) -> Result<String, Undecodable> {
    match encoding(&bytes) {
        Encoding::Utf8 { mark } => utf8(bytes, mark),
        Encoding::Utf16 { mark, unit } => utf16(&bytes, mark, unit),
    }
}

enum Encoding {
    Utf8 { mark: usize },
    Utf16 { mark: usize, unit: fn([u8; 2]) -> u16 },
}

/// By the mark; without one, a NUL beside the first character shows UTF-16.
fn encoding(bytes: &[u8]) -> Encoding {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => Encoding::Utf8 { mark: 3 },
        [0xFF, 0xFE, ..] => Encoding::Utf16 { mark: 2, unit: u16::from_le_bytes },
        [0xFE, 0xFF, ..] => Encoding::Utf16 { mark: 2, unit: u16::from_be_bytes },
        [1..=255, 0, 1..=255, 0, ..] => Encoding::Utf16 { mark: 0, unit: u16::from_le_bytes },
        [0, 1..=255, 0, 1..=255, ..] => Encoding::Utf16 { mark: 0, unit: u16::from_be_bytes },
        _ => Encoding::Utf8 { mark: 0 },
    }
}

fn utf8(mut bytes: Vec<u8>, mark: usize) -> Result<String, Undecodable> {
    bytes.drain(..mark);
    match String::from_utf8(bytes) {
        Ok(text) => text_only(text, |before| mark + before.len()),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(at);
            let before = String::from_utf8(bytes).unwrap_or_default();
            Err(Undecodable {
                message: "the file is not UTF-8".into(),
                help: "export it as UTF-8 or UTF-16 (`Export-Csv -Encoding UTF8`, `csvde -u`, `ldifde -u`)".into(),
                offset: at + mark,
                before,
            })
        }
    }
}

fn utf16(bytes: &[u8], mark: usize, unit: fn([u8; 2]) -> u16) -> Result<String, Undecodable> {
    let (pairs, rest) = bytes[mark..].as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len() + pairs.len() / 8);
    let mut offset = mark;
    for decoded in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        match decoded {
            Ok(c) => {
                text.push(c);
                offset += 2 * c.len_utf16();
            }
            Err(_) => {
                return Err(broken_utf16("the file is not UTF-16: half of a character stands alone", offset, text));
            }
        }
    }
    if !rest.is_empty() {
        return Err(broken_utf16("the file is not UTF-16: its last character is cut off", offset, text));
    }
    text_only(text, |before| mark + 2 * before.encode_utf16().count())
}

fn broken_utf16(message: &str, offset: usize, before: String) -> Undecodable {
    Undecodable { message: message.into(), help: "export the file again, as UTF-8".into(), offset, before }
}

/// No text holds a NUL: a file with one is something else.
fn text_only(mut text: String, offset: impl Fn(&str) -> usize) -> Result<String, Undecodable> {
    let Some(at) = memchr::memchr(0, text.as_bytes()) else { return Ok(text) };
    text.truncate(at);
    Err(Undecodable {
        message: "the file is not text: it holds a NUL character".into(),
        help: "name a CSV or LDIF file".into(),
        offset: offset(&text),
        before: text,
    })
}
