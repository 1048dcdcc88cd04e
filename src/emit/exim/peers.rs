//! The nodes that hand recipients of foreign domains to an MTA: each may relay those, and no others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::groups::unique;
use super::quote;
use crate::plan::route::Router;
use crate::plan::route::handover::Handover;
use crate::plan::{MtaId, Node};

/// A node whose address is known.
#[derive(Debug)]
pub(super) struct Peer {
    pub name: String,
    pub node: Node,
    pub addresses: Vec<IpAddr>,
}

#[derive(Debug)]
pub(super) struct Peers<'r, 'p> {
    handover: Handover<'r, 'p>,
    mta: MtaId,
    known: Vec<Peer>,
}

impl<'r, 'p> Peers<'r, 'p> {
    /// Every node that may hand something on to an MTA. A node without an address cannot be told from anyone else
    /// (`hop::untrusted`).
    pub(super) fn of(router: &'r Router<'p>, mta: MtaId) -> Peers<'r, 'p> {
        let handover = Handover::new(router);
        let mut names = BTreeSet::new();
        let mut known = Vec::new();
        for node in handover.peers(mta) {
            let addresses = router.addresses_of(node);
            if !addresses.is_empty() {
                let name = unique(&mut names, quote::name("p_", router.plan.node_name(node)));
                known.push(Peer { name, node, addresses });
            }
        }
        Peers { handover, mta, known }
    }

    /// The names of the peers that hand the MTA recipients of a domain.
    pub(super) fn sending(&self, domain: &str) -> Vec<String> {
        let sending = self.known.iter().filter(|p| self.handover.sends(p.node, self.mta, domain));
        sending.map(|p| p.name.clone()).collect()
    }

    /// Those of the names, in the order of the file.
    pub(super) fn named(self, names: &BTreeSet<String>) -> Vec<Peer> {
        self.known.into_iter().filter(|peer| names.contains(&peer.name)).collect()
    }
}
