//! The programs of each release that is here, in the root that `tests/setup-releases.sh` made, read what is emitted for it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use mailswitch::emit::{Context, File, feature};
use mailswitch::plan::route::Router;
use mailswitch::plan::{EmitMode, TargetKind, Version};

use tempfile::TempDir;

use crate::golden::case::{Case, cases};

pub(super) const ROOTS: &str = "/opt/mailswitch-lab/releases";

/// A suite of Debian, and the series of its two MTAs.
pub(super) const SUITES: &[(&str, Version, Version)] = &[
    ("bullseye", series(3, 5), series(4, 94)),
    ("bookworm", series(3, 7), series(4, 96)),
    ("trixie", series(3, 10), series(4, 98)),
    ("forky", series(3, 11), series(4, 100)),
];

const fn series(major: u32, minor: u32) -> Version {
    Version { major, minor, patch: None }
}

/// A root, and a folder in it with what is emitted for one MTA.
struct Placed {
    root: PathBuf,
    folder: TempDir,
}

impl Placed {
    fn new(suite: &str, files: &[File]) -> Placed {
        let root = Path::new(ROOTS).join(suite);
        assert!(root.is_dir(), "{} is missing: has tests/setup-releases.sh been run?", root.display());
        let folder = tempfile::tempdir_in(root.join("tmp")).expect("a root has a /tmp");
        for file in files {
            let mut written = std::fs::File::create(folder.path().join(&file.path)).expect("a root can be written to");
            written.write_all(&file.content).unwrap();
            // Postfix waits until a main.cf has not changed for two seconds.
            written.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
        }
        Placed { root, folder }
    }

    /// Runs a program of the root: `FOLDER` stands for the folder's name in there.
    fn run(&self, command: &[&str]) -> Output {
        let inside = Path::new("/").join(self.folder.path().strip_prefix(&self.root).unwrap());
        let arguments = command.iter().map(|word| word.replace("FOLDER", inside.to_str().unwrap()));
        Command::new("chroot").arg(&self.root).args(arguments).env("LC_ALL", "C").output().expect("chroot is there")
    }
}

/// What a case makes of each of its MTAs as this release; nothing where that cannot be.
fn emitted(case: &Case, kind: TargetKind, version: Version) -> Vec<(String, Vec<File>)> {
    let unsound = case.read("diagnostics.txt").is_some_and(|text| text.contains(": error["));
    if unsound || case.impossible().contains_key(kind.as_str()) {
        return Vec::new();
    }
    let (mut plan, sources) = case.plan_and_sources();
    for mta in &mut plan.mtas {
        mta.target.value = mailswitch::plan::Target { kind, version: Some(version) };
    }
    let router = Router::new(&plan);
    let context = Context { plan: &plan, router: &router, sources: &sources };
    if !feature::unsupported(context).is_empty() || plan.mtas.iter().any(|mta| mta.emits() != EmitMode::Complete) {
        return Vec::new();
    }
    let target = feature::target(kind).unwrap();
    plan.mta_ids().map(|id| (plan.mta(id).name.clone(), target.render(context, id).unwrap())).collect()
}

/// Places what every case gives, and lets `wrong` say what a release's programs make of it.
fn every_case(suite: &str, kind: TargetKind, version: Version, wrong: impl Fn(&Placed, &[File]) -> Option<Output>) {
    let mut folders = 0;
    for case in cases() {
        for (mta, files) in emitted(&case, kind, version) {
            if let Some(output) = wrong(&Placed::new(suite, &files), &files) {
                let told = [&output.stdout[..], &output.stderr].concat();
                panic!("{suite}, {} {mta}: {}: {}", case.name, output.status, String::from_utf8_lossy(&told));
            }
            folders += 1;
        }
    }
    println!("{suite}: {kind:?} {version} reads {folders} folders");
    assert!(folders > 60 || std::env::var_os("GOLDEN").is_some(), "{folders} folders are too few");
}

fn postfix(suite: &str) {
    let &(_, version, _) = SUITES.iter().find(|known| known.0 == suite).unwrap();
    let known = Placed::new(suite, &[]).run(&["postconf", "-h", "mail_version"]);
    let known = String::from_utf8_lossy(&known.stdout).into_owned();
    assert!(known.starts_with(&format!("{version}.")), "{suite} has Postfix {known}");
    every_case(suite, TargetKind::Postfix, version, |placed, files| {
        // A parameter that is unknown, unused or deprecated is a warning.
        let parameters = ["-n", "-P"].map(|what| placed.run(&["postconf", what, "-c", "FOLDER"]));
        let spoke = parameters.into_iter().find(|output| !output.status.success() || !output.stderr.is_empty());
        spoke.or_else(|| no_such_key(placed, files))
    });
}

/// A table, as this release's own library reads it.
fn no_such_key(placed: &Placed, files: &[File]) -> Option<Output> {
    let kinds = [("cdb", "domains.cdb"), ("lmdb", "domains.lmdb"), ("texthash", "domains")];
    let &(kind, _) = kinds.iter().find(|(_, name)| files.iter().any(|file| file.path == *name))?;
    let table = format!("{kind}:FOLDER/domains");
    let output = placed.run(&["postmap", "-c", "FOLDER", "-q", "no-such-domain.invalid", &table]);
    // 1: there is no such key (postmap(1), DIAGNOSTICS).
    (output.status.code() != Some(1) || !output.stderr.is_empty()).then_some(output)
}

fn exim(suite: &str) {
    let &(_, _, version) = SUITES.iter().find(|known| known.0 == suite).unwrap();
    every_case(suite, TargetKind::Exim, version, |placed, _| {
        let output = placed.run(&["/usr/sbin/exim4", "-C", "FOLDER/exim.conf", "-bV"]);
        let known = output.stdout.starts_with(format!("Exim version {version}").as_bytes());
        (!known || !output.status.success() || !output.stderr.is_empty()).then_some(output)
    });
}

#[test]
fn postfix_of_bullseye_reads_what_is_emitted_for_it() {
    postfix("bullseye");
}

#[test]
fn postfix_of_bookworm_reads_what_is_emitted_for_it() {
    postfix("bookworm");
}

#[test]
fn postfix_of_trixie_reads_what_is_emitted_for_it() {
    postfix("trixie");
}

#[test]
fn postfix_of_forky_reads_what_is_emitted_for_it() {
    postfix("forky");
}

#[test]
fn exim_of_bullseye_reads_what_is_emitted_for_it() {
    exim("bullseye");
}

#[test]
fn exim_of_bookworm_reads_what_is_emitted_for_it() {
    exim("bookworm");
}

#[test]
fn exim_of_trixie_reads_what_is_emitted_for_it() {
    exim("trixie");
}

#[test]
fn exim_of_forky_reads_what_is_emitted_for_it() {
    exim("forky");
}
