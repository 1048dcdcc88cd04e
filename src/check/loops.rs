//! `loop::contacts`, `loop::unresolved`, `loop::mx`, `loop::route`: a circle is reported once, under the first code
//! that fits, with every step in order.

use hashbrown::HashSet;

use super::with_path;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, code};
use crate::plan::graph::{Circle, contact_circles};
use crate::plan::proof::{Proof, Verdict};
use crate::plan::route::decide::{Holder, Step, VisitEnd};
use crate::plan::route::outcome::Fate;
use crate::plan::route::walk::Hop;
use crate::plan::{ContactId, Node, Plan};
use crate::source::Span;

/// At most so many steps of a circle are shown one by one.
const SHOWN: usize = 30;

pub(super) fn contacts(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let mut known: HashSet<Holder> = HashSet::new();
    for circle in contact_circles(proof.plan) {
        known.extend(circle.iter().map(|&c| Holder::Contact(c)));
        diagnostics.push(contact_circle(proof.plan, &circle));
    }
    // Circles that need a sub-address or the postmaster show only where an MTA runs into them.
    let mut looped: Vec<&Verdict> =
        proof.verdicts.iter().filter(|v| v.ends.iter().any(|e| e.fate == Fate::Looped)).collect();
    // The shortest address shows best what goes on.
    looped.sort_by_key(|v| proof.classes[v.class].mailbox().map_or(0, |m| m.as_str().len()));
    for verdict in looped {
        let visit = proof.router.visit(verdict.mta, verdict.asker, &proof.classes[verdict.class].question);
        let Some((last, _, _)) = visit.rewrites.last().filter(|_| visit.end == VisitEnd::Loop) else { continue };
        let start = visit.rewrites.iter().position(|(holder, ..)| holder == last).unwrap_or(0);
        let circle = &visit.rewrites[start..visit.rewrites.len() - 1];
        if circle.iter().any(|(holder, ..)| known.contains(holder)) {
            continue;
        }
        known.extend(circle.iter().map(|(holder, ..)| *holder));
        let mta = &proof.plan.mta(verdict.mta).name;
        let asked = proof.classes[verdict.class].mailbox().map_or("postmaster".to_owned(), |m| proof.show(m));
        let message = format!("at MTA `{mta}` `{asked}` is rewritten in a circle");
        let mut diagnostic = Diagnostic::new(code::LOOP_CONTACTS, message);
        for (_, span, to) in circle {
            diagnostic = diagnostic.label(*span, format!("this becomes `{}`", proof.show(to)));
        }
        diagnostics.push(diagnostic.help(HELP_CONTACTS));
    }
}

const HELP_CONTACTS: &str =
    "let one of them lead to an address that is no contact's secondary: the one where the mail really goes";

fn contact_circle(plan: &Plan, circle: &[ContactId]) -> Diagnostic {
    let addresses: Vec<&str> = circle.iter().map(|&c| plan.addresses.text(plan.contact(c).primary.id)).collect();
    let last = addresses.last().copied().unwrap_or_default();
    let shown: Vec<&str> = std::iter::once(last).chain(addresses.iter().copied()).take(SHOWN).collect();
    let more = if circle.len() >= SHOWN { " -> …" } else { "" };
    let message = format!("contacts rewrite in a circle: {}{more}", shown.join(" -> "));
    let mut diagnostic = Diagnostic::new(code::LOOP_CONTACTS, message);
    for (i, &contact) in circle.iter().enumerate().take(SHOWN) {
        let from = plan.addresses.find(addresses[(i + circle.len() - 1) % circle.len()]);
        let secondary = plan.secondaries_of(contact).iter().find(|s| Some(s.id) == from);
        let span = secondary.map_or(plan.contact(contact).label, |s| s.span);
        diagnostic = diagnostic.label(span, format!("this becomes `{}`", addresses[i]));
    }
    diagnostic.help(HELP_CONTACTS)
}

pub(super) fn routes(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let mut reported: Vec<HashSet<Span>> = Vec::new();
    let mut circles: Vec<&Circle> = proof.circles.iter().collect();
    // The shortest first: a longer circle through the same steps is no mistake of its own.
    circles.sort_by_key(|c| (c.hops.len(), c.hops.iter().map(|h| h.span).min()));
    for circle in circles {
        // What was not understood may be the very connector that keeps it from leaving.
        let unsure = proof.plan.incomplete && circle.internet;
        if unsure || circle.hops.iter().any(|hop| leads_to_itself(proof.plan, hop)) {
            continue;
        }
        let steps: HashSet<Span> =
            circle.hops.iter().filter(|h| h.connector.is_some() || h.step == Step::Forwards).map(|h| h.span).collect();
        if reported.iter().any(|known| known.is_subset(&steps)) {
            continue;
        }
        diagnostics.push(report(proof, circle));
        reported.push(steps);
    }
}

/// A connector from an MTA to itself: reported as `loop::self`.
fn leads_to_itself(plan: &Plan, hop: &Hop) -> bool {
    hop.connector.is_some_and(|connector| plan.connector(connector).to.value == hop.node)
}

fn report(proof: &Proof<'_>, circle: &Circle) -> Diagnostic {
    let names: Vec<&str> = circle
        .hops
        .iter()
        .filter(|h| !matches!(h.step, Step::Contact | Step::Postmaster))
        .map(|h| proof.plan.node_name(h.node))
        .collect();
    let round: Vec<&str> = names.iter().chain(names.first()).copied().collect();
    let recipient = circle.hops.first().map(|h| proof.show(&h.recipient)).unwrap_or_default();
    let code = code_of(circle);
    let message = format!("`{recipient}` goes round in a circle: {}", round.join(" -> "));
    let help = missing_connector(proof, circle).unwrap_or_else(|| help_for(proof, code, circle));
    let first = circle.hops.first().map(|hop| hop.node);
    with_path(Diagnostic::new(code, message), proof, &circle.hops, first).help(help)
}

/// An account whose mail goes round only because no connector leads to its system.
fn missing_connector(proof: &Proof<'_>, circle: &Circle) -> Option<String> {
    let plan = proof.plan;
    circle.hops.iter().find_map(|hop| {
        let Node::Mta(mta) = hop.node else { return None };
        let known = proof.router.known(mta, &hop.recipient).filter(|_| hop.step == Step::Account)?;
        let Holder::Account(account) = known.holder else { return None };
        let system = plan.account(account).system;
        let (at, name) = (&plan.mta(mta).name, &plan.system(system).name);
        let add = format!("add a connector from `{at}` with `to {name}`, where the account is");
        let or = match plan.mtas.len() {
            1 => String::new(),
            _ => format!(", or with `address-space {}` to an MTA that has one", hop.recipient.domain()),
        };
        proof.router.to_system(mta, system).is_none().then(|| add + &or)
    })
}

fn code_of(circle: &Circle) -> Code {
    if circle.internet {
        code::LOOP_MX
    } else if circle.hops.iter().any(|h| h.step == Step::Unresolved) {
        code::LOOP_UNRESOLVED
    } else {
        code::LOOP_ROUTE
    }
}

fn help_for(proof: &Proof<'_>, code: Code, circle: &Circle) -> String {
    if code == code::LOOP_MX {
        let help = "send what stays inside by a connector of its own, or let `mx` say where the domain's MX records really point";
        return help.to_owned();
    }
    let otherwise = if code == code::LOOP_UNRESOLVED {
        "say `unresolved reject` at the domain"
    } else {
        "take one of these steps out, or let it lead to where the recipient really is"
    };
    let Some(forwards) = circle.hops.iter().find(|hop| hop.step == Step::Forwards) else { return otherwise.to_owned() };
    let (system, domain) = (proof.plan.node_name(forwards.node), forwards.recipient.domain());
    let shown = proof.show(&forwards.recipient);
    let pattern = shown.rsplit_once('@').map_or(domain, |(_, domain)| domain);
    format!("if `{system}` delivers or refuses it, say so there: `authoritative {pattern}`; else {otherwise}")
}
