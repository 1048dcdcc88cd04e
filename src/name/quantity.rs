//! Sizes, durations and numbers, as `50MB`, `4d` and `10`.

use super::{NameError, printable};

/// Mail servers keep such values in 32 bits with a sign: what is larger would be refused by one, and misread by another.
const MOST: u64 = i32::MAX as u64;

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
    let octets = scaled(text, &units).filter(|&octets| octets > 0).ok_or_else(|| {
        NameError::new(format!("`{}` is not a size", printable(text)))
            .help("write a size such as `50MB` (KB, MB or GB)")
    })?;
    limited(octets, text, "write `2047MB` at most")
}

/// Seconds: `30s`, `5m`, `1h`, `4d`.
pub fn duration(text: &str) -> Result<u64, NameError> {
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86400)];
    let seconds = scaled(text, &units).filter(|&seconds| seconds > 0).ok_or_else(|| {
        NameError::new(format!("`{}` is not a duration", printable(text)))
            .help("write a duration such as `30s`, `5m`, `1h` or `4d`")
    })?;
    limited(seconds, text, "write `24855d` at most")
}

/// A whole number above nought.
pub fn number(text: &str) -> Result<u32, NameError> {
    let number = digits(text).filter(|&n| n > 0).and_then(|n| u32::try_from(n).ok()).ok_or_else(|| {
        NameError::new(format!("`{}` is not a number", printable(text)))
            .help("write a whole number above nought, such as `10`")
    })?;
    limited(u64::from(number), text, "write `2147483647` at most")?;
    Ok(number)
}

fn limited(value: u64, text: &str, help: &str) -> Result<u64, NameError> {
    if value > MOST {
        return Err(NameError::new(format!("`{}` is more than mail servers can count", printable(text))).help(help));
    }
    Ok(value)
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

#[cfg(test)]
mod tests {
    use super::{duration, number, size};

    #[test]
    fn what_an_mta_cannot_count_is_refused() {
        assert_eq!(size("2047MB"), Ok(2047 << 20));
        assert_eq!(duration("24855d"), Ok(24855 * 86400));
        assert_eq!(number("2147483647"), Ok(2_147_483_647));
        let refused = [size("2GB").map(|_| ()), duration("24856d").map(|_| ()), number("2147483648").map(|_| ())];
        for error in refused.map(Result::unwrap_err) {
            assert!(error.message.ends_with(" is more than mail servers can count"), "{}", error.message);
        }
    }
}
