//! What is asked: a member of every class of addresses, and a sample of all literal ones, at every MTA, by a trusted client
//! and by anyone.

use std::collections::BTreeSet;

use hashbrown::HashSet;

use crate::name::{Mailbox, printable};
use crate::plan::classes::{Kind, classes};
use crate::plan::route::decide::Asker;
use crate::plan::route::outcome::{Fate, Outcome, Ways};
use crate::plan::route::walk::{Hop, Next, Place, Walk};
use crate::plan::route::{Router, Status};
use crate::plan::{ConnectorId, MtaId, NextHop, Node, Plan, Question};
use crate::verify::forms;
use crate::verify::stage::names::client;

/// A recipient as the language writes it, and as it stands between the angle brackets of the SMTP command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    pub question: Question,
    pub wire: String,
}

impl Recipient {
    pub fn of(question: &Question) -> Recipient {
        Recipient { question: question.clone(), wire: question.to_string() }
    }
}

/// A message to one MTA, and all that may come of it.
#[derive(Debug, Clone)]
pub struct Ask {
    pub mta: MtaId,
    pub anyone: bool,
    pub null_sender: bool,
    /// How large the message is to be; none: a few lines.
    pub octets: Option<u64>,
    /// The connector whose next hop refuses the recipient, beside those that the plan knows of.
    pub refused_behind: Option<ConnectorId>,
    /// Nearly always one.
    pub recipients: Vec<Recipient>,
    pub expected: BTreeSet<Expected>,
}

/// An outcome, as far as mail can show it: up to where it first leaves our MTAs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    pub fate: Fate,
    pub status: Option<String>,
    /// In normal form.
    pub recipient: Option<String>,
    pub connector: Option<ConnectorId>,
    /// The MTA that took the message and has to return it.
    pub returned_by: Option<MtaId>,
}

impl Expected {
    /// What somebody else's system does with the message afterwards is its own affair.
    pub fn of(plan: &Plan, outcome: &Outcome) -> Expected {
        let reached = matches!(outcome.fate, Fate::Delivered | Fate::Bounced);
        let mut own = Expected {
            fate: outcome.fate,
            status: outcome.status.map(|status| status.0.to_owned()),
            recipient: outcome.recipient.as_ref().filter(|_| reached).map(|r| r.as_str().to_owned()),
            connector: outcome.connector.filter(|_| reached),
            returned_by: None,
        };
        own.returned_by = returned_by(outcome).filter(|_| outcome.fate != Fate::Delivered && !own.is_refusal());
        match leaves(plan, outcome) {
            Some(hop) if !own.is_refusal() => Expected::left_by(hop),
            _ => own,
        }
    }

    fn left_by(hop: &Hop) -> Expected {
        let recipient = Some(hop.recipient.as_str().to_owned());
        Expected { fate: Fate::Delivered, status: None, recipient, connector: hop.connector, returned_by: None }
    }

    /// Refused at RCPT time, rather than returned later.
    pub fn is_refusal(&self) -> bool {
        let later = self.status.as_deref() == Some(Status::UNROUTABLE_LATER.0);
        self.fate == Fate::Rejected || (self.fate == Fate::Unroutable && !later)
    }
}

/// Everything that may come of a question.
fn expected(plan: &Plan, walk: &Walk) -> BTreeSet<Expected> {
    let outcomes = walk.outcomes(Ways::default());
    let mut all: BTreeSet<Expected> = outcomes.iter().map(|outcome| Expected::of(plan, outcome)).collect();
    // Outcomes that differ only in how they left us are one to the plan, and several to those who look on.
    if outcomes.iter().any(|outcome| goes_on(plan, outcome)) {
        all.extend(ways_out(plan, walk).into_iter().map(Expected::left_by));
    }
    all
}

/// The hops by which a message may leave our MTAs for a place that it goes on from.
fn ways_out<'w>(plan: &Plan, walk: &'w Walk) -> Vec<&'w Hop> {
    let mut hops = Vec::new();
    let (mut open, mut met) = (vec![0], BTreeSet::from([0]));
    while let Some(at) = open.pop() {
        for next in &walk.states[at].next {
            let Next::To { state, hop, dearer: false } = next else { continue };
            let to = &walk.states[*state];
            let is_ours = |next: &Next| match next {
                Next::To { state, .. } => matches!(walk.states[*state].place, Place::Mta { .. }),
                Next::End { .. } => false,
            };
            let by_dns = hop.connector.is_some_and(|id| matches!(plan.connector(id).hop, NextHop::Dns(_)));
            let stays = matches!(to.place, Place::Mta { .. }) || (by_dns && to.next.iter().any(is_ours));
            if stays {
                open.extend(met.insert(*state).then_some(*state));
            } else if hop.connector.is_some() && to.next.iter().any(|next| matches!(next, Next::To { .. })) {
                hops.push(hop);
            }
        }
    }
    hops
}

/// Whether somebody else's system does more with the message than deliver or return it.
pub(super) fn goes_on(plan: &Plan, outcome: &Outcome) -> bool {
    leaves(plan, outcome).is_some()
}

/// The hop by which a message leaves our MTAs for good, where the path goes on behind it: a system forwards it, or a
/// smart host of the Internet is to look up our own MX.
fn leaves<'o>(plan: &Plan, outcome: &'o Outcome) -> Option<&'o Hop> {
    let path = &outcome.path;
    let at = (0..path.len()).find(|&at| {
        let Some(connector) = path[at].connector.map(|id| plan.connector(id)) else { return false };
        match connector.to.value {
            Node::Mta(_) => false,
            Node::Internet if matches!(connector.hop, NextHop::Dns(_)) => {
                let behind = path.get(at + 2).map_or(outcome.node, |hop| hop.node);
                !(path.get(at + 1).is_some_and(|hop| hop.node == Node::Internet) && matches!(behind, Node::Mta(_)))
            }
            _ => true,
        }
    })?;
    let looked_up = path[at + 1..].iter().all(|hop| hop.node == Node::Internet);
    // What `verify` found out stays with the MTA that asked.
    let ends_there = looked_up && (!matches!(outcome.node, Node::Mta(_)) || outcome.node == path[at].node);
    (!ends_there).then(|| &path[at])
}

/// Who has a message that cannot be delivered: the MTA that was refused it, or the one that has no route for it.
fn returned_by(outcome: &Outcome) -> Option<MtaId> {
    let refused = outcome.path.iter().rfind(|hop| hop.connector.is_some()).filter(|_| outcome.fate == Fate::Bounced);
    match refused.map_or(outcome.node, |hop| hop.node) {
        Node::Mta(mta) => Some(mta),
        _ => None,
    }
}

impl Ask {
    /// One recipient, with what the plan says of it.
    pub fn new(router: &Router<'_>, mta: MtaId, anyone: bool, recipient: Recipient) -> Ask {
        Ask::of_message(router, mta, anyone, vec![recipient])
    }

    /// A message to several.
    pub fn of_message(router: &Router<'_>, mta: MtaId, anyone: bool, recipients: Vec<Recipient>) -> Ask {
        let of = |recipient: &Recipient| {
            let walk = router.walk(mta, asker(anyone), recipient.question.clone());
            expected(router.plan, &walk)
        };
        let expected = recipients.iter().flat_map(of).collect();
        Ask { mta, anyone, null_sender: false, octets: None, refused_behind: None, recipients, expected }
    }

    pub fn asker(&self) -> Asker {
        asker(self.anyone)
    }

    /// What the plan says of it, with the paths.
    pub fn outcomes(&self, router: &Router<'_>) -> Vec<Outcome> {
        let of = |recipient: &Recipient| outcomes(router, self.mta, self.anyone, &recipient.question);
        self.recipients.iter().flat_map(of).collect()
    }

    pub fn is_refused(&self) -> bool {
        self.expected.iter().all(Expected::is_refusal)
    }

    /// The one recipient that must arrive, where there is no doubt about it.
    pub fn arrives_as(&self) -> Option<&str> {
        let mut recipients = self.expected.iter().map(|expected| match expected.fate {
            Fate::Delivered => expected.recipient.as_deref(),
            _ => None,
        });
        let first = recipients.next()??;
        recipients.all(|other| other == Some(first)).then_some(first)
    }

    /// The one connector that must take it, where there is no doubt about it.
    pub fn arrives_by(&self) -> Option<ConnectorId> {
        self.arrives_as()?;
        let mut connectors = self.expected.iter().map(|expected| expected.connector);
        let first = connectors.next()??;
        connectors.all(|other| other == Some(first)).then_some(first)
    }

    /// Nothing about it but its recipient.
    pub(super) fn is_usual(&self) -> bool {
        !self.null_sender && self.octets.is_none()
    }

    /// `<ann@contoso.com>`, for people.
    pub fn wires(&self) -> String {
        let wires: Vec<String> = self.recipients.iter().map(|r| format!("<{}>", printable(&r.wire))).collect();
        let size = self.octets.map(|octets| format!(" of {octets} octets")).unwrap_or_default();
        let refused = if self.refused_behind.is_some() { ", whom the next system refuses," } else { "" };
        wires.join(" and ") + &size + refused
    }
}

fn asker(anyone: bool) -> Asker {
    if anyone { Asker::Anyone } else { Asker::Trusted }
}

fn outcomes(router: &Router<'_>, mta: MtaId, anyone: bool, question: &Question) -> Vec<Outcome> {
    router.outcomes(mta, asker(anyone), question, Ways::default())
}

/// One address of every class, and up to `sample` more literal ones; at every MTA, by anyone and, where it trusts
/// somebody, by a trusted client. What leads nowhere that can be seen (a name that is not declared) is left out.
pub fn asks(router: &Router<'_>, sample: usize) -> Vec<Ask> {
    let plan = router.plan;
    let mut asks = Vec::new();
    for question in questions(plan, sample) {
        for mta in plan.mta_ids() {
            for anyone in [false, true] {
                if client(plan, mta, anyone).is_some() {
                    asks.push(Ask::new(router, mta, anyone, Recipient::of(&question)));
                }
            }
        }
    }
    asks.extend(forms::written_otherwise(router));
    asks.extend(forms::beside(router));
    asks.extend(forms::called_out(router));
    asks.retain(|ask| !ask.expected.is_empty());
    asks.extend(forms::twice(router, &asks));
    asks
}

/// A member of every class, and a sample of the others.
pub fn questions(plan: &Plan, sample: usize) -> Vec<Question> {
    let classes = classes(plan);
    let mut questions: Vec<Question> = classes.iter().map(|class| class.question.clone()).collect();
    let mut known: HashSet<Question> = questions.iter().cloned().collect();
    let members: Vec<_> = classes
        .iter()
        .filter_map(|class| match &class.kind {
            Kind::Literal { members } => Some(members),
            _ => None,
        })
        .collect();
    // Round by round, so that a large class does not take the place of a small one.
    let longest = members.iter().map(|members| members.len()).max().unwrap_or_default();
    let rounds = (0..longest).flat_map(|at| members.iter().filter_map(move |members| members.get(at)));
    let others = rounds.map(|&id| Question::Address(plan.addresses.mailbox(id)));
    questions.extend(others.filter(|question| known.insert(question.clone())).take(sample));
    questions
}

/// Without SMTPUTF8 a domain has A-labels on the wire; a UTF-8 local part is sent all the same, to be refused.
pub(super) fn on_wire(recipient: &Recipient, utf8: bool) -> String {
    let wire = &recipient.wire;
    let ascii = || {
        let local = wire.rsplit_once('@')?.0;
        Some(format!("{local}@{}", Mailbox::parse(wire).ok()?.domain()))
    };
    if utf8 || wire.is_ascii() { wire.clone() } else { ascii().unwrap_or_else(|| wire.clone()) }
}
