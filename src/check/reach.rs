//! `orphan::system`, `orphan::domain`, `orphan::bounce`, `unused::connector`: what nothing leads to.

use hashbrown::HashSet;

use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::name::Pattern;
use crate::plan::classes::{Fresh, Kind};
use crate::plan::proof::{Ending, Proof};
use crate::plan::route::outcome::Fate;
use crate::plan::{AccountId, AddressId, DomainId, DomainKind, Node, Plan, SystemId, Unresolved};

pub(super) fn systems(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    for id in plan.system_ids() {
        let system = plan.system(id);
        if strays(proof, id) || system.poisoned || plan.connectors.iter().any(|c| c.to.value == Node::System(id)) {
            continue;
        }
        diagnostics.push(
            Diagnostic::new(code::ORPHAN_SYSTEM, format!("no connector leads to system `{}`", system.name))
                .label(system.span, "declared here")
                .help(format!("add a connector with `to {}`, or take the system out", system.name)),
        );
    }
}

/// Whether an account of the system does not come to it: that is an error, and says the same.
fn strays(proof: &Proof<'_>, system: SystemId) -> bool {
    let plan = proof.plan;
    let holds = |id: &AddressId| plan.addresses.account(*id).is_some_and(|a| plan.account(a).system == system);
    let arrives = |e: &Ending| e.fate == Fate::Delivered && e.system == Some(Node::System(system));
    proof.verdicts.iter().filter(|v| v.accepted_from_trust()).any(|verdict| match &proof.classes[verdict.class].kind {
        Kind::Literal { members } => members.first().is_some_and(holds) && !verdict.ends.iter().all(arrives),
        _ => false,
    })
}

pub(super) fn domains(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut peopled: HashSet<DomainId> = HashSet::new();
    for address in plan.secondaries.iter().chain(&plan.account_addresses) {
        let domain = plan.addresses.domain_id(address.id);
        if !peopled.contains(&domain) && plan.addresses.local(address.id) != "postmaster" {
            peopled.insert(domain);
        }
    }
    let peopled: HashSet<&str> = peopled.into_iter().map(|domain| plan.addresses.domain_text(domain)).collect();
    for decl in &plan.domains {
        let Pattern::Exact(domain) = &decl.pattern.value else { continue };
        let empty = decl.kind != DomainKind::Relay
            && decl.unresolved == Unresolved::Reject
            && !peopled.contains(domain.as_str());
        if !empty || decl.poisoned || decl.on.is_empty() {
            continue;
        }
        diagnostics.push(
            Diagnostic::new(
                code::ORPHAN_DOMAIN,
                format!("`{domain}` has no recipient: everything but postmaster is rejected"),
            )
            .label(decl.pattern.span, "declared here")
            .help("give it contacts or accounts, or say `unresolved via` a connector; or take it out"),
        );
    }
}

pub(super) fn bounces(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let anywhere = Fresh::new(plan).mailbox(&Pattern::Any);
    for id in plan.mta_ids() {
        let mta = plan.mta(id);
        if proof.router.space(id, anywhere.domain()).is_some_and(|tiers| !tiers.is_empty()) {
            continue;
        }
        diagnostics.push(
            Diagnostic::new(
                code::ORPHAN_BOUNCE,
                format!("MTA `{}` has no route for other people's domains, so it cannot return a bounce", mta.name),
            )
            .label(mta.span, "declared here")
            .help("add a connector with `address-space *`"),
        );
    }
}

pub(super) fn connectors(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    for id in plan.connector_ids().filter(|id| !proof.used.contains(id)) {
        let connector = plan.connector(id);
        if connector.poisoned || connector.to.value == Node::Unknown || contacts_took_all(plan, connector.to.value) {
            continue;
        }
        let (message, help) = if connector.from.is_empty() {
            ("starts at no MTA", "say with `from` at which MTA it starts; or take it out")
        } else {
            let help = "give it an `address-space`, a system with accounts, or an `unresolved via`; or take it out";
            ("is taken by no address", help)
        };
        diagnostics.push(
            Diagnostic::new(code::UNUSED_CONNECTOR, format!("connector `{}` {message}", connector.name))
                .label(connector.span, "declared here")
                .help(help),
        );
    }
}

/// Contacts lead away the mail of each account that the system lists, which is reported as a conflict.
fn contacts_took_all(plan: &Plan, to: Node) -> bool {
    let mut accounts = plan.account_ids().filter(|&a| Node::System(plan.account(a).system) == to).peekable();
    let is_led_away = |a: AccountId| plan.addresses_of(a).iter().all(|u| plan.addresses.contact(u.id).is_some());
    accounts.peek().is_some() && accounts.all(is_led_away)
}
