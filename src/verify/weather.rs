//! What goes wrong in the world on purpose: hosts that are down, next hops without TLS, certificates of somebody else.

use std::collections::BTreeSet;

use crate::name::{Host, HostName};
use crate::plan::route::Router;
use crate::plan::{Connector, ConnectorId, DomainDecl, NextHop, Plan, Protocol, TlsLevel, Unresolved};
use crate::verify::ask::Ask;
use crate::verify::tiers::stand_ins;

/// What the next hops offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tls {
    /// What the connectors to them ask for.
    #[default]
    AsAsked,
    /// No STARTTLS.
    Absent,
    /// A certificate for another name, by the same authority.
    OtherName,
    /// A certificate for the right name that nobody vouches for.
    OtherAuthority,
}

#[derive(Debug, Clone, Default)]
pub struct Weather {
    /// Smart hosts, without their ports, that nothing listens on.
    pub down: BTreeSet<String>,
    pub tls: Tls,
}

impl Weather {
    pub(super) fn is_fair(&self) -> bool {
        self.down.is_empty() && self.tls == Tls::AsAsked
    }

    /// Whether a connector's policy keeps mail from every next hop in this weather.
    pub(super) fn holds(&self, connector: &Connector) -> bool {
        let encrypted = connector.protocol() == Protocol::Smtps;
        match self.tls {
            Tls::AsAsked => false,
            Tls::Absent => connector.tls.level >= TlsLevel::Required && !encrypted,
            Tls::OtherName | Tls::OtherAuthority => connector.tls.level == TlsLevel::Verified,
        }
    }
}

/// A pass of a verification beside the first, in which all is well.
#[derive(Debug)]
pub struct Storm {
    /// Such as `with the first smart host down`.
    pub name: &'static str,
    pub weather: Weather,
    /// The connectors whose mail it changes.
    pub touches: Vec<ConnectorId>,
}

impl Storm {
    /// One question for each connector that it touches, at each MTA: those whose answer is in no doubt.
    pub fn asks(&self, asks: &[Ask]) -> Vec<Ask> {
        let mut met = BTreeSet::new();
        let touched = |ask: &&Ask| {
            let by = ask.arrives_by().filter(|by| self.touches.contains(by));
            by.is_some_and(|by| met.insert((ask.mta, by)))
        };
        asks.iter().filter(touched).cloned().collect()
    }
}

/// Every storm that makes a difference to an estate.
pub fn storms(router: &Router<'_>) -> Vec<Storm> {
    let plan = router.plan;
    let with_tls = |tls| Weather { tls, ..Weather::default() };
    let all = [
        first_hosts_down(plan),
        cheapest_down(router),
        held(plan, "without TLS at any next hop", with_tls(Tls::Absent)),
        held(plan, "with somebody else's certificate at every next hop", with_tls(Tls::OtherName)),
        held(plan, "with a certificate of no authority at every next hop", with_tls(Tls::OtherAuthority)),
    ];
    all.into_iter().filter(|storm| !storm.touches.is_empty()).collect()
}

/// Hosts that are tried in order: the second takes over.
fn first_hosts_down(plan: &Plan) -> Storm {
    let mut storm = Storm { name: "with the first smart host down", weather: Weather::default(), touches: Vec::new() };
    for id in plan.connector_ids() {
        let NextHop::SmartHosts { hosts, .. } = &plan.connector(id).hop else { continue };
        let (Some(first), true) = (hosts.first(), hosts.len() > 1) else { continue };
        let mut down = storm.weather.down.clone();
        down.insert(bare(&first.value));
        if plan.connector_ids().all(|id| is_up(plan, id, &down)) {
            storm.weather.down = down;
            storm.touches.push(id);
        }
    }
    storm
}

/// Connectors that another stands in for: the dearer one takes over.
fn cheapest_down(router: &Router<'_>) -> Storm {
    let plan = router.plan;
    let mut storm =
        Storm { name: "with every host of the cheapest connector down", weather: Weather::default(), touches: vec![] };
    for id in plan.connector_ids() {
        let NextHop::SmartHosts { hosts, .. } = &plan.connector(id).hop else { continue };
        let mut down = storm.weather.down.clone();
        down.extend(hosts.iter().map(|host| bare(&host.value)));
        // Nobody must be without a way because of it.
        let has_way = |other: ConnectorId| {
            is_up(plan, other, &down) || {
                let others = stand_ins(router, other);
                !others.is_empty() && others.iter().all(|list| list.iter().any(|&next| is_up(plan, next, &down)))
            }
        };
        let behind = stand_ins(router, id);
        let alone = behind.is_empty() || behind.iter().any(Vec::is_empty) || takes_unresolved(plan, id);
        if !alone && plan.connector_ids().all(has_way) {
            storm.weather.down = down;
            storm.touches.push(id);
        }
    }
    storm
}

/// Connectors whose policy no next hop satisfies: their mail waits, and never goes out.
fn held(plan: &Plan, name: &'static str, weather: Weather) -> Storm {
    let touches = plan.connector_ids().filter(|&id| weather.holds(plan.connector(id))).collect();
    Storm { name, weather, touches }
}

/// `unresolved via` names one connector, and nothing stands in for it.
fn takes_unresolved(plan: &Plan, id: ConnectorId) -> bool {
    let via = |decl: &DomainDecl| matches!(decl.unresolved, Unresolved::Via { connector, .. } if connector == Some(id));
    plan.domains.iter().any(via)
}

pub(super) fn is_up(plan: &Plan, id: ConnectorId, down: &BTreeSet<String>) -> bool {
    match &plan.connector(id).hop {
        NextHop::SmartHosts { hosts, .. } => hosts.iter().any(|host| !down.contains(&bare(&host.value))),
        _ => true,
    }
}

/// A host without its port.
pub(super) fn bare(host: &Host) -> String {
    match &host.name {
        HostName::Domain(domain) => domain.as_str().to_owned(),
        HostName::Ip(ip) => ip.to_string(),
    }
}
