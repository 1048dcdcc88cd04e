//! `address::conflict` and `orphan::secondary`: contacts against accounts and domains.

use hashbrown::HashMap;

use super::and_more;
use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::name::Pattern;
use crate::plan::classes::Kind;
use crate::plan::proof::Proof;
use crate::plan::route::outcome::Fate;
use crate::plan::{AddressUse, DomainId, DomainKind, Node};

pub(super) fn conflicts(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut reported = hashbrown::HashSet::new();
    for verdict in &proof.verdicts {
        let Kind::Literal { members } = &proof.classes[verdict.class].kind else { continue };
        let Some(&first) = members.first() else { continue };
        let Some(system) = plan.addresses.account(first).map(|a| plan.account(a).system) else { continue };
        if plan.addresses.contact(first).is_none() {
            continue;
        }
        let elsewhere =
            verdict.ends.iter().find(|e| e.fate == Fate::Delivered && e.system != Some(Node::System(system)));
        let Some(end) = elsewhere else { continue };
        for &id in members.iter() {
            let (Some(contact), Some(account)) = (plan.addresses.contact(id), plan.addresses.account(id)) else {
                continue;
            };
            let place = |uses: &[AddressUse]| uses.iter().find(|u| u.id == id).map(|u| u.span);
            let (Some(claim), Some(held)) = (place(plan.secondaries_of(contact)), place(plan.addresses_of(account)))
            else {
                continue;
            };
            if !reported.insert(id) {
                continue;
            }
            let (address, name) = (plan.addresses.text(id), plan.node_name(Node::System(system)));
            let other = plan.node_name(end.node);
            diagnostics.push(
                Diagnostic::new(
                    code::ADDRESS_CONFLICT,
                    format!("`{address}` is an account of `{name}`, and a contact leads it to `{other}`"),
                )
                .label(claim, format!("the contact takes its mail to `{other}`"))
                .label(held, format!("`{name}` lists it as its account"))
                .help("take the secondary off the contact, or the address off the account"),
            );
        }
    }
}

pub(super) fn orphan_secondaries(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    // One domain that nobody declared is one mistake, however many secondaries lie in it.
    let accepted = |domain: &str| {
        plan.mta_ids().any(|mta| proof.router.own(mta, domain).is_some() && !proof.router.is_relay_domain(mta, domain))
    };
    let orphaned: Vec<bool> =
        plan.addresses.domain_ids().map(|domain| !accepted(plan.addresses.domain_text(domain))).collect();
    let mut orphans: HashMap<DomainId, (AddressUse, usize)> = HashMap::new();
    let mut order = Vec::new();
    for secondary in &plan.secondaries {
        let domain = plan.addresses.domain_id(secondary.id);
        if !orphaned[domain.index()] {
            continue;
        }
        let (_, count) = orphans.entry(domain).or_insert_with(|| {
            order.push(domain);
            (*secondary, 0)
        });
        *count += 1;
    }
    for domain in order {
        let Some((first, count)) = orphans.get(&domain) else { continue };
        let (address, domain) = (plan.addresses.text(first.id), plan.addresses.domain_text(domain));
        let relay = plan.domains.iter().find(|d| d.kind == DomainKind::Relay && d.pattern.value.matches(domain));
        let message = format!(
            "no MTA accepts `{domain}`, so mail for `{address}`{} never comes to its contact",
            and_more(count - 1)
        );
        let mut diagnostic =
            Diagnostic::new(code::ORPHAN_SECONDARY, message).label(first.span, "a secondary in that domain");
        if let Some(relay) = relay {
            diagnostic = diagnostic.label(relay.pattern.span, "a relay domain knows no contacts");
        }
        let help = match near_domain(proof, domain) {
            Some(near) => format!("did you mean `{near}`? If not, declare it: `shared domain {domain}`"),
            None => format!("declare it: `shared domain {domain}`"),
        };
        diagnostics.push(diagnostic.help(help));
    }
}

fn near_domain<'p>(proof: &Proof<'p>, domain: &str) -> Option<&'p str> {
    let plan: &'p crate::plan::Plan = proof.plan;
    let exact = |p: &'p Pattern| match p {
        Pattern::Exact(d) => Some(d.as_str()),
        _ => None,
    };
    let ours = plan.domains.iter().filter(|d| d.kind != DomainKind::Relay).filter_map(|d| exact(&d.pattern.value));
    // Domains share their ends, so that more letters may differ by chance than in a name.
    crate::name::nearest(domain, ours).filter(|near| strsim::damerau_levenshtein(domain, near) <= 2)
}
