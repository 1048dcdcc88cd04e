//! What each event tells: the names of its fields and their order.

use std::net::SocketAddr;

use super::line::Fields;
use super::time::Utc;
use super::{Answer, Attempt, Event, Tls};

/// Recipients that the line of an accepted message names.
const NAMED: usize = 20;

impl Event<'_> {
    pub(super) fn fields(&self, out: &mut dyn Fields) {
        match self {
            Event::Delivered(attempt) | Event::Bounced(attempt) | Event::Expired(attempt) | Event::Dropped(attempt) => {
                attempt.fields(out);
            }
            Event::Deferred { attempt, next } => {
                attempt.fields(out);
                out.shown("next", &Utc(*next));
            }
            Event::Accepted { .. } | Event::Refused { .. } | Event::Filtered { .. } | Event::SessionCut { .. } => {
                self.of_a_client(out);
            }
            Event::Notified { id, about, kind, recipient } => {
                out.shown("id", id);
                out.shown("about", about);
                out.text("kind", kind);
                out.text("recipient", recipient);
            }
            Event::HostDead { connector, host, address, why, wait } => {
                host_fields(out, connector, host, Some(address));
                out.text("why", why);
                out.millis("wait_ms", *wait);
            }
            Event::HostBack { connector, host, address, away } => {
                host_fields(out, connector, host, Some(address));
                out.millis("away_ms", *away);
            }
            Event::Control { command, uid, pid } => {
                out.text("command", command);
                out.number("uid", u64::from(*uid));
                out.number("pid", u64::try_from(*pid).unwrap_or(0));
            }
            Event::Managed { action, id, uid } => {
                out.text("action", action);
                out.shown("id", id);
                out.number("uid", u64::from(*uid));
            }
            _ => self.of_the_relay(out),
        }
    }

    fn of_a_client(&self, out: &mut dyn Fields) {
        match self {
            Event::Accepted { id, client, helo, tls, sender, recipients, size, took } => {
                out.shown("id", id);
                client_fields(out, client, helo);
                tls_fields(out, tls.as_ref());
                out.text("sender", sender);
                out.number("recipients", recipients.len() as u64);
                out.list("to", &mut recipients.iter().take(NAMED).map(|r| r.asked.as_str()));
                out.number("size", *size);
                out.millis("accept_ms", *took);
            }
            Event::Refused { client, helo, verb, sender, recipient, answer } => {
                client_fields(out, client, helo);
                out.text("verb", verb);
                sender.iter().for_each(|sender| out.text("sender", sender));
                recipient.iter().for_each(|recipient| out.text("recipient", recipient));
                answer.fields(out);
            }
            Event::Filtered { id, client, helo, sender, action, why } => {
                out.shown("id", id);
                client_fields(out, client, helo);
                out.text("sender", sender);
                out.text("action", action);
                out.text("why", why);
            }
            Event::SessionCut { client, helo, why } => {
                client_fields(out, client, helo);
                out.text("why", why);
            }
            _ => {}
        }
    }

    fn of_the_relay(&self, out: &mut dyn Fields) {
        match self {
            Event::Started { version, hostname, listen } => {
                out.text("version", version);
                out.text("hostname", hostname);
                out.list("listen", &mut listen.iter().map(String::as_str));
            }
            Event::Draining { why } | Event::SpoolFailed { why } | Event::Warning { why } => out.text("why", why),
            Event::Stopped { messages } => out.number("messages", *messages),
            Event::Reloaded { what, took } => {
                out.text("what", what);
                out.millis("took_ms", *took);
            }
            Event::ReloadFailed { what, why } => {
                out.text("what", what);
                out.text("why", why);
            }
            Event::Recovered { messages, took } => {
                out.number("messages", *messages);
                out.millis("took_ms", *took);
            }
            Event::DiskLow { free, least } => {
                out.number("free", *free);
                out.number("least", *least);
            }
            Event::DiskGood { free } => out.number("free", *free),
            Event::Error { part, why } => {
                out.text("part", part);
                out.text("why", why);
            }
            Event::LinesLost { lines } => out.number("lines", *lines),
            _ => {}
        }
    }
}

impl Attempt<'_> {
    fn fields(&self, out: &mut dyn Fields) {
        out.shown("id", &self.id);
        out.text("sender", self.sender);
        out.text("recipient", self.recipient);
        if self.asked != self.recipient && !self.asked.is_empty() {
            out.text("asked", self.asked);
        }
        host_fields(out, self.connector, self.host, self.address.as_ref());
        tls_fields(out, self.tls.as_ref());
        out.number("size", self.size);
        out.number("attempts", u64::from(self.attempts));
        out.millis("queued_ms", self.queued);
        if let Some(transaction) = self.transaction {
            out.millis("transaction_ms", transaction);
        }
        if let Some(answer) = &self.answer {
            answer.fields(out);
        }
        known(out, "why", self.why);
    }
}

impl Answer<'_> {
    fn fields(&self, out: &mut dyn Fields) {
        out.number("code", u64::from(self.code));
        if let Some(status) = &self.status {
            out.shown("status", status);
        }
        out.text("reply", self.text);
    }
}

fn client_fields(out: &mut dyn Fields, client: &SocketAddr, helo: &str) {
    out.shown("client", client);
    known(out, "helo", helo);
}

fn host_fields(out: &mut dyn Fields, connector: &str, host: &str, address: Option<&SocketAddr>) {
    known(out, "connector", connector);
    known(out, "host", host);
    if let Some(address) = address {
        out.shown("address", address);
    }
}

fn tls_fields(out: &mut dyn Fields, tls: Option<&Tls<'_>>) {
    if let Some(Tls { version, cipher, verified }) = tls {
        out.text("tls", version);
        out.text("cipher", cipher);
        out.flag("verified", *verified);
    }
}

fn known(out: &mut dyn Fields, name: &'static str, value: &str) {
    if !value.is_empty() {
        out.text(name, value);
    }
}
