//! Connectors as Postfix has them: one service of `master.cf` a group, its nexthops in the transport tables, its TLS
//! policy by nexthop.
//!
//! A service has one protocol, one source address and one size limit (they are parameters of the whole service), so a
//! group whose members differ there cannot be one.

use std::collections::{BTreeMap, BTreeSet};

mod options;

pub(super) use options::details;

use super::meaning::{Group, GroupId};
use super::quote::{self, Unquotable};
use super::replies::Additions;
use super::tables::Table;
use crate::emit::{Context, Unsupported};
use crate::name::HostName;
use crate::plan::{Connector, ConnectorId, Maps, MtaId, NextHop, Protocol, TlsLevel};

/// One nexthop as a transport table writes it: `[host]:port`. Brackets say: no MX lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hop {
    nexthop: String,
    policy: Policy,
}

/// What may differ from nexthop to nexthop.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    level: TlsLevel,
    /// The name to verify: the host's own, or another.
    name: Option<String>,
    ca: Option<String>,
    auth: Option<(String, String)>,
}

/// A service of `master.cf`.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) groups: BTreeSet<GroupId>,
    pub(super) connectors: BTreeSet<ConnectorId>,
}

/// Where a transport table sends a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transport {
    One(String),
    /// One of several orders of the same nexthops, taken at random for each recipient.
    Shared {
        pool: String,
        orders: Vec<String>,
    },
}

/// One of the passwords that `mailswitch secrets` fetches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Password {
    pub(super) table: String,
    pub(super) nexthop: String,
    pub(super) user: String,
    pub(super) file: String,
}

/// What a service needs beside its line: options, tables, passwords.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub(super) command: &'static str,
    pub(super) processes: String,
    pub(super) options: Vec<String>,
    pub(super) policy: Table<'static>,
    pub(super) passwords: Vec<Password>,
    /// What the SMTP client is to read in the reply to EHLO, if anything.
    pub(super) replies: Option<Additions>,
    pub(super) concurrency: Option<u32>,
}

/// One service a group; groups that share a connector with `concurrency` are one service, since its process limit is
/// what holds the number of connections (master(5), Process limit).
pub(super) fn services(context: Context<'_>, groups: &[Group], used: &BTreeSet<GroupId>) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for &id in used {
        let Some(group) = groups.get(id.0) else { continue };
        let connectors: BTreeSet<ConnectorId> = group.iter().flatten().copied().collect();
        let mut service = Service { name: String::new(), groups: BTreeSet::from([id]), connectors };
        let limited = |c: &ConnectorId| context.plan.connector(*c).concurrency.is_some() && !by_dns(context, *c);
        let (same, rest) = services
            .into_iter()
            .partition::<Vec<_>, _>(|s| s.connectors.intersection(&service.connectors).any(limited));
        services = rest;
        for other in same {
            service.groups.extend(other.groups);
            service.connectors.extend(other.connectors);
        }
        services.push(service);
    }
    services.sort_by(|a, b| a.connectors.cmp(&b.connectors).then(a.groups.cmp(&b.groups)));
    let mut taken = BTreeSet::new();
    for service in &mut services {
        let names: Vec<&str> = service.connectors.iter().map(|&c| context.plan.connector(c).name.as_str()).collect();
        service.name = unique(&mut taken, quote::service_name("c", &names));
    }
    services
}

/// Services by MX lookup stay apart: each has its own `smtp_fallback_relay`.
fn by_dns(context: Context<'_>, connector: ConnectorId) -> bool {
    matches!(context.plan.connector(connector).hop, NextHop::Dns(_))
}

fn unique(taken: &mut BTreeSet<String>, name: String) -> String {
    let mut candidate = name.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}_{number}");
        number += 1;
    }
    candidate
}

/// Whether one service can stand for these connectors; else why not.
pub(super) fn conflict(context: Context<'_>, mta: MtaId, group: &Group) -> Option<Unsupported> {
    let all: Vec<&Connector> = group.iter().flatten().map(|&c| context.plan.connector(c)).collect();
    let first = all.first()?;
    for other in all.get(1..).unwrap_or_default() {
        let differs = if first.protocol() != other.protocol() {
            Some(("protocol", "a service speaks one of SMTP, LMTP and SMTP inside TLS (smtp(8), lmtp(8))"))
        } else if first.source_address.map(|s| s.value) != other.source_address.map(|s| s.value) {
            Some(("source address", "smtp_bind_address holds for a whole service (postconf(5))"))
        } else if size_limit(context, mta, first) != size_limit(context, mta, other) {
            Some(("max-size", "smtp_reply_filter holds for a whole service (postconf(5))"))
        } else {
            None
        };
        if let Some((what, why)) = differs {
            return Some(no(first, other, &format!("differ in {what}"), why, other));
        }
    }
    dns_behind(&all, group).or_else(|| two_policies(context, &all))
}

/// The nexthop of a smart host stands in a table, and cannot be "the recipient's domain" behind another.
fn dns_behind(all: &[&Connector], group: &Group) -> Option<Unsupported> {
    let is_dns = |c: &&&Connector| matches!(c.hop, NextHop::Dns(_));
    let dns = all.iter().find(is_dns)?;
    let first_tier = group.first().map_or(0, Vec::len);
    let host = all.iter().position(|c| !matches!(c.hop, NextHop::Dns(_)))?;
    if all.iter().take(first_tier).all(|c| matches!(c.hop, NextHop::Dns(_)))
        && all.iter().skip(first_tier).all(|c| !matches!(c.hop, NextHop::Dns(_)))
    {
        return None;
    }
    let why = "only smtp_fallback_relay combines MX delivery with smart hosts, and these come after it (postconf(5))";
    Some(no(all.get(host)?, dns, "mix `dns` with smart hosts other than dearer ones", why, dns))
}

fn two_policies(context: Context<'_>, all: &[&Connector]) -> Option<Unsupported> {
    let mut met: BTreeMap<String, (Policy, &Connector)> = BTreeMap::new();
    for connector in all {
        for hop in hops(context, connector) {
            match met.get(&hop.nexthop) {
                Some((policy, first)) if *policy != hop.policy => {
                    let why = "TLS policy and password are looked up by nexthop (postconf(5), smtp_tls_policy_maps)";
                    let what = format!("give {} two different policies", hop.nexthop);
                    return Some(no(first, connector, &what, why, connector));
                }
                Some(_) => {}
                None => drop(met.insert(hop.nexthop, (hop.policy, connector))),
            }
        }
    }
    None
}

fn no(a: &Connector, b: &Connector, what: &str, why: &str, at: &Connector) -> Unsupported {
    Unsupported {
        message: format!(
            "connectors `{}` and `{}` take over for each other, but {what}: Postfix cannot do that, since {why}",
            a.name, b.name
        ),
        help: "make them agree in that, or give them address spaces that do not overlap".to_owned(),
        span: Some(at.span),
    }
}

/// What one connector asks that Postfix cannot do.
pub(super) fn refuses(context: Context<'_>, mta: MtaId, connector: &Connector) -> Option<Unsupported> {
    let no = |message: String, help: &str| {
        Some(Unsupported { message, help: help.to_owned(), span: Some(connector.tls.span.unwrap_or(connector.span)) })
    };
    let name = &connector.name;
    if connector.protocol() == Protocol::Lmtp && matches!(connector.hop, NextHop::Dns(_)) {
        return no(
            format!("connector `{name}` speaks LMTP by MX lookup: Postfix's LMTP client looks up none (lmtp(8))"),
            "name the LMTP server as a `smart-host`",
        );
    }
    if connector.protocol() == Protocol::Smtps && connector.tls.level == TlsLevel::Off {
        return no(
            format!("connector `{name}` has `protocol smtps` without TLS, which is TLS from the first octet"),
            "leave out `tls off`, or use `protocol smtp`",
        );
    }
    let text_tables = context.plan.mta(mta).maps.is_some_and(|maps| maps.value == Maps::Texthash);
    let two_lines =
        size_limit(context, mta, connector).map(|_| "a `max-size`").or(connector.auth.as_ref().map(|_| "`auth`"));
    if let Some(field) = two_lines.filter(|_| text_tables) {
        return no(
            format!(
                "connector `{name}` has {field}, and a value of a texthash table cannot hold the two lines that it needs (postmap(1), INPUT FILE FORMAT)"
            ),
            "use `maps cdb`",
        );
    }
    let texts = [connector.tls.ca.as_ref().map(|ca| &ca.value), connector.auth.as_ref().map(|a| &a.value.user)];
    for text in texts.into_iter().flatten() {
        if let Err(Unquotable(text)) = quote::policy_value(text) {
            return no(
                format!("connector `{name}`: Postfix has no spelling for `{text}` in a TLS policy or password table"),
                "use a name without blanks, commas, braces and quotes",
            );
        }
    }
    None
}

/// The limit that the connector sets below the MTA's own.
fn size_limit(context: Context<'_>, mta: MtaId, connector: &Connector) -> Option<u64> {
    let own = context.plan.mta(mta).max_size.map(|s| s.value);
    connector.max_size.map(|s| s.value).filter(|&size| own.is_none_or(|own| size < own))
}

fn hops(context: Context<'_>, connector: &Connector) -> Vec<Hop> {
    let usual = match connector.protocol() {
        Protocol::Smtp => 25,
        Protocol::Smtps => 465,
        Protocol::Lmtp => 24,
    };
    let hosts: Vec<(HostName, u16)> = match &connector.hop {
        NextHop::SmartHosts { hosts, .. } => {
            hosts.iter().map(|h| (h.value.name.clone(), h.value.port.unwrap_or(usual))).collect()
        }
        NextHop::Mta(id) => {
            let mta = context.plan.mta(*id);
            let port = mta.listen.first().map_or(usual, |listen| listen.value.port);
            vec![(HostName::Domain(mta.hostname.value.clone()), port)]
        }
        NextHop::Dns(_) | NextHop::Missing => Vec::new(),
    };
    hosts.into_iter().map(|(name, port)| hop(connector, &name, port)).collect()
}

fn hop(connector: &Connector, name: &HostName, port: u16) -> Hop {
    let nexthop = match name {
        HostName::Domain(domain) => format!("[{domain}]:{port}"),
        HostName::Ip(ip) => format!("[{ip}]:{port}"),
    };
    let own = match name {
        HostName::Domain(domain) => Some(domain.as_str().to_owned()),
        HostName::Ip(_) => None,
    };
    Hop { nexthop, policy: policy(connector, own) }
}

fn policy(connector: &Connector, own: Option<String>) -> Policy {
    let verified = connector.tls.level == TlsLevel::Verified;
    // SMTP inside TLS is encrypted whatever the level says (postconf(5), smtp_tls_wrappermode).
    let least = if connector.protocol() == Protocol::Smtps { TlsLevel::Required } else { TlsLevel::Off };
    let name = connector.tls.name.as_ref().map(|n| n.value.as_str().to_owned()).or(own);
    Policy {
        level: connector.tls.level.max(least),
        name: name.filter(|_| verified),
        ca: connector.tls.ca.as_ref().map(|ca| ca.value.clone()).filter(|_| verified),
        auth: connector.auth.as_ref().map(|a| (a.value.user.clone(), a.value.file.clone())),
    }
}

/// Every order of a group's nexthops, each as likely as the others: the connectors of a tier and the hosts of a
/// balanced connector take turns to be first.
fn orders(context: Context<'_>, tiers: &[Vec<ConnectorId>]) -> Vec<Vec<Hop>> {
    let lists: Vec<Vec<(Vec<Hop>, bool)>> = tiers
        .iter()
        .map(|tier| tier.iter().map(|&c| connector_hops(context, context.plan.connector(c))).collect())
        .collect();
    let turns = lists.iter().fold(1, |turns, tier| {
        let balanced = tier.iter().map(|(hops, balanced)| if *balanced { hops.len().max(1) } else { 1 });
        lcm(turns, tier.len().max(1) * balanced.fold(1, lcm))
    });
    (0..turns).map(|turn| lists.iter().flat_map(|tier| in_turn(tier, turn)).collect()).collect()
}

fn connector_hops(context: Context<'_>, connector: &Connector) -> (Vec<Hop>, bool) {
    let balanced = matches!(connector.hop, NextHop::SmartHosts { balanced: Some(_), .. });
    (hops(context, connector), balanced)
}

fn in_turn(tier: &[(Vec<Hop>, bool)], turn: usize) -> Vec<Hop> {
    let mut out = Vec::new();
    for i in 0..tier.len() {
        let (hops, balanced) = &tier[(turn + i) % tier.len()];
        let by = if *balanced && !hops.is_empty() { (turn / tier.len()) % hops.len() } else { 0 };
        out.extend(hops.iter().cycle().skip(by).take(hops.len()).cloned());
    }
    out
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

/// How the transport tables send a group through its service.
pub(super) fn transport(context: Context<'_>, service: &Service, id: GroupId, group: &Group) -> Transport {
    let is_dns = |c: &ConnectorId| matches!(context.plan.connector(*c).hop, NextHop::Dns(_));
    if group.iter().flatten().any(is_dns) {
        return Transport::One(format!("{}:", service.name));
    }
    let mut orders: Vec<String> = orders(context, group)
        .iter()
        .map(|hops| {
            let nexthops: Vec<&str> = hops.iter().map(|hop| hop.nexthop.as_str()).collect();
            format!("{}:{}", service.name, nexthops.join(", "))
        })
        .collect();
    if orders.iter().all(|order| Some(order) == orders.first()) {
        orders.truncate(1);
    }
    match orders.len() {
        1 => Transport::One(orders.remove(0)),
        _ => Transport::Shared { pool: pool_name(service, id), orders },
    }
}

fn pool_name(service: &Service, id: GroupId) -> String {
    match service.groups.iter().position(|&group| group == id) {
        Some(at) if service.groups.len() > 1 => format!("{}_{}", service.name, at + 1),
        _ => service.name.clone(),
    }
}
