//! The `Received:` field that the relay puts in front of a message (RFC 5321 4.4, RFC 3848, RFC 6531 4.3, RFC 8314 4.3).

use std::fmt::Write;
use std::net::IpAddr;

use crate::relay::envelope::QueueId;
use crate::relay::smtp::date::rfc5322;

/// What it tells. None of the texts holds CR or LF: they were read from command lines.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// What the client called itself.
    pub helo: &'a str,
    pub client: IpAddr,
    /// This relay's name.
    pub by: &'a str,
    pub extended: bool,
    pub smtputf8: bool,
    /// The cipher, inside of TLS.
    pub tls: Option<&'a str>,
    pub id: QueueId,
    /// The recipient, where there is one alone: of many, none may learn of another.
    pub recipient: Option<&'a str>,
    /// Seconds since 1970.
    pub now: u64,
}

impl Received<'_> {
    /// The field, folded, with its last CRLF.
    pub fn field(&self) -> String {
        let mut out = String::with_capacity(256);
        let (helo, by, id) = (self.helo, self.by, self.id);
        // Writing to a string does not fail.
        let _ = match self.client {
            IpAddr::V4(ip) => write!(out, "Received: from {helo} ([{ip}])\r\n"),
            IpAddr::V6(ip) => write!(out, "Received: from {helo} ([IPv6:{ip}])\r\n"),
        };
        let _ = write!(out, "\tby {by} with {}", self.protocol());
        if let Some(cipher) = self.tls {
            let _ = write!(out, " tls {cipher}");
        }
        let _ = write!(out, " id {id}");
        if let Some(recipient) = self.recipient {
            let _ = write!(out, "\r\n\tfor <{recipient}>");
        }
        let _ = write!(out, ";\r\n\t{}\r\n", rfc5322(self.now));
        out
    }

    /// RFC 3848, RFC 6531 4.3.
    fn protocol(&self) -> &'static str {
        match (self.smtputf8, self.extended, self.tls.is_some()) {
            (true, _, false) => "UTF8SMTP",
            (true, _, true) => "UTF8SMTPS",
            (false, true, false) => "ESMTP",
            (false, true, true) => "ESMTPS",
            (false, false, _) => "SMTP",
        }
    }
}
