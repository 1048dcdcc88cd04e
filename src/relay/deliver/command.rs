//! The commands of a transaction with their parameters (RFC 5321 4.1.1, 1870, 6152, 6531, 3461).

use std::io::Write;

use memchr::memchr3;

use crate::relay::deliver::capabilities::Capabilities;
use crate::relay::envelope::{Envelope, Notify, Recipient, Ret};

/// What goes with MAIL, beside what the envelope says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mail {
    pub(super) size: u64,
    pub(super) eight_bit: bool,
    pub(super) smtputf8: bool,
}

pub(super) fn mail(out: &mut Vec<u8>, envelope: &Envelope, mail: Mail, offered: &Capabilities) {
    out.extend_from_slice(b"MAIL FROM:<");
    out.extend_from_slice(envelope.sender.as_bytes());
    out.push(b'>');
    if offered.size.is_some() {
        // Writing to a vector cannot fail.
        let _ = write!(out, " SIZE={}", mail.size);
    }
    if mail.eight_bit {
        out.extend_from_slice(b" BODY=8BITMIME");
    }
    if mail.smtputf8 {
        out.extend_from_slice(b" SMTPUTF8");
    }
    if offered.dsn {
        parameter(out, " RET=", envelope.ret.map(|ret| if ret == Ret::Full { "FULL" } else { "HDRS" }));
        parameter(out, " ENVID=", envelope.envid.as_deref());
    }
    out.extend_from_slice(b"\r\n");
}

pub(super) fn rcpt(out: &mut Vec<u8>, recipient: &Recipient, offered: &Capabilities) {
    out.extend_from_slice(b"RCPT TO:<");
    out.extend_from_slice(recipient.address.as_bytes());
    out.push(b'>');
    if offered.dsn {
        notify(out, recipient.notify);
        // One in UTF-8 is for those who know that.
        let orcpt = recipient.orcpt.as_deref().filter(|orcpt| offered.smtputf8 || orcpt.is_ascii());
        parameter(out, " ORCPT=", orcpt);
    }
    out.extend_from_slice(b"\r\n");
}

fn notify(out: &mut Vec<u8>, notify: Notify) {
    let words = [
        (Notify::NEVER, "NEVER"),
        (Notify::SUCCESS, "SUCCESS"),
        (Notify::FAILURE, "FAILURE"),
        (Notify::DELAY, "DELAY"),
    ];
    let mut before = " NOTIFY=";
    for (_, word) in words.iter().filter(|(flag, _)| notify.has(*flag)) {
        parameter(out, before, Some(word));
        before = ",";
    }
}

fn parameter(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| can_stand(value)) {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(value.as_bytes());
    }
}

/// Whether a text can stand in a command: it does not end it.
pub(super) fn can_stand(text: &str) -> bool {
    memchr3(b'\r', b'\n', 0, text.as_bytes()).is_none()
}
