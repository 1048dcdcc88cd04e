//! An estate and the questions that went wrong, written down as a golden case.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mailswitch::emit::TARGETS;
use mailswitch::plan::route::Router;

use crate::golden::case::Case;
use crate::golden::routes::{parse, planned};
use crate::oracle::dsl::to_dsl;
use crate::oracle::estate::Estate;
use crate::properties::read;

/// A question: at which MTA, by a trusted client or by anyone, for which recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) mta: usize,
    pub(crate) anyone: bool,
    pub(crate) recipient: String,
}

/// Writes the case `tests/golden/NAME`: its source, which begins with `why` as a comment, and what must become of each
/// question. Gives its folder.
pub(crate) fn keep(estate: &Estate, name: &str, why: &str, asked: &[Asked]) -> PathBuf {
    keep_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), estate, name, why, asked)
}

pub(crate) fn keep_below(root: &Path, estate: &Estate, name: &str, why: &str, asked: &[Asked]) -> PathBuf {
    let folder = root.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let write = |file: &str, text: &str| {
        if !text.is_empty() {
            std::fs::write(folder.join(file), text).unwrap();
        }
    };
    let head: String = why.lines().map(|line| format!("# {line}\n")).collect();
    write("routing.dsl", &format!("{head}\n{}", to_dsl(estate)));
    write("routes.txt", &routes(estate, asked));
    let case = Case { name: name.to_owned(), folder: folder.clone(), example: false };
    let checked = case.mailswitch(&["check", "--format", "plain"]);
    write("diagnostics.txt", &String::from_utf8_lossy(&checked.stdout));
    write("targets.txt", &impossible(&case));
    folder
}

/// The lines of `routes.txt`: what the plan says of each question.
pub(super) fn routes(estate: &Estate, asked: &[Asked]) -> String {
    let (plan, _, _) = read(to_dsl(estate));
    let router = Router::new(&plan);
    let mut text = String::new();
    for one in asked {
        let anyone = if one.anyone { "from anyone " } else { "" };
        let question = format!("at {} {anyone}{}", estate.mtas[one.mta].name, one.recipient);
        let route = parse(&format!("{question} -> looped")).unwrap().swap_remove(0);
        let mta = plan.mta_ids().nth(one.mta).unwrap();
        for mut outcome in planned(&router, mta, &route) {
            // A recipient that nothing rewrote is not worth a word.
            let unchanged =
                mailswitch::name::Mailbox::parse(&one.recipient).ok().map(|asked| asked.as_str().to_owned());
            outcome.recipient = outcome.recipient.filter(|recipient| Some(recipient) != unchanged.as_ref());
            let _ = writeln!(text, "{question} -> {outcome}");
        }
    }
    text
}

/// Why some targets cannot be what the case asks.
fn impossible(case: &Case) -> String {
    let mut text = String::new();
    for target in TARGETS.iter().map(|target| target.kind().as_str()) {
        let out = tempfile::tempdir().unwrap();
        let into = out.path().join("out");
        let built = case.mailswitch(&["build", "--format", "plain", "--target", target, "-o", into.to_str().unwrap()]);
        if !built.status.success() {
            let said = String::from_utf8_lossy(&built.stderr).into_owned();
            let why = said.lines().find_map(|line| line.split_once("]: ").filter(|_| line.contains(": error[")));
            let _ = writeln!(text, "{target}: {}", why.map_or(said.trim(), |(_, why)| why));
        }
    }
    text
}
