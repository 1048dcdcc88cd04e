//! The nodes that hand recipients of foreign domains to an MTA: each may relay those, and no others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::groups::unique;
use super::quote;
use crate::plan::route::Router;
use crate::plan::route::decide::Decision;
use crate::plan::{MtaId, Node, Plan};

/// A node whose address is known.
#[derive(Debug)]
pub(super) struct Peer {
    pub name: String,
    pub node: Node,
    pub addresses: Vec<IpAddr>,
}

#[derive(Debug)]
pub(super) struct Peers(pub Vec<Peer>);

impl Peers {
    /// Every node that others can see, the MTA itself aside. A node without an address cannot be told from anyone
    /// else (`hop::untrusted`).
    pub(super) fn of(router: &Router<'_>, mta: MtaId) -> Peers {
        let plan = router.plan;
        let mtas = plan.mta_ids().filter(|&id| id != mta).map(Node::Mta);
        let nodes = mtas.chain(plan.system_ids().map(Node::System));
        let mut names = BTreeSet::new();
        let peers = nodes.filter_map(|node| {
            let addresses = router.addresses_of(node);
            let name = quote::name("p_", plan.node_name(node));
            (!addresses.is_empty()).then(|| Peer { name: unique(&mut names, name), node, addresses })
        });
        Peers(peers.collect())
    }

    /// The names of the peers that hand this MTA recipients of a domain.
    pub(super) fn sending(&self, router: &Router<'_>, mta: MtaId, domain: &str) -> Vec<String> {
        self.0.iter().filter(|p| sends(router, p.node, mta, domain)).map(|p| p.name.clone()).collect()
    }
}

fn sends(router: &Router<'_>, from: Node, to: MtaId, domain: &str) -> bool {
    match from {
        Node::Mta(id) => mta_sends(router, id, to, domain),
        Node::System(id) => {
            let system = router.plan.system(id);
            if system.authoritative.iter().any(|p| p.value.matches(domain)) {
                return false;
            }
            let matching = system.forwards.iter().filter(|f| f.pattern.matches(domain));
            let best = matching.clone().map(|f| specificity(&f.pattern)).max();
            matching.filter(|f| Some(specificity(&f.pattern)) == best).any(|f| f.to == Node::Mta(to))
        }
        Node::Internet | Node::Unknown => false,
    }
}

fn specificity(pattern: &crate::name::Pattern) -> (u8, usize) {
    match pattern {
        crate::name::Pattern::Exact(_) => (2, 0),
        crate::name::Pattern::Sub(d) => (1, d.as_str().len()),
        crate::name::Pattern::Any => (0, 0),
    }
}

fn mta_sends(router: &Router<'_>, from: MtaId, to: MtaId, domain: &str) -> bool {
    let leads_there = |connector| router.plan.connector(connector).to.value == Node::Mta(to);
    if let Decision::Send { tiers, .. } = router.unknown(from, domain)
        && tiers.exits().iter().any(|(exit, _)| leads_there(exit.connector))
    {
        return true;
    }
    // An account whose system has no connector there leaves by its address space, whatever its domain rejects.
    let by_space = router
        .space(from, domain)
        .is_some_and(|tiers| tiers.iter().flat_map(|t| &t.exits).any(|exit| leads_there(exit.connector)));
    by_space
        && router.own(from, domain).is_some()
        && !router.is_relay_domain(from, domain)
        && has_stranded_account(router, from, domain)
}

fn has_stranded_account(router: &Router<'_>, mta: MtaId, domain: &str) -> bool {
    let plan: &Plan = router.plan;
    plan.account_ids().any(|id| {
        let account = plan.account(id);
        router.to_system(mta, account.system).is_none()
            && plan.addresses_of(id).iter().any(|a| plan.addresses.domain(a.id) == domain)
    })
}
