//! MTAs of ours and systems that hand recipients on to an MTA: which of its foreign domains each of them sends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::meaning::Meaning;
use super::quote;
use super::tables::{Spellings, Table};
use crate::name::Pattern;
use crate::plan::Node;
use crate::plan::route::handover::Handover;

/// One restriction class: the domains that some addresses may relay.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) class: String,
    /// As the source names them.
    pub(super) nodes: Vec<Node>,
    pub(super) table: Table<'static>,
    /// Whether it sends domains that no pattern names.
    pub(super) any: bool,
}

/// Peers by address: the address, and the class that it is in.
pub(super) fn peers(meaning: &Meaning<'_>) -> (Vec<Peer>, BTreeMap<IpAddr, usize>) {
    let mut by_address: BTreeMap<IpAddr, BTreeSet<Node>> = BTreeMap::new();
    let router = meaning.context.router;
    let handover = Handover::new(router);
    for node in handover.peers(meaning.id) {
        for ip in router.addresses_of(node) {
            by_address.entry(ip).or_default().insert(node);
        }
    }
    let groups: BTreeSet<&BTreeSet<Node>> = by_address.values().collect();
    let peers: Vec<Peer> = groups.iter().map(|nodes| peer(meaning, &handover, nodes)).collect();
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

fn peer(meaning: &Meaning<'_>, handover: &Handover<'_, '_>, nodes: &BTreeSet<Node>) -> Peer {
    let context = meaning.context;
    let names: Vec<&str> = nodes.iter().map(|&node| context.plan.node_name(node)).collect();
    let mut peer =
        Peer { class: quote::service_name("from", &names), nodes: nodes.iter().copied().collect(), ..Peer::default() };
    let spell = Spellings { utf8: meaning.mta().takes_utf8() };
    let sent = |domain: &str| nodes.iter().any(|&node| handover.sends(node, meaning.id, domain));
    peer.any = sent(&meaning.some_domain(&Pattern::Any));
    for pattern in &meaning.patterns {
        // What is the MTA's own has been decided before.
        let member = meaning.some_domain(pattern);
        if context.router.own(meaning.id, &member).is_some() {
            continue;
        }
        let (lead, domain) = match pattern {
            Pattern::Exact(domain) => ("", domain),
            Pattern::Sub(domain) => (".", domain),
            Pattern::Any => continue,
        };
        let word = if sent(&member) { "trusted" } else { "reject_unauth_destination" };
        for domain in spell.domain(domain.as_str()) {
            peer.table.insert(format!("{lead}{domain}"), word);
        }
    }
    peer
}
