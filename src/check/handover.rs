//! `subaddress::differs`, `hop::untrusted`, `backscatter::unverified`, `authority::undeclared`: where mail changes hands.

use hashbrown::HashSet;

use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::plan::classes::Kind;
use crate::plan::proof::Proof;
use crate::plan::route::Own;
use crate::plan::route::walk::{Next, Place, Walk};
use crate::plan::{DomainKind, Mta, MtaId, Node, Unresolved};

pub(super) fn subaddresses(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut pairs: Vec<(MtaId, MtaId)> = proof.neighbours.keys().copied().collect();
    pairs.sort_unstable();
    let mut reported = HashSet::new();
    for (from, to) in pairs {
        let (a, b) = (plan.mta(from), plan.mta(to));
        if a.separator() == b.separator() || !reported.insert((from.min(to), from.max(to))) {
            continue;
        }
        let message = format!("MTA `{}` hands on to `{}`, and they read sub-addresses differently", a.name, b.name);
        let place = |mta: &Mta| mta.subaddress.map_or(mta.span, |s| s.span);
        diagnostics.push(
            Diagnostic::new(code::SUBADDRESS_DIFFERS, message)
                .label(place(a), says(a))
                .label(place(b), says(b))
                .help("say the same `subaddress` at both, or at neither"),
        );
    }
}

fn says(mta: &Mta) -> String {
    match mta.separator() {
        Some(c) => format!("`{}` cuts at `{c}`", mta.name),
        None => format!("`{}` has none", mta.name),
    }
}

pub(super) fn untrusted(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut reported = HashSet::new();
    for handover in &proof.handovers {
        let sends_from = handover.via.and_then(|c| plan.connector(c).source_address);
        let known = handover.from == Node::Mta(handover.to)
            || sends_from.is_some()
            || !proof.router.addresses_of(handover.from).is_empty();
        if known || !reported.insert((handover.from, handover.to)) {
            continue;
        }
        let (from, to) = (plan.node_name(handover.from), &plan.mta(handover.to).name);
        let declared = match handover.from {
            Node::Mta(id) => plan.mta(id).span,
            Node::System(id) => plan.system(id).span,
            Node::Internet | Node::Unknown => handover.span,
        };
        diagnostics.push(
            Diagnostic::new(
                code::HOP_UNTRUSTED,
                format!("`{from}` hands recipients of foreign domains to MTA `{to}`, which cannot know it"),
            )
            .label(declared, "no `address` is said")
            .label(handover.span, "handed on here")
            .help(format!("say at `{from}` by which `address` others see it")),
        );
    }
}

pub(super) fn unverified(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut reported = HashSet::new();
    for verdict in proof.verdicts.iter().filter(|v| v.accepted) {
        let class = &proof.classes[verdict.class];
        let (Kind::Other { .. }, Some(mailbox)) = (&class.kind, class.mailbox()) else { continue };
        let Some(Own::Declared(id)) = proof.router.own(verdict.mta, mailbox.domain()) else { continue };
        let decl = plan.domain(id);
        let asked = decl.verify.is_some() || matches!(decl.unresolved, Unresolved::Via { verify: true, .. });
        let away = !asked && {
            let walk = proof.router.walk(verdict.mta, verdict.asker, class.question.clone());
            leaves_unverified(proof, &walk)
        };
        let span = decl.unresolved_span.unwrap_or(decl.pattern.span);
        // Where some are certainly bounced or go round in a circle, that was reported as the error it is.
        let unresolved = [code::ORPHAN_UNRESOLVED, code::LOOP_UNRESOLVED, code::LOOP_MX, code::LOOP_ROUTE];
        let told = diagnostics.iter().any(|d| unresolved.contains(&d.code) && d.labels.iter().any(|l| l.span == span));
        if !away || told || decl.poisoned || !reported.insert(id) {
            continue;
        }
        let message = format!(
            "`{}` is accepted for recipients that nobody has verified: what is refused later is bounced to forged senders",
            decl.pattern.value
        );
        let help = match decl.kind {
            DomainKind::Relay => format!("ask the next hop first: `relay domain {} {{ verify }}`", decl.pattern.value),
            _ => "ask the next hop first: add `verify` behind the connector".to_owned(),
        };
        diagnostics
            .push(Diagnostic::new(code::BACKSCATTER_UNVERIFIED, message).label(span, "accepted here").help(help));
    }
}

/// Whether a recipient comes to a system or the Internet with nobody having asked there. An MTA of ours decides for
/// itself in a domain that it declares, and what it does there is reported there.
fn leaves_unverified(proof: &Proof<'_>, walk: &Walk) -> bool {
    let mut open = vec![0];
    let mut met: HashSet<usize> = HashSet::from_iter([0]);
    while let Some(at) = open.pop() {
        let state = &walk.states[at];
        let Place::Mta { id, .. } = state.place else { return true };
        let domain = state.recipient.as_ref().map_or("", |r| r.domain());
        let declared = at > 0 && matches!(proof.router.own(id, domain), Some(Own::Declared(_)));
        if state.verify || walk.refusing[at] || declared {
            continue;
        }
        open.extend(state.next.iter().filter_map(|next| match next {
            Next::To { state, .. } => met.insert(*state).then_some(*state),
            Next::End { .. } => None,
        }));
    }
    false
}

pub(super) fn undeclared(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    for found in &proof.undeclared {
        let system = proof.plan.system(found.system);
        let (name, domain) = (&system.name, &found.domain);
        let message =
            format!("it is not said what system `{name}` does with recipients of `{domain}` that it does not hold");
        diagnostics.push(
            Diagnostic::new(code::AUTHORITY_UNDECLARED, message)
                .label(system.span, "taken to be the end of the chain")
                .label(found.span, "unresolved recipients come to it here")
                .help(format!("say `authoritative {domain}` if it delivers or refuses them, or `forwards {domain} to …` if it sends them on")),
        );
    }
}
