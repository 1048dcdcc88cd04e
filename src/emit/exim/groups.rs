//! The ways out of one MTA: which connectors stand together, under which name, and with which hosts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::quote;
use crate::name::HostName;
use crate::plan::route::decide::Way;
use crate::plan::{ConnectorId, NextHop, Plan, Protocol, TlsLevel};

/// Tiers of connectors, the cheapest first: one router of its own.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub name: String,
    pub tiers: Vec<Vec<ConnectorId>>,
}

impl Group {
    /// Every connector once, the cheapest first.
    pub(super) fn members(&self) -> Vec<ConnectorId> {
        self.tiers.concat()
    }
}

/// Every group that an address or a domain is handed to, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Groups {
    list: Vec<Group>,
    known: BTreeMap<Vec<Vec<ConnectorId>>, usize>,
    names: BTreeSet<String>,
}

impl Groups {
    /// The name of the group that takes a recipient this way.
    pub(super) fn name_of(&mut self, plan: &Plan, way: &Way<'_>) -> &str {
        let tiers = tiers_of(way);
        let index = match self.known.get(&tiers) {
            Some(&index) => index,
            None => {
                let name = self.new_name(plan, &tiers);
                self.list.push(Group { name, tiers: tiers.clone() });
                self.known.insert(tiers, self.list.len() - 1);
                self.list.len() - 1
            }
        };
        &self.list[index].name
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.list.iter()
    }

    /// `c_to_exchange`; a group takes the name of its first connector. Router names have no hyphen (15).
    fn new_name(&mut self, plan: &Plan, tiers: &[Vec<ConnectorId>]) -> String {
        let alone = tiers.len() == 1 && tiers[0].len() == 1;
        let first = tiers.iter().flatten().next().map_or("", |&c| plan.connector(c).name.as_str());
        let base = quote::name(if alone { "c_" } else { "g_" }, first);
        unique(&mut self.names, base)
    }
}

/// The name, or the name with the first number that makes it a new one.
pub(super) fn unique(taken: &mut BTreeSet<String>, base: String) -> String {
    let numbered = (2..).map(|n| format!("{base}_{n}"));
    let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(base);
    taken.insert(name.clone());
    name
}

pub(super) fn tiers_of(way: &Way<'_>) -> Vec<Vec<ConnectorId>> {
    match way {
        Way::Tiers(tiers) => tiers.iter().map(|t| t.exits.iter().map(|e| e.connector).collect()).collect(),
        Way::Only(exit) => vec![vec![exit.connector]],
        Way::Unknown => Vec::new(),
    }
}

/// A smart host as the options of a transport see it: `$host` and `$host_port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint {
    /// A domain, or an IP address without brackets.
    pub host: String,
    pub ip: bool,
    pub port: u16,
}

impl Endpoint {
    /// As an item of a host list (20.5).
    pub(super) fn item(&self) -> String {
        if self.ip { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }

    /// As `$host/$host_port`.
    pub(super) fn seen(&self) -> String {
        format!("{}/{}", self.host, self.port)
    }
}

/// The hosts of a connector in their order; `None` where the DNS names them.
pub(super) fn endpoints(plan: &Plan, id: ConnectorId) -> Option<Vec<Endpoint>> {
    let connector = plan.connector(id);
    let usual = usual_port(connector.protocol());
    match &connector.hop {
        NextHop::Dns(_) => None,
        NextHop::Missing => Some(Vec::new()),
        NextHop::Mta(mta) => {
            let mta = plan.mta(*mta);
            let ports: Vec<u16> = mta.listen.iter().map(|l| l.value.port).collect();
            let port = if ports.contains(&usual) { usual } else { ports.first().copied().unwrap_or(usual) };
            Some(vec![Endpoint { host: mta.hostname.value.as_str().to_owned(), ip: false, port }])
        }
        NextHop::SmartHosts { hosts, .. } => Some(
            hosts
                .iter()
                .map(|h| {
                    let port = h.value.port.unwrap_or(usual);
                    match &h.value.name {
                        HostName::Domain(d) => Endpoint { host: d.as_str().to_owned(), ip: false, port },
                        HostName::Ip(ip) => Endpoint { host: ip.to_string(), ip: true, port },
                    }
                })
                .collect(),
        ),
    }
}

/// Said in numbers: `/etc/services` need not know `lmtp` or `smtps` (30.4, "port").
pub(super) fn usual_port(protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Smtp => 25,
        Protocol::Smtps => 465,
        Protocol::Lmtp => 24,
    }
}

/// Balanced hosts come in any order.
pub(super) fn is_balanced(plan: &Plan, id: ConnectorId) -> bool {
    matches!(plan.connector(id).hop, NextHop::SmartHosts { balanced: Some(_), .. })
}

/// Everything about a connector that the options of a transport have to say differently for its hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy<'p> {
    pub tls: TlsLevel,
    pub name: Option<&'p str>,
    pub ca: Option<&'p str>,
    pub auth: Option<(&'p str, &'p str)>,
    pub source: Option<std::net::IpAddr>,
    pub max_size: Option<u64>,
}

pub(super) fn policy(plan: &Plan, id: ConnectorId) -> Policy<'_> {
    let c = plan.connector(id);
    // With `smtps` the session is encrypted from its first octet, so there is no clear text to fall back to.
    let tls = match (c.protocol(), c.tls.level) {
        (Protocol::Smtps, TlsLevel::Opportunistic) => TlsLevel::Required,
        (_, level) => level,
    };
    Policy {
        tls,
        name: c.tls.name.as_ref().map(|n| n.value.as_str()),
        ca: c.tls.ca.as_ref().map(|ca| ca.value.as_str()),
        auth: c.auth.as_ref().map(|a| (a.value.user.as_str(), a.value.file.as_str())),
        source: c.source_address.map(|s| s.value),
        max_size: c.max_size.map(|s| s.value),
    }
}
