//! The checks: each a plain function over the proof, one line each in [`RULES`].

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::proof::Proof;
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
    (Needs::Everything, orphan_targets::check),
    (Needs::Everything, people::orphan_secondaries),
    (Needs::Everything, orphan_accounts::check),
    (Needs::Everything, orphan_unresolved::check),
    (Needs::Presence, orphan_unresolved::via),
    (Needs::Everything, reach::systems),
    (Needs::Everything, reach::domains),
    (Needs::Everything, reach::bounces),
    (Needs::Everything, reach::connectors),
    (Needs::Presence, handover::subaddresses),
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

/// Shows a path: each step is a label, in order.
fn with_path(mut diagnostic: Diagnostic, proof: &Proof<'_>, path: &[Hop]) -> Diagnostic {
    for (i, hop) in path.iter().enumerate() {
        let recipient = proof.show(&hop.recipient);
        let node = proof.plan.node_name(hop.node);
        let text = match hop.connector {
            Some(connector) => {
                format!("step {}: `{node}` sends `{recipient}` by `{}`", i + 1, proof.plan.connector(connector).name)
            }
            None => format!("step {}: at `{node}` it goes on as `{recipient}`", i + 1),
        };
        diagnostic = diagnostic.label(hop.span, text);
    }
    diagnostic
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
