//! What one MTA does with one recipient: who may ask, then the numbered steps of the meaning.

use crate::oracle::address::{Address, Place, specificity};
use crate::oracle::estate::{Node, Unresolved};
use crate::oracle::world::{Domain, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asker {
    Trusted,
    Anyone,
    /// An MTA or a system that hands the recipient on directly.
    Node(Node),
}

pub(crate) enum Decision {
    Reject {
        status: &'static str,
        address: Address,
    },
    Unroutable(Address),
    /// The contacts go round in a circle, which closes here.
    Loop(Address),
    Hand {
        address: Address,
        cheapest: Vec<usize>,
        dearer: Vec<usize>,
        verify: bool,
    },
}

/// What turned an address into another one; none may do so twice at one visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rewriter {
    Contact(usize),
    Postmaster,
}

enum Known {
    Rewritten(Rewriter, Address),
    Account(usize),
}

pub(crate) fn visit(world: &World, mta: usize, asker: Asker, given: &Address) -> Decision {
    let mut address = given.clone();
    if let Some(status) = refusal(world, mta, asker, &mut address) {
        return Decision::Reject { status, address };
    }
    let mut used = Vec::new();
    if given.place == Place::Nowhere
        && let Some(becomes) = bare_in_relay_domain(world, mta, &address)
    {
        used.push(Rewriter::Postmaster);
        address = becomes;
    }
    loop {
        match look_up(world, mta, &address) {
            Some(Known::Rewritten(rewriter, _)) if used.contains(&rewriter) => return Decision::Loop(address),
            Some(Known::Rewritten(rewriter, becomes)) => {
                used.push(rewriter);
                address = becomes;
                if !speaks(world, mta, &address) {
                    return Decision::Reject { status: "5.6.7", address };
                }
            }
            Some(Known::Account(system)) => return by_account(world, mta, system, address),
            None => return unresolved(world, mta, address),
        }
    }
}

/// The tests on the address as given. The bare `postmaster` is read as the one at the MTA's own hostname.
fn refusal(world: &World, mta: usize, asker: Asker, address: &mut Address) -> Option<&'static str> {
    if !speaks(world, mta, address) {
        return Some("5.6.7");
    }
    if address.place == Place::Nowhere && address.local() == "postmaster" {
        address.place = Place::Domain(world.hostname(mta));
    }
    if !matches!(address.place, Place::Domain(_)) {
        return Some("5.7.1");
    }
    let foreign = world.domain_at(mta, address.domain()) == Domain::Foreign;
    if foreign && asker == Asker::Anyone {
        return Some("5.7.1");
    }
    let trusted = match asker {
        Asker::Trusted => true,
        Asker::Anyone => false,
        Asker::Node(node) => foreign || world.trusts(mta, node),
    };
    let routing_past_us = address.given.contains(['@', '%', '!']) && look_up(world, mta, address).is_none();
    (routing_past_us && !trusted).then_some("5.7.1")
}

fn speaks(world: &World, mta: usize, address: &Address) -> bool {
    world.estate.mtas[mta].smtputf8 || address.given.is_ascii()
}

/// Steps 0 to 2, for the address itself and then without its detail; they are skipped in a relay domain.
fn look_up(world: &World, mta: usize, address: &Address) -> Option<Known> {
    if matches!(world.domain_at(mta, address.domain()), Domain::Relay { .. }) {
        return None;
    }
    look_up_exactly(world, mta, address, "").or_else(|| {
        let (user, detail) = address.cut(world.estate.mtas[mta].subaddress)?;
        look_up_exactly(world, mta, &user, &detail)
    })
}

fn look_up_exactly(world: &World, mta: usize, address: &Address, detail: &str) -> Option<Known> {
    if let Some(contact) = world.contact(address) {
        let primary = Address::read(&world.estate.contacts[contact].primary);
        return Some(Known::Rewritten(Rewriter::Contact(contact), primary.with_detail(detail)));
    }
    if let Some(system) = world.account(address) {
        return Some(Known::Account(system));
    }
    let postmaster = world.estate.mtas[mta].postmaster.as_ref()?;
    let becomes = Address::read(postmaster);
    // Like a contact's, a secondary that is the postmaster itself says nothing.
    let says_something = becomes.normal() != address.normal() && is_postmaster(world, mta, address);
    says_something.then(|| Known::Rewritten(Rewriter::Postmaster, becomes.with_detail(detail)))
}

fn is_postmaster(world: &World, mta: usize, address: &Address) -> bool {
    let at_own_host = address.domain() == world.hostname(mta);
    let own_domain = matches!(world.domain_at(mta, address.domain()), Domain::Own(_));
    match address.local().as_str() {
        "postmaster" => own_domain,
        "root" | "abuse" => own_domain && at_own_host,
        _ => false,
    }
}

/// The bare `postmaster` has no domain, so it is M's postmaster even where its hostname is a relay domain.
fn bare_in_relay_domain(world: &World, mta: usize, read_as: &Address) -> Option<Address> {
    let relay = matches!(world.domain_at(mta, read_as.domain()), Domain::Relay { .. });
    world.estate.mtas[mta].postmaster.as_ref().filter(|_| relay).map(|address| Address::read(address))
}

/// Step 2: by M's connectors to the account's system; where M has none, step 4 decides.
fn by_account(world: &World, mta: usize, system: usize, address: Address) -> Decision {
    let leads_there = |&connector: &usize| world.estate.connectors[connector].to == Node::System(system);
    let candidates: Vec<(u32, usize)> = world
        .connectors_of(mta)
        .filter(leads_there)
        .map(|connector| (world.account_cost(connector), connector))
        .collect();
    match candidates.is_empty() {
        true => by_space(world, mta, address, false),
        false => hand(address, &candidates, false),
    }
}

/// Step 3, which a relay domain and a foreign domain skip.
fn unresolved(world: &World, mta: usize, address: Address) -> Decision {
    match world.domain_at(mta, address.domain()) {
        Domain::Own(Unresolved::Reject) => Decision::Reject { status: "5.1.1", address },
        Domain::Own(Unresolved::Via { connector, verify }) if world.starts_at(connector, mta) => {
            Decision::Hand { address, cheapest: vec![connector], dearer: Vec::new(), verify }
        }
        Domain::Own(Unresolved::Via { .. }) => Decision::Unroutable(address),
        Domain::Relay { verify } => by_space(world, mta, address, verify),
        Domain::Foreign => by_space(world, mta, address, false),
    }
}

/// Steps 4 and 5: the most specific matching pattern among M's connectors, and then the lowest cost.
fn by_space(world: &World, mta: usize, address: Address, verify: bool) -> Decision {
    let mut matching: Vec<(usize, u32, usize)> = Vec::new();
    for connector in world.connectors_of(mta) {
        for (pattern, cost) in world.spaces(connector) {
            matching.extend(specificity(&pattern, address.domain()).map(|specific| (specific, cost, connector)));
        }
    }
    let most = matching.iter().map(|&(specific, ..)| specific).max();
    let candidates: Vec<(u32, usize)> = matching
        .into_iter()
        .filter(|&(specific, ..)| Some(specific) == most)
        .map(|(_, cost, connector)| (cost, connector))
        .collect();
    match candidates.is_empty() {
        true => Decision::Unroutable(address),
        false => hand(address, &candidates, verify),
    }
}

fn hand(address: Address, candidates: &[(u32, usize)], verify: bool) -> Decision {
    let lowest = candidates.iter().map(|&(cost, _)| cost).min();
    let (cheapest, dearer): (Vec<_>, Vec<_>) = candidates.iter().partition(|&&(cost, _)| Some(cost) == lowest);
    let connectors = |tier: Vec<(u32, usize)>| tier.into_iter().map(|(_, connector)| connector).collect();
    Decision::Hand { address, cheapest: connectors(cheapest), dearer: connectors(dearer), verify }
}
