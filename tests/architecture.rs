//! What ARCHITECTURE.md says of imports, read off the sources: which part knows which, and which crate is whose.

use std::collections::BTreeSet;
use std::path::Path;

/// Every module of the library, and the others that it may import.
const IMPORTS: &[(&str, &str)] = &[
    ("source", ""),
    ("name", "source"),
    ("diagnostic", "source name"),
    ("syntax", "source name diagnostic"),
    ("format", "source name diagnostic syntax"),
    ("directory", "source name diagnostic"),
    ("load", "source name diagnostic syntax directory"),
    ("plan", "source name"),
    ("resolve", "source name diagnostic syntax directory load plan"),
    ("check", "source name diagnostic plan"),
    ("emit", "source name diagnostic plan relay"),
    ("relay", "name"),
    ("lab", ""),
    ("verify", "name plan emit lab"),
    ("cli", "source name diagnostic syntax format directory load plan resolve check emit relay lab verify"),
];

/// Crates that are one file's own, and those of the folder beside it.
const CRATES: &[(&str, &str)] = &[
    ("nom", "syntax/token"),
    ("miette", "diagnostic/human"),
    ("petgraph", "plan/graph"),
    ("handlebars", "emit/template"),
    ("serde_yaml", "relay/config"),
];

/// A file of the library: its path below `src`, without `.rs`, and its text.
struct File {
    path: String,
    code: String,
}

impl File {
    fn module(&self) -> &str {
        self.path.split('/').next().unwrap()
    }

    fn is_in(&self, place: &str) -> bool {
        self.path == place || self.path.starts_with(&format!("{place}/"))
    }

    /// What stands behind each `head` that is a whole word, such as `crate::`.
    fn behind(&self, head: &str) -> Vec<&str> {
        let starts_a_word = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        let found = self.code.match_indices(head).filter(|&(at, _)| starts_a_word(&self.code[..at]));
        found.map(|(at, _)| &self.code[at + head.len()..]).collect()
    }
}

/// The library and, as `main`, the command; without their comments.
fn files() -> Vec<File> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let paths = glob::glob(&format!("{}/**/*.rs", src.display())).unwrap().map(Result::unwrap);
    paths
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let path = path.strip_prefix(&src).unwrap().with_extension("");
            File { path: path.to_str().unwrap().to_owned(), code: code.join("\n") }
        })
        .collect()
}

/// The modules that a path behind `crate::` names: one, or those of a list in braces.
fn named(rest: &str) -> Vec<&str> {
    let word = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let list = match rest.strip_prefix('{') {
        Some(list) => list.split_once("};").map_or(list, |(list, _)| list),
        None => &rest[..word(rest)],
    };
    list.split(',').map(str::trim).map(|item| &item[..word(item)]).collect()
}

#[test]
fn imports_point_one_way() {
    let (mut met, mut wrong) = (BTreeSet::new(), Vec::new());
    for file in files().iter().filter(|file| !["lib", "main"].contains(&file.module())) {
        let Some((module, allowed)) = IMPORTS.iter().find(|(module, _)| *module == file.module()) else {
            panic!("ARCHITECTURE.md and this test have no place for src/{}.rs", file.path);
        };
        met.insert(*module);
        for other in file.behind("crate::").into_iter().flat_map(named).filter(|other| !other.is_empty()) {
            if other != *module && !allowed.split(' ').any(|name| name == other) {
                wrong.push(format!("src/{}.rs imports `{other}`", file.path));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(met.len(), IMPORTS.len(), "a module of the table is gone");
}

#[test]
fn a_target_knows_the_relay_by_its_configuration_only() {
    for file in files().iter().filter(|file| file.module() == "emit") {
        for rest in file.behind("crate::relay") {
            assert!(file.is_in("emit/relay") && rest.starts_with("::config::"), "src/{}.rs", file.path);
        }
    }
}

#[test]
fn a_crate_has_one_place() {
    let files = files();
    for (name, place) in CRATES {
        let users = files.iter().filter(|file| !file.behind(&format!("{name}::")).is_empty());
        let (inside, outside): (Vec<&File>, Vec<&File>) = users.partition(|file| file.is_in(place));
        let outside: Vec<&str> = outside.iter().map(|file| file.path.as_str()).collect();
        assert!(!inside.is_empty(), "src/{place}.rs does not use {name}");
        assert_eq!(outside, [""; 0], "{name} is for src/{place}.rs alone");
    }
}
