//! How durations, sizes and ways out are written for people.

use crate::diagnostic::human::clean;
use crate::relay::event::time::Utc;

/// `3d 4h`, `2h 5m`, `12m 30s`, `40s`.
pub(super) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days}d {}h", hours % 24),
        () if hours > 0 => format!("{hours}h {}m", minutes % 60),
        () if minutes > 0 => format!("{minutes}m {}s", seconds % 60),
        () => format!("{seconds}s"),
    }
}

/// How long ago that was.
pub(super) fn since(time: Utc, now: Utc) -> String {
    duration(now.0.saturating_sub(time.0) / 1000)
}

/// `in 12m 30s`, or `now`.
pub(super) fn until(time: Utc, now: Utc) -> String {
    match time.0.saturating_sub(now.0) / 1000 {
        0 => "now".to_owned(),
        seconds => format!("in {}", duration(seconds)),
    }
}

/// Octets, in the largest unit of which there is one.
pub(super) fn size(octets: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (octets.max(1).ilog2() / 10).min(4);
    let unit = UNITS[power as usize];
    if power == 0 {
        return format!("{octets} {unit}");
    }
    let tenths = (u128::from(octets) * 10) >> (10 * power);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Reads `90`, `90s`, `30m`, `4h`, `2d`; in seconds.
pub(super) fn read_duration(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("a duration is a number with s, m, h or d".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a duration is a number with s, m, h or d, such as 90s or 4h")?;
    number.checked_mul(unit).ok_or_else(|| "that is too long".to_owned())
}

/// An address as it stands on a line of its own.
pub(super) fn address(address: &str) -> String {
    if address.is_empty() { "<>".to_owned() } else { line(address) }
}

/// Text of somebody else's on one line, without what a terminal would obey.
pub(super) fn line(text: &str) -> String {
    clean(&text.replace('\n', " "))
}
