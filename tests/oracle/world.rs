//! An estate with its directory read once, and the questions that the meaning puts to it.

use std::collections::BTreeMap;

use crate::oracle::address::{Address, domain, inside, specificity};
use crate::oracle::estate::{Declaration, Estate, Kind, Node, Unresolved};

pub(crate) struct World<'a> {
    pub(crate) estate: &'a Estate,
    /// The normal form of each secondary, and the contact that has it.
    contacts: BTreeMap<String, usize>,
    /// The normal form of each account's address, and the system that holds it.
    accounts: BTreeMap<String, usize>,
}

/// What one MTA knows of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// `domain` or `shared domain`, or the MTA's own hostname.
    Own(Unresolved),
    Relay {
        verify: bool,
    },
    Foreign,
}

impl<'a> World<'a> {
    pub(crate) fn new(estate: &'a Estate) -> World<'a> {
        let normal = |text: &String| Address::read(text).normal();
        let mut world = World { estate, contacts: BTreeMap::new(), accounts: BTreeMap::new() };
        for (number, contact) in estate.contacts.iter().enumerate() {
            // A secondary that is the contact's own primary says nothing.
            let primary = normal(&contact.primary);
            for secondary in contact.secondaries.iter().map(normal).filter(|secondary| *secondary != primary) {
                world.contacts.entry(secondary).or_insert(number);
            }
        }
        for (number, system) in estate.systems.iter().enumerate() {
            for address in system.accounts.iter().flatten() {
                world.accounts.entry(normal(address)).or_insert(number);
            }
        }
        world
    }

    /// The contact that has exactly this address as a secondary.
    pub(crate) fn contact(&self, address: &Address) -> Option<usize> {
        self.contacts.get(&address.normal()).copied()
    }

    /// The system that has exactly this address as an account.
    pub(crate) fn account(&self, address: &Address) -> Option<usize> {
        self.accounts.get(&address.normal()).copied()
    }

    pub(crate) fn hostname(&self, mta: usize) -> String {
        domain(&self.estate.mtas[mta].hostname)
    }

    /// Where declarations overlap at an MTA, the most specific applies; its own hostname need not be declared.
    pub(crate) fn domain_at(&self, mta: usize, name: &str) -> Domain {
        let here = self.estate.domains.iter().filter(|declaration| stands_at(declaration, mta));
        let applies = here
            .filter_map(|declaration| Some((specificity(&declaration.pattern, name)?, declaration)))
            .max_by_key(|&(specific, _)| specific);
        match applies {
            Some((specific, _)) if specific < usize::MAX && name == self.hostname(mta) => {
                Domain::Own(Unresolved::Reject)
            }
            Some((_, Declaration { kind: Kind::Relay { verify }, .. })) => Domain::Relay { verify: *verify },
            Some((_, declaration)) => Domain::Own(declaration.unresolved),
            None if name == self.hostname(mta) => Domain::Own(Unresolved::Reject),
            None => Domain::Foreign,
        }
    }

    /// Has the node addresses, and does the MTA trust each of them?
    pub(crate) fn trusts(&self, mta: usize, node: Node) -> bool {
        let addresses = match node {
            Node::Mta(other) => &self.estate.mtas[other].addresses,
            Node::System(system) => &self.estate.systems[system].addresses,
            Node::Internet => return false,
        };
        let trusted = |ip: &String| self.estate.mtas[mta].trust.iter().any(|network| inside(ip, network));
        !addresses.is_empty() && addresses.iter().all(trusted)
    }

    /// By default a connector starts at every MTA but the one that it leads to.
    pub(crate) fn starts_at(&self, connector: usize, mta: usize) -> bool {
        let connector = &self.estate.connectors[connector];
        match connector.from.is_empty() {
            true => connector.to != Node::Mta(mta),
            false => connector.from.contains(&mta),
        }
    }

    pub(crate) fn connectors_of(&self, mta: usize) -> impl Iterator<Item = usize> {
        (0..self.estate.connectors.len()).filter(move |&connector| self.starts_at(connector, mta))
    }

    /// A connector's patterns, each with its cost; without any, those of the system that it leads to.
    pub(crate) fn spaces(&self, connector: usize) -> Vec<(String, u32)> {
        let connector = &self.estate.connectors[connector];
        let cost = connector.cost.unwrap_or(1);
        match connector.to {
            Node::System(system) if connector.spaces.is_empty() => {
                self.estate.systems[system].domains.iter().map(|pattern| (pattern.clone(), cost)).collect()
            }
            _ => connector.spaces.iter().map(|(pattern, own)| (pattern.clone(), own.unwrap_or(cost))).collect(),
        }
    }

    /// What a connector costs where an account's mail takes it.
    pub(crate) fn account_cost(&self, connector: usize) -> u32 {
        let lowest = self.spaces(connector).into_iter().map(|(_, cost)| cost).min();
        lowest.unwrap_or(self.estate.connectors[connector].cost.unwrap_or(1))
    }

    /// Does a system hold this address, understanding the sub-addresses of the MTA that handed it over?
    pub(crate) fn holds(&self, system: usize, mta: usize, address: &Address) -> bool {
        let holds = |address: &Address| self.account(address) == Some(system);
        let cut = address.cut(self.estate.mtas[mta].subaddress);
        holds(address) || cut.is_some_and(|(user, _)| holds(&user))
    }

    /// A system that lists its accounts holds those and no others.
    pub(crate) fn closed(&self, system: usize) -> bool {
        !self.estate.systems[system].accounts.is_empty()
    }

    /// Where a system sends what it does not hold: nowhere, for domains where it is the end.
    pub(crate) fn forwards(&self, system: usize, name: &str) -> Vec<Node> {
        let system = &self.estate.systems[system];
        if system.authoritative.iter().any(|pattern| specificity(pattern, name).is_some()) {
            return Vec::new();
        }
        let matching: Vec<(usize, Node)> =
            system.forwards.iter().filter_map(|(pattern, to)| Some((specificity(pattern, name)?, *to))).collect();
        let most = matching.iter().map(|&(specific, _)| specific).max();
        matching.into_iter().filter(|&(specific, _)| Some(specific) == most).map(|(_, to)| to).collect()
    }

    /// Where the Internet takes a domain, `internet` itself if it is nobody's of ours.
    pub(crate) fn mx(&self, name: &str) -> Vec<Node> {
        let of_it = self.estate.domains.iter().filter(|declaration| domain(&declaration.pattern) == name);
        let declared: Vec<&Declaration> =
            of_it.clone().filter(|declaration| !matches!(declaration.kind, Kind::Relay { .. })).collect();
        if !declared.is_empty() {
            let said: Vec<Node> = of_it.flat_map(|declaration| declaration.mx.clone()).collect();
            let stands = |mta: usize| declared.iter().any(|declaration| stands_at(declaration, mta));
            let default = (0..self.estate.mtas.len()).filter(|&mta| stands(mta)).map(Node::Mta);
            return if said.is_empty() { default.collect() } else { said };
        }
        if let Some(mta) = (0..self.estate.mtas.len()).find(|&mta| self.hostname(mta) == name) {
            return vec![Node::Mta(mta)];
        }
        self.owners(name)
    }

    /// The systems whose own domain this is, by the most specific pattern.
    fn owners(&self, name: &str) -> Vec<Node> {
        let best = |system: usize| {
            self.estate.systems[system].domains.iter().filter_map(|pattern| specificity(pattern, name)).max()
        };
        let systems = 0..self.estate.systems.len();
        match systems.clone().filter_map(best).max() {
            Some(most) => systems.filter(|&system| best(system) == Some(most)).map(Node::System).collect(),
            None => vec![Node::Internet],
        }
    }
}

fn stands_at(declaration: &Declaration, mta: usize) -> bool {
    declaration.on.is_empty() || declaration.on.contains(&mta)
}
