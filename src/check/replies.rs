//! `reply::primary`: whether an answer to a contact's mail would come back here.

use hashbrown::HashSet;

use super::and_more;
use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::plan::proof::Proof;

/// Accounts that are targets; the primary of each is what its owner writes from.
pub(super) fn primaries(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut reported = HashSet::new();
    for contact in &plan.contacts {
        let Some(account) = plan.addresses.account(contact.primary.id) else { continue };
        let Some(primary) = plan.addresses_of(account).first() else { continue };
        let domain = plan.addresses.domain(primary.id);
        let ours = plan.mta_ids().any(|mta| proof.router.own(mta, domain).is_some());
        if ours || !reported.insert(account) {
            continue;
        }
        let secondaries = &plan.secondaries[contact.first as usize..contact.end as usize];
        let Some(first) = secondaries.first() else { continue };
        let (written, shared) = (plan.addresses.text(primary.id), plan.addresses.text(first.id));
        let message = format!(
            "the account behind `{shared}`{} writes as `{written}`: replies will not come back here",
            and_more(secondaries.len() - 1)
        );
        diagnostics.push(
            Diagnostic::new(code::REPLY_PRIMARY, message)
                .label(primary.span, "the account's primary address")
                .label(contact.primary.span, "the contact's target")
                .help(format!("make `{shared}` the primary of that account, and `{written}` another address of it")),
        );
    }
}
