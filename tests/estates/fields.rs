//! The fields and lists of each statement by name: what an estate says, and how to unsay it.

use super::pieces::thin;
use crate::oracle::dsl::Statement;
use crate::oracle::estate::{Connector, Estate, Kind, Mta, Unresolved};

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
