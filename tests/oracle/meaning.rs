//! What becomes of a recipient: every outcome, found by walking every way that the message may take.

use std::collections::BTreeSet;

use crate::oracle::address::Address;
use crate::oracle::estate::Node;
pub(crate) use crate::oracle::visit::Asker;
use crate::oracle::visit::{Decision, visit};
use crate::oracle::world::World;

/// No way without a circle is as long as this: a longer one goes on for ever, with an address that grows.
const LONGEST: usize = 150;
/// So many places in all are walked through only where addresses grow.
const MOST: usize = 20_000;

/// The worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Looped,
    Unroutable,
    Bounced,
    Rejected,
    Delivered,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Outcome {
    pub(crate) fate: Fate,
    pub(crate) recipient: String,
    pub(crate) system: Option<String>,
    pub(crate) connector: Option<String>,
    pub(crate) status: Option<&'static str>,
}

/// What becomes of an address that is asked of an MTA; with `dearer`, every dearer connector is followed too.
pub(crate) fn outcomes(world: &World, mta: usize, asker: Asker, address: &str, dearer: bool) -> BTreeSet<Outcome> {
    let mut walk = Walk { world, dearer, open: Vec::new(), done: BTreeSet::new(), found: BTreeSet::new() };
    walk.first(mta, asker, Address::read(address));
    walk.found
}

/// Where a message stands. `mta` is the last of ours that had it: its sub-addresses count at a system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Stand {
    node: Node,
    asker: Asker,
    address: Address,
    mta: usize,
    connector: Option<usize>,
    first: bool,
}

struct Walk<'a> {
    world: &'a World<'a>,
    dearer: bool,
    /// The way from the first MTA to here.
    open: Vec<Stand>,
    done: BTreeSet<Stand>,
    found: BTreeSet<Outcome>,
}

/// A recipient that is refused at RCPT time, and the place that says so.
#[derive(Debug, Clone)]
struct Refusal {
    fate: Fate,
    status: &'static str,
    address: Address,
    connector: Option<usize>,
}

impl Walk<'_> {
    fn first(&mut self, mta: usize, asker: Asker, address: Address) {
        let refusals = self.refusals(mta, asker, &address, None, &mut Vec::new());
        for refusal in &refusals {
            self.end(refusal.fate, &refusal.address, None, refusal.connector, Some(refusal.status));
        }
        if refusals.is_empty() {
            self.go(Stand { node: Node::Mta(mta), asker, address, mta, connector: None, first: true });
        }
    }

    fn end(
        &mut self,
        fate: Fate,
        address: &Address,
        system: Option<Node>,
        connector: Option<usize>,
        status: Option<&'static str>,
    ) {
        let estate = self.world.estate;
        self.found.insert(Outcome {
            fate,
            recipient: address.normal(),
            system: system.map(|node| estate.node_name(node).to_owned()),
            connector: connector.map(|connector| estate.connectors[connector].name.clone()),
            status,
        });
    }

    /// All refusals of a recipient at RCPT time, one for each way of least cost; none if any such way ends otherwise.
    fn refusals(
        &self,
        mta: usize,
        asker: Asker,
        address: &Address,
        connector: Option<usize>,
        way: &mut Vec<(usize, Asker, Address)>,
    ) -> Vec<Refusal> {
        let here = (mta, asker, address.clone());
        if way.contains(&here) || way.len() > LONGEST {
            return Vec::new();
        }
        let one = |fate, status, address| vec![Refusal { fate, status, address, connector }];
        let (address, cheapest, verify) = match visit(self.world, mta, asker, address) {
            Decision::Reject { status, address } => return one(Fate::Rejected, status, address),
            Decision::Unroutable(address) => return one(Fate::Unroutable, "5.1.2", address),
            Decision::Loop(_) => return Vec::new(),
            Decision::Hand { address, cheapest, verify, .. } => (address, cheapest, verify),
        };
        way.push(here);
        let each = cheapest.iter().map(|&next| match self.world.estate.connectors[next].to {
            Node::Mta(other) => self.refusals(other, Asker::Node(Node::Mta(mta)), &address, Some(next), way),
            Node::System(system) if verify && self.bounces(system, mta, &address) => {
                let address = address.clone();
                vec![Refusal { fate: Fate::Rejected, status: "5.1.1", address, connector: Some(next) }]
            }
            Node::System(_) | Node::Internet => Vec::new(),
        });
        let each: Vec<Vec<Refusal>> = each.collect();
        way.pop();
        match each.iter().any(Vec::is_empty) {
            true => Vec::new(),
            false => each.into_iter().flatten().collect(),
        }
    }

    /// Does a system itself bounce the recipient, because it is closed and sends it nowhere?
    fn bounces(&self, system: usize, mta: usize, address: &Address) -> bool {
        self.world.closed(system)
            && !self.world.holds(system, mta, address)
            && self.world.forwards(system, address.domain()).is_empty()
    }

    fn go(&mut self, stand: Stand) {
        let endless = self.open.len() > LONGEST || self.done.len() > MOST;
        if endless || self.open.contains(&stand) {
            return self.end(Fate::Looped, &stand.address, None, stand.connector, Some("5.4.6"));
        }
        if !self.done.insert(stand.clone()) {
            return;
        }
        self.open.push(stand.clone());
        match stand.node {
            Node::Mta(mta) => self.at_mta(mta, &stand),
            Node::System(system) => self.at_system(system, &stand),
            Node::Internet => self.at_internet(&stand),
        }
        self.open.pop();
    }

    fn at_mta(&mut self, mta: usize, stand: &Stand) {
        match visit(self.world, mta, stand.asker, &stand.address) {
            // The first MTA's own refusals never come here.
            Decision::Reject { status, address } => {
                self.end(Fate::Bounced, &address, None, stand.connector, Some(status));
            }
            Decision::Unroutable(address) => {
                self.end(Fate::Unroutable, &address, None, stand.connector, Some("5.4.4"));
            }
            Decision::Loop(address) => self.end(Fate::Looped, &address, None, stand.connector, Some("5.4.6")),
            Decision::Hand { address, mut cheapest, dearer, verify } => {
                // What an MTA refuses at RCPT time never comes to its dearer connectors.
                let refusals = self.refusals(mta, stand.asker, &stand.address, None, &mut Vec::new());
                cheapest.extend(dearer.into_iter().filter(|_| self.dearer && refusals.is_empty()));
                for connector in cheapest {
                    self.hand(mta, stand.first, &address, connector, verify);
                }
            }
        }
    }

    fn hand(&mut self, mta: usize, first: bool, address: &Address, connector: usize, verify: bool) {
        let node = self.world.estate.connectors[connector].to;
        if let Node::System(system) = node
            && verify
            && self.bounces(system, mta, address)
        {
            let fate = if first { Fate::Rejected } else { Fate::Bounced };
            return self.end(fate, address, None, Some(connector), Some("5.1.1"));
        }
        let asker = Asker::Node(Node::Mta(mta));
        self.go(Stand { node, asker, address: address.clone(), mta, connector: Some(connector), first: false });
    }

    fn at_system(&mut self, system: usize, stand: &Stand) {
        let closed = self.world.closed(system);
        let holds = self.world.holds(system, stand.mta, &stand.address);
        let forwards = self.world.forwards(system, stand.address.domain());
        if holds || !closed {
            self.end(Fate::Delivered, &stand.address, Some(stand.node), stand.connector, None);
        }
        if holds {
            return;
        }
        if closed && forwards.is_empty() {
            self.end(Fate::Bounced, &stand.address, Some(stand.node), stand.connector, Some("5.1.1"));
        }
        for node in forwards {
            self.go(Stand { node, asker: Asker::Node(stand.node), first: false, ..stand.clone() });
        }
    }

    fn at_internet(&mut self, stand: &Stand) {
        for node in self.world.mx(stand.address.domain()) {
            if node == Node::Internet {
                self.end(Fate::Delivered, &stand.address, Some(node), stand.connector, None);
            } else {
                self.go(Stand { node, asker: Asker::Anyone, first: false, ..stand.clone() });
            }
        }
    }
}
