//! Every case against the compiler: its diagnostics, its routes by the plan, its emitted files.

use std::collections::BTreeSet;
use std::path::Path;

use mailswitch::emit::TARGETS;
use mailswitch::plan::route::Router;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};
use tempfile::TempDir;

use super::case::{Case, all, cases};
use super::routes::{Expected, asked_at, planned};

/// Runs a check on every case and fails with all that was wrong.
fn every_case(check: impl Fn(&Case, &mut Vec<String>)) {
    let mut wrong = Vec::new();
    for case in cases() {
        let before = wrong.len();
        check(&case, &mut wrong);
        for text in &mut wrong[before..] {
            *text = format!("{}: {text}", case.name);
        }
    }
    let help = "where the new text is right: SNAPSHOTS=overwrite cargo test golden::checks";
    assert!(wrong.is_empty(), "{} wrong:\n{}\n{help}", wrong.len(), wrong.join("\n"));
}

fn blessing() -> bool {
    std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite")
}

#[test]
fn diagnostics_are_those_that_are_written_down() {
    every_case(|case, wrong| {
        let output = case.mailswitch(&["check", "--format", "plain"]);
        let found = String::from_utf8(output.stdout).unwrap();
        let file = case.folder.join("diagnostics.txt");
        let expected = case.read("diagnostics.txt").unwrap_or_default();
        if found == expected {
            let errors = found.lines().any(|line| line.contains(": error["));
            let status = if errors { Some(1) } else { Some(0) };
            if output.status.code() != status {
                wrong.push(format!("the exit status is {}", output.status));
            }
        } else if blessing() && !case.example {
            if found.is_empty() {
                std::fs::remove_file(&file).unwrap();
            } else {
                std::fs::write(&file, found).unwrap();
            }
        } else {
            wrong.push(format!("expected\n{expected}found\n{found}"));
        }
    });
}

#[test]
fn routes_are_those_that_are_written_down() {
    every_case(|case, wrong| {
        let plan = case.plan();
        let router = Router::new(&plan);
        for route in case.routes() {
            for mta in asked_at(&plan, &route) {
                let found = planned(&router, mta, &route);
                if found != route.outcomes {
                    let (expected, found) = (lines(&route.outcomes), lines(&found));
                    wrong.push(format!("{}\n  expected\n{expected}  but the plan has\n{found}", route.text));
                }
            }
        }
    });
}

fn lines(outcomes: &BTreeSet<Expected>) -> String {
    outcomes.iter().map(|outcome| format!("    {outcome}\n")).collect()
}

#[test]
fn every_sound_case_has_routes_and_every_unsound_one_diagnostics() {
    every_case(|case, wrong| {
        let errors = case.read("diagnostics.txt").is_some_and(|text| text.contains(": error["));
        if !errors && case.routes().is_empty() && case.read("diagnostics.txt").is_none() {
            wrong.push("neither diagnostics nor routes".to_owned());
        }
    });
    assert!(all().iter().filter(|case| case.example).count() >= 6, "there are six examples");
}

#[test]
fn every_sound_case_builds_for_every_target_that_can_be_it() {
    every_case(|case, wrong| {
        if case.read("diagnostics.txt").is_some_and(|text| text.contains(": error[")) {
            return;
        }
        let impossible = case.impossible();
        for target in TARGETS.iter().map(|target| target.kind().as_str()) {
            let (built, _, said) = build(case, target);
            match impossible.get(target) {
                None if !built => wrong.push(format!("does not build for {target}:\n{said}")),
                Some(why) if built => wrong.push(format!("builds for {target}, but should not: {why}\n{said}")),
                _ => {}
            }
        }
    });
}

/// Whether it built, where, and what was said.
fn build(case: &Case, target: &str) -> (bool, TempDir, String) {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("out");
    let built = case.mailswitch(&["build", "--format", "plain", "--target", target, "-o", folder.to_str().unwrap()]);
    (built.status.success(), out, String::from_utf8_lossy(&built.stderr).into_owned())
}

#[test]
fn what_is_emitted_is_what_is_written_down() {
    every_case(|case, wrong| {
        for target in ["postfix", "exim", "relay"] {
            let blessed = case.folder.join(target);
            if blessed.is_dir() {
                emitted(case, target, &blessed, wrong);
            }
        }
    });
}

fn emitted(case: &Case, target: &str, blessed: &Path, wrong: &mut Vec<String>) {
    let (built, out, said) = build(case, target);
    let folder = out.path().join("out");
    if !built {
        return wrong.push(format!("does not build for {target}:\n{said}"));
    }
    legible(&folder);
    if blessing() {
        std::fs::remove_dir_all(blessed).unwrap();
        copy(&folder, blessed);
    }
    let below = |root: &Path| -> BTreeSet<_> {
        files(root).iter().map(|path| path.strip_prefix(root).unwrap().to_owned()).collect()
    };
    for name in below(blessed).union(&below(&folder)) {
        let read =
            |root: &Path| Data::binary(std::fs::read(root.join(name)).unwrap_or_default()).coerce_to(DataFormat::Text);
        if let Err(difference) = Assert::new().try_eq(Some(&name.display()), read(&folder), read(blessed).raw()) {
            wrong.push(format!("{target}: {difference}"));
        }
    }
}

/// Constant databases as text, and what changes with each release left out.
fn legible(folder: &Path) {
    for file in files(folder) {
        if file.extension().is_some_and(|extension| extension == "cdb") {
            let text = dump(&std::fs::read(&file).unwrap());
            std::fs::remove_file(&file).unwrap();
            std::fs::write(file.with_extension("cdb.txt"), text).unwrap();
        } else if file.file_name().is_some_and(|name| name == "manifest.json") {
            std::fs::remove_file(&file).unwrap();
        }
    }
}

/// The records of a classic constant database, which lie between its 2048 octets of head and the first hash table.
fn dump(bytes: &[u8]) -> String {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let end = (0..256).map(|i| number(8 * i)).min().unwrap();
    let mut text = String::new();
    let mut at = 2048;
    while at < end {
        let (key, value) = (number(at), number(at + 4));
        let record = &bytes[at + 8..at + 8 + key + value];
        text += &format!("{}\t{}\n", String::from_utf8_lossy(&record[..key]), String::from_utf8_lossy(&record[key..]));
        at += 8 + key + value;
    }
    text
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
