//! The meaning of a plan, in one place: what an address gets at an MTA, and where it goes from there.
//!
//! [`Router`] holds what each node knows, ready to be asked. `decide` is one visit of one MTA (the language's steps 0
//! to 5 and who may ask); `walk` follows a recipient from node to node as a finite graph; `outcome` reads the fates
//! and their paths off that graph. Checks, trace, targets and tests all ask here.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;

use super::classes::Partition;
use super::{ConnectorId, DomainDeclId, DomainKind, MtaId, Node, Plan, SystemId};
use crate::name::{Domain, Pattern, PatternMap};
use crate::source::Span;

pub mod decide;
pub mod handover;
pub mod outcome;
pub mod walk;

/// An enhanced status code (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub &'static str);

impl Status {
    /// Nobody has this address.
    pub const UNKNOWN: Status = Status("5.1.1");
    /// No route for this domain.
    pub const UNROUTABLE: Status = Status("5.1.2");
    /// No route, found out when another system had the message already.
    pub const UNROUTABLE_LATER: Status = Status("5.4.4");
    pub const LOOP: Status = Status("5.4.6");
    /// A local part that is not ASCII, at an MTA without SMTPUTF8 (RFC 6531 3.5).
    pub const NO_UTF8: Status = Status("5.6.7");
    pub const RELAY_DENIED: Status = Status("5.7.1");
}

/// What makes a domain one of an MTA's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    Declared(DomainDeclId),
    /// The MTA's own hostname, not declared: an authoritative domain.
    Hostname,
}

/// One way out, and the words of the source that open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    pub connector: ConnectorId,
    pub span: Span,
}

/// Connectors of equal cost: they share the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    pub cost: u32,
    pub exits: Vec<Exit>,
}

/// The cheapest first; a dearer tier takes over when every host of the cheaper ones failed.
pub type Tiers = Vec<Tier>;

#[derive(Debug, Default)]
struct MtaTable {
    own: PatternMap<Option<Own>>,
    spaces: PatternMap<Tiers>,
    accounts: HashMap<SystemId, Tiers>,
}

#[derive(Debug, Default)]
struct SystemTable {
    forwards: PatternMap<Vec<usize>>,
    authoritative: PatternMap<()>,
}

/// Where the Internet takes what is ours.
#[derive(Debug, Default)]
struct InternetTable {
    /// Our `domain`s and `shared domain`s: the nodes that their MX records name.
    mx: HashMap<Domain, Vec<(Node, Span)>>,
    hostnames: HashMap<Domain, Vec<MtaId>>,
    systems: PatternMap<Vec<(SystemId, Span)>>,
}

/// A plan, made ready to be asked.
#[derive(Debug)]
pub struct Router<'p> {
    pub plan: &'p Plan,
    mtas: Vec<MtaTable>,
    systems: Vec<SystemTable>,
    internet: InternetTable,
    partition: OnceLock<Arc<Partition>>,
}

impl<'p> Router<'p> {
    pub fn new(plan: &'p Plan) -> Router<'p> {
        Router {
            plan,
            partition: OnceLock::new(),
            mtas: plan.mta_ids().map(|id| mta_table(plan, id)).collect(),
            systems: plan.system_ids().map(|id| system_table(plan, id)).collect(),
            internet: internet_table(plan),
        }
    }

    /// With the partition that another router of the same plan made.
    pub fn with_partition(plan: &'p Plan, partition: Arc<Partition>) -> Router<'p> {
        Router { partition: OnceLock::from(partition), ..Router::new(plan) }
    }

    /// The classes of all that can be asked, made once.
    pub fn partition(&self) -> &Arc<Partition> {
        self.partition.get_or_init(|| Arc::new(Partition::new(self.plan)))
    }

    /// Whether a domain is one of the MTA's own, and by which declaration: the most specific one.
    pub fn own(&self, mta: MtaId, domain: &str) -> Option<Own> {
        *self.mtas[mta.index()].own.find(domain)?
    }

    /// Whether steps 0 to 3 are skipped for a domain at this MTA.
    pub fn is_relay_domain(&self, mta: MtaId, domain: &str) -> bool {
        matches!(self.own(mta, domain), Some(Own::Declared(id)) if self.plan.domain(id).kind == DomainKind::Relay)
    }

    /// The connectors of step 4 for a domain.
    pub fn space(&self, mta: MtaId, domain: &str) -> Option<&[Tier]> {
        self.mtas[mta.index()].spaces.find(domain).map(Vec::as_slice)
    }

    /// The connectors of step 4 that this very pattern opens.
    pub fn space_of_pattern(&self, mta: MtaId, pattern: &Pattern) -> Option<&[Tier]> {
        self.mtas[mta.index()].spaces.get(pattern).map(Vec::as_slice)
    }

    /// The connectors of step 2 to a system.
    pub fn to_system(&self, mta: MtaId, system: SystemId) -> Option<&[Tier]> {
        self.mtas[mta.index()].accounts.get(&system).map(Vec::as_slice)
    }

    /// Where the Internet's MX records for a domain of ours point; `None` for other people's domains.
    pub fn mx(&self, domain: &str) -> Option<&[(Node, Span)]> {
        self.internet.mx.get(domain).map(Vec::as_slice)
    }

    /// Where a system sends recipients of a domain that it does not hold.
    pub fn forwards(&self, system: SystemId, domain: &str) -> Vec<&super::Forward> {
        let found = self.systems[system.index()].forwards.find(domain);
        found.into_iter().flatten().map(|&i| &self.plan.system(system).forwards[i]).collect()
    }

    /// Whether every address by which others see this node lies in the MTA's `trust`.
    pub fn trusts_node(&self, mta: MtaId, node: Node) -> bool {
        let addresses = self.addresses_of(node);
        let trust = &self.plan.mta(mta).trust;
        !addresses.is_empty() && addresses.iter().all(|ip| trust.iter().any(|net| net.value.contains(ip)))
    }

    /// How others see a node.
    pub fn addresses_of(&self, node: Node) -> Vec<std::net::IpAddr> {
        match node {
            Node::Mta(id) => self.plan.mta(id).address.iter().map(|a| a.value).collect(),
            Node::System(id) => self.plan.system(id).address.iter().map(|a| a.value).collect(),
            Node::Internet | Node::Unknown => Vec::new(),
        }
    }
}

fn mta_table(plan: &Plan, mta: MtaId) -> MtaTable {
    let mut table = MtaTable::default();
    for id in plan.domain_ids() {
        let decl = plan.domain(id);
        if decl.on.contains(&mta) {
            table.own.insert_if_absent(&decl.pattern.value, Some(Own::Declared(id)));
        }
    }
    let hostname = Pattern::Exact(plan.mta(mta).hostname.value.clone());
    table.own.insert_if_absent(&hostname, Some(Own::Hostname));

    let mut spaces: PatternMap<BTreeMap<u32, Vec<Exit>>> = PatternMap::default();
    let mut accounts: HashMap<SystemId, BTreeMap<u32, Vec<Exit>>> = HashMap::new();
    let mut patterns = Vec::new();
    for connector in plan.connectors_from(mta) {
        let c = plan.connector(connector);
        for space in &c.spaces {
            let exits = spaces.entry(&space.pattern).entry(space.cost).or_default();
            if exits.iter().all(|e| e.connector != connector) {
                exits.push(Exit { connector, span: space.span });
            }
            patterns.push(&space.pattern);
        }
        if let Node::System(system) = c.to.value {
            let exit = Exit { connector, span: c.to.span };
            accounts.entry(system).or_default().entry(c.account_cost).or_default().push(exit);
        }
    }
    for pattern in patterns {
        if table.spaces.get(pattern).is_none() {
            *table.spaces.entry(pattern) = tiers(std::mem::take(spaces.entry(pattern)));
        }
    }
    table.accounts = accounts.into_iter().map(|(system, by_cost)| (system, tiers(by_cost))).collect();
    table
}

/// A connector that stands in a cheaper tier already is no fall-back for itself.
fn tiers(by_cost: BTreeMap<u32, Vec<Exit>>) -> Tiers {
    let mut seen = hashbrown::HashSet::new();
    by_cost
        .into_iter()
        .map(|(cost, mut exits)| {
            exits.retain(|e| seen.insert(e.connector));
            Tier { cost, exits }
        })
        .filter(|tier| !tier.exits.is_empty())
        .collect()
}

fn system_table(plan: &Plan, id: SystemId) -> SystemTable {
    let mut table = SystemTable::default();
    let system = plan.system(id);
    for (i, forward) in system.forwards.iter().enumerate() {
        table.forwards.entry(&forward.pattern).push(i);
    }
    for pattern in &system.authoritative {
        table.authoritative.insert_if_absent(&pattern.value, ());
    }
    table
}

fn internet_table(plan: &Plan) -> InternetTable {
    let mut table = InternetTable::default();
    let mut defaults: HashMap<Domain, Vec<(Node, Span)>> = HashMap::new();
    for decl in plan.domains.iter().filter(|decl| decl.kind != DomainKind::Relay) {
        let Pattern::Exact(domain) = &decl.pattern.value else { continue };
        table.mx.entry(domain.clone()).or_default();
        let default = defaults.entry(domain.clone()).or_default();
        for &mta in &decl.on {
            push_node(default, Node::Mta(mta), decl.pattern.span);
        }
    }
    // What is said of a domain of ours counts wherever it is said, in a `relay domain` for other MTAs as well.
    for decl in &plan.domains {
        let Pattern::Exact(domain) = &decl.pattern.value else { continue };
        let Some(said) = table.mx.get_mut(domain) else { continue };
        for mx in &decl.mx {
            push_node(said, mx.value, mx.span);
        }
    }
    for (domain, said) in &mut table.mx {
        if said.is_empty() {
            *said = defaults.remove(domain).unwrap_or_default();
        }
    }
    for id in plan.mta_ids() {
        table.hostnames.entry(plan.mta(id).hostname.value.clone()).or_default().push(id);
    }
    for id in plan.system_ids() {
        for pattern in &plan.system(id).domains {
            let systems = table.systems.entry(&pattern.value);
            if systems.iter().all(|&(s, _)| s != id) {
                systems.push((id, pattern.span));
            }
        }
    }
    table
}

fn push_node(nodes: &mut Vec<(Node, Span)>, node: Node, span: Span) {
    if nodes.iter().all(|&(n, _)| n != node) {
        nodes.push((node, span));
    }
}
