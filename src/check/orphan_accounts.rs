//! `orphan::account`: an account whose mail does not come to its system.

use hashbrown::HashMap;

use super::{and_more, fate_in_words, is_moot, with_path};
use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::plan::classes::Kind;
use crate::plan::proof::{Ending, Proof, Verdict};
use crate::plan::route::outcome::{Fate, Ways};
use crate::plan::route::walk::Hop;
use crate::plan::{AddressId, MtaId, Node, SystemId};

/// The first account, how many more, what became of it, and the verdict that says so.
type Found<'v> = (AddressId, usize, Ending, &'v Verdict);

pub(super) fn check(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    // Accounts of one system that end in one way are one mistake.
    let mut found: HashMap<(SystemId, MtaId, Fate, Node), Found<'_>> = HashMap::new();
    let mut order = Vec::new();
    for verdict in proof.verdicts.iter().filter(|v| !is_moot(proof, &proof.classes[v.class], diagnostics)) {
        let Some((members, system)) = accounts(proof, verdict) else { continue };
        let Some(bad) = verdict.ends.iter().find(|e| is_bad(e, system)) else { continue };
        let key = (system, verdict.mta, bad.fate, bad.node);
        match found.get_mut(&key) {
            Some((first, count, ..)) if *first != members[0] => *count += members.len(),
            Some(_) => {}
            None => {
                found.insert(key, (members[0], members.len() - 1, *bad, verdict));
                order.push(key);
            }
        }
    }
    let mut reported = hashbrown::HashSet::new();
    for key in order {
        let Some((first, more, bad, verdict)) = found.get(&key) else { continue };
        if reported.insert((key.0, key.2, key.3, *first)) {
            let diagnostic = report(proof, key.0, key.1, *first, *more, bad);
            diagnostics.push(with_path(diagnostic, proof, &way(proof, verdict, bad), None));
        }
    }
}

/// The steps to that end.
fn way(proof: &Proof<'_>, verdict: &Verdict, bad: &Ending) -> Vec<Hop> {
    let question = &proof.classes[verdict.class].question;
    let ways = Ways { dearer: true, avoiding: None };
    let outcomes = proof.router.outcomes(verdict.mta, verdict.asker, question, ways);
    let found = outcomes.into_iter().find(|o| (o.fate, o.node, o.status) == (bad.fate, bad.node, bad.status));
    found.map(|o| o.path).unwrap_or_default()
}

/// The accounts of a class, at an MTA that accepts their domain (or, where none does, at every MTA).
fn accounts<'v>(proof: &'v Proof<'_>, verdict: &Verdict) -> Option<(&'v [AddressId], SystemId)> {
    let plan = proof.plan;
    let (Kind::Literal { members } | Kind::Detail { members }) = &proof.classes[verdict.class].kind else {
        return None;
    };
    let first = *members.first()?;
    let system = plan.account(plan.addresses.account(first)?).system;
    let domain = plan.addresses.domain(first);
    let accepts = |mta: MtaId| proof.router.own(mta, domain).is_some();
    let relevant = accepts(verdict.mta) || (!plan.mta_ids().any(accepts) && verdict.accepted_from_trust());
    (plan.addresses.contact(first).is_none() && relevant && !plan.system(system).poisoned).then_some((members, system))
}

fn is_bad(end: &Ending, system: SystemId) -> bool {
    match end.fate {
        Fate::Looped => false,
        Fate::Delivered => end.system != Some(Node::System(system)),
        // Who may not ask is not told anything about the account.
        Fate::Rejected => end.why.is_none_or(|why| why.status() != crate::plan::route::Status::RELAY_DENIED),
        Fate::Unroutable | Fate::Bounced => true,
    }
}

fn report(proof: &Proof<'_>, system: SystemId, mta: MtaId, first: AddressId, more: usize, bad: &Ending) -> Diagnostic {
    let plan = proof.plan;
    let (address, name, at) = (plan.addresses.text(first), &plan.system(system).name, &plan.mta(mta).name);
    let span = plan
        .addresses
        .account(first)
        .and_then(|a| plan.addresses_of(a).iter().find(|u| u.id == first))
        .map_or(plan.system(system).span, |u| u.span);
    let message = format!(
        "account `{address}`{} of `{name}`, asked at MTA `{at}`, {}",
        and_more(more),
        fate_in_words(proof, bad)
    );
    let diagnostic = Diagnostic::new(code::ORPHAN_ACCOUNT, message).label(span, format!("held by `{name}`"));
    if proof.router.to_system(mta, system).is_none() {
        return diagnostic.help(format!("add a connector from `{at}` with `to {name}`"));
    }
    diagnostic.help(format!("correct the way from `{at}` to `{name}`, or the account"))
}
