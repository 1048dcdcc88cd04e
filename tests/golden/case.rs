//! The cases on disk, and their plans.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mailswitch::diagnostic::Diagnostics;
use mailswitch::load;
use mailswitch::plan::Plan;
use mailswitch::resolve;
use mailswitch::source::{Files, Sources};

use super::routes::{Route, parse};

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) example: bool,
}

/// Every case and example, or those whose name holds what `GOLDEN` says.
pub(crate) fn cases() -> Vec<Case> {
    let wanted = std::env::var("GOLDEN").unwrap_or_default();
    let mut cases = all();
    cases.retain(|case| case.name.contains(&wanted));
    assert!(!cases.is_empty(), "no case is called {wanted:?}");
    cases
}

pub(crate) fn all() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases = Vec::new();
    for (folder, example) in [("examples", true), ("tests/golden", false)] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let folder = entry.unwrap().path();
            if folder.join("routing.dsl").is_file() {
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                cases.push(Case { name, folder, example });
            }
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    pub(crate) fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    pub(crate) fn routes(&self) -> Vec<Route> {
        let text = self.read("routes.txt").unwrap_or_default();
        parse(&text).unwrap_or_else(|error| panic!("{}/routes.txt: {error}", self.name))
    }

    /// Why some targets cannot be what the case asks.
    pub(crate) fn impossible(&self) -> BTreeMap<String, String> {
        let text = self.read("targets.txt").unwrap_or_default();
        let line = |line: &str| {
            let (target, why) = line.split_once(": ").unwrap_or_else(|| panic!("{}/targets.txt: {line}", self.name));
            (target.to_owned(), why.to_owned())
        };
        text.lines().map(line).collect()
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan_and_sources().0
    }

    pub(crate) fn plan_and_sources(&self) -> (Plan, Sources) {
        Case::read_plan(&self.folder.join("routing.dsl"))
    }

    /// The plan that a file makes.
    pub(crate) fn read_plan(file: &Path) -> (Plan, Sources) {
        let loaded = load::load(&Disk, file, false).unwrap();
        let mut diagnostics = Diagnostics::default();
        (resolve::resolve(&loaded.sources, &loaded.program, &mut diagnostics), loaded.sources)
    }

    /// Runs the program in the case's folder.
    pub(crate) fn mailswitch(&self, arguments: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_mailswitch");
        Command::new(program).args(arguments).current_dir(&self.folder).env("NO_COLOR", "1").output().unwrap()
    }
}

struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let found = glob::glob(pattern).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        found.collect::<Result<_, _>>().map_err(io::Error::from)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }
}
