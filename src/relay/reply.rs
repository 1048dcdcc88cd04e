//! Replies of SMTP (RFC 5321 4.2) with enhanced status codes (RFC 2034, RFC 3463): what peers say to each other.

use std::fmt;

/// An enhanced status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(pub u8, pub u16, pub u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl std::str::FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Status, ()> {
        let mut parts = text.split('.');
        let mut number = |most: usize| -> Result<u16, ()> {
            let part = parts.next().ok_or(())?;
            let good = (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            if good { part.parse().map_err(drop) } else { Err(()) }
        };
        let class = number(1)?;
        let status = Status(class as u8, number(3)?, number(3)?);
        if parts.next().is_some() || !matches!(class, 2 | 4 | 5) { Err(()) } else { Ok(status) }
    }
}

/// One reply: its code, its enhanced status code where there is one, and its text, the lines parted by `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    pub status: Option<Status>,
    pub text: String,
}

impl Reply {
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    /// On one line, as a log or a notification shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        self.text.split('\n').try_for_each(|line| write!(f, " {line}"))
    }
}
