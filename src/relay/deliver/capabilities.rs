//! What a next hop offers in its answer to EHLO or LHLO (RFC 5321 4.1.1.1).

use crate::relay::deliver::reply::Raw;

/// The extensions that this side makes use of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    pub pipelining: bool,
    pub eight_bit: bool,
    pub smtputf8: bool,
    pub dsn: bool,
    pub starttls: bool,
    pub auth_plain: bool,
    pub auth_login: bool,
    /// SIZE (RFC 1870), and the limit where one was said.
    pub size: Option<Option<u64>>,
    /// RCPTMAX and MAILMAX (RFC 9422).
    pub most_recipients: Option<u32>,
    pub most_transactions: Option<u32>,
}

impl Capabilities {
    /// Those of a positive reply; its first line is the greeting.
    pub fn read(reply: Raw<'_>) -> Capabilities {
        let mut offered = Capabilities::default();
        for line in reply.lines().skip(1).filter_map(|line| str::from_utf8(line).ok()) {
            offered.add(line);
        }
        offered
    }

    fn add(&mut self, line: &str) {
        // Some old hosts write `AUTH=LOGIN`.
        let (keyword, rest) = line.split_at(line.find([' ', '=']).unwrap_or(line.len()));
        let mut words = rest.split([' ', '=']).filter(|word| !word.is_empty());
        match keyword.to_ascii_uppercase().as_str() {
            "PIPELINING" => self.pipelining = true,
            "8BITMIME" => self.eight_bit = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "DSN" => self.dsn = true,
            "STARTTLS" => self.starttls = true,
            "SIZE" => self.size = Some(words.next().and_then(|n| n.parse().ok()).filter(|&n| n > 0)),
            "AUTH" => words.for_each(|mechanism| self.add_mechanism(mechanism)),
            "LIMITS" => self.add_limits(rest),
            _ => {}
        }
    }

    fn add_mechanism(&mut self, mechanism: &str) {
        self.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
        self.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
    }

    fn add_limits(&mut self, limits: &str) {
        for (name, value) in limits.split(' ').filter_map(|limit| limit.split_once('=')) {
            let value = value.parse().ok().filter(|&value| value > 0);
            match name.to_ascii_uppercase().as_str() {
                "RCPTMAX" => self.most_recipients = value,
                "MAILMAX" => self.most_transactions = value,
                _ => {}
            }
        }
    }
}
