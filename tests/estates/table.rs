//! What the estates must show between them.

use crate::oracle::estate::{ClientTls, Connector, Estate, Kind, Level, Node, Unresolved};

type Says = fn(&Estate) -> bool;

/// Every field, and every way of using one that changes what is emitted or where mail goes.
pub(super) const TABLE: &[(&str, Says)] = &[
    ("target postfix", |e| e.mtas.iter().any(|m| m.target.as_str() == "postfix")),
    ("target exim", |e| e.mtas.iter().any(|m| m.target.as_str() == "exim")),
    ("target relay", |e| e.mtas.iter().any(|m| m.target.as_str() == "relay")),
    ("targets together", |e| e.mtas.iter().any(|m| m.target != e.mtas[0].target)),
    ("maps cdb", |e| e.mtas.iter().any(|m| m.maps == Some("cdb"))),
    ("maps lmdb", |e| e.mtas.iter().any(|m| m.maps == Some("lmdb"))),
    ("maps texthash", |e| e.mtas.iter().any(|m| m.maps == Some("texthash"))),
    ("maps lsearch", |e| e.mtas.iter().any(|m| m.maps == Some("lsearch"))),
    ("listen", |e| e.mtas.iter().any(|m| m.listen.len() > 1)),
    ("address", |e| e.mtas.iter().any(|m| !m.addresses.is_empty())),
    ("trust v4", |e| e.mtas.iter().any(|m| m.trust.iter().any(|net| net.contains('.')))),
    ("trust v6", |e| e.mtas.iter().any(|m| m.trust.iter().any(|net| net.contains(':')))),
    ("postmaster", |e| e.mtas.iter().any(|m| m.postmaster.is_some())),
    ("no postmaster", |e| e.mtas.iter().any(|m| m.postmaster.is_none())),
    ("inbound tls", |e| e.mtas.iter().any(|m| m.tls.is_some())),
    ("max-size", |e| e.mtas.iter().any(|m| m.max_size.is_some())),
    ("queue-lifetime", |e| e.mtas.iter().any(|m| m.queue_lifetime.is_some())),
    ("subaddress", |e| e.mtas.iter().any(|m| m.subaddress.is_some())),
    ("smtputf8", |e| e.mtas.iter().any(|m| m.smtputf8)),
    ("open system", |e| e.systems.iter().any(|s| s.accounts.is_empty())),
    ("closed system", |e| e.systems.iter().any(|s| !s.accounts.is_empty())),
    ("account of several addresses", |e| e.systems.iter().any(|s| s.accounts.iter().any(|a| a.len() > 1))),
    ("system domain", |e| e.systems.iter().any(|s| s.domains.iter().any(|d| !d.starts_with('*')))),
    ("system wildcard", |e| e.systems.iter().any(|s| s.domains.iter().any(|d| d.starts_with("*.")))),
    ("system address", |e| e.systems.iter().any(|s| !s.addresses.is_empty())),
    ("forwards to mta", |e| forwards(e, |to| matches!(to, Node::Mta(_)))),
    ("forwards to system", |e| forwards(e, |to| matches!(to, Node::System(_)))),
    ("forwards to internet", |e| forwards(e, |to| to == Node::Internet)),
    ("authoritative", |e| e.systems.iter().any(|s| !s.authoritative.is_empty())),
    ("domain", |e| e.domains.iter().any(|d| d.kind == Kind::Domain)),
    ("shared domain", |e| e.domains.iter().any(|d| d.kind == Kind::Shared)),
    ("relay domain", |e| relays(e, |pattern| !pattern.starts_with('*'))),
    ("relay domain wildcard", |e| relays(e, |pattern| pattern.starts_with("*."))),
    ("relay domain verify", |e| e.domains.iter().any(|d| d.kind == Kind::Relay { verify: true })),
    ("unresolved via", |e| e.domains.iter().any(|d| matches!(d.unresolved, Unresolved::Via { verify: false, .. }))),
    ("unresolved verify", |e| e.domains.iter().any(|d| matches!(d.unresolved, Unresolved::Via { verify: true, .. }))),
    ("on", |e| e.domains.iter().any(|d| !d.on.is_empty())),
    ("mx", |e| e.domains.iter().any(|d| !d.mx.is_empty())),
    ("U-label", |e| e.domains.iter().any(|d| !d.pattern.is_ascii())),
    ("from", |e| e.connectors.iter().any(|c| !c.from.is_empty())),
    ("to system", |e| e.connectors.iter().any(|c| matches!(c.to, Node::System(_)))),
    ("to mta", |e| e.connectors.iter().any(|c| matches!(c.to, Node::Mta(_)))),
    ("to internet", |e| e.connectors.iter().any(|c| c.to == Node::Internet)),
    ("several address spaces", |e| e.connectors.iter().any(|c| c.spaces.len() > 1)),
    ("cost", |e| e.connectors.iter().any(|c| c.cost.is_some())),
    ("cost of a space", |e| e.connectors.iter().any(|c| c.spaces.iter().any(|(_, cost)| cost.is_some()))),
    ("tie", tie),
    ("several smart hosts", |e| e.connectors.iter().any(|c| c.hosts.len() > 1 && !c.balanced)),
    ("balanced", |e| e.connectors.iter().any(|c| c.hosts.len() > 1 && c.balanced)),
    ("dns", |e| e.connectors.iter().any(|c| c.dns)),
    ("host by name", |e| hosts(e, |host| !host.starts_with('['))),
    ("host by IPv4", |e| hosts(e, |host| host.starts_with('[') && host.contains('.'))),
    ("host by IPv6", |e| hosts(e, |host| host.starts_with('[') && !host.contains('.'))),
    ("port", |e| hosts(e, |host| host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()))),
    ("protocol smtp", |e| e.connectors.iter().any(|c| c.protocol == Some("smtp"))),
    ("protocol smtps", |e| e.connectors.iter().any(|c| c.protocol == Some("smtps"))),
    ("protocol lmtp", |e| e.connectors.iter().any(|c| c.protocol == Some("lmtp"))),
    ("tls off", |e| tls(e, |tls| tls.level == Level::Off)),
    ("tls opportunistic", |e| tls(e, |tls| tls.level == Level::Opportunistic)),
    ("tls required", |e| tls(e, |tls| tls.level == Level::Required)),
    ("tls verified", |e| tls(e, |tls| tls.level == Level::Verified)),
    ("tls name", |e| tls(e, |tls| tls.name.is_some())),
    ("tls ca", |e| tls(e, |tls| tls.ca.is_some())),
    ("auth", |e| e.connectors.iter().any(|c| c.auth.is_some())),
    ("source-address", |e| e.connectors.iter().any(|c| c.source_address.is_some())),
    ("concurrency", |e| e.connectors.iter().any(|c| c.concurrency.is_some())),
    ("connector max-size", |e| e.connectors.iter().any(|c| c.max_size.is_some())),
    ("chain of contacts", |e| {
        e.contacts.iter().any(|c| e.contacts.iter().any(|other| other.secondaries.contains(&c.primary)))
    }),
    ("contacts of one target", |e| {
        let mut primaries: Vec<&String> = e.contacts.iter().map(|c| &c.primary).collect();
        primaries.sort();
        primaries.windows(2).any(|pair| pair[0] == pair[1])
    }),
    ("foreign target", |e| e.contacts.iter().any(|c| c.primary.ends_with(".partner.example"))),
    ("quoted local part", |e| secondaries(e, |address| address.starts_with('"'))),
    ("at sign in a local part", |e| secondaries(e, |address| address.matches('@').count() > 1)),
    ("UTF-8 local part", |e| secondaries(e, |address| address.rsplit_once('@').is_some_and(|(l, _)| !l.is_ascii()))),
    ("upper case", |e| secondaries(e, |address| address.contains(|c: char| c.is_ascii_uppercase()))),
    ("sub-addressed secondary", |e| secondaries(e, |address| address.contains('+'))),
    ("postmaster given to somebody", |e| secondaries(e, |address| address.starts_with("postmaster@"))),
    ("abuse given to somebody", |e| secondaries(e, |address| address.starts_with("abuse@"))),
];

fn forwards(estate: &Estate, is: impl Fn(Node) -> bool) -> bool {
    estate.systems.iter().flat_map(|system| &system.forwards).any(|(_, to)| is(*to))
}

fn relays(estate: &Estate, is: impl Fn(&str) -> bool) -> bool {
    estate.domains.iter().any(|d| matches!(d.kind, Kind::Relay { .. }) && is(&d.pattern))
}

fn hosts(estate: &Estate, is: impl Fn(&str) -> bool) -> bool {
    estate.connectors.iter().flat_map(|connector| &connector.hosts).any(|host| is(host))
}

fn tls(estate: &Estate, is: impl Fn(&ClientTls) -> bool) -> bool {
    estate.connectors.iter().filter_map(|connector| connector.tls.as_ref()).any(is)
}

fn secondaries(estate: &Estate, is: impl Fn(&str) -> bool) -> bool {
    estate.contacts.iter().flat_map(|contact| &contact.secondaries).any(|address| is(address))
}

/// Two connectors that open one pattern at one cost, from the same MTAs.
fn tie(estate: &Estate) -> bool {
    let costs = |connector: &Connector| -> Vec<(String, u32)> {
        let cost = connector.cost.unwrap_or(1);
        connector.spaces.iter().map(|(pattern, own)| (pattern.clone(), own.unwrap_or(cost))).collect()
    };
    estate.connectors.iter().enumerate().any(|(at, one)| {
        let others = estate.connectors[at + 1..].iter().filter(|other| other.from == one.from);
        others.flat_map(costs).any(|space| costs(one).contains(&space))
    })
}
