//! `expect::failed`: what an administrator expects, and does not get.

use super::with_path;
use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::plan::expect::failure;
use crate::plan::proof::Proof;
use crate::plan::route::outcome::Fate;

pub(super) fn check(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let explained = diagnostics.has_errors();
    for expect in &proof.plan.expects {
        let Some(failure) = failure(proof.router, expect) else { continue };
        // A circle, or mail without a route, was reported as such.
        if explained && matches!(failure.outcome.fate, Fate::Looped | Fate::Unroutable | Fate::Bounced) {
            continue;
        }
        let diagnostic = Diagnostic::new(code::EXPECT_FAILED, failure.message(proof.router, expect))
            .label(expect.span, "expected here");
        diagnostics.push(
            with_path(diagnostic, proof, &failure.outcome.path, None).help("correct the routing, or the expectation"),
        );
    }
}
