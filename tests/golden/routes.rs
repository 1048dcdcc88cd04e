//! `routes.txt`: questions and what must become of them.

use std::collections::BTreeSet;

use mailswitch::name::Mailbox;
use mailswitch::plan::route::Router;
use mailswitch::plan::route::decide::Asker;
use mailswitch::plan::route::outcome::{Fate, Outcome, Ways};
use mailswitch::plan::{MtaId, Plan, Question};

/// A question and every outcome that it must have.
#[derive(Debug)]
pub(crate) struct Route {
    /// The question as written: what failures show.
    pub(crate) text: String,
    pub(crate) at: Option<String>,
    pub(crate) anyone: bool,
    pub(crate) null_sender: bool,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) outcomes: BTreeSet<Expected>,
}

#[derive(Debug)]
pub(crate) struct Recipient {
    pub(crate) address: String,
    /// Between the angle brackets of the SMTP command.
    pub(crate) wire: String,
}

/// An outcome, as far as a line of `routes.txt` tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    pub(crate) fate: &'static str,
    pub(crate) node: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) recipient: Option<String>,
    pub(crate) connector: Option<String>,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.fate)?;
        let parts = [("", &self.node), ("", &self.status), ("as ", &self.recipient), ("via ", &self.connector)];
        parts
            .iter()
            .filter_map(|(word, value)| Some((word, value.as_ref()?)))
            .try_for_each(|(word, value)| write!(formatter, " {word}{value}"))
    }
}

/// The routes of a file, the lines of one question together.
pub(crate) fn parse(text: &str) -> Result<Vec<Route>, String> {
    let mut routes: Vec<Route> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (question, outcome) = line.rsplit_once(" -> ").ok_or_else(|| format!("no outcome: {line}"))?;
        let known = routes.iter().position(|route| route.text == question);
        let at = match known {
            Some(at) => at,
            None => {
                routes.push(self::question(question)?);
                routes.len() - 1
            }
        };
        let route = &mut routes[at];
        let outcomes = route.recipients.iter().map(|recipient| self::outcome(outcome, &recipient.address));
        for outcome in outcomes.collect::<Result<Vec<_>, _>>().map_err(|error| format!("{error}: {line}"))? {
            route.outcomes.insert(outcome);
        }
    }
    Ok(routes)
}

fn question(text: &str) -> Result<Route, String> {
    let mut rest = text;
    let mut at = None;
    if let Some(named) = rest.strip_prefix("at ") {
        let (mta, after) = named.split_once(' ').ok_or_else(|| format!("no address: {text}"))?;
        at = Some(mta.to_owned());
        rest = after;
    }
    let anyone = rest.strip_prefix("from anyone ");
    let null = rest.strip_prefix("from <> ");
    let recipients = anyone.or(null).unwrap_or(rest).split(" & ").map(recipient).collect();
    Ok(Route {
        text: text.to_owned(),
        at,
        anyone: anyone.is_some(),
        null_sender: null.is_some(),
        recipients,
        outcomes: BTreeSet::new(),
    })
}

fn recipient(text: &str) -> Recipient {
    let written = text.split_once(" written <").and_then(|(address, wire)| Some((address, wire.strip_suffix('>')?)));
    let (address, wire) = written.unwrap_or((text, text));
    Recipient { address: address.to_owned(), wire: wire.to_owned() }
}

fn outcome(text: &str, asked: &str) -> Result<Expected, String> {
    let (text, connector) = match text.rsplit_once(" via ") {
        Some((before, connector)) => (before, Some(connector.to_owned())),
        None => (text, None),
    };
    let (text, recipient) = match text.split_once(" as ") {
        Some((before, recipient)) => (before, Some(recipient.to_owned())),
        None => (text, None),
    };
    let normal = |text: &str| Some(Mailbox::parse(text).ok()?.as_str().to_owned());
    let unchanged = || normal(recipient.as_deref().unwrap_or(asked));
    let words: Vec<&str> = text.split(' ').collect();
    let (node, status) = match words[1..] {
        [] => (None, None),
        [status] if status.starts_with("5.") => (None, Some(status.to_owned())),
        [node] => (Some(node.to_owned()), None),
        [node, status] => (Some(node.to_owned()), Some(status.to_owned())),
        _ => return Err("too many words".to_owned()),
    };
    let refused = |fate| Expected { fate, node: None, status: status.clone(), recipient: None, connector: None };
    Ok(match words[0] {
        "delivered" => Expected { fate: "delivered", node, status: None, recipient: unchanged(), connector },
        "bounced" => Expected { fate: "bounced", node, status, recipient: unchanged(), connector },
        "rejected" => refused("rejected"),
        "unroutable" => refused("unroutable"),
        "looped" => Expected { status: None, ..refused("looped") },
        other => return Err(format!("{other} is no fate")),
    })
}

/// What the plan says of a route at an MTA.
pub(crate) fn planned(router: &Router<'_>, mta: MtaId, route: &Route) -> BTreeSet<Expected> {
    outcomes(router, mta, route).iter().map(|outcome| told(router.plan, outcome)).collect()
}

pub(crate) fn question_of(address: &str) -> Question {
    Question::parse(address).unwrap_or_else(|error| panic!("{address} is no question: {}", error.message))
}

fn outcomes(router: &Router<'_>, mta: MtaId, route: &Route) -> Vec<Outcome> {
    let asker = if route.anyone { Asker::Anyone } else { Asker::Trusted };
    let asked = route.recipients.iter().map(|recipient| question_of(&recipient.address));
    asked.flat_map(|question| router.outcomes(mta, asker, &question, Ways::default())).collect()
}

fn told(plan: &Plan, outcome: &Outcome) -> Expected {
    let reached = matches!(outcome.fate, Fate::Delivered | Fate::Bounced);
    let if_reached = |value: Option<String>| value.filter(|_| reached);
    Expected {
        fate: outcome.fate.as_str(),
        node: if_reached(outcome.system.map(|node| plan.node_name(node).to_owned())),
        status: outcome.status.filter(|_| outcome.fate != Fate::Looped).map(|status| status.0.to_owned()),
        recipient: if_reached(outcome.recipient.as_ref().map(|recipient| recipient.as_str().to_owned())),
        connector: if_reached(outcome.connector.map(|id| plan.connector(id).name.clone())),
    }
}

/// The MTAs that a route is asked at.
pub(crate) fn asked_at(plan: &Plan, route: &Route) -> Vec<MtaId> {
    let mtas: Vec<MtaId> =
        plan.mta_ids().filter(|&id| route.at.as_ref().is_none_or(|at| plan.mta(id).name == *at)).collect();
    assert!(!mtas.is_empty(), "no MTA is called {:?}", route.at);
    mtas
}
