//! Hosts that share a load: a thousand messages, counted where they come out.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Ask, on_wire};
use super::stage::Stage;
use super::weather::Weather;
use super::{Means, Part, Progress};
use crate::lab::inbox::Seen;
use crate::lab::{Conversation, Error, Result};
use crate::plan::route::Router;
use crate::plan::{ConnectorId, MtaId, NextHop, Plan};

/// So many messages are sent.
pub const MESSAGES: usize = 1000;
const SENDER: &str = "sender@senders.example";

/// How many of the messages of a question came to each server, and the bounds that each has to be in.
#[derive(Debug)]
pub struct Share {
    /// One whose hosts share its load, or several of one cost that share theirs.
    pub connectors: Vec<ConnectorId>,
    pub counts: BTreeMap<String, usize>,
    pub least: usize,
    pub most: usize,
}

impl Share {
    pub fn is_fair(&self) -> bool {
        // Mail that is lost or came out elsewhere is nobody's share.
        let all = self.counts.values().sum::<usize>() >= MESSAGES;
        all && self.counts.values().all(|count| (self.least..=self.most).contains(count))
    }
}

/// What a connector whose hosts share its load, or several of one cost, are tried with, at one MTA.
#[derive(Debug, Clone)]
pub struct Load {
    pub mta: MtaId,
    pub connectors: Vec<ConnectorId>,
    /// Questions that they take, asked in turn.
    pub asks: Vec<Ask>,
    /// One that goes elsewhere, where it takes a single recipient only: Postfix asks its tables once for a recipient that
    /// comes up again and again (trivial-rewrite(8)'s clients keep the last answer).
    pub between: Option<Ask>,
}

/// Every load that is shared, at each MTA.
pub fn loads(plan: &Plan, asks: &[Ask]) -> Vec<Load> {
    let mut loads: BTreeMap<(MtaId, Vec<ConnectorId>), Load> = BTreeMap::new();
    for ask in asks.iter().filter(|ask| ask.recipients.len() == 1) {
        let Some(connectors) = sharing(plan, ask) else { continue };
        let load = || Load { mta: ask.mta, connectors: connectors.clone(), asks: Vec::new(), between: None };
        let load = loads.entry((ask.mta, connectors.clone())).or_insert_with(load);
        // As one kind of client: the session is one.
        if load.asks.first().is_none_or(|first| first.anyone == ask.anyone) {
            load.asks.push(ask.clone());
        }
    }
    for load in loads.values_mut().filter(|load| load.asks.len() == 1) {
        let other = |ask: &&Ask| {
            let elsewhere = ask.arrives_by().is_some_and(|by| !load.connectors.contains(&by));
            elsewhere && ask.mta == load.mta && ask.anyone == load.asks[0].anyone && ask.recipients.len() == 1
        };
        load.between = asks.iter().find(other).cloned();
    }
    loads.into_values().collect()
}

/// The connectors that share a question's load, where what each is to get is in no doubt.
fn sharing(plan: &Plan, ask: &Ask) -> Option<Vec<ConnectorId>> {
    ask.arrives_as()?;
    let all: BTreeSet<ConnectorId> = ask.expected.iter().filter_map(|expected| expected.connector).collect();
    let balanced = all.iter().any(|&by| is_balanced(plan, by));
    (balanced == (all.len() == 1)).then(|| all.into_iter().collect())
}

fn is_balanced(plan: &Plan, id: ConnectorId) -> bool {
    matches!(&plan.connector(id).hop, NextHop::SmartHosts { balanced: Some(_), hosts } if hosts.len() > 1)
}

/// Tries them all, one after the other.
pub fn count(
    plan: &Plan,
    parts: &[Part],
    loads: &[Load],
    means: &Means,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<Share>> {
    let router = Router::new(plan);
    let weather = Weather::default();
    let asks: Vec<Ask> = loads.iter().flat_map(|load| load.asks.iter().chain(&load.between)).cloned().collect();
    let stage = Stage::new(&router, parts, &asks, &weather, means, watch)?;
    loads.iter().map(|load| share(&stage, load, means, watch)).collect()
}

fn share(stage: &Stage<'_>, load: &Load, means: &Means, watch: &(dyn Fn(Progress) + Sync)) -> Result<Share> {
    stage.world.forget_mails();
    let anyone = load.asks[0].anyone;
    let (client, server) = stage.client(load.mta, anyone)?.ok_or_else(|| Error::new("no client can ask"))?;
    let mut talk = client.greet(server)?;
    for (done, ask) in load.asks.iter().cycle().take(MESSAGES).enumerate() {
        for ask in std::iter::once(ask).chain(&load.between) {
            send(&mut talk, ask)?;
        }
        watch(Progress::Asked { done: done + 1, of: MESSAGES });
    }
    watch(Progress::Waiting);
    let recipient = load.asks[0].arrives_as().unwrap_or_default();
    let labels = load.connectors.iter().flat_map(|&connector| stage.arrives_at(connector, recipient));
    let mut counts: BTreeMap<String, usize> = labels.map(|label| (label, 0)).collect();
    let ours = |seen: &Seen| seen.mails.iter().filter(|mail| counts.contains_key(mail.sink())).count();
    let seen = stage.world.look_until(means.patience * 4, |seen| ours(seen) >= MESSAGES).unwrap_or_else(|seen| seen);
    for mail in &seen.mails {
        counts.entry(mail.sink().to_owned()).and_modify(|count| *count += 1);
    }
    let (least, most) = bounds(counts.len());
    Ok(Share { connectors: load.connectors.clone(), counts, least, most })
}

fn send(talk: &mut Conversation, ask: &Ask) -> Result<()> {
    let utf8 = talk.offers("SMTPUTF8");
    let wire = on_wire(&ask.recipients[0], utf8);
    let sent = talk.message(SENDER, &[&wire], "Subject: mailswitch verify\n\nWhere does this go?\n")?;
    if sent.is_accepted() { Ok(()) } else { Err(Error::new(format!("{} was not taken: {sent:?}", ask.wires()))) }
}

/// A fifth less or more than a fair share; with many hosts, five standard deviations.
fn bounds(hosts: usize) -> (usize, usize) {
    let fair = MESSAGES as f64 / hosts as f64;
    let deviation = (fair * (1.0 - 1.0 / hosts as f64)).sqrt();
    let slack = (fair / 5.0).max(5.0 * deviation);
    ((fair - slack).ceil().max(1.0) as usize, (fair + slack).floor() as usize)
}
