//! The Postfix target: real Postfix runs what is emitted, and does what the language says.

mod connectors;
mod contoso;
mod hostile;
mod rules;
mod site;

use mailswitch::lab::{Node, Postfix, Reply};

use crate::cli::run::Folder;

pub(crate) const TRUSTED: &str = "10.0.0.5";
pub(crate) const STRANGER: &str = "203.0.113.9";
pub(crate) const MESSAGE: &str = "From: a@example.net\nTo: b@contoso.com\nSubject: hello\n\nFirst line.\n";

/// An estate and, below `out`, its bundles.
pub(crate) fn build(dsl: &str) -> Folder {
    let folder = Folder::with(&[("routing.dsl", dsl.as_bytes())]);
    let ran = folder.run(&["build", "-o", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    folder
}

/// Starts an MTA's bundle; Postfix has nothing to say about any of it.
pub(crate) fn start(node: &Node, folder: &Folder, mta: &str) -> Postfix {
    let postfix = Postfix::install(node, &folder.path(&format!("out/{mta}"))).unwrap();
    assert_eq!(postfix.check().unwrap().text(), "");
    assert_eq!(postfix.postconf_n().unwrap().stderr, "");
    assert_eq!(node.command("postconf", &["-M"], "").unwrap().stderr, "");
    postfix.start(&[25]).unwrap();
    postfix
}

/// `550 5.1.1`, or `250`, for each.
pub(crate) fn said(replies: &[Reply]) -> Vec<String> {
    let said = |reply: &Reply| match (reply.is_positive(), &reply.enhanced) {
        (false, Some(status)) => format!("{} {status}", reply.code),
        _ => reply.code.to_string(),
    };
    replies.iter().map(said).collect()
}
