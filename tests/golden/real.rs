//! Every route of every case, with real mail through real MTAs.
//!
//! A case is built for a target and its MTAs run in a lab world that is made after the plan: a sink for each smart host, an MX
//! record for each foreign domain. Each question of `routes.txt` becomes a message. It must arrive once, at a sink of the
//! connector that the route names, for the recipient that it names; or be refused at RCPT with the status that it names; or
//! come back to its sender. The same goes for one address of every class of addresses (`classes`), by what the plan says.

mod classes;
mod mail;
mod stage;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use tempfile::TempDir;

use mailswitch::plan::{EmitMode, Mta, Plan, TargetKind};

use super::case::{Case, all, cases};
use mail::Report;
use stage::Stage;

/// So many worlds at once.
const WORKERS: usize = 3;

/// Which program each MTA of a case is.
#[derive(Clone, Copy, Debug)]
enum Cast {
    All(TargetKind),
    AsDeclared,
    /// The first MTA is the first of these, the next one the second, and so on in turn.
    InTurn([TargetKind; 2]),
}

/// What one MTA runs.
struct Part {
    kind: TargetKind,
    folder: PathBuf,
}

#[test]
fn postfix_takes_every_route() {
    every_case(Cast::All(TargetKind::Postfix));
}

#[test]
fn exim_takes_every_route() {
    every_case(Cast::All(TargetKind::Exim));
}

#[test]
fn relay_takes_every_route() {
    every_case(Cast::All(TargetKind::Relay));
}

#[test]
fn estates_of_postfix_and_exim_take_every_route() {
    every_case(Cast::AsDeclared);
}

#[test]
fn estates_of_exim_and_relay_take_every_route() {
    every_case(Cast::InTurn([TargetKind::Exim, TargetKind::Relay]));
}

#[test]
fn estates_of_relay_and_postfix_take_every_route() {
    every_case(Cast::InTurn([TargetKind::Relay, TargetKind::Postfix]));
}

/// The exchange that the article of the `contoso` example describes: a user of the remote system writes out under the
/// shared address, and the reply comes back through the hub to the remote system.
#[test]
fn a_reply_finds_its_way_back_to_the_remote_system() {
    for target in [TargetKind::Postfix, TargetKind::Exim, TargetKind::Relay] {
        let contoso = all().into_iter().find(|case| case.name == "contoso").unwrap();
        let (parts, _built) = build(&contoso, Cast::All(target)).unwrap();
        let stage = Stage::new(&contoso, &parts);
        let hub = stage.machines[0].server;
        let text = |from: &str, to: &str| format!("From: <{from}>\nTo: <{to}>\nSubject: hello\n\nHello.\n");

        let (ann, friend) = ("ann@contoso.com", "someone@example.org");
        let sent = stage.world.client("10.1.2.3").unwrap().send(hub, ann, &[friend], &text(ann, friend)).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        let seen = stage.world.wait_for(1).unwrap();
        let out = &seen.mails[0];
        assert_eq!((out.sink(), out.sender.as_str()), ("mx of example.org", ann));
        assert_eq!(out.header("From").as_deref(), Some("<ann@contoso.com>"));

        let sent = stage
            .world
            .client("203.0.113.9")
            .unwrap()
            .send(hub, friend, &[&out.sender], &text(friend, &out.sender))
            .unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        let seen = stage.world.wait_for(2).unwrap();
        let back = &seen.mails[1];
        assert_eq!(
            (back.sink(), &back.recipients[..]),
            ("192.0.2.10 port 25", &["ann@unix.contoso.com".to_owned()][..])
        );
        assert_eq!(back.header("To").as_deref(), Some("<ann@contoso.com>"), "headers are nobody's business");
        assert!(back.visit.tls.is_some(), "the connector wants TLS");
    }
}

/// Runs the cases that can be cast so.
fn every_case(cast: Cast) {
    let begin = Instant::now();
    let chosen: Vec<Case> = cases().into_iter().filter(|case| fits(case, cast)).collect();
    let count = chosen.len();
    let waiting = Mutex::new(chosen.into_iter());
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(case) = waiting.lock().unwrap().next() else { return };
                    let report = one_case(&case, cast);
                    reports.lock().unwrap().push(report);
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap();
    assert_eq!(reports.len(), count, "a case did not come to its end");
    let addresses: usize = reports.iter().map(|report| report.addresses).sum();
    let wrong: Vec<&String> = reports.iter().flat_map(|report| &report.wrong).collect();
    let name = format!("{cast:?}");
    let took = begin.elapsed().as_secs();
    println!("{name}: {addresses} addresses in {count} cases, {} wrong, {took} s", wrong.len());
    let texts: Vec<&str> = wrong.iter().map(|text| text.as_str()).collect();
    assert!(wrong.is_empty(), "{name}: {} of {addresses} wrong:\n{}", wrong.len(), texts.join("\n"));
}

fn fits(case: &Case, cast: Cast) -> bool {
    let plan = case.plan();
    let sound = !case.read("diagnostics.txt").is_some_and(|text| text.contains(": error["));
    let complete = plan.mtas.iter().all(|mta| mta.emits() == EmitMode::Complete);
    let impossible = case.impossible();
    let kinds = kinds(&plan, cast);
    let possible = kinds.iter().all(|kind| !impossible.contains_key(kind.as_str()));
    let told_apart = match cast {
        Cast::All(_) => true,
        Cast::AsDeclared => BTreeSet::from_iter(kinds) == BTreeSet::from([TargetKind::Postfix, TargetKind::Exim]),
        Cast::InTurn(_) => kinds.len() > 1,
    };
    sound && complete && possible && told_apart && !case.routes().is_empty()
}

fn kinds(plan: &Plan, cast: Cast) -> Vec<TargetKind> {
    let kind = |(at, mta): (usize, &Mta)| match cast {
        Cast::All(kind) => kind,
        Cast::AsDeclared => mta.target.value.kind,
        Cast::InTurn(kinds) => kinds[at % kinds.len()],
    };
    plan.mtas.iter().enumerate().map(kind).collect()
}

/// Builds a case, for each of its programs in a folder of its own, or as declared; an error is what was said.
fn build(case: &Case, cast: Cast) -> Result<(Vec<Part>, TempDir), String> {
    let built = tempfile::tempdir().unwrap();
    let plan = case.plan();
    let kinds = kinds(&plan, cast);
    let folder = |kind: TargetKind| built.path().join(kind.as_str());
    for kind in BTreeSet::from_iter(kinds.clone()) {
        let out = folder(kind);
        let mut arguments = vec!["build", "--format", "plain", "-o", out.to_str().unwrap()];
        if !matches!(cast, Cast::AsDeclared) {
            arguments.extend(["--target", kind.as_str()]);
        }
        let output = case.mailswitch(&arguments);
        if !output.status.success() {
            return Err(format!("does not build:\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    let part = |(mta, kind): (&Mta, TargetKind)| Part { kind, folder: folder(kind).join(&mta.name) };
    Ok((plan.mtas.iter().zip(kinds).map(part).collect(), built))
}

fn one_case(case: &Case, cast: Cast) -> Report {
    let mut report = Report::new(&case.name);
    let (parts, _built) = match build(case, cast) {
        Ok(built) => built,
        Err(said) => {
            report.wrong(&said);
            return report;
        }
    };
    let stage = std::panic::catch_unwind(|| Stage::new(case, &parts));
    match stage {
        Ok(stage) => {
            for problem in &stage.problems {
                report.wrong(problem);
            }
            mail::exchange(&stage, &mut report);
        }
        Err(panic) => report.wrong(&format!("does not start: {}", said(&panic))),
    }
    report
}

fn said(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned())).unwrap_or_default()
}
