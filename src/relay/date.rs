//! Dates as messages and notifications tell them (RFC 5322 3.3), in UTC.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Days of 400 years: the calendar repeats itself after them.
const CYCLE: u64 = 146_097;

/// A moment, in seconds since 1970 began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u64);

impl Date {
    pub fn of(time: SystemTime) -> Date {
        Date(time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs())
    }

    /// Year, month from 0, day from 1. Years are taken to start in March, so that the leap day is a year's last.
    fn civil(self) -> (u64, usize, u64) {
        // From the first of March of the year 0.
        let days = self.0 / 86_400 + 719_468;
        let (cycle, day) = (days / CYCLE, days % CYCLE);
        let year = (day - day / 1460 + day / 36_524 - day / (CYCLE - 1)) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let year = cycle * 400 + year + u64::from(month >= 10);
        (year, (month as usize + 2) % 12, day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        let name = DAYS[(self.0 / 86_400 % 7) as usize];
        let (hour, minute, second) = (self.0 / 3600 % 24, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{name}, {day} {} {year:04} {hour:02}:{minute:02}:{second:02} +0000", MONTHS[month])
    }
}
