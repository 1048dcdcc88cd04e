//! `orphan::unresolved` and `orphan::via`: recipients of ours that nobody resolves.

use hashbrown::HashSet;

use super::fate_in_words;
use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::plan::classes::Kind;
use crate::plan::proof::Proof;
use crate::plan::route::Own;
use crate::plan::route::decide::Why;
use crate::plan::route::outcome::Fate;
use crate::plan::{DomainKind, Node, Unresolved};

pub(super) fn check(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut reported = HashSet::new();
    for verdict in &proof.verdicts {
        let class = &proof.classes[verdict.class];
        let (Kind::Other { .. }, Some(mailbox)) = (&class.kind, class.mailbox()) else { continue };
        let Some(Own::Declared(id)) = proof.router.own(verdict.mta, mailbox.domain()) else { continue };
        let decl = plan.domain(id);
        let bad = verdict.ends.iter().find(|e| match e.fate {
            Fate::Unroutable => e.why != Some(Why::ViaStartsElsewhere),
            Fate::Bounced => true,
            _ => false,
        });
        let Some(bad) = bad.filter(|_| !decl.poisoned) else { continue };
        if !reported.insert((id, bad.fate, bad.node)) {
            continue;
        }
        let domain = mailbox.domain();
        let domain =
            if decl.pattern.value.to_string() == domain { domain.to_owned() } else { decl.pattern.value.to_string() };
        let relayed = decl.kind == DomainKind::Relay;
        let unresolved = if relayed { "" } else { " that nobody resolves" };
        // Where it ends at the very MTA that was asked, the fate says which.
        let at = if bad.node == Node::Mta(verdict.mta) {
            String::new()
        } else {
            format!("at MTA `{}` ", plan.mta(verdict.mta).name)
        };
        let message = format!("{at}a recipient of `{domain}`{unresolved} {}", fate_in_words(proof, bad));
        let span = decl.unresolved_span.unwrap_or(decl.pattern.span);
        let help = match (bad.fate, bad.node) {
            (Fate::Unroutable, _) => format!("add a connector with `address-space {domain}`"),
            (_, Node::System(_)) if relayed => {
                format!(
                    "say `relay domain {domain} {{ verify }}`, so that it is refused at RCPT time and not bounced later"
                )
            }
            (_, Node::System(_)) => {
                "say `verify` behind the connector, so that it is refused at RCPT time and not bounced later".to_owned()
            }
            _ => "refuse it at the first MTA, or let the last one accept it".to_owned(),
        };
        diagnostics.push(Diagnostic::new(code::ORPHAN_UNRESOLVED, message).label(span, "accepted here").help(help));
    }
}

pub(super) fn via(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    for decl in &plan.domains {
        let Unresolved::Via { connector: Some(connector), .. } = decl.unresolved else { continue };
        let c = plan.connector(connector);
        let missing: Vec<&str> =
            decl.on.iter().filter(|mta| !c.from.contains(mta)).map(|&mta| plan.mta(mta).name.as_str()).collect();
        if missing.is_empty() || c.poisoned {
            continue;
        }
        let names = missing.join("`, `");
        let message = format!(
            "connector `{}` does not start at `{names}`, where `{}` sends unresolved recipients by it",
            c.name, decl.pattern.value
        );
        diagnostics.push(
            Diagnostic::new(code::ORPHAN_VIA, message)
                .label(decl.unresolved_span.unwrap_or(decl.pattern.span), "sent by it here")
                .label(c.span, "declared here")
                .help(format!(
                    "add `{names}` to its `from`, or limit the domain with `on` to the MTAs where it starts"
                )),
        );
    }
}
