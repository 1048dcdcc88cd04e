//! The servers of a world: one for each smart host, one for each domain's mail exchanger, each offering what the
//! connectors to it ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::SENDERS;
use super::names::{Names, label};
use crate::lab::{Auth, Identity, Result, Sink, World};
use crate::name::{Host, HostName, Mailbox, Pattern};
use crate::plan::route::Router;
use crate::plan::route::outcome::Fate;
use crate::plan::{Connector, ConnectorId, NextHop, Node as Place, Plan, Protocol, Question, TlsLevel};
use crate::verify::ask::{Ask, goes_on};
use crate::verify::weather::{Tls, Weather, bare};

/// A certificate for nobody in the estate.
const OTHER_NAME: &str = "somebody-else.invalid";
/// Of a foreign domain: a name that no smart host has.
const EXCHANGER: &str = "mail-exchanger-of-the-world";
/// Where the MX record of a smart host's name leads: one who asks for it goes astray.
const NOWHERE: &str = "nowhere.invalid";

/// A server to be.
#[derive(Debug, Default)]
pub(super) struct Door {
    label: String,
    protocol: Option<Protocol>,
    /// What its certificate names; none: no TLS.
    names: BTreeSet<String>,
    /// Some connector verifies it by a file of its own, and by the system's authorities.
    by_file: bool,
    by_system: bool,
    auth: bool,
    refused: BTreeSet<String>,
}

/// Where the mail of a connector comes out, in its order.
#[derive(Debug, Default)]
pub(super) struct Ways {
    pub(super) balanced: bool,
    /// The labels of its servers.
    pub(super) hosts: Vec<Way>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) label: String,
    pub(super) up: bool,
}

/// What is known of the servers once they are open.
#[derive(Debug, Default)]
pub(super) struct Doors {
    pub(super) ways: BTreeMap<ConnectorId, Ways>,
    open: BTreeMap<SocketAddr, Door>,
    /// Those on an MTA's own loopback.
    pub(super) on_loopback: Vec<(ConnectorId, SocketAddr)>,
}

impl Doors {
    /// Plans the servers, and tells the world's DNS of them.
    pub(super) fn new(router: &Router<'_>, asks: &[Ask], names: &Names<'_>, weather: &Weather) -> Result<Doors> {
        let mut doors = Doors::default();
        for id in router.plan.connector_ids() {
            doors.smart_hosts(id, router.plan.connector(id), names, weather)?;
        }
        doors.exchangers(router, asks, names)?;
        doors.refuse(router, asks, names)?;
        Ok(doors)
    }

    fn smart_hosts(
        &mut self,
        id: ConnectorId,
        connector: &Connector,
        names: &Names<'_>,
        weather: &Weather,
    ) -> Result<()> {
        let NextHop::SmartHosts { hosts, balanced } = &connector.hop else { return Ok(()) };
        // An MTA of ours is its own server.
        if matches!(connector.to.value, Place::Mta(_)) {
            return Ok(());
        }
        let mut ways = Ways { balanced: balanced.is_some(), hosts: Vec::new() };
        for host in hosts.iter().map(|host| &host.value) {
            let socket = names.socket(host, connector.protocol())?;
            let up = !weather.down.contains(&bare(host));
            let known = self.open.get(&socket).map_or_else(|| label(host), |door| door.label.clone());
            ways.hosts.push(Way { label: known.clone(), up });
            if up {
                let door = self.open.entry(socket).or_insert_with(|| Door { label: known, ..Door::default() });
                describe(door, connector, host);
                if socket.ip().is_loopback() {
                    self.on_loopback.push((id, socket));
                }
            }
        }
        self.ways.insert(id, ways);
        Ok(())
    }

    /// MX records: for our own domains the MTAs that take them, for all others a server each.
    fn exchangers(&mut self, router: &Router<'_>, asks: &[Ask], names: &Names<'_>) -> Result<()> {
        let ours = point_at_ours(router, names)?;
        let foreign = foreign_domains(router.plan, asks);
        for host in smart_host_names(router.plan).filter(|host| !ours.contains(*host) && !foreign.contains(*host)) {
            names.mx(host, NOWHERE)?;
        }
        for domain in foreign.difference(&ours) {
            let exchanger = format!("{EXCHANGER}.{domain}");
            names.mx(domain, &exchanger)?;
            let socket = SocketAddr::new(names.address(&exchanger)?, 25);
            let door = Door { label: exchanger_of(domain), names: BTreeSet::from([exchanger]), ..Door::default() };
            self.open.insert(socket, door);
        }
        Ok(())
    }

    /// What a complete system does not hold, its servers refuse.
    fn refuse(&mut self, router: &Router<'_>, asks: &[Ask], names: &Names<'_>) -> Result<()> {
        let plan = router.plan;
        let all = asks.iter().flat_map(|ask| ask.outcomes(router)).filter(|outcome| !goes_on(plan, outcome));
        let known = all.filter_map(|outcome| match (outcome.fate, outcome.connector, outcome.recipient) {
            (Fate::Rejected | Fate::Bounced, Some(id), Some(recipient)) => Some((id, recipient)),
            _ => None,
        });
        let others = asks.iter().filter_map(|ask| match &ask.recipients[0].question {
            Question::Address(mailbox) => Some((ask.refused_behind?, mailbox.clone())),
            _ => None,
        });
        for (id, recipient) in known.chain(others) {
            let connector = plan.connector(id);
            let NextHop::SmartHosts { hosts, .. } = &connector.hop else { continue };
            for host in hosts {
                let socket = names.socket(&host.value, connector.protocol())?;
                if let Some(door) = self.open.get_mut(&socket) {
                    door.refused.insert(recipient.as_str().to_owned());
                }
            }
        }
        Ok(())
    }

    /// Opens all but those on loopbacks.
    pub(super) fn open(&self, world: &World, plan: &Plan, weather: &Weather) -> Result<()> {
        let utf8 = plan.mtas.iter().any(|mta| mta.takes_utf8());
        for (socket, door) in self.open.iter().filter(|(socket, _)| !socket.ip().is_loopback()) {
            world.sink(&socket.to_string(), sink(door, utf8, weather.tls)?)?;
        }
        Ok(())
    }

    /// The server that is to be on an MTA's own loopback.
    pub(super) fn on_own_machine(&self, socket: SocketAddr, utf8: bool, weather: &Weather) -> Result<Option<Sink>> {
        self.open.get(&socket).map(|door| sink(door, utf8, weather.tls)).transpose()
    }
}

/// The names of smart hosts, which are to be reached by their addresses.
fn smart_host_names(plan: &Plan) -> impl Iterator<Item = &str> {
    let hosts = plan.connectors.iter().filter_map(|connector| match &connector.hop {
        NextHop::SmartHosts { hosts, .. } => Some(hosts),
        _ => None,
    });
    hosts.flatten().filter_map(|host| match &host.value.name {
        HostName::Domain(domain) => Some(domain.as_str()),
        HostName::Ip(_) => None,
    })
}

/// The label of the server that takes a foreign domain's mail.
pub(super) fn exchanger_of(domain: &str) -> String {
    format!("mx of {domain}")
}

/// MX records for the domains that our own MTAs take from the Internet. An MTA's hostname needs none.
fn point_at_ours(router: &Router<'_>, names: &Names<'_>) -> Result<BTreeSet<String>> {
    let plan = router.plan;
    let mut ours: BTreeSet<String> = plan.mtas.iter().map(|mta| mta.hostname.value.as_str().to_owned()).collect();
    let mut records = BTreeSet::new();
    for decl in &plan.domains {
        let Pattern::Exact(domain) = &decl.pattern.value else { continue };
        for (node, _) in router.mx(domain.as_str()).unwrap_or_default() {
            if let Place::Mta(id) = *node {
                records.insert((domain.as_str(), plan.mta(id).hostname.value.as_str()));
            }
        }
    }
    for (domain, hostname) in records {
        ours.insert(domain.to_owned());
        names.mx(domain, hostname)?;
    }
    Ok(ours)
}

/// The domains that mail goes to by MX lookup.
fn foreign_domains(plan: &Plan, asks: &[Ask]) -> BTreeSet<String> {
    let mut domains = BTreeSet::from([SENDERS.to_owned()]);
    for expected in asks.iter().flat_map(|ask| &ask.expected) {
        let (Some(recipient), Some(connector)) = (&expected.recipient, expected.connector) else { continue };
        if matches!(plan.connector(connector).hop, NextHop::Dns(_)) {
            domains.insert(domain_of(recipient));
        }
    }
    domains
}

fn describe(door: &mut Door, connector: &Connector, host: &Host) {
    door.protocol = Some(connector.protocol());
    door.auth |= connector.auth.is_some();
    let verified = connector.tls.level == TlsLevel::Verified;
    door.by_file |= verified && connector.tls.ca.is_some();
    door.by_system |= verified && connector.tls.ca.is_none();
    if connector.tls.level != TlsLevel::Off || connector.protocol() == Protocol::Smtps {
        let name = connector.tls.name.as_ref().map(|name| name.value.as_str().to_owned());
        door.names.insert(name.unwrap_or_else(|| bare(host)));
    }
}

fn sink(door: &Door, utf8: bool, tls: Tls) -> Result<Sink> {
    let names: Vec<&str> = door.names.iter().map(String::as_str).collect();
    // An authority that only the connector's file has shows that the file is read.
    let issue = if door.by_file && !door.by_system { Identity::of_site } else { Identity::trusted };
    let identity = || match tls {
        Tls::OtherName => issue(&[OTHER_NAME]),
        Tls::OtherAuthority => Identity::self_signed(&names),
        Tls::AsAsked | Tls::Absent => issue(&names),
    };
    let mut sink = match door.protocol.unwrap_or(Protocol::Smtp) {
        Protocol::Smtp => Sink::smtp(&door.label),
        Protocol::Lmtp => Sink::lmtp(&door.label),
        Protocol::Smtps => Sink::smtps(&door.label, identity()?),
    };
    if !door.names.is_empty() && door.protocol != Some(Protocol::Smtps) && tls != Tls::Absent {
        sink = sink.starttls(identity()?);
    }
    if door.auth {
        sink = sink.auth(Auth::Accepts);
    }
    if utf8 {
        sink = sink.smtputf8();
    }
    let refuse = |sink: Sink, recipient: &String| sink.rcpt_for(recipient, "550 5.1.1 nobody has this address");
    Ok(door.refused.iter().fold(sink, refuse))
}

pub(super) fn domain_of(recipient: &str) -> String {
    Mailbox::parse(recipient).map(|mailbox| mailbox.domain().to_owned()).unwrap_or_default()
}
