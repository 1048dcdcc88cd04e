//! What is the same for all sessions.

use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub hostname: String,
    /// Octets in a message.
    pub max_size: Option<u64>,
    pub smtputf8: bool,
    /// STARTTLS is offered.
    pub starttls: bool,
    /// Recipients of a message.
    pub max_recipients: u32,
    /// Refused commands of a session, between two messages that were taken.
    pub max_errors: u32,
    /// Messages of a session.
    pub max_messages: Option<u32>,
    /// Octets in a line of a message, without its CRLF.
    pub line: usize,
    /// How long a command is waited for.
    pub command_timeout: Duration,
    /// How long the next 4 KiB of a message are waited for.
    pub data_timeout: Duration,
}

impl Settings {
    pub fn new(hostname: impl Into<String>) -> Settings {
        Settings {
            hostname: hostname.into(),
            max_size: None,
            smtputf8: false,
            starttls: false,
            max_recipients: 1000,
            max_errors: 20,
            max_messages: None,
            line: 998,
            // RFC 5321 4.5.3.2.7 and 4.5.3.2.5.
            command_timeout: Duration::from_secs(300),
            data_timeout: Duration::from_secs(180),
        }
    }
}
