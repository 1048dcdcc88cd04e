//! Base64, as SMTP AUTH uses it.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Stops at the first letter that is none of base64's.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for value in text.bytes().map_while(|byte| LETTERS.iter().position(|letter| *letter == byte)) {
        bits = (bits << 6 | u32::try_from(value).expect("less than 64")) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).expect("one byte"));
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
