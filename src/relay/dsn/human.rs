//! The part for people.

use super::text::{paragraph, printable};
use super::{Fate, Kind, Report};
use crate::relay::date::Date;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    paragraph("", &format!("This is the mail system at {}.", report.hostname), out);
    blank(out);
    paragraph("", &what(report), out);
    for fate in report.fates {
        blank(out);
        recipient(report, fate, out);
    }
}

/// The header of the part.
pub(super) fn mime(text: &[u8]) -> String {
    let (charset, encoding) = if text.is_ascii() { ("us-ascii", "7bit") } else { ("utf-8", "8bit") };
    format!(
        "Content-Description: Notification\r\n\
         Content-Type: text/plain; charset={charset}\r\n\
         Content-Transfer-Encoding: {encoding}\r\n"
    )
}

fn what(report: &Report<'_>) -> String {
    let Report { about, .. } = report;
    match report.kind {
        Kind::Failure => format!(
            "Your message (its name here is {about}) could not be delivered to the recipients below. It is not tried \
             again. The message, or its header, comes with this report."
        ),
        Kind::Delay => format!(
            "Your message (its name here is {about}) could not be delivered yet to the recipients below. You need not \
             do anything: it is tried until {}, and you are told if it cannot be delivered by then. The header of the \
             message comes with this report.",
            Date(report.until / 1000)
        ),
        Kind::Relayed => format!(
            "Your message (its name here is {about}) was handed on for the recipients below, to a host that sends no \
             notifications: you may hear nothing more of it. The header of the message comes with this report."
        ),
    }
}

fn recipient(report: &Report<'_>, fate: &Fate<'_>, out: &mut Vec<u8>) {
    let Some(recipient) = report.envelope.recipients.get(fate.place as usize) else { return };
    let known = if recipient.asked.is_empty() { &recipient.address } else { &recipient.asked };
    paragraph("", &format!("<{}>:", printable(known)), out);
    if !fate.text.is_empty() {
        paragraph("    ", &printable(fate.text), out);
    }
    match (fate.host, fate.reply) {
        (Some(host), Some(reply)) => {
            paragraph("    ", &format!("The host {} said:", printable(host)), out);
            paragraph("      ", &printable(&reply.to_string()), out);
        }
        (Some(host), None) => paragraph("    ", &format!("The host was {}.", printable(host)), out),
        (None, Some(reply)) => paragraph("    ", &printable(&reply.to_string()), out),
        (None, None) => {}
    }
}

fn blank(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}
