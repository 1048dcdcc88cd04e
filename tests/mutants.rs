//! Wrong emitters: what `mailswitch verify` holds against the plan has to show each of them.
//!
//! A wrong emitter is the right one with a line of distortion around it: of the plan that it reads, or of a file that it
//! wrote. Production code knows nothing of that. What comes out runs in a world of `mailswitch verify`'s and is held
//! against the plan as it was. An estate as it is passes every pass; one that a mutant has spoilt fails the one that the
//! mutant's row names. A mutant that survives is a question that nobody asks.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use mailswitch::plan::TargetKind;

mod cdb;
mod estate;
mod folder;
mod passes;
mod table;

use estate::Estate;
use passes::{Caught, Pass, hold};
use table::{Mutant, mutants};

/// So many worlds at once: they wait more than they work.
const WORKERS: usize = 4;
/// Mail that does not come is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Mail that must come has more time.
const PATIENCE_OF_SOUND: Duration = Duration::from_secs(60);
/// What has to be seen by mail, rather than by an MTA's own checker or a build that fails.
const BY_MAIL: usize = 25;

#[test]
fn sound_emitters_pass_every_pass() {
    let runs = |estate: &'static str| {
        let kinds = [TargetKind::Postfix, TargetKind::Exim, TargetKind::Relay].into_iter();
        kinds.flat_map(move |kind| Pass::ALL.map(|pass| (estate, kind, pass)))
    };
    let runs: Vec<_> = ["hub", "pair"].into_iter().flat_map(runs).collect();
    let wrong = each(runs, |(name, kind, pass)| {
        let estate = Estate::read(name, kind);
        let caught = hold(&estate, &estate.parts(&estate.plan), pass, PATIENCE_OF_SOUND)?;
        Some(format!("{name} on {}, {pass:?}: {caught}", kind.as_str()))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mutant_is_caught() {
    let begin = Instant::now();
    let wanted = std::env::var("MUTANT").unwrap_or_default();
    let named = |mutant: &&Mutant| mutant.name.contains(&wanted);
    let of = |mutant: &'static Mutant| mutant.targets.iter().map(move |&kind| (mutant, kind));
    let runs: Vec<_> = mutants().filter(named).flat_map(of).collect();
    let count = runs.len();
    let survived = Mutex::new(Vec::new());
    let by_mail = each(runs, |(mutant, kind)| {
        let caught = try_mutant(mutant, kind);
        let line = format!("{} on {}, {:?}", mutant.name, kind.as_str(), mutant.pass);
        match &caught {
            Some(caught) => println!("{line}: {caught}"),
            None => {
                println!("{line}: SURVIVES");
                survived.lock().unwrap().push(line);
            }
        }
        matches!(caught, Some(Caught::ByMail(_))).then_some(mutant.name)
    });
    let names: std::collections::BTreeSet<&str> = by_mail.iter().copied().collect();
    let (seen, rows, took) = (by_mail.len(), names.len(), begin.elapsed().as_secs());
    println!("{count} mutants of {} rows: {seen}, of {rows} rows, caught by mail, {took} s", mutants().count());
    let survived = survived.into_inner().unwrap();
    assert!(survived.is_empty(), "{} survived:\n{}", survived.len(), survived.join("\n"));
    assert!(rows >= BY_MAIL || !wanted.is_empty(), "only {rows} are caught by mail");
}

fn try_mutant(mutant: &Mutant, kind: TargetKind) -> Option<Caught> {
    let estate = Estate::read(mutant.estate, kind);
    let parts = estate.spoilt(mutant, kind);
    assert!(parts != estate.parts(&estate.plan), "{} on {} changes nothing", mutant.name, kind.as_str());
    hold(&estate, &parts, mutant.pass, PATIENCE)
}

/// Does the work for all, some at once; what it gives, in no order.
fn each<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> Option<U> + Sync) -> Vec<U> {
    let (waiting, results) = (Mutex::new(items.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some(item) = waiting.lock().unwrap().next() else { return };
                    let result = work(item);
                    results.lock().unwrap().extend(result);
                }
            });
        }
    });
    results.into_inner().unwrap()
}
