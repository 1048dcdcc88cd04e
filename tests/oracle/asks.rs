//! The addresses that are worth asking about in an estate.

use std::collections::BTreeSet;

use crate::oracle::address::{Address, domain};
use crate::oracle::estate::Estate;

pub(crate) fn addresses(estate: &Estate) -> BTreeSet<String> {
    let mut asks = BTreeSet::new();
    let separators: BTreeSet<char> = estate.mtas.iter().filter_map(|mta| mta.subaddress).chain(['+']).collect();
    let details = details(estate, &separators);
    let literals = literals(estate);
    for literal in &literals {
        asks.insert(literal.clone());
        asks.extend(details.iter().map(|detail| with_detail(literal, detail)));
    }
    for name in domains(estate, &literals) {
        let unknown = ["other", "other+fresh", "other%b.test", "\"a@b\"", "some!where", "\"a b\"", "\u{f6}ther"];
        let offices = ["postmaster", "PostMaster+fresh", "root", "abuse", "abuse-t"];
        asks.extend(unknown.iter().chain(&offices).map(|local| format!("{local}@{name}")));
    }
    let odd =
        ["postmaster", "Postmaster", "postmaster+t", "other", "u@[192.0.2.10]", "\u{f6}", "postmaster@[192.0.2.10]"];
    asks.extend(odd.map(str::to_owned));
    asks
}

/// Every address that the source spells out.
pub(crate) fn literals(estate: &Estate) -> BTreeSet<String> {
    let contacts = estate.contacts.iter().flat_map(|contact| contact.secondaries.iter().chain([&contact.primary]));
    let accounts = estate.systems.iter().flat_map(|system| system.accounts.iter().flatten());
    let postmasters = estate.mtas.iter().filter_map(|mta| mta.postmaster.as_ref());
    contacts.chain(accounts).chain(postmasters).cloned().collect()
}

/// A fresh detail behind each separator, and each that a literal has.
fn details(estate: &Estate, separators: &BTreeSet<char>) -> BTreeSet<String> {
    let mut details: BTreeSet<String> = separators.iter().map(|separator| format!("{separator}fresh")).collect();
    for literal in literals(estate) {
        let address = Address::read(&literal);
        details
            .extend(separators.iter().filter_map(|&separator| address.cut(Some(separator))).map(|(_, detail)| detail));
    }
    details
}

/// The literal with a detail in its local part, inside the quotes if it has any.
fn with_detail(literal: &str, detail: &str) -> String {
    Address::read(literal).with_detail(detail).normal()
}

/// Every domain that the source names, two levels of sub-domains of each, and one that it does not name.
fn domains(estate: &Estate, literals: &BTreeSet<String>) -> BTreeSet<String> {
    let declared = estate.domains.iter().map(|declaration| &declaration.pattern);
    let spaces = estate.connectors.iter().flat_map(|connector| connector.spaces.iter().map(|(pattern, _)| pattern));
    let systems = estate.systems.iter().flat_map(|system| {
        system.domains.iter().chain(&system.authoritative).chain(system.forwards.iter().map(|(pattern, _)| pattern))
    });
    let hostnames = estate.mtas.iter().map(|mta| &mta.hostname);
    let named = declared.chain(spaces).chain(systems).chain(hostnames).map(|pattern| domain(pattern));
    let named = named.chain(literals.iter().map(|literal| Address::read(literal).domain().to_owned()));
    let mut domains = BTreeSet::from(["elsewhere.example".to_owned()]);
    for pattern in named {
        let parent = pattern.trim_start_matches("*.");
        if parent != "*" {
            domains.extend([parent.to_owned(), format!("n.{parent}"), format!("m.n.{parent}")]);
        }
    }
    domains
}
