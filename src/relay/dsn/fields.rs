//! The part for programs (RFC 3464 2): fields of the message, then fields of each recipient.

use super::text::{ascii, decoded, escaped, field, typed};
use super::{Fate, Kind, Report};
use crate::relay::date::Date;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    if let Some(envid) = &report.envelope.envid {
        field("Original-Envelope-Id", &decoded(envid), out);
    }
    field("Reporting-MTA", &format!("dns; {}", report.hostname), out);
    field("Arrival-Date", &Date(report.arrived / 1000).to_string(), out);
    for fate in report.fates {
        out.extend_from_slice(b"\r\n");
        recipient(report, fate, out);
    }
}

fn recipient(report: &Report<'_>, fate: &Fate<'_>, out: &mut Vec<u8>) {
    let Some(recipient) = report.envelope.recipients.get(fate.place as usize) else { return };
    match recipient.orcpt.as_deref().and_then(|orcpt| orcpt.split_once(';')) {
        Some((kind, address)) => {
            let address = if kind.eq_ignore_ascii_case("utf-8") { escaped(address) } else { decoded(address) };
            field("Original-Recipient", &format!("{}; {address}", ascii(kind)), out);
        }
        None if !recipient.asked.is_empty() => field("Original-Recipient", &typed(&recipient.asked), out),
        None => {}
    }
    field("Final-Recipient", &typed(&recipient.address), out);
    field("Action", report.kind.action(), out);
    field("Status", &fate.status.to_string(), out);
    if let Some(host) = fate.host {
        field("Remote-MTA", &format!("dns; {}", ascii(host)), out);
    }
    if let Some(reply) = fate.reply {
        field("Diagnostic-Code", &format!("smtp; {}", ascii(&reply.to_string())), out);
    }
    field("Last-Attempt-Date", &Date(report.now / 1000).to_string(), out);
    if report.kind == Kind::Delay {
        field("Will-Retry-Until", &Date(report.until / 1000).to_string(), out);
    }
}
