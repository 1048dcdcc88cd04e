//! Real mail through each release: cases that between them have everything that a release could do otherwise.
//!
//! `MAILSWITCH_LONG=1 cargo test releases::mail -- --nocapture` takes all cases.

use std::path::{Path, PathBuf};

use mailswitch::emit::{Context, feature};
use mailswitch::plan::route::Router;
use mailswitch::plan::{EmitMode, Target, TargetKind, Version};

use super::roots::{ROOTS, SUITES};
use crate::golden::case::{Case, cases};
use crate::golden::real::play;

const SHORT: [&str; 9] = [
    "campus",
    "fallback-tiers",
    "hostile-names",
    "quoted-local-parts",
    "smtputf8",
    "subaddress",
    "tie-two-connectors",
    "tls-levels",
    "verify-unresolved",
];

fn every_case(suite: &str, kind: TargetKind) {
    let root = Path::new(ROOTS).join(suite);
    assert!(root.is_dir(), "{} is missing: has tests/setup-releases.sh been run?", root.display());
    let &(_, postfix, exim) = SUITES.iter().find(|known| known.0 == suite).unwrap();
    let version = if kind == TargetKind::Postfix { postfix } else { exim };
    let long = std::env::var("MAILSWITCH_LONG").is_ok();
    let (mut addresses, mut count, mut wrong) = (0, 0, Vec::new());
    for case in cases().iter().filter(|case| long || SHORT.contains(&case.name.as_str())) {
        let Some(result) = one(case, kind, version, std::slice::from_ref(&root)) else { continue };
        addresses += result.addresses;
        count += 1;
        wrong.extend(result.wrong);
    }
    println!("{suite}: {kind:?} {version}: {addresses} addresses in {count} cases, {} wrong", wrong.len());
    assert!(wrong.is_empty() && count > 5, "{suite}: {} wrong in {count} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// Nothing where the release cannot be what the case asks.
fn one(case: &Case, kind: TargetKind, version: Version, layers: &[PathBuf]) -> Option<crate::golden::real::Result> {
    let unsound = case.read("diagnostics.txt").is_some_and(|text| text.contains(": error["));
    let (mut plan, sources) = case.plan_and_sources();
    let complete = plan.mtas.iter().all(|mta| mta.emits() == EmitMode::Complete);
    if unsound || !complete || case.impossible().contains_key(kind.as_str()) || case.routes().is_empty() {
        return None;
    }
    for mta in &mut plan.mtas {
        mta.target.value = Target { kind, version: Some(version) };
    }
    let router = Router::new(&plan);
    let impossible = !feature::unsupported(Context { plan: &plan, router: &router, sources: &sources }).is_empty();
    // The program itself, which writes Postfix's password tables, is built for a later C library than Debian 11's.
    let logs_in = plan.connectors.iter().any(|connector| connector.auth.is_some());
    let too_old = kind == TargetKind::Postfix && version.minor < 7 && logs_in;
    if impossible || too_old { None } else { Some(play(case, &plan, &sources, layers)) }
}

#[test]
fn postfix_of_bullseye_takes_every_route() {
    every_case("bullseye", TargetKind::Postfix);
}

#[test]
fn postfix_of_trixie_takes_every_route() {
    every_case("trixie", TargetKind::Postfix);
}

#[test]
fn postfix_of_forky_takes_every_route() {
    every_case("forky", TargetKind::Postfix);
}

#[test]
fn exim_of_bullseye_takes_every_route() {
    every_case("bullseye", TargetKind::Exim);
}

#[test]
fn exim_of_trixie_takes_every_route() {
    every_case("trixie", TargetKind::Exim);
}

#[test]
fn exim_of_forky_takes_every_route() {
    every_case("forky", TargetKind::Exim);
}
