//! `orphan::target`, `authority::target`, `reply::target`: where a contact's mail ends, if it does not arrive.

use hashbrown::{HashMap, HashSet};

use super::{and_more, fate_in_words, is_moot};
use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::plan::classes::{Class, Kind};
use crate::plan::proof::{Ending, Proof};
use crate::plan::route::decide::{Holder, Why};
use crate::plan::route::outcome::Fate;
use crate::plan::{AddressId, AddressUse, ContactId, MtaId, Node, Question, SystemId};
use crate::source::Span;

/// One report, and whatever else came to the same.
struct Found {
    /// Its message is in two parts, with what came to the same between them.
    what: String,
    diagnostic: Diagnostic,
    more: HashSet<Span>,
}

pub(super) fn check(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let mut found: HashMap<String, Found> = HashMap::new();
    let mut order: Vec<String> = Vec::new();
    for verdict in proof.verdicts.iter().filter(|v| !is_moot(proof, &proof.classes[v.class], diagnostics)) {
        let class = &proof.classes[verdict.class];
        let Some(bad) = verdict.ends.iter().find(|e| is_bad(e)) else { continue };
        for (question, _) in questions(proof, class) {
            let Some(target) = target(proof, verdict.mta, &question) else { continue };
            let what = what(proof, verdict.mta, &target);
            let (key, diagnostic) = report(proof, &target, bad);
            match found.get_mut(&key) {
                Some(found) => drop(found.more.insert(target.span)),
                None => {
                    found.insert(key.clone(), Found { what, diagnostic, more: HashSet::from_iter([target.span]) });
                    order.push(key);
                }
            }
        }
    }
    for key in order {
        let Some(Found { what, mut diagnostic, more }) = found.remove(&key) else { continue };
        let more = and_more(more.len().saturating_sub(1));
        diagnostic.message = format!("{what}{more} {}", diagnostic.message);
        diagnostics.push(diagnostic);
    }
}

fn is_bad(end: &Ending) -> bool {
    match end.fate {
        Fate::Unroutable => end.why != Some(Why::ViaStartsElsewhere),
        Fate::Bounced => true,
        Fate::Rejected => matches!(end.why, Some(Why::NobodyHasIt | Why::NeedsUtf8)),
        Fate::Looped | Fate::Delivered => false,
    }
}

/// The members of a class, one by one.
fn questions(proof: &Proof<'_>, class: &Class) -> Vec<(Question, Option<AddressId>)> {
    match &class.kind {
        Kind::Literal { members } => members
            .iter()
            .filter(|&&id| proof.plan.addresses.contact(id).is_some() || proof.plan.addresses.account(id).is_none())
            .map(|&id| (Question::Address(proof.plan.addresses.mailbox(id)), Some(id)))
            .collect(),
        Kind::Detail { members } => {
            // The class stands for every member; with a detail or without, the mistake is the same contact's.
            members.iter().map(|&id| (Question::Address(proof.plan.addresses.mailbox(id)), Some(id))).collect()
        }
        Kind::NamedDetail { base } => vec![(class.question.clone(), Some(*base))],
        Kind::Role | Kind::NoDomain => vec![(class.question.clone(), None)],
        _ => Vec::new(),
    }
}

/// The last contact (or postmaster) on an address's way through an MTA that accepts it.
struct Target {
    holder: Holder,
    /// The primary, where it stands.
    span: Span,
    primary: AddressId,
    /// The secondary that was asked for, where it is claimed.
    asked: Option<Span>,
}

fn target(proof: &Proof<'_>, mta: MtaId, question: &Question) -> Option<Target> {
    let plan = proof.plan;
    let visit = proof.router.visit(mta, crate::plan::route::decide::Asker::Trusted, question);
    if let Question::Address(asked) = question
        && (proof.router.own(mta, asked.domain()).is_none() || proof.router.is_relay_domain(mta, asked.domain()))
    {
        return None;
    }
    let (holder, ..) = visit.rewrites.last()?;
    let asked = visit.rewrites.first().map(|(_, span, _)| *span);
    let primary: AddressUse = match holder {
        Holder::Contact(contact) => plan.contact(*contact).primary,
        Holder::Postmaster => plan.mta(mta).postmaster?,
        Holder::Account(_) => return None,
    };
    Some(Target { holder: *holder, span: primary.span, primary: primary.id, asked })
}

/// What the report is about: the beginning of its message.
fn what(proof: &Proof<'_>, mta: MtaId, target: &Target) -> String {
    let address = proof.plan.addresses.text(target.primary);
    match target.holder {
        Holder::Postmaster => format!("postmaster `{address}` of MTA `{}`", proof.plan.mta(mta).name),
        _ => format!("target `{address}`"),
    }
}

/// The diagnostic, and what makes it one mistake with others.
fn report(proof: &Proof<'_>, target: &Target, bad: &Ending) -> (String, Diagnostic) {
    let plan = proof.plan;
    let address = plan.addresses.text(target.primary);
    let domain = plan.addresses.domain(target.primary);
    let is_postmaster = target.holder == Holder::Postmaster;
    let name = if is_postmaster { "the postmaster" } else { "the target" };
    let label = |d: Diagnostic| match target.asked.filter(|&asked| asked != target.span) {
        Some(asked) => d.label(target.span, name).label(asked, "mail for this address is meant to go there"),
        None => d.label(target.span, name),
    };
    let ours = plan.mta_ids().any(|id| proof.router.own(id, domain).is_some());
    if bad.why == Some(Why::NobodyHasIt) && ours && matches!(bad.node, Node::Mta(_)) {
        let message = "lies in a domain of ours where nobody has it";
        let or =
            if is_postmaster { "name somebody else" } else { "give the contact a target in that system's own domain" };
        let help = format!("make `{address}` an account of its system, or {or}");
        return (format!("authority {address}"), label(Diagnostic::new(code::AUTHORITY_TARGET, message)).help(help));
    }
    if let (Fate::Bounced, Node::System(system)) = (bad.fate, bad.node) {
        if let Some((account, held)) = account_of(proof, system, target.holder) {
            let name = &plan.system(system).name;
            let message = format!("is bounced by `{name}`: its account `{held}` lacks that address");
            let diagnostic = label(Diagnostic::new(code::REPLY_TARGET, message))
                .label(account, "this account has the contact's secondary");
            return (
                format!("reply {address}"),
                diagnostic.help(format!("add it to the account: `account {held}, {address}`")),
            );
        }
        let message = format!("{}: it has no such account", fate_in_words(proof, bad));
        let help = format!("correct the target, or add the account to `{}`", plan.system(system).name);
        return (format!("bounce {address}"), label(Diagnostic::new(code::ORPHAN_TARGET, message)).help(help));
    }
    let message = fate_in_words(proof, bad);
    let help = match bad.fate {
        Fate::Unroutable => format!("add a connector with `address-space {domain}` (or `*`) at that MTA"),
        _ => "correct the target".to_owned(),
    };
    let key = if bad.fate == Fate::Unroutable { format!("route {domain}") } else { format!("other {address}") };
    (key, label(Diagnostic::new(code::ORPHAN_TARGET, message)).help(help))
}

/// An account of the system that has a secondary of the contact.
fn account_of<'p>(proof: &Proof<'p>, system: SystemId, holder: Holder) -> Option<(Span, &'p str)> {
    let Holder::Contact(contact): Holder = holder else { return None };
    let plan: &'p crate::plan::Plan = proof.plan;
    let contact: ContactId = contact;
    plan.secondaries_of(contact).iter().find_map(|secondary| {
        let account = plan.addresses.account(secondary.id)?;
        let held = plan.addresses_of(account).iter().find(|a| a.id == secondary.id)?;
        (plan.account(account).system == system).then(|| (held.span, plan.addresses.text(held.id)))
    })
}
