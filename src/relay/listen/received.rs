//! The trace line that stands in front of a message that we took (RFC 5321 4.4, RFC 3848, RFC 6531 3.7.3).

use std::fmt::Write;
use std::net::IpAddr;

use crate::relay::date::Date;
use crate::relay::envelope::QueueId;

/// What the line tells.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    /// What the client said that it is; empty where it said nothing.
    pub hello: &'a str,
    pub client: IpAddr,
    /// Our own name.
    pub hostname: &'a str,
    pub id: QueueId,
    pub extended: bool,
    pub tls: bool,
    pub smtputf8: bool,
    /// Told where there is one alone: a message shows nobody who else got it.
    pub recipient: Option<&'a str>,
    pub date: Date,
}

impl Trace<'_> {
    /// The line with its CRLF, folded so that no part of it is long.
    pub fn line(&self) -> Vec<u8> {
        let mut line = String::with_capacity(192);
        let hello = if self.hello.is_empty() { "unknown" } else { self.hello };
        // To write to a string never fails.
        let _ = write!(line, "Received: from {hello} ({})\r\n", Literal(self.client));
        let _ = write!(line, "\tby {} with {} id {}", self.hostname, self.protocol(), self.id);
        if let Some(recipient) = self.recipient {
            let _ = write!(line, "\r\n\tfor <{recipient}>");
        }
        let _ = write!(line, "; {}\r\n", self.date);
        line.into_bytes()
    }

    fn protocol(&self) -> &'static str {
        match (self.smtputf8, self.extended, self.tls) {
            (true, _, true) => "UTF8SMTPS",
            (true, _, false) => "UTF8SMTP",
            (_, true, true) => "ESMTPS",
            (_, true, false) => "ESMTP",
            // HELO within TLS has no word of its own.
            (_, false, _) => "SMTP",
        }
    }
}

/// An address as mail writes it (RFC 5321 4.1.3).
struct Literal(IpAddr);

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => write!(f, "[{ip}]"),
            IpAddr::V6(ip) => write!(f, "[IPv6:{ip}]"),
        }
    }
}
