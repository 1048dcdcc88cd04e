//! Notifications: what a sender is told of his message (RFC 3461, RFC 3464, in a report of RFC 6522).
//!
//! ```text
//!  Report ──> human      plain words: what happened, to which recipient as the sender knows it, what the host said
//!        ──> fields     the same for programs: message/delivery-status
//!        ──> returned   the message, or its header
//! ```
//!
//! What others said (senders, recipients, hosts) goes through `text`: no reply of a host can end a line, begin a header
//! field or a part, or be longer than a line may be. The result is as on the wire: CRLF, dots stuffed, no line over 998.
//! Addresses that are not ASCII are written in the form of RFC 6533 that needs no SMTPUTF8.

use std::io;

use super::date::Date;
use super::envelope::{Envelope, QueueId};
use super::queue::failure::Failure;
use super::reply::{Reply, Status};
use super::spool::Content;

mod fields;
mod human;
mod returned;
mod text;

/// What a notification says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Failure,
    Delay,
    /// A next hop took it that sends no notifications.
    Relayed,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Failure => "failure",
            Kind::Delay => "delay",
            Kind::Relayed => "relayed",
        }
    }

    /// The `Action` field (RFC 3464 2.3.3).
    fn action(self) -> &'static str {
        match self {
            Kind::Failure => "failed",
            Kind::Delay => "delayed",
            Kind::Relayed => "relayed",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Kind::Failure => "Undelivered mail returned to its sender",
            Kind::Delay => "Delayed mail: it is still being tried",
            Kind::Relayed => "Mail was handed on",
        }
    }
}

/// What became of one recipient.
#[derive(Debug, Clone, Copy)]
pub struct Fate<'a> {
    /// In the envelope.
    place: u32,
    status: Status,
    /// Our words.
    text: &'a str,
    host: Option<&'a str>,
    /// The host's words.
    reply: Option<&'a Reply>,
}

impl<'a> Fate<'a> {
    pub fn failed(place: u32, failure: &'a Failure) -> Fate<'a> {
        let Failure { status, text, host, reply, .. } = failure;
        Fate { place, status: *status, text, host: host.as_deref(), reply: reply.as_ref() }
    }

    pub fn delayed(place: u32, last: &'a Failure) -> Fate<'a> {
        let fate = Fate::failed(place, last);
        Fate { status: if fate.status.0 == 4 { fate.status } else { Status(4, 4, 7) }, ..fate }
    }

    pub fn relayed(place: u32, host: &'a str, reply: &'a Reply) -> Fate<'a> {
        let status = reply.status.filter(|status| status.0 == 2).unwrap_or(Status(2, 0, 0));
        Fate { place, status, text: "", host: Some(host), reply: Some(reply) }
    }
}

/// All that a notification is made of. Times are milliseconds of Unix time.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub hostname: &'a str,
    /// Its own name in the queue.
    pub id: QueueId,
    /// The message that it is about.
    pub about: QueueId,
    pub envelope: &'a Envelope,
    pub content: &'a Content,
    pub arrived: u64,
    /// When the message is given up.
    pub until: u64,
    pub now: u64,
    pub kind: Kind,
    pub fates: &'a [Fate<'a>],
}

/// A notification as on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub octets: Vec<u8>,
    /// Its header has an address that is not ASCII.
    pub needs_smtputf8: bool,
}

/// Writes a notification out. Fails where the message cannot be read.
pub fn write(report: &Report<'_>) -> io::Result<Written> {
    let mut human = Vec::new();
    human::write(report, &mut human);
    let mut fields = Vec::new();
    fields::write(report, &mut fields);
    let returned = returned::of(report)?;
    let boundary = boundary(report, &[&human, &fields, &returned.octets]);
    let eight = [&human, &returned.octets].iter().any(|part| !part.is_ascii());

    let mut out = Vec::with_capacity(human.len() + fields.len() + returned.octets.len() + 2048);
    header(report, &boundary, if eight { "8bit" } else { "7bit" }, &mut out);
    part(&boundary, &human::mime(&human), &human, &mut out);
    let status = "Content-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n";
    part(&boundary, status, &fields, &mut out);
    part(&boundary, &returned.mime, &returned.octets, &mut out);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Ok(Written { octets: out, needs_smtputf8: !report.envelope.sender.is_ascii() })
}

fn header(report: &Report<'_>, boundary: &str, encoding: &str, out: &mut Vec<u8>) {
    let Report { hostname, id, kind, now, .. } = report;
    let date = Date(now / 1000);
    let to = text::printable(&report.envelope.sender);
    let head = format!(
        "Date: {date}\r\n\
         From: Mail Delivery System <mailer-daemon@{hostname}>\r\n\
         To: <{to}>\r\n\
         Subject: {}\r\n\
         Message-ID: <{id}@{hostname}>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\
         \tboundary=\"{boundary}\"\r\n\
         Content-Transfer-Encoding: {encoding}\r\n\
         \r\n\
         This is a report in several parts (MIME).\r\n",
        kind.subject()
    );
    out.extend_from_slice(head.as_bytes());
}

fn part(boundary: &str, mime: &str, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\r\n--{boundary}\r\n{mime}\r\n").as_bytes());
    out.extend_from_slice(body);
}

/// A boundary that stands in none of the parts.
fn boundary(report: &Report<'_>, parts: &[&[u8]]) -> String {
    let mut boundary = format!("={}/{}", report.id, report.now);
    while parts.iter().any(|part| memchr::memmem::find(part, boundary.as_bytes()).is_some()) {
        boundary.push('x');
    }
    boundary
}
