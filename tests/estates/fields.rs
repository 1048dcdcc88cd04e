//! The fields and lists of each statement by name: what an estate says, and how to unsay it.

use super::pieces::thin;
use crate::oracle::dsl::Statement;
use crate::oracle::estate::{ClientTls, Connector, Estate, Kind, Level, Mta, Node, Unresolved};

/// Fields that MTAs have to agree in, or that touch addresses which all of them see.
pub(super) const EVERYWHERE: [&str; 2] = ["subaddress", "smtputf8"];

/// The lists of a statement, each with its length. One that must keep a value and has just one is left out.
pub(super) fn lists(estate: &Estate, statement: Statement) -> Vec<(&'static str, usize)> {
    let some = |name, length: usize| (name, length);
    let more = |name, length: usize| (name, if length > 1 { length } else { 0 });
    match statement {
        Statement::Mta(m) => {
            let mta = &estate.mtas[m];
            vec![some("trust", mta.trust.len()), some("address", mta.addresses.len()), some("listen", mta.listen.len())]
        }
        Statement::System(s) => {
            let system = &estate.systems[s];
            vec![
                some("domain", system.domains.len()),
                some("address", system.addresses.len()),
                some("forwards", system.forwards.len()),
                some("authoritative", system.authoritative.len()),
            ]
        }
        Statement::Domain(d) => {
            vec![more("on", estate.domains[d].on.len()), some("mx", estate.domains[d].mx.len())]
        }
        Statement::Connector(c) => {
            let connector = &estate.connectors[c];
            vec![
                more("from", connector.from.len()),
                some("address-space", connector.spaces.len()),
                more("smart-host", connector.hosts.len()),
            ]
        }
        Statement::Contact(c) => vec![more("secondary", estate.contacts[c].secondaries.len())],
    }
}

pub(super) fn thin_lists(estate: &mut Estate, statement: Statement, gone: impl Fn(&'static str, usize) -> bool) {
    match statement {
        Statement::Mta(m) => {
            let mta = &mut estate.mtas[m];
            thin(&mut mta.trust, false, |at| gone("trust", at));
            thin(&mut mta.addresses, false, |at| gone("address", at));
            thin(&mut mta.listen, false, |at| gone("listen", at));
        }
        Statement::System(s) => {
            let system = &mut estate.systems[s];
            thin(&mut system.domains, false, |at| gone("domain", at));
            thin(&mut system.addresses, false, |at| gone("address", at));
            thin(&mut system.forwards, false, |at| gone("forwards", at));
            thin(&mut system.authoritative, false, |at| gone("authoritative", at));
        }
        Statement::Domain(d) => {
            let declaration = &mut estate.domains[d];
            let said = !declaration.on.is_empty();
            thin(&mut declaration.on, said, |at| gone("on", at));
            thin(&mut declaration.mx, false, |at| gone("mx", at));
        }
        Statement::Connector(c) => {
            let connector = &mut estate.connectors[c];
            thin(&mut connector.from, true, |at| gone("from", at));
            thin(&mut connector.spaces, false, |at| gone("address-space", at));
            thin(&mut connector.hosts, true, |at| gone("smart-host", at));
        }
        Statement::Contact(c) => thin(&mut estate.contacts[c].secondaries, true, |at| gone("secondary", at)),
    }
}

/// The fields that a statement says and could leave out.
pub(super) fn said(estate: &Estate, statement: Statement) -> Vec<&'static str> {
    let fields = match statement {
        Statement::Mta(m) => said_by_mta(&estate.mtas[m]),
        Statement::System(_) | Statement::Contact(_) => Vec::new(),
        Statement::Domain(d) => {
            let declaration = &estate.domains[d];
            let via = matches!(declaration.unresolved, Unresolved::Via { .. });
            let asks = matches!(declaration.unresolved, Unresolved::Via { verify: true, .. })
                || declaration.kind == (Kind::Relay { verify: true });
            vec![("on", !declaration.on.is_empty()), ("unresolved", via), ("verify", asks)]
        }
        Statement::Connector(c) => said_by_connector(&estate.connectors[c]),
    };
    fields.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect()
}

fn said_by_mta(mta: &Mta) -> Vec<(&'static str, bool)> {
    vec![
        ("maps", mta.maps.is_some()),
        ("postmaster", mta.postmaster.is_some()),
        ("tls", mta.tls.is_some()),
        ("max-size", mta.max_size.is_some()),
        ("queue-lifetime", mta.queue_lifetime.is_some()),
        ("subaddress", mta.subaddress.is_some()),
        ("smtputf8", mta.smtputf8),
    ]
}

fn said_by_connector(connector: &Connector) -> Vec<(&'static str, bool)> {
    let tls = connector.tls.as_ref();
    vec![
        ("from", !connector.from.is_empty()),
        ("cost", connector.cost.is_some()),
        ("cost of a space", connector.spaces.iter().any(|(_, cost)| cost.is_some())),
        ("balanced", connector.balanced),
        ("protocol", connector.protocol.is_some()),
        ("tls", tls.is_some()),
        ("tls name", tls.is_some_and(|tls| tls.name.is_some())),
        ("tls ca", tls.is_some_and(|tls| tls.ca.is_some())),
        ("auth", connector.auth.is_some()),
        ("source-address", connector.source_address.is_some()),
        ("concurrency", connector.concurrency.is_some()),
        ("max-size", connector.max_size.is_some()),
    ]
}

pub(super) fn unsay(estate: &mut Estate, statement: Statement, field: &str) {
    match statement {
        Statement::Mta(m) => unsay_of_mta(&mut estate.mtas[m], field),
        Statement::System(_) | Statement::Contact(_) => {}
        Statement::Domain(d) => {
            let declaration = &mut estate.domains[d];
            match (field, declaration.unresolved) {
                ("on", _) => declaration.on.clear(),
                ("unresolved", _) => declaration.unresolved = Unresolved::Reject,
                (_, Unresolved::Via { connector, .. }) => {
                    declaration.unresolved = Unresolved::Via { connector, verify: false };
                }
                _ => declaration.kind = Kind::Relay { verify: false },
            }
        }
        Statement::Connector(c) => unsay_of_connector(&mut estate.connectors[c], field),
    }
}

fn unsay_of_mta(mta: &mut Mta, field: &str) {
    match field {
        "maps" => mta.maps = None,
        "postmaster" => mta.postmaster = None,
        "tls" => mta.tls = None,
        "max-size" => mta.max_size = None,
        "queue-lifetime" => mta.queue_lifetime = None,
        "subaddress" => mta.subaddress = None,
        "smtputf8" => mta.smtputf8 = false,
        other => panic!("an MTA has no field {other}"),
    }
}

fn unsay_of_connector(connector: &mut Connector, field: &str) {
    match field {
        "from" => connector.from.clear(),
        "cost" => connector.cost = None,
        "cost of a space" => connector.spaces.iter_mut().for_each(|(_, cost)| *cost = None),
        "balanced" => connector.balanced = false,
        "protocol" => connector.protocol = None,
        "tls" => connector.tls = None,
        "tls name" => connector.tls.iter_mut().for_each(|tls| tls.name = None),
        "tls ca" => connector.tls.iter_mut().for_each(|tls| tls.ca = None),
        "auth" => connector.auth = None,
        "source-address" => connector.source_address = None,
        "concurrency" => connector.concurrency = None,
        "max-size" => connector.max_size = None,
        other => panic!("a connector has no field {other}"),
    }
}

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
