//! Which clients may have which recipients relayed.

use std::net::IpAddr;

use hashbrown::HashMap;
use ipnet::IpNet;

use super::Asker;
use crate::name::PatternMap;
use crate::relay::config::Routing;

#[derive(Debug)]
pub(super) struct Clients {
    trust: Vec<IpNet>,
    /// What the peers at an address send, and what not.
    peers: HashMap<IpAddr, Vec<PatternMap<bool>>>,
}

impl Clients {
    pub(super) fn new(routing: &Routing) -> Clients {
        let mut peers: HashMap<IpAddr, Vec<PatternMap<bool>>> = HashMap::new();
        for peer in &routing.peers {
            let mut sends = PatternMap::default();
            peer.domains.iter().for_each(|pattern| sends.insert_if_absent(pattern, true));
            peer.except.iter().for_each(|pattern| sends.insert_if_absent(pattern, false));
            for address in &peer.addresses {
                peers.entry(*address).or_default().push(sends.clone());
            }
        }
        Clients { trust: routing.trust.clone(), peers }
    }

    pub(super) fn trusts(&self, client: IpAddr) -> bool {
        // A socket for both families shows IPv4 clients as IPv6 ones (RFC 4291 2.5.5.2).
        let client = client.to_canonical();
        self.trust.iter().any(|net| net.contains(&client))
    }

    /// Whether `asker` may ask for any recipient of a domain, which is one of ours or not.
    pub(super) fn may_relay(&self, asker: Asker, domain: &str, own: bool) -> bool {
        match asker {
            Asker::Trusted => true,
            Asker::Anyone => false,
            Asker::Client(client) => self.trusts(client) || (!own && self.peer_sends(client, domain)),
        }
    }

    fn peer_sends(&self, client: IpAddr, domain: &str) -> bool {
        let Some(peers) = self.peers.get(&client.to_canonical()) else { return false };
        peers.iter().any(|sends| sends.find(domain).is_some_and(|sends| *sends))
    }
}
