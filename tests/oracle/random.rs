//! Small random estates whose names come from so small an alphabet that they collide all the time.
//!
//! They are legal and claim nothing twice, but may be as wrong as they like otherwise: loops, orphans, dead ends.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::address::{Address, domain};
use crate::oracle::asks;
use crate::oracle::estate::{Connector, Contact, Declaration, Estate, Kind, Mta, Node, System, Unresolved};
use crate::oracle::meaning::{Asker, Fate, outcomes};
use crate::oracle::world::World;

const DOMAINS: [&str; 7] = ["a.test", "a.test", "b.test", "b.test", "x.a.test", "y.x.a.test", "\u{fc}.test"];
const WILDCARDS: [&str; 5] = ["*", "*", "*.a.test", "*.x.a.test", "*.test"];
const HOSTNAMES: [&str; 6] = ["h.test", "h.a.test", "i.test", "j.x.a.test", "b.test", "k.test"];
const LOCALS: [&str; 16] = [
    "u",
    "u",
    "v",
    "v",
    "w",
    "U",
    "\"u\"",
    "u+t",
    "v-t",
    "v+t",
    "u+t-t",
    "u%w",
    "\"u v\"",
    "postmaster",
    "root",
    "\u{fc}",
];
const NETWORKS: [&str; 4] = ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.1", "2001:db8::/32"];
const ADDRESSES: [&str; 4] = ["10.0.0.1", "10.1.0.2", "192.0.2.9", "2001:db8::1"];

pub(crate) fn estate() -> impl Strategy<Value = Estate> {
    (1..=3_usize, 0..=3_usize, proptest::prop_oneof![1 => Just(0_usize), 6 => 2..=6_usize]).prop_flat_map(
        |(mtas, systems, connectors)| {
            let nodes = Nodes { mtas, systems };
            let parts = (
                vec(mta(), mtas),
                vec(system(nodes), systems),
                vec(declaration(nodes, connectors), 0..=4),
                vec(connector(nodes), connectors),
                vec(contact(), 0..=6),
            );
            parts.prop_map(|(mtas, systems, domains, connectors, contacts)| {
                legal(Estate { mtas, systems, domains, connectors, contacts })
            })
        },
    )
}

#[derive(Debug, Clone, Copy)]
struct Nodes {
    mtas: usize,
    systems: usize,
}

impl Nodes {
    fn any(self) -> impl Strategy<Value = Node> {
        let mtas = (0..self.mtas).map(Node::Mta);
        let nodes = mtas.chain((0..self.systems).map(Node::System)).chain([Node::Internet]);
        select(nodes.collect::<Vec<Node>>())
    }

    /// Some of the MTAs, or none said: then the default holds.
    fn some_mtas(self) -> impl Strategy<Value = Vec<usize>> {
        let said = vec(0..self.mtas, 1..=2).prop_map(|mtas| BTreeSet::from_iter(mtas).into_iter().collect());
        proptest::prop_oneof![2 => Just(Vec::new()), 1 => said]
    }
}

fn strings(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(from).prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = String> {
    proptest::prop_oneof![2 => strings(&DOMAINS), 1 => strings(&WILDCARDS)]
}

fn address() -> impl Strategy<Value = String> {
    let place = proptest::prop_oneof![9 => strings(&DOMAINS), 1 => strings(&HOSTNAMES)];
    (strings(&LOCALS), place).prop_map(|(local, place)| format!("{local}@{place}"))
}

fn mta() -> impl Strategy<Value = Mta> {
    (
        strings(&HOSTNAMES),
        vec(strings(&NETWORKS), 0..=2),
        vec(strings(&ADDRESSES), 0..=2),
        option::of(address()),
        option::of(proptest::prop_oneof![3 => Just('+'), 1 => Just('-')]),
        any::<bool>(),
    )
        .prop_map(|(hostname, trust, addresses, postmaster, subaddress, smtputf8)| Mta {
            name: String::new(),
            hostname,
            trust,
            addresses,
            postmaster,
            subaddress,
            smtputf8,
            ..Mta::default()
        })
}

fn system(nodes: Nodes) -> impl Strategy<Value = System> {
    (
        vec(pattern(), 0..=2),
        proptest::prop_oneof![1 => Just(Vec::new()), 2 => vec(vec(address(), 1..=2), 1..=2)],
        vec(strings(&ADDRESSES), 0..=1),
        vec((pattern(), nodes.any()), 0..=2),
        vec(pattern(), 0..=1),
    )
        .prop_map(|(domains, accounts, addresses, forwards, authoritative)| System {
            name: String::new(),
            domains,
            accounts,
            addresses,
            forwards,
            authoritative,
        })
}

fn declaration(nodes: Nodes, connectors: usize) -> impl Strategy<Value = Declaration> {
    let kind = proptest::prop_oneof![
        2 => Just(Kind::Domain),
        2 => Just(Kind::Shared),
        1 => any::<bool>().prop_map(|verify| Kind::Relay { verify }),
    ];
    let unresolved = (0..connectors.max(1), any::<bool>(), any::<bool>()).prop_map(move |(connector, verify, via)| {
        if via && connectors > 0 { Unresolved::Via { connector, verify } } else { Unresolved::Reject }
    });
    (kind, strings(&DOMAINS), pattern(), unresolved, nodes.some_mtas(), vec(nodes.any(), 0..=2)).prop_map(
        |(kind, name, pattern, unresolved, on, mx)| match kind {
            Kind::Relay { .. } => Declaration { kind, pattern, unresolved: Unresolved::Reject, on, mx },
            Kind::Domain | Kind::Shared => Declaration { kind, pattern: name, unresolved, on, mx },
        },
    )
}

fn connector(nodes: Nodes) -> impl Strategy<Value = Connector> {
    let pattern = proptest::prop_oneof![1 => strings(&DOMAINS), 1 => strings(&WILDCARDS)];
    let space = (pattern, option::weighted(0.3, 1..=2_u32));
    (nodes.some_mtas(), nodes.any(), vec(space, 0..=3), option::weighted(0.3, 1..=2_u32), any::<bool>())
        .prop_map(|(from, to, spaces, cost, dns)| Connector { from, to, spaces, cost, dns, ..Connector::default() })
}

fn contact() -> impl Strategy<Value = Contact> {
    (address(), vec(address(), 1..=2)).prop_map(|(primary, secondaries)| Contact { primary, secondaries })
}

/// Names for what has none, and nothing said twice.
fn legal(mut estate: Estate) -> Estate {
    let utf8 = estate.mtas.iter().any(|mta| mta.smtputf8);
    let speaks = |address: &String| utf8 || Address::read(address).given.is_ascii();
    let mut hostnames = BTreeSet::new();
    for (number, mta) in estate.mtas.iter_mut().enumerate() {
        mta.name = format!("mta{number}");
        if !hostnames.insert(mta.hostname.clone()) {
            mta.hostname = format!("mta{number}.test");
        }
        mta.postmaster = mta.postmaster.take().filter(speaks);
        once(&mut mta.trust, Clone::clone);
        once(&mut mta.addresses, Clone::clone);
    }
    let mut accounts = BTreeSet::new();
    for (number, system) in estate.systems.iter_mut().enumerate() {
        system.name = format!("system{number}");
        once(&mut system.domains, |pattern| domain(pattern));
        once(&mut system.authoritative, |pattern| domain(pattern));
        once(&mut system.forwards, |(pattern, node)| (domain(pattern), *node));
        for account in &mut system.accounts {
            account.retain(|address| speaks(address) && accounts.insert(Address::read(address).normal()));
        }
        system.accounts.retain(|account| !account.is_empty());
    }
    for (number, connector) in estate.connectors.iter_mut().enumerate() {
        connector.name = format!("c{number}");
        once(&mut connector.spaces, |(pattern, _)| domain(pattern));
    }
    estate.domains = declared_once(&estate);
    let mut secondaries = BTreeSet::new();
    for contact in &mut estate.contacts {
        contact.secondaries.retain(|address| speaks(address) && secondaries.insert(Address::read(address).normal()));
    }
    estate.contacts.retain(|contact| speaks(&contact.primary) && !contact.secondaries.is_empty());
    estate
}

/// Keeps the first of those that have the same key.
fn once<T, K: Ord>(values: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(key(value)));
}

/// The declarations, each domain only once at an MTA, and each `mx` only once in a list.
fn declared_once(estate: &Estate) -> Vec<Declaration> {
    let everywhere: Vec<usize> = (0..estate.mtas.len()).collect();
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for mut declaration in estate.domains.clone() {
        once(&mut declaration.mx, |&node| node);
        let at = if declaration.on.is_empty() { &everywhere } else { &declaration.on };
        let places: Vec<(String, usize)> = at.iter().map(|&mta| (domain(&declaration.pattern), mta)).collect();
        if places.iter().all(|place| !seen.contains(place)) {
            seen.extend(places);
            kept.push(declaration);
        }
    }
    kept
}

/// The estate with one piece left out, in every way.
pub(crate) fn without_a_piece(estate: &Estate) -> Vec<Estate> {
    let mut smaller = Vec::new();
    let mut without = |change: &dyn Fn(&mut Estate)| {
        let mut copy = estate.clone();
        change(&mut copy);
        smaller.push(copy);
    };
    for i in 0..estate.contacts.len() {
        without(&|copy| drop(copy.contacts.remove(i)));
    }
    for i in 0..estate.domains.len() {
        without(&|copy| drop(copy.domains.remove(i)));
        if !estate.domains[i].mx.is_empty() {
            without(&|copy| copy.domains[i].mx.clear());
        }
    }
    for (s, system) in estate.systems.iter().enumerate() {
        for i in 0..system.forwards.len() {
            without(&|copy| drop(copy.systems[s].forwards.remove(i)));
        }
        for i in 0..system.accounts.len() {
            without(&|copy| drop(copy.systems[s].accounts.remove(i)));
        }
    }
    for (c, connector) in estate.connectors.iter().enumerate() {
        for i in 0..connector.spaces.len() {
            without(&|copy| drop(copy.connectors[c].spaces.remove(i)));
        }
    }
    for m in 0..estate.mtas.len() {
        if estate.mtas[m].postmaster.is_some() {
            without(&|copy| copy.mtas[m].postmaster = None);
        }
        if estate.mtas[m].subaddress.is_some() {
            without(&|copy| copy.mtas[m].subaddress = None);
        }
    }
    smaller
}

/// The generator keeps its promises, and its estates are wrong in every way that there is.
#[test]
fn random_estates_claim_nothing_twice_and_reach_every_fate() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let estate = estate().new_tree(&mut runner).unwrap().current();
        claims_nothing_twice(&estate);
        let world = World::new(&estate);
        for address in asks::addresses(&estate) {
            for (mta, asker) in (0..estate.mtas.len()).flat_map(|mta| [(mta, Asker::Trusted), (mta, Asker::Anyone)]) {
                let outcomes = outcomes(&world, mta, asker, &address, true);
                assert!(!outcomes.is_empty(), "{address} at {mta}");
                seen.extend(outcomes.into_iter().map(|o| (o.fate, o.status, o.system.is_some())));
            }
        }
    }
    let every = [
        (Fate::Looped, Some("5.4.6"), false),
        (Fate::Unroutable, Some("5.1.2"), false),
        (Fate::Unroutable, Some("5.4.4"), false),
        (Fate::Bounced, Some("5.1.1"), false),
        (Fate::Bounced, Some("5.1.1"), true),
        (Fate::Bounced, Some("5.6.7"), false),
        (Fate::Bounced, Some("5.7.1"), false),
        (Fate::Rejected, Some("5.1.1"), false),
        (Fate::Rejected, Some("5.6.7"), false),
        (Fate::Rejected, Some("5.7.1"), false),
        (Fate::Delivered, None, true),
    ];
    assert_eq!(seen, BTreeSet::from(every));
}

fn claims_nothing_twice(estate: &Estate) {
    let unique = |texts: Vec<String>| assert_eq!(BTreeSet::from_iter(&texts).len(), texts.len(), "{texts:?}");
    let normal = |text: &String| Address::read(text).normal();
    unique(estate.mtas.iter().map(|mta| mta.hostname.clone()).collect());
    unique(estate.contacts.iter().flat_map(|contact| &contact.secondaries).map(normal).collect());
    unique(estate.systems.iter().flat_map(|system| system.accounts.iter().flatten()).map(normal).collect());
}
