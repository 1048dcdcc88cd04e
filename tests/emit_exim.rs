//! The Exim target: real Exim runs what is emitted, and does what the language says.

mod connectors;
mod hostile;
mod rules;
mod site;

use mailswitch::lab::{Exim, Node};

use crate::cli::run::Folder;

const TRUSTED: &str = "10.0.0.5";
const STRANGER: &str = "203.0.113.9";
const MESSAGE: &str = "From: a@example.net\nTo: b@contoso.com\nSubject: hello\n\nFirst line.\n";

/// An estate and, below `out`, its bundles.
fn build(files: &[(&str, &[u8])]) -> Folder {
    let folder = Folder::with(files);
    let ran = folder.run(&["build", "--format", "plain", "-o", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    folder
}

/// Puts an MTA's bundle in place; Exim has nothing to say about it.
fn install(node: &Node, folder: &Folder, mta: &str) -> Exim {
    let exim = Exim::install(node, &folder.path(&format!("out/{mta}"))).unwrap();
    let version = exim.bv().unwrap();
    assert!(version.success && version.stderr.is_empty(), "{}", version.text());
    exim
}

fn start(node: &Node, folder: &Folder, mta: &str) -> Exim {
    let exim = install(node, folder, mta);
    exim.start(&[25]).unwrap();
    exim
}
