//! Whether what became of a message is what the plan says.

use std::collections::BTreeSet;
use std::fmt;

use super::ask::{Ask, Expected, Recipient};
use super::stage::{PASSWORD, SENDERS, Stage};
use super::tiers::stand_ins;
use crate::lab::client::Reply;
use crate::lab::inbox::Visit;
use crate::name::Mailbox;
use crate::name::mailbox::spelled;
use crate::plan::route::outcome::Fate;
use crate::plan::{Connector, ConnectorId, Plan, Protocol, Question, TlsLevel};

/// A question on its way: what became of it at RCPT time.
#[derive(Debug)]
pub(super) struct Sent {
    /// The message that carried it.
    pub(super) message: usize,
    pub(super) ask: usize,
    pub(super) replies: Vec<Reply>,
    pub(super) data: Option<Reply>,
    /// Why the connection ended before all was answered.
    pub(super) cut: Option<String>,
}

impl Sent {
    pub(super) fn refused(&self) -> Option<&Reply> {
        self.replies.iter().find(|reply| !reply.is_positive())
    }

    pub(super) fn is_taken(&self) -> bool {
        self.data.as_ref().is_some_and(Reply::is_positive)
    }
}

/// Where a message came out.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// In normal form.
    pub recipient: String,
    /// As the server was told it.
    pub wire: String,
    pub visit: Visit,
}

impl fmt::Display for Arrival {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arrival { recipient, visit, .. } = self;
        match recipient.strip_suffix(SENDERS).is_some_and(|local| local.ends_with('@')) {
            true => write!(formatter, "returned to its sender"),
            false => write!(formatter, "came out at {} for <{recipient}>", visit.sink),
        }
    }
}

/// What was seen instead of what the plan says.
#[derive(Debug, Clone)]
pub enum Saw {
    /// RCPT was refused, or with another status.
    Refused(Reply),
    /// RCPT was taken, and should not have been.
    Taken(Vec<Arrival>),
    /// The content was refused.
    Unwanted(Reply),
    /// The connection ended before the answer.
    HungUp(String),
    /// It came out elsewhere, for somebody else, too often or not at all.
    Arrived(Vec<Arrival>),
    /// It came to the right server in a way that the connector forbids.
    Policy { wanted: String, saw: String },
    /// It should have waited for a next hop that satisfies the connector.
    Sent(Vec<Arrival>),
    /// It should wait, and is gone.
    Lost,
    /// It waits, and its next hop was never tried.
    Untried,
    /// It is over a size limit, and was sent on all the same.
    TooLarge(Vec<Arrival>),
}

/// In the order of what happened: a line each.
pub fn lines(saw: &Saw) -> Vec<String> {
    let listed = |arrivals: &[Arrival]| match arrivals {
        [] => vec!["it came out nowhere".to_owned()],
        arrivals => arrivals.iter().map(ToString::to_string).collect(),
    };
    match saw {
        Saw::Refused(reply) => vec![format!("RCPT: {}", shown(reply))],
        Saw::Unwanted(reply) => vec!["RCPT took it".to_owned(), format!("the content: {}", shown(reply))],
        Saw::HungUp(why) => vec![why.clone()],
        Saw::Taken(arrivals) | Saw::Arrived(arrivals) | Saw::Sent(arrivals) | Saw::TooLarge(arrivals) => {
            std::iter::once("RCPT took it".to_owned()).chain(listed(arrivals)).collect()
        }
        Saw::Policy { saw, .. } => vec!["RCPT took it".to_owned(), saw.clone()],
        Saw::Lost => vec!["RCPT took it".to_owned(), "it is neither in a queue nor anywhere else".to_owned()],
        Saw::Untried => vec!["RCPT took it".to_owned(), "it waits, and its next hop was never tried".to_owned()],
    }
}

/// Which kind of difference it is, in a word or two.
pub fn summary(saw: &Saw) -> String {
    match saw {
        Saw::Refused(reply) => format!("was refused: {}", shown(reply)),
        Saw::Taken(_) => "was taken, and should be refused".to_owned(),
        Saw::Unwanted(reply) => format!("was taken, and its content refused: {}", shown(reply)),
        Saw::HungUp(_) => "got no answer: the session ended".to_owned(),
        Saw::Arrived(arrivals) if arrivals.is_empty() => "was taken, and did not arrive".to_owned(),
        Saw::Arrived(_) => "did not arrive where it should".to_owned(),
        Saw::Policy { wanted, saw } => format!("arrived in a way that its connector forbids: {saw}, and not {wanted}"),
        Saw::Sent(_) => "was sent to a next hop that does not satisfy its connector".to_owned(),
        Saw::Lost => "should wait for its next hop, and is gone".to_owned(),
        Saw::Untried => "should be tried at its next hop, and was not".to_owned(),
        Saw::TooLarge(_) => "is over a size limit, and was neither refused nor returned".to_owned(),
    }
}

fn shown(reply: &Reply) -> String {
    let enhanced = reply.enhanced.as_deref().map(|status| format!(" {status}")).unwrap_or_default();
    format!("{}{enhanced} {}", reply.code, reply.text.replace('\n', " / "))
}

/// How many copies there will be. What an MTA without a route to its sender should return is gone (`orphan::bounce`).
pub(super) fn awaited(stage: &Stage<'_>, ask: &Ask) -> usize {
    match ask.recipients.len() {
        1 if ask.expected.iter().all(|expected| !is_seen(stage, expected)) => 0,
        1 => 1,
        _ => ask.expected.len(),
    }
}

/// Whether an outcome shows: nobody sees a report that has no route.
fn is_seen(stage: &Stage<'_>, expected: &Expected) -> bool {
    expected.returned_by.is_none_or(|mta| stage.can_return(mta))
}

/// What is wrong, if something is.
pub(super) fn judge(stage: &Stage<'_>, ask: &Ask, sent: &Sent, came: Vec<Arrival>) -> Option<Saw> {
    match (sent.refused(), ask.is_refused()) {
        (Some(reply), true) => return (!refuses(ask, reply)).then(|| Saw::Refused(reply.clone())),
        (Some(reply), false) => return Some(Saw::Refused(reply.clone())),
        (None, true) => return Some(Saw::Taken(came)),
        (None, false) => {}
    }
    if let Some(data) = sent.data.as_ref().filter(|data| !data.is_positive()) {
        return Some(Saw::Unwanted(data.clone()));
    }
    let wanted = awaited(stage, ask);
    if came.is_empty() && ask.expected.iter().any(|expected| !is_seen(stage, expected)) {
        return None;
    }
    let fits_one = |arrival: &Arrival| ask.expected.iter().any(|e| fits(stage, sent.message, e, arrival));
    let matched = |expected: &&Expected| came.iter().any(|arrival| fits(stage, sent.message, expected, arrival));
    let right =
        came.len() == wanted && came.iter().all(fits_one) && ask.expected.iter().filter(matched).count() >= wanted;
    if !right {
        return Some(Saw::Arrived(came));
    }
    if let Some(saw) = came.iter().find_map(|arrival| spelling(stage.plan(), ask, arrival)) {
        return Some(saw);
    }
    ask.expected.iter().find_map(|expected| {
        let connector = expected.connector?;
        came.iter().find_map(|arrival| {
            let by = stage.taken_by(connector, &arrival.recipient, &arrival.visit.sink)?;
            sender(stage, by, &arrival.visit).or_else(|| policy(stage, stage.plan().connector(by), &arrival.visit))
        })
    })
}

/// Whether a refusal is one of those that the plan has.
fn refuses(ask: &Ask, reply: &Reply) -> bool {
    // RFC 6531 3.5 has 553 as well, where a UTF-8 address is not taken.
    let code = reply.code == 550 || (reply.code == 553 && reply.enhanced.as_deref() == Some("5.6.7"));
    code && ask.expected.iter().any(|expected| expected.status == reply.enhanced)
}

fn fits(stage: &Stage<'_>, message: usize, expected: &Expected, arrival: &Arrival) -> bool {
    match (expected.fate, &expected.recipient, expected.connector) {
        (Fate::Delivered, Some(wanted), Some(connector)) => {
            arrival.recipient == *wanted && stage.arrives_at(connector, wanted).contains(&arrival.visit.sink)
        }
        (Fate::Bounced | Fate::Unroutable, ..) => arrival.recipient == format!("s{message}@{SENDERS}"),
        _ => false,
    }
}

/// That another MTA than those that have the connector came to the server.
fn sender(stage: &Stage<'_>, by: ConnectorId, visit: &Visit) -> Option<Saw> {
    let names: Vec<&str> =
        stage.plan().connector(by).from.iter().map(|&mta| stage.plan().mta(mta).name.as_str()).collect();
    let saw = || visit.client.map_or_else(|| "from nowhere".to_owned(), |ip| format!("from {ip}"));
    let wanted = || format!("from {}", names.join(" or "));
    (!stage.came_by(by, visit)).then(|| Saw::Policy { wanted: wanted(), saw: saw() })
}

/// What the connector asks for that the server has not seen.
fn policy(stage: &Stage<'_>, connector: &Connector, visit: &Visit) -> Option<Saw> {
    let differs = |wanted: String, saw: String| Some(Saw::Policy { wanted, saw });
    let smtps = connector.protocol() == Protocol::Smtps;
    let offered = smtps || stage.weather.tls != super::weather::Tls::Absent;
    let encrypted = offered && (smtps || connector.tls.level != TlsLevel::Off);
    if visit.tls.is_some() != encrypted {
        let said = |tls: bool| if tls { "encrypted" } else { "in clear" }.to_owned();
        return differs(said(encrypted), said(!encrypted));
    }
    let login = visit.login.as_ref().map(|login| (login.user.as_str(), login.password.as_str()));
    let wanted = connector.auth.as_ref().map(|auth| (auth.value.user.as_str(), PASSWORD));
    if login != wanted {
        // The password is the laboratory's own.
        let said = |login: Option<(&str, &str)>| match login {
            Some((user, password)) => format!("logged in as {user:?} with {password:?}"),
            None => "without a login".to_owned(),
        };
        return differs(said(wanted), said(login));
    }
    let source = connector.source_address.map(|ip| ip.value);
    if source.is_some() && visit.client != source {
        let said =
            |ip: Option<std::net::IpAddr>| ip.map_or_else(|| "from nowhere".to_owned(), |ip| format!("from {ip}"));
        return differs(said(source), said(visit.client));
    }
    let is_lmtp = visit.commands.first().is_some_and(|command| command.starts_with("LHLO"));
    let wants_lmtp = connector.protocol() == Protocol::Lmtp;
    let said = |lmtp: bool| if lmtp { "by LMTP" } else { "by SMTP" }.to_owned();
    if is_lmtp != wants_lmtp { differs(said(wants_lmtp), said(is_lmtp)) } else { None }
}

/// What a contact made of a recipient goes out as the contact's primary is written.
fn spelling(plan: &Plan, ask: &Ask, arrival: &Arrival) -> Option<Saw> {
    let asked = |r: &Recipient| matches!(&r.question, Question::Address(m) if m.as_str() == arrival.recipient);
    let id = plan.addresses.find(&arrival.recipient)?;
    // Nor does a postmaster come from a contact.
    let itself = has_base(plan, &arrival.recipient)
        || ask.recipients.iter().any(asked)
        || plan.mtas.iter().any(|m| m.postmaster.is_some_and(|p| p.id == id));
    let contacts = || plan.contact_ids().filter(|&contact| plan.contact(contact).primary.id == id);
    let mut wanted = contacts().map(|contact| plan.primary_on_wire(contact));
    let first = if itself { None } else { wanted.next() }?;
    // Quotes that need not be there are no other spelling.
    let wire = spelled(&arrival.wire).unwrap_or_else(|_| arrival.wire.clone());
    let right = first == wire || wanted.any(|other| other == wire);
    let said = |wire: &str| format!("as <{wire}>");
    (!right).then(|| Saw::Policy { wanted: said(first), saw: said(&arrival.wire) })
}

/// Whether an address is another contact's primary with a detail: it may come from there, and be written so.
fn has_base(plan: &Plan, recipient: &str) -> bool {
    let Ok(mailbox) = Mailbox::parse(recipient) else { return false };
    let bases = plan.mtas.iter().filter_map(|mta| Some(mailbox.cut(mta.separator()?)?.0));
    let mut ids = bases.filter_map(|base| plan.addresses.find(base.as_str()));
    ids.any(|id| plan.contact_ids().any(|contact| plan.contact(contact).primary.id == id))
}

/// A message over a limit: refused as such, or returned.
pub(super) fn too_large(sent: &Sent, came: Vec<Arrival>) -> Option<Saw> {
    let refused = sent.refused().or(sent.data.as_ref().filter(|data| !data.is_positive()));
    match refused {
        // Exim says no more than 552 where the message is over its own limit.
        Some(reply) if reply.code == 552 && reply.enhanced.as_deref().is_none_or(|status| status == "5.3.4") => None,
        Some(reply) => Some(Saw::Refused(reply.clone())),
        None if came.is_empty() || !came.iter().all(|arrival| is_return(arrival, sent)) => Some(Saw::TooLarge(came)),
        None => None,
    }
}

fn is_return(arrival: &Arrival, sent: &Sent) -> bool {
    arrival.recipient == format!("s{}@{SENDERS}", sent.message)
}

/// Where a message is tried and must not be sent.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    by: ConnectorId,
    /// The labels of its servers.
    at: BTreeSet<String>,
}

impl Held {
    /// Whether somebody came to try it and has left again, and so has shown the MTA what the server offers.
    pub(super) fn was_tried(&self, stage: &Stage<'_>, visits: &[Visit]) -> bool {
        visits.iter().any(|visit| visit.over && self.at.contains(&visit.sink) && stage.came_by(self.by, visit))
    }
}

/// In this weather no server satisfies the connector, nor those that stand in for it.
pub(super) fn holding(stage: &Stage<'_>, ask: &Ask) -> Option<Held> {
    let by = ask.arrives_by()?;
    let plan = stage.plan();
    let others = stand_ins(stage.router, by).into_iter().flatten();
    let all_hold = std::iter::once(by).chain(others).all(|id| stage.weather.holds(plan.connector(id)));
    all_hold.then(|| Held { by, at: stage.arrives_at(by, ask.arrives_as().unwrap_or_default()) })
}

/// A message that must wait, after it was tried.
pub(super) fn held(sent: &Sent, came: Vec<Arrival>, queued: bool, tried: bool) -> Option<Saw> {
    match sent.refused() {
        Some(reply) if reply.code / 100 == 4 && !tried => Some(Saw::Refused(reply.clone())),
        // A call-out finds it out at RCPT time, and the client keeps the message.
        Some(reply) if reply.code / 100 == 4 => None,
        Some(reply) => Some(Saw::Refused(reply.clone())),
        None if !came.is_empty() => Some(Saw::Sent(came)),
        None if !queued => Some(Saw::Lost),
        None if !tried => Some(Saw::Untried),
        None => None,
    }
}
