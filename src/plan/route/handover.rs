//! Which recipients of foreign domains one node hands on to an MTA: that MTA takes those from it, and no others.

use hashbrown::HashMap;

use super::Router;
use super::decide::{Decision, Way};
use crate::name::Mailbox;
use crate::plan::{MtaId, Node, SystemId};

/// What is handed on between the nodes of an estate, ready to be asked.
#[derive(Debug)]
pub struct Handover<'r, 'p> {
    router: &'r Router<'p>,
    /// For each domain with accounts, one account of each system that has some there.
    accounts: HashMap<&'p str, Vec<(SystemId, Mailbox)>>,
}

impl<'r, 'p> Handover<'r, 'p> {
    pub fn new(router: &'r Router<'p>) -> Handover<'r, 'p> {
        let plan = router.plan;
        let mut accounts: HashMap<&str, Vec<(SystemId, Mailbox)>> = HashMap::new();
        for address in &plan.account_addresses {
            let Some(account) = plan.addresses.account(address.id) else { continue };
            let system = plan.account(account).system;
            let systems = accounts.entry(plan.addresses.domain(address.id)).or_default();
            if plan.addresses.contact(address.id).is_none() && systems.iter().all(|(known, _)| *known != system) {
                systems.push((system, plan.addresses.mailbox(address.id)));
            }
        }
        Handover { router, accounts }
    }

    /// Every other node that may hand something on to an MTA.
    pub fn peers(&self, to: MtaId) -> Vec<Node> {
        let (plan, here) = (self.router.plan, Node::Mta(to));
        let mtas = plan
            .mta_ids()
            .filter(|&id| id != to && plan.connectors.iter().any(|c| c.to.value == here && c.from.contains(&id)));
        let systems = plan.system_ids().filter(|&id| plan.system(id).forwards.iter().any(|f| f.to == here));
        mtas.map(Node::Mta).chain(systems.map(Node::System)).collect()
    }

    /// Whether a node hands some recipient of a domain on to an MTA, by whatever of its connectors.
    pub fn sends(&self, from: Node, to: MtaId, domain: &str) -> bool {
        match from {
            Node::Mta(from) => self.mta_sends(from, to, domain),
            Node::System(system) => {
                let table = &self.router.systems[system.index()];
                let forwards = &self.router.plan.system(system).forwards;
                table.authoritative.find(domain).is_none()
                    && table
                        .forwards
                        .find(domain)
                        .is_some_and(|all| all.iter().any(|&i| forwards[i].to == Node::Mta(to)))
            }
            Node::Internet | Node::Unknown => false,
        }
    }

    fn mta_sends(&self, from: MtaId, to: MtaId, domain: &str) -> bool {
        let leads = |way: Way<'_>| {
            way.exits().iter().any(|(exit, _)| self.router.plan.connector(exit.connector).to.value == Node::Mta(to))
        };
        let unknown = match self.router.unknown(from, domain) {
            Decision::Send { tiers, .. } => leads(tiers),
            Decision::Rewrite { .. } | Decision::Refuse { .. } => false,
        };
        // An account goes by address space where no connector leads to its system, whatever its domain does with others.
        unknown
            || self.accounts.get(domain).into_iter().flatten().any(|(_, mailbox)| {
                matches!(self.router.decide(from, mailbox), Decision::Send { tiers, .. } if leads(tiers))
            })
    }
}
