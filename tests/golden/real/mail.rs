//! Asking, sending, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mailswitch::lab::client::Conversation;
use mailswitch::lab::inbox::Visit;
use mailswitch::lab::{Reply, Seen};
use mailswitch::name::Mailbox;
use mailswitch::plan::{Connector, MtaId, Protocol, TlsLevel};

use super::stage::{PASSWORD, SENDERS, Stage};
use crate::golden::routes::{Expected, Recipient, Route, asked_at};

/// Mail that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// Postfix slows a client down after ten errors in a session.
const ERRORS: usize = 8;
/// No route, found out after the message was taken.
const LATER: &str = "5.4.4";

pub(crate) struct Report {
    case: String,
    pub(crate) addresses: usize,
    pub(crate) wrong: Vec<String>,
}

impl Report {
    pub(crate) fn new(case: &str) -> Report {
        Report { case: case.to_owned(), addresses: 0, wrong: Vec::new() }
    }

    pub(crate) fn wrong(&mut self, text: &str) {
        self.wrong.push(format!("{}: {text}", self.case));
    }
}

/// A question on its way: what became of it at RCPT time.
struct Sent<'s> {
    number: usize,
    route: &'s Route,
    mta: MtaId,
    replies: Vec<Reply>,
    data: Option<Reply>,
}

/// Where a message came out.
#[derive(Clone)]
struct Arrival {
    sink: String,
    /// In normal form.
    recipient: String,
    visit: Visit,
}

impl std::fmt::Display for Arrival {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} for {}", self.sink, self.recipient)
    }
}

type Arrivals = BTreeMap<usize, Vec<Arrival>>;

pub(crate) fn exchange(stage: &Stage, report: &mut Report) {
    let mut sent = Vec::new();
    for mta in stage.plan.mta_ids() {
        for anyone in [false, true] {
            ask(stage, mta, anyone, &mut sent, report);
        }
    }
    report.addresses = sent.iter().map(|sent| sent.route.recipients.len()).sum();
    let due: BTreeMap<usize, usize> =
        sent.iter().filter(|s| is_taken(s)).map(|s| (s.number, awaited(s.route))).collect();
    let complete = |seen: &Seen| {
        let came = arrivals(seen);
        due.iter().all(|(number, count)| came.get(number).is_some_and(|came| came.len() >= *count))
    };
    if stage.world.look_until(PATIENCE, complete).is_ok() {
        // Only then nothing more can come.
        stage.machines.iter().filter_map(|machine| machine.drained(PATIENCE)).for_each(|left| report.wrong(&left));
    }
    let arrivals = arrivals(&stage.world.seen());
    for sent in &sent {
        if let Some(problem) = judge(stage, sent, arrivals.get(&sent.number)) {
            let at = &stage.plan.mta(sent.mta).name;
            let log = excerpt(stage, sent);
            report.wrong(&format!("{} (at {at}): {problem}{log}", sent.route.text));
        }
    }
}

/// Every question of one kind at one MTA, in as few sessions as it bears.
fn ask<'s>(stage: &'s Stage, mta: MtaId, anyone: bool, sent: &mut Vec<Sent<'s>>, report: &mut Report) {
    let routes: Vec<&Route> = stage
        .routes
        .iter()
        .filter(|route| route.anyone == anyone && asked_at(&stage.plan, route).contains(&mta))
        .collect();
    if routes.is_empty() {
        return;
    }
    let Some(source) = stage.client(mta, anyone) else {
        return report
            .wrong(&format!("{} trusts nobody, so nobody can ask as a trusted client", stage.plan.mta(mta).name));
    };
    let server = stage.machines[mta.index()].server;
    let client = stage.world.client(&source.to_string()).unwrap();
    let mut session: Option<(Conversation, usize)> = None;
    for route in routes {
        let (mut talk, errors) = session.take().unwrap_or_else(|| (client.greet(server).unwrap(), 0));
        let number = sent.len();
        let (replies, data) = message(&mut talk, number, route);
        let errors = errors + replies.iter().filter(|reply| !reply.is_positive()).count();
        if errors < ERRORS && replies.iter().all(|reply| reply.code != 421) {
            session = Some((talk, errors));
        }
        sent.push(Sent { number, route, mta, replies, data });
    }
}

fn message(talk: &mut Conversation, number: usize, route: &Route) -> (Vec<Reply>, Option<Reply>) {
    let sender = if route.null_sender { String::new() } else { format!("s{number}@{SENDERS}") };
    let utf8 = route.recipients.iter().any(|recipient| !recipient.wire.is_ascii()) && talk.offers("SMTPUTF8");
    let mail = talk.command(&format!("MAIL FROM:<{sender}>{}", if utf8 { " SMTPUTF8" } else { "" })).unwrap();
    if !mail.is_positive() {
        talk.command("RSET").unwrap();
        return (vec![mail], None);
    }
    let replies: Vec<Reply> = route
        .recipients
        .iter()
        .map(|recipient| talk.command(&format!("RCPT TO:<{}>", wire(recipient, utf8))).unwrap())
        .collect();
    if replies.iter().all(Reply::is_positive) {
        let text =
            format!("From: <{sender}>\nTo: everybody:;\nSubject: a route\nX-Route: {number}\n\n{}\n", route.text);
        let data = talk.data(&text).unwrap();
        (replies, Some(data))
    } else {
        talk.command("RSET").unwrap();
        (replies, None)
    }
}

/// Without SMTPUTF8, a domain has A-labels on the wire; a UTF-8 local part is sent all the same, to be refused.
fn wire(recipient: &Recipient, utf8: bool) -> String {
    let domain =
        |wire: &str| Some((wire.rsplit_once('@')?.0.to_owned(), Mailbox::parse(wire).ok()?.domain().to_owned()));
    match domain(&recipient.wire) {
        Some((local, domain)) if !utf8 && !recipient.wire.is_ascii() => format!("{local}@{domain}"),
        _ => recipient.wire.clone(),
    }
}

fn is_taken(sent: &Sent<'_>) -> bool {
    sent.data.as_ref().is_some_and(Reply::is_positive)
}

/// How many copies there will be.
fn awaited(route: &Route) -> usize {
    if route.recipients.len() == 1 { 1 } else { route.outcomes.len() }
}

fn arrivals(seen: &Seen) -> Arrivals {
    let mut arrivals = Arrivals::new();
    for mail in &seen.mails {
        let route = mail.header("X-Route").and_then(|number| number.parse().ok());
        for recipient in &mail.recipients {
            let normal = Mailbox::parse(recipient).map_or_else(|_| recipient.clone(), |m| m.as_str().to_owned());
            let bounce = recipient.strip_prefix('s').and_then(|rest| rest.split('@').next()?.parse().ok());
            if let Some(number) = route.or(bounce.filter(|_| mail.sender.is_empty())) {
                let arrival = Arrival { sink: mail.sink().to_owned(), recipient: normal, visit: mail.visit.clone() };
                arrivals.entry(number).or_default().push(arrival);
            }
        }
    }
    arrivals
}

/// What is wrong, if something is.
fn judge(stage: &Stage, sent: &Sent<'_>, came: Option<&Vec<Arrival>>) -> Option<String> {
    let route = sent.route;
    let expected = || route.outcomes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let refusals: Vec<&Expected> = route.outcomes.iter().filter(|outcome| is_refusal(outcome)).collect();
    let refused = sent.replies.iter().find(|reply| !reply.is_positive());
    match (refused, refusals.len() == route.outcomes.len()) {
        (Some(reply), true) => {
            let statuses: BTreeSet<_> = refusals.iter().map(|refusal| refusal.status.clone()).collect();
            // RFC 6531 3.5 has 553 as well, where a UTF-8 address is not taken.
            let code = reply.code == 550 || (reply.code == 553 && reply.enhanced.as_deref() == Some("5.6.7"));
            let right = code && statuses.contains(&reply.enhanced);
            return (!right).then(|| format!("expected {}, but RCPT says {}", expected(), shown(reply)));
        }
        (Some(reply), false) => return Some(format!("expected {}, but RCPT says {}", expected(), shown(reply))),
        (None, true) => {
            return Some(format!("expected {}, but RCPT took it, and it came out at {}", expected(), places(came)));
        }
        (None, false) => {}
    }
    if let Some(data) = sent.data.as_ref().filter(|data| !data.is_positive()) {
        return Some(format!("expected {}, but DATA says {}", expected(), shown(data)));
    }
    let listed = places(came);
    let came = came.cloned().unwrap_or_default();
    let wanted = awaited(route);
    let matched = |outcome: &&Expected| came.iter().any(|arrival| fits(stage, sent, outcome, arrival));
    let all_fit = came.iter().all(|arrival| route.outcomes.iter().any(|o| fits(stage, sent, o, arrival)));
    let right = came.len() == wanted && all_fit && route.outcomes.iter().filter(matched).count() >= wanted;
    if !right {
        return Some(format!("expected {}, but it came out at {listed}", expected()));
    }
    let connectors = route.outcomes.iter().filter_map(|outcome| outcome.connector.as_ref());
    connectors.flat_map(|connector| came.iter().map(move |arrival| (connector, arrival))).find_map(|(name, arrival)| {
        let connector = stage.connector(name);
        let taken = stage.arrives_at(name, &arrival.recipient).contains(&arrival.sink);
        taken.then(|| policy(connector, &arrival.visit)).flatten()
    })
}

fn places(came: Option<&Vec<Arrival>>) -> String {
    let listed: Vec<String> = came.into_iter().flatten().map(ToString::to_string).collect();
    if listed.is_empty() { "no sink".to_owned() } else { listed.join(" and ") }
}

/// What the connector asks for that the sink has not seen.
fn policy(connector: &Connector, visit: &Visit) -> Option<String> {
    let in_clear = connector.tls.level == TlsLevel::Off && connector.protocol() != Protocol::Smtps;
    if visit.tls.is_some() == in_clear {
        return Some(format!("TLS should be {:?}, but the sink saw {:?}", connector.tls.level, visit.tls));
    }
    let login = visit.login.as_ref().map(|login| (login.user.as_str(), login.password.as_str()));
    let wanted = connector.auth.as_ref().map(|auth| (auth.value.user.as_str(), PASSWORD));
    if login != wanted {
        return Some(format!("the login should be {wanted:?}, but is {login:?}"));
    }
    let source = connector.source_address.map(|ip| ip.value);
    if source.is_some() && visit.client != source {
        return Some(format!("it should come from {source:?}, but comes from {:?}", visit.client));
    }
    let is_lmtp = visit.commands.first().is_some_and(|command| command.starts_with("LHLO"));
    (is_lmtp != (connector.protocol() == Protocol::Lmtp)).then(|| format!("it came by {:?}", visit.commands))
}

fn is_refusal(outcome: &Expected) -> bool {
    outcome.fate == "rejected" || (outcome.fate == "unroutable" && outcome.status.as_deref() != Some(LATER))
}

fn fits(stage: &Stage, sent: &Sent<'_>, outcome: &Expected, arrival: &Arrival) -> bool {
    match (outcome.fate, &outcome.recipient, &outcome.connector) {
        ("delivered", Some(wanted), Some(connector)) => {
            arrival.recipient == *wanted && stage.arrives_at(connector, wanted).contains(&arrival.sink)
        }
        ("bounced" | "unroutable", ..) => arrival.recipient == format!("s{}@{SENDERS}", sent.number),
        _ => false,
    }
}

fn shown(reply: &Reply) -> String {
    format!("{} {} {}", reply.code, reply.enhanced.as_deref().unwrap_or("-"), reply.text.replace('\n', " / "))
}

/// The lines of the logs that tell of the message.
fn excerpt(stage: &Stage, sent: &Sent<'_>) -> String {
    let sender = format!("s{}@{SENDERS}", sent.number);
    let mut text = String::new();
    for machine in &stage.machines {
        let log = machine.node.log();
        if std::env::var_os("GOLDEN_LOG").is_some() {
            return format!("\n{log}");
        }
        let ids: BTreeSet<&str> = log.lines().filter(|line| line.contains(&sender)).filter_map(queue_id).collect();
        let told =
            |line: &&str| ids.iter().any(|id| line.contains(id)) || line.contains("panic") || line.contains("fatal");
        for line in log.lines().filter(told).take(12) {
            text += &format!("\n      {}: {line}", machine.node.name());
        }
    }
    text
}

/// `4C1B2A3D5E:` of Postfix, `1abcde-000001-AB` of Exim.
fn queue_id(line: &str) -> Option<&str> {
    line.split(' ').find_map(|word| {
        let bare = word.strip_suffix(':').unwrap_or(word);
        let long = bare.len() >= 8 && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let postfix = long && word.ends_with(':') && bare.bytes().any(|b| b.is_ascii_digit());
        let exim = long && bare.len() == 16 && bare.matches('-').count() == 2;
        (postfix || exim).then_some(bare)
    })
}
