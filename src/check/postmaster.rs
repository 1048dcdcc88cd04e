//! `postmaster::missing`: RFC 5321 4.5.1 wants postmaster@ every domain of ours to be somebody.

use hashbrown::HashSet;

use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::plan::proof::Proof;
use crate::plan::route::Own;
use crate::plan::route::decide::Asker;
use crate::plan::route::outcome::Fate;
use crate::plan::{DomainKind, MtaId};

pub(super) fn missing(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut reported: HashSet<MtaId> = HashSet::new();
    for verdict in proof.verdicts.iter().filter(|v| v.asker == Asker::Anyone) {
        let Some(mailbox) = proof.classes[verdict.class].mailbox().filter(|m| m.local() == "postmaster") else {
            continue;
        };
        let span = match proof.router.own(verdict.mta, mailbox.domain()) {
            Some(Own::Declared(id)) if plan.domain(id).kind != DomainKind::Relay => plan.domain(id).pattern.span,
            Some(Own::Hostname) => plan.mta(verdict.mta).hostname.span,
            _ => continue,
        };
        let mta = plan.mta(verdict.mta);
        let delivered = verdict.ends.iter().all(|e| matches!(e.fate, Fate::Delivered | Fate::Looped));
        // A postmaster that leads nowhere is reported as a target.
        if delivered || mta.poisoned || mta.postmaster.is_some() || !reported.insert(verdict.mta) {
            continue;
        }
        diagnostics.push(
            Diagnostic::new(code::POSTMASTER_MISSING, format!("`{mailbox}` is nobody at MTA `{}`", mta.name))
                .label(mta.span, "no `postmaster` is said")
                .label(span, "mail for postmaster of this domain is refused")
                .help("say who it is: `postmaster somebody@example.org` (RFC 5321 4.5.1 asks for it)"),
        );
    }
}
