//! UTF-8, UTF-16 and marks, and what is none of them.

use super::{csv, same};
use mailswitch::directory::decode;

const TEXT: &str = "name,primary\r\nÄnn 😀,ann@x.com\r\n";

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn every_encoding_of_windows_tools_is_read_alike() {
    let mark = "\u{feff}";
    for bytes in [
        TEXT.as_bytes().to_vec(),
        format!("{mark}{TEXT}").into_bytes(),
        utf16(&format!("{mark}{TEXT}"), u16::to_le_bytes),
        utf16(&format!("{mark}{TEXT}"), u16::to_be_bytes),
        utf16(TEXT, u16::to_le_bytes),
        utf16(TEXT, u16::to_be_bytes),
    ] {
        assert_eq!(decode(bytes.clone()).unwrap(), TEXT);
        same(csv(bytes), "listed Änn 😀: ann@x.com");
    }
}

#[test]
fn what_is_no_text_is_reported_at_its_place() {
    let cut = utf16("\u{feff}ab\n", u16::to_le_bytes);
    let lone = [0xFF, 0xFE, b'a', 0, b'\n', 0, 0x00, 0xD8, b'b', 0];
    for (bytes, offset, expected) in [
        (b"name\nAnn\xff".to_vec(), 8, "2:4 directory::invalid: the file is not UTF-8 []"),
        (b"\xef\xbb\xbfA\xffB".to_vec(), 4, "1:2 directory::invalid: the file is not UTF-8 []"),
        (b"\x7fELF\n\x02\0\0".to_vec(), 6, "2:2 directory::invalid: the file is not text: it holds a NUL character []"),
        (cut[..7].to_vec(), 6, "1:3 directory::invalid: the file is not UTF-16: its last character is cut off []"),
        (
            utf16("\u{feff}é\0x", u16::to_be_bytes),
            4,
            "1:2 directory::invalid: the file is not text: it holds a NUL character []",
        ),
        (lone.to_vec(), 6, "2:1 directory::invalid: the file is not UTF-16: half of a character stands alone []"),
    ] {
        assert_eq!(decode(bytes.clone()).unwrap_err().offset, offset, "{expected}");
        same(csv(bytes), expected);
    }
}

#[test]
fn text_without_a_mark_is_not_copied() {
    let bytes = TEXT.as_bytes().to_vec();
    let at = bytes.as_ptr();
    let text = decode(bytes).unwrap();
    assert_eq!(text.as_ptr(), at);
}
