//! The checks: each a plain function over the proof, one line each in [`RULES`].

use crate::diagnostic::code::SUBADDRESS_DIFFERS;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::Node;
use crate::plan::classes::Class;
use crate::plan::proof::Proof;
use crate::plan::route::decide::Step;
use crate::plan::route::outcome::Fate;
use crate::plan::route::walk::Hop;

mod connectors;
mod expectations;
mod handover;
mod loop_self;
mod loops;
mod orphan_accounts;
mod orphan_targets;
mod orphan_unresolved;
pub mod pages;
mod people;
mod postmaster;
mod reach;
mod replies;
mod security;

/// What a rule needs to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// It speaks of what is there.
    Presence,
    /// It speaks of what is missing: silent where a part of the sources was not understood.
    Everything,
}

type Rule = fn(&Proof<'_>, &mut Diagnostics);

const RULES: &[(Needs, Rule)] = &[
    (Needs::Presence, loops::contacts),
    (Needs::Presence, loops::routes),
    (Needs::Presence, loop_self::check),
    (Needs::Presence, people::conflicts),
    // Before the checks that sub-addresses would be wrong in.
    (Needs::Presence, handover::subaddresses),
    (Needs::Everything, orphan_targets::check),
    (Needs::Everything, people::orphan_secondaries),
    (Needs::Everything, orphan_accounts::check),
    (Needs::Everything, orphan_unresolved::check),
    (Needs::Presence, orphan_unresolved::via),
    (Needs::Everything, reach::systems),
    (Needs::Everything, reach::domains),
    (Needs::Everything, reach::bounces),
    (Needs::Everything, reach::connectors),
    (Needs::Everything, handover::untrusted),
    (Needs::Everything, handover::unverified),
    (Needs::Everything, handover::undeclared),
    (Needs::Everything, replies::primaries),
    (Needs::Presence, security::open_relay),
    (Needs::Presence, security::plaintext_auth),
    (Needs::Presence, security::downgrade),
    (Needs::Presence, security::unproven),
    (Needs::Presence, connectors::incomplete),
    (Needs::Presence, connectors::unverifiable),
    (Needs::Everything, postmaster::missing),
    // Last: an expectation that fails for a reason reported above stays silent.
    (Needs::Everything, expectations::check),
];

/// Runs every rule.
pub fn check(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    for (needs, rule) in RULES {
        if *needs == Needs::Presence || !proof.plan.incomplete {
            rule(proof, diagnostics);
        }
    }
}

/// Shows a path: each step is a label, in order. `after` is where the last step leads, where that is known.
fn with_path(mut diagnostic: Diagnostic, proof: &Proof<'_>, path: &[Hop], after: Option<Node>) -> Diagnostic {
    for (i, hop) in path.iter().enumerate() {
        let next = path.get(i + 1).map(|h| h.node).or(after);
        diagnostic = diagnostic.label(hop.span, format!("step {}: {}", i + 1, step_in_words(proof, hop, next)));
    }
    diagnostic
}

fn step_in_words(proof: &Proof<'_>, hop: &Hop, next: Option<Node>) -> String {
    let plan = proof.plan;
    let (node, recipient) = (plan.node_name(hop.node), proof.show(&hop.recipient));
    let to = next.map(|next| format!(" to `{}`", plan.node_name(next))).unwrap_or_default();
    match (hop.step, hop.connector) {
        (Step::Contact, _) => format!("at `{node}` a contact makes it `{recipient}`"),
        (Step::Postmaster, _) => format!("at `{node}` the postmaster is `{recipient}`"),
        (_, Some(connector)) => format!("`{node}` sends `{recipient}` by `{}`", plan.connector(connector).name),
        (Step::Forwards, None) => format!("`{node}` forwards `{recipient}`{to}"),
        (_, None) if hop.node == Node::Internet => format!("by MX lookup `{recipient}` comes{to}"),
        (_, None) => format!("at `{node}` the domain of `{recipient}` decides"),
    }
}

/// Whether a class is about a `+detail` while MTAs are reported to read it differently: what goes wrong follows from that.
fn is_moot(proof: &Proof<'_>, class: &Class, diagnostics: &Diagnostics) -> bool {
    let separators = || proof.plan.mtas.iter().filter_map(|mta| mta.separator());
    let has_detail = || class.mailbox().is_some_and(|m| separators().any(|s| m.cut(s).is_some()));
    diagnostics.iter().any(|d| d.code == SUBADDRESS_DIFFERS) && has_detail()
}

/// `and 3 more`, where there are more.
fn and_more(count: usize) -> String {
    match count {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    }
}

/// What became of a recipient, in words.
fn fate_in_words(proof: &Proof<'_>, ending: &crate::plan::proof::Ending) -> String {
    let node = proof.plan.node_name(ending.node);
    let status = ending.status.map(|s| format!(" ({})", s.0)).unwrap_or_default();
    match ending.fate {
        Fate::Looped => "goes round in a circle".to_owned(),
        Fate::Unroutable => format!("has no route at `{node}`{status}"),
        Fate::Bounced => format!("is bounced by `{node}`{status}"),
        Fate::Rejected => format!("is rejected by `{node}`{status}"),
        Fate::Delivered => format!("is delivered to `{node}`"),
    }
}
