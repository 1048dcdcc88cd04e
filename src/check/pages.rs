//! The documentation of the diagnostics: one page a code, which is what `explain` prints and a test of the checks.
//!
//! A page opens with the code and one sentence. Its *Reported* section shows sources with a mistake and what `check`
//! says about them; *Not reported* shows them mended.

use crate::diagnostic::Code;
use crate::diagnostic::code::VERIFY_DISAGREES;

/// What is reported by other commands than `check`, with its page.
pub const OTHERS: &[(Code, &str)] = &[(VERIFY_DISAGREES, include_str!("../verify/disagrees.md"))];

/// The page of a code, such as `loop::contacts`.
pub fn page(code: &str) -> Option<&'static str> {
    let others = OTHERS.iter().map(|(code, page)| (code.name, *page));
    PAGES.iter().copied().chain(others).find(|(name, _)| *name == code).map(|(_, page)| page)
}

/// The one sentence below the page's heading, without its final stop.
pub fn summary(page: &'static str) -> &'static str {
    page.lines().nth(2).unwrap_or_default().trim_end_matches('.')
}

const PAGES: &[(&str, &str)] = &[
    ("syntax::unexpected", include_str!("pages/syntax-unexpected.md")),
    ("syntax::string", include_str!("pages/syntax-string.md")),
    ("syntax::encoding", include_str!("pages/syntax-encoding.md")),
    ("syntax::nesting", include_str!("pages/syntax-nesting.md")),
    ("syntax::missing", include_str!("pages/syntax-missing.md")),
    ("syntax::value", include_str!("pages/syntax-value.md")),
    ("include::missing", include_str!("pages/include-missing.md")),
    ("include::outside", include_str!("pages/include-outside.md")),
    ("include::cycle", include_str!("pages/include-cycle.md")),
    ("include::invalid", include_str!("pages/include-invalid.md")),
    ("directory::missing", include_str!("pages/directory-missing.md")),
    ("directory::outside", include_str!("pages/directory-outside.md")),
    ("directory::invalid", include_str!("pages/directory-invalid.md")),
    ("directory::row", include_str!("pages/directory-row.md")),
    ("name::unknown", include_str!("pages/name-unknown.md")),
    ("name::duplicate", include_str!("pages/name-duplicate.md")),
    ("address::invalid", include_str!("pages/address-invalid.md")),
    ("address::duplicate", include_str!("pages/address-duplicate.md")),
    ("address::conflict", include_str!("pages/address-conflict.md")),
    ("loop::contacts", include_str!("pages/loop-contacts.md")),
    ("loop::unresolved", include_str!("pages/loop-unresolved.md")),
    ("loop::mx", include_str!("pages/loop-mx.md")),
    ("loop::self", include_str!("pages/loop-self.md")),
    ("loop::route", include_str!("pages/loop-route.md")),
    ("orphan::target", include_str!("pages/orphan-target.md")),
    ("orphan::secondary", include_str!("pages/orphan-secondary.md")),
    ("orphan::account", include_str!("pages/orphan-account.md")),
    ("orphan::unresolved", include_str!("pages/orphan-unresolved.md")),
    ("orphan::via", include_str!("pages/orphan-via.md")),
    ("orphan::system", include_str!("pages/orphan-system.md")),
    ("orphan::domain", include_str!("pages/orphan-domain.md")),
    ("orphan::bounce", include_str!("pages/orphan-bounce.md")),
    ("subaddress::differs", include_str!("pages/subaddress-differs.md")),
    ("backscatter::unverified", include_str!("pages/backscatter-unverified.md")),
    ("hop::untrusted", include_str!("pages/hop-untrusted.md")),
    ("authority::undeclared", include_str!("pages/authority-undeclared.md")),
    ("authority::target", include_str!("pages/authority-target.md")),
    ("unused::connector", include_str!("pages/unused-connector.md")),
    ("reply::primary", include_str!("pages/reply-primary.md")),
    ("reply::target", include_str!("pages/reply-target.md")),
    ("security::open-relay", include_str!("pages/security-open-relay.md")),
    ("security::plaintext-auth", include_str!("pages/security-plaintext-auth.md")),
    ("security::downgrade", include_str!("pages/security-downgrade.md")),
    ("security::unproven", include_str!("pages/security-unproven.md")),
    ("connector::incomplete", include_str!("pages/connector-incomplete.md")),
    ("tls::unverifiable", include_str!("pages/tls-unverifiable.md")),
    ("postmaster::missing", include_str!("pages/postmaster-missing.md")),
    ("target::unsupported", include_str!("pages/target-unsupported.md")),
    ("expect::failed", include_str!("pages/expect-failed.md")),
];
