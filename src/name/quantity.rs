//! Sizes, durations and numbers, as `50MB`, `4d` and `10`.

use super::{NameError, printable};

/// Octets: `50MB`; KB, MB and GB are powers of 1024, as mail servers count them.
pub fn size(text: &str) -> Result<u64, NameError> {
    let units = [
        ("KB", 1 << 10),
        ("MB", 1 << 20),
        ("GB", 1 << 30),
        ("B", 1),
        ("K", 1 << 10),
        ("M", 1 << 20),
        ("G", 1 << 30),
        ("", 1),
    ];
    scaled(text, &units).filter(|&octets| octets > 0).ok_or_else(|| {
        NameError::new(format!("`{}` is not a size", printable(text)))
            .help("write a size such as `50MB` (KB, MB or GB)")
    })
}

/// Seconds: `30s`, `5m`, `1h`, `4d`.
pub fn duration(text: &str) -> Result<u64, NameError> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86400)];
    scaled(text, &units).filter(|&seconds| seconds > 0).ok_or_else(|| {
        NameError::new(format!("`{}` is not a duration", printable(text)))
            .help("write a duration such as `30s`, `5m`, `1h` or `4d`")
    })
}

/// A whole number above nought.
pub fn number(text: &str) -> Result<u32, NameError> {
    digits(text).and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0).ok_or_else(|| {
        NameError::new(format!("`{}` is not a number", printable(text)))
            .help("write a whole number above nought, such as `10`")
    })
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    units.iter().find_map(|(unit, factor)| {
        let (head, tail) = text.split_at_checked(text.len().checked_sub(unit.len())?)?;
        tail.eq_ignore_ascii_case(unit).then(|| digits(head)?.checked_mul(*factor)).flatten()
    })
}

fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}
