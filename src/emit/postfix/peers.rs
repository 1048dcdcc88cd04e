//! MTAs of ours and systems that hand recipients on to an MTA: which of its foreign domains each of them sends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::meaning::Meaning;
use super::quote;
use super::tables::{Spellings, Table};
use crate::emit::Context;
use crate::name::{Mailbox, Pattern};
use crate::plan::patterns::PatternMap;
use crate::plan::route::decide::Decision;
use crate::plan::{MtaId, Node, System};

/// One restriction class: the domains that some addresses may relay.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) class: String,
    /// As the source names them.
    pub(super) nodes: Vec<Node>,
    pub(super) table: Table,
    /// Whether it sends domains that no pattern names.
    pub(super) any: bool,
}

/// Peers by address: the address, and the class that it is in.
pub(super) fn peers(meaning: &Meaning<'_>) -> (Vec<Peer>, BTreeMap<IpAddr, usize>) {
    let mut by_address: BTreeMap<IpAddr, BTreeSet<Node>> = BTreeMap::new();
    let router = meaning.context.router;
    for node in nodes(meaning) {
        for ip in router.addresses_of(node) {
            by_address.entry(ip).or_default().insert(node);
        }
    }
    let groups: BTreeSet<&BTreeSet<Node>> = by_address.values().collect();
    let peers: Vec<Peer> = groups.iter().map(|nodes| peer(meaning, nodes)).collect();
    let of = |nodes: &BTreeSet<Node>| groups.iter().position(|group| *group == nodes).unwrap_or(0);
    let classes = by_address.iter().map(|(ip, nodes)| (*ip, of(nodes))).collect();
    (named(peers), classes)
}

fn named(mut peers: Vec<Peer>) -> Vec<Peer> {
    let mut taken = BTreeSet::new();
    for peer in &mut peers {
        let mut name = peer.class.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{}_{number}", peer.class);
            number += 1;
        }
        peer.class = name;
    }
    peers
}

/// Every other node that may hand something on to this MTA, and is no client in `trust` anyway.
fn nodes(meaning: &Meaning<'_>) -> Vec<Node> {
    let (plan, here) = (meaning.context.plan, Node::Mta(meaning.id));
    let mtas = plan.mta_ids().filter(|&id| id != meaning.id).map(Node::Mta);
    mtas.chain(plan.system_ids().map(Node::System))
        .filter(|&node| match node {
            Node::Mta(id) => plan.connectors.iter().any(|c| c.to.value == here && c.from.contains(&id)),
            Node::System(id) => plan.system(id).forwards.iter().any(|f| f.to == here),
            Node::Internet | Node::Unknown => false,
        })
        .collect()
}

fn peer(meaning: &Meaning<'_>, nodes: &BTreeSet<Node>) -> Peer {
    let context = meaning.context;
    let names: Vec<&str> = nodes.iter().map(|&node| context.plan.node_name(node)).collect();
    let mut peer =
        Peer { class: quote::service_name("from", &names), nodes: nodes.iter().copied().collect(), ..Peer::default() };
    let spell = Spellings { utf8: meaning.mta().takes_utf8() };
    peer.any = nodes.iter().any(|&node| sends(meaning, node, &Pattern::Any));
    for pattern in &meaning.patterns {
        // What is the MTA's own has been decided before.
        if context.router.own(meaning.id, &meaning.some_domain(pattern)).is_some() {
            continue;
        }
        let sent = nodes.iter().any(|&node| sends(meaning, node, pattern));
        let (lead, domain) = match pattern {
            Pattern::Exact(domain) => ("", domain),
            Pattern::Sub(domain) => (".", domain),
            Pattern::Any => continue,
        };
        for domain in spell.domain(domain.as_str()) {
            let word = if sent { "trusted" } else { "reject_unauth_destination" };
            peer.table.insert(format!("{lead}{domain}"), word);
        }
    }
    peer
}

/// Whether a node hands recipients of such a domain on to the MTA.
fn sends(meaning: &Meaning<'_>, node: Node, pattern: &Pattern) -> bool {
    let domain = meaning.some_domain(pattern);
    match node {
        Node::Mta(id) => mta_sends(meaning.context, id, meaning.id, &domain),
        Node::System(id) => system_sends(meaning.context.plan.system(id), Node::Mta(meaning.id), &domain),
        Node::Internet | Node::Unknown => false,
    }
}

fn mta_sends(context: Context<'_>, from: MtaId, to: MtaId, domain: &str) -> bool {
    let (plan, router) = (context.plan, context.router);
    let leads = |exits: Vec<(crate::plan::route::Exit, bool)>| {
        exits.iter().any(|(exit, _)| plan.connector(exit.connector).to.value == Node::Mta(to))
    };
    let unknown = match router.unknown(from, domain) {
        Decision::Send { tiers, .. } => leads(tiers.exits()),
        Decision::Rewrite { .. } | Decision::Refuse { .. } => false,
    };
    // An account goes by address space where no connector leads to its system, whatever its domain does with others.
    unknown
        || (router.space(from, domain).is_some()
            && accounts_of(context, domain).any(|mailbox| match router.decide(from, &mailbox) {
                Decision::Send { tiers, .. } => leads(tiers.exits()),
                Decision::Rewrite { .. } | Decision::Refuse { .. } => false,
            }))
}

/// One account of each system that has some in the domain.
fn accounts_of<'a>(context: Context<'a>, domain: &'a str) -> impl Iterator<Item = Mailbox> + 'a {
    let plan = context.plan;
    let mut met = BTreeSet::new();
    plan.account_addresses.iter().filter_map(move |address| {
        let account = plan.addresses.account(address.id)?;
        let new = plan.addresses.domain(address.id) == domain && met.insert(plan.account(account).system);
        new.then(|| plan.addresses.mailbox(address.id))
    })
}

fn system_sends(system: &System, to: Node, domain: &str) -> bool {
    if system.authoritative.iter().any(|pattern| pattern.value.matches(domain)) {
        return false;
    }
    let mut forwards: PatternMap<Vec<Node>> = PatternMap::default();
    for forward in &system.forwards {
        forwards.entry(&forward.pattern).push(forward.to);
    }
    forwards.find(domain).is_some_and(|nodes| nodes.contains(&to))
}
