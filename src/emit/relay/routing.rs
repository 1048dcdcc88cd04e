//! The routing section: what the MTA's tables do not hold, in the terms of the relay.

use std::net::IpAddr;

use super::known::{Known, refused};
use super::tables;
use crate::name::{Host, HostName, Mailbox, Pattern};
use crate::plan::classes::{Fresh, patterns};
use crate::plan::route::decide::{Decision, Way};
use crate::plan::route::handover::Handover;
use crate::plan::route::{Own, Tier};
use crate::plan::{self, ConnectorId, DomainKind, NextHop, Node, Plan};
use crate::relay::config::{Auth, ClientTls, Connector, DomainRule, Peer, Protocol, Routing, Space, System, TlsLevel};

pub(super) fn routing(known: &Known<'_>) -> Routing {
    let (plan, id) = (known.plan(), known.mta);
    let mta = plan.mta(id);
    Routing {
        trust: mta.trust.iter().map(|t| t.value).collect(),
        peers: peers(known),
        postmaster: postmaster(known),
        subaddress: mta.separator(),
        smtputf8: mta.takes_utf8(),
        tables: tables::names(),
        domains: domains(known).into_iter().map(|(pattern, own)| domain(known, pattern, own)).collect(),
        systems: systems(known).map(|(name, tiers)| System { name: name.to_owned(), tiers }).collect(),
        spaces: spaces(known),
        connectors: plan.connectors_from(id).map(|c| connector(plan, c)).collect(),
        refused: known.refused.iter().map(|(pattern, answers)| refused(pattern, *answers)).collect(),
    }
}

fn peers(known: &Known<'_>) -> Vec<Peer> {
    let (plan, router) = (known.plan(), known.router());
    let handover = Handover::new(router);
    let fresh = Fresh::new(plan);
    let mut peers = Vec::new();
    for node in handover.peers(known.mta) {
        let addresses: Vec<IpAddr> = router.addresses_of(node);
        let mut peer =
            Peer { name: plan.node_name(node).to_owned(), addresses, domains: Vec::new(), except: Vec::new() };
        for pattern in patterns(plan) {
            let domain = fresh.mailbox(&pattern).domain().to_owned();
            if router.own(known.mta, &domain).is_some() {
                continue;
            }
            let sends = handover.sends(node, known.mta, &domain);
            let list = if sends { &mut peer.domains } else { &mut peer.except };
            list.push(pattern);
        }
        if !peer.addresses.is_empty() && !peer.domains.is_empty() {
            peers.push(peer);
        }
    }
    peers
}

/// The bare `<postmaster>` is `postmaster@` the hostname, unless that lies in a relay domain.
fn postmaster(known: &Known<'_>) -> Mailbox {
    let plan = known.plan();
    let mta = plan.mta(known.mta);
    let hostname = mta.hostname.value.as_str();
    match mta.postmaster {
        Some(postmaster) if known.router().is_relay_domain(known.mta, hostname) => {
            plan.addresses.mailbox(postmaster.id)
        }
        _ => Mailbox::from_content("postmaster", hostname),
    }
}

/// The MTA's own domains with what makes them so, each once, in the order of the file.
pub(super) fn domains<'a>(known: &Known<'a>) -> Vec<(Pattern, Own)> {
    let plan: &'a Plan = known.plan();
    let mut all: Vec<(Pattern, Own)> = Vec::new();
    for id in plan.domain_ids() {
        let decl = plan.domain(id);
        if decl.on.contains(&known.mta) && all.iter().all(|(p, _)| *p != decl.pattern.value) {
            all.push((decl.pattern.value.clone(), Own::Declared(id)));
        }
    }
    let hostname = Pattern::Exact(plan.mta(known.mta).hostname.value.clone());
    if all.iter().all(|(p, _)| *p != hostname) {
        all.push((hostname, Own::Hostname));
    }
    all
}

fn domain(known: &Known<'_>, pattern: Pattern, own: Own) -> DomainRule {
    let plan = known.plan();
    let mut rule = DomainRule { domain: pattern, relay: false, reject: None, via: None, verify: false };
    if let Own::Declared(id) = own
        && plan.domain(id).kind == DomainKind::Relay
    {
        rule.relay = true;
        rule.verify = plan.domain(id).verify.is_some();
        return rule;
    }
    let Pattern::Exact(domain) = &rule.domain else { return rule };
    match known.router().unknown(known.mta, domain.as_str()) {
        Decision::Send { tiers: Way::Only(exit), verify, .. } => {
            rule.via = Some(plan.connector(exit.connector).name.clone());
            rule.verify = verify;
        }
        Decision::Refuse { why, .. } => rule.reject = Some(why.status().0.to_owned()),
        Decision::Send { .. } | Decision::Rewrite { .. } => {}
    }
    rule
}

/// Each system that a connector of the MTA leads to, in the order of the file.
fn systems<'a>(known: &Known<'a>) -> impl Iterator<Item = (&'a str, Vec<Vec<String>>)> {
    let (plan, router, mta) = (known.plan(), known.router(), known.mta);
    plan.system_ids().filter_map(move |id| {
        let tiers = router.to_system(mta, id)?;
        Some((plan.system(id).name.as_str(), names(plan, tiers)))
    })
}

fn spaces(known: &Known<'_>) -> Vec<Space> {
    let (plan, router) = (known.plan(), known.router());
    let mut spaces: Vec<Space> = Vec::new();
    for id in plan.connectors_from(known.mta) {
        for space in &plan.connector(id).spaces {
            if spaces.iter().any(|s| s.domain == space.pattern) {
                continue;
            }
            if let Some(tiers) = router.space_of_pattern(known.mta, &space.pattern) {
                spaces.push(Space { domain: space.pattern.clone(), tiers: names(plan, tiers) });
            }
        }
    }
    spaces
}

fn names(plan: &Plan, tiers: &[Tier]) -> Vec<Vec<String>> {
    let name = |tier: &Tier| tier.exits.iter().map(|e| plan.connector(e.connector).name.clone()).collect();
    tiers.iter().map(name).collect()
}

fn connector(plan: &Plan, id: ConnectorId) -> Connector {
    let c = plan.connector(id);
    let (hosts, balanced, dns) = next_hop(plan, c);
    Connector {
        name: c.name.clone(),
        to: plan.node_name(c.to.value).to_owned(),
        hosts,
        balanced,
        dns,
        protocol: match c.protocol() {
            plan::Protocol::Smtp => Protocol::Smtp,
            plan::Protocol::Smtps => Protocol::Smtps,
            plan::Protocol::Lmtp => Protocol::Lmtp,
        },
        tls: ClientTls {
            level: match c.tls.level {
                plan::TlsLevel::Off => TlsLevel::Off,
                plan::TlsLevel::Opportunistic => TlsLevel::Opportunistic,
                plan::TlsLevel::Required => TlsLevel::Required,
                plan::TlsLevel::Verified => TlsLevel::Verified,
            },
            name: c.tls.name.as_ref().map(|n| n.value.clone()),
            ca: c.tls.ca.as_ref().map(|ca| ca.value.clone()),
        },
        auth: c.auth.as_ref().map(|a| Auth { user: a.value.user.clone(), password_file: a.value.file.clone() }),
        source_address: c.source_address.map(|s| s.value),
        concurrency: c.concurrency.map(|n| n.value),
        max_size: c.max_size.map(|s| s.value),
    }
}

/// Hosts (with their ports), whether they share the load, and whether MX records are asked instead.
fn next_hop(plan: &Plan, c: &plan::Connector) -> (Vec<Host>, bool, bool) {
    let port = match c.protocol() {
        plan::Protocol::Smtp => 25,
        plan::Protocol::Smtps => 465,
        plan::Protocol::Lmtp => 24,
    };
    match &c.hop {
        NextHop::SmartHosts { balanced, hosts } => {
            let with_port = |h: &Host| Host { name: h.name.clone(), port: Some(h.port.unwrap_or(port)) };
            let hosts: Vec<Host> = hosts.iter().map(|h| with_port(&h.value)).collect();
            let balanced = balanced.is_some() && hosts.len() > 1;
            (hosts, balanced, false)
        }
        NextHop::Dns(_) => (Vec::new(), false, true),
        NextHop::Mta(id) => {
            let mta = plan.mta(*id);
            let port = mta.listen.first().map_or(port, |l| l.value.port);
            (vec![Host { name: HostName::Domain(mta.hostname.value.clone()), port: Some(port) }], false, false)
        }
        NextHop::Missing => (Vec::new(), false, false),
    }
}

/// Where a node is declared.
pub(super) fn declared(plan: &Plan, name: &str) -> Option<crate::source::Span> {
    let mtas = plan.mta_ids().map(Node::Mta).zip(plan.mtas.iter().map(|m| m.span));
    let systems = plan.system_ids().map(Node::System).zip(plan.systems.iter().map(|s| s.span));
    mtas.chain(systems).find(|(node, _)| plan.node_name(*node) == name).map(|(_, span)| span)
}
