//! The pages of the diagnostics are true: what they show as reported is reported in just those words, and what they
//! show as mended is clean. With `MAILSWITCH_BLESS=1` the output blocks are rewritten instead.

mod memory;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use mailswitch::check::{self, pages};
use mailswitch::diagnostic::code::ALL;
use mailswitch::diagnostic::{Code, Diagnostic, human};
use mailswitch::emit::{Context, feature};
use mailswitch::plan::proof::Proof;
use mailswitch::plan::route::Router;
use mailswitch::source::Sources;
use mailswitch::{load, resolve};

use crate::cli::run::Folder;
use memory::Memory;

/// A fenced block: its section, its info string and its lines, by their numbers in the page.
struct Block {
    section: String,
    info: String,
    lines: std::ops::Range<usize>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut section = String::new();
    let mut open: Option<(String, usize)> = None;
    for (at, line) in page.lines().enumerate() {
        match (&open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.to_owned(), at + 1)),
            (Some((info, start)), Some("")) => {
                blocks.push(Block { section: section.clone(), info: info.clone(), lines: *start..at });
                open = None;
            }
            (None, None) if line.starts_with("## ") => section = line[3..].to_owned(),
            _ => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The file that a block holds: `routing.dsl`, or `routing.dsl latin-1` where that is its encoding.
fn add_file(files: &mut Memory, block: &Block, page: &str) {
    let text: String = page.lines().skip(block.lines.start).take(block.lines.len()).map(|l| format!("{l}\n")).collect();
    match block.info.split_once(' ') {
        None => files.add(&block.info, text.into_bytes()),
        Some((name, "latin-1")) => files.add(name, text.chars().map(|c| u8::try_from(c).unwrap()).collect()),
        Some((_, other)) => panic!("no such encoding: {other}"),
    }
}

/// What `check` says about the files of a section.
fn checked(page: &str, section: &str) -> (Vec<Diagnostic>, Sources) {
    let mut files = Memory::default();
    for block in blocks(page).iter().filter(|b| b.section == section && b.info != "text") {
        add_file(&mut files, block, page);
    }
    let mut loaded = load::load(&files, Path::new("routing.dsl"), false).unwrap();
    let mut diagnostics = loaded.diagnostics;
    let plan = resolve::resolve(&loaded.sources, &loaded.program, &mut diagnostics);
    for &file in &plan.unquotable {
        loaded.sources.forbid_quoting(file);
    }
    let router = Router::new(&plan);
    check::check(&Proof::new(&router), &mut diagnostics);
    diagnostics.extend(feature::unsupported(Context { plan: &plan, router: &router, sources: &loaded.sources }));
    (diagnostics.into_sorted(&loaded.sources), loaded.sources)
}

fn printed((diagnostics, sources): &(Vec<Diagnostic>, Sources)) -> String {
    let mut out = Vec::new();
    human::plain(diagnostics, sources, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn path(code: Code) -> PathBuf {
    let name = code.name.replace("::", "-");
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check/pages").join(name).with_extension("md")
}

/// What is wrong with a page, in words; empty where it is true.
fn faults(code: Code, page: &str) -> String {
    let mut faults = String::new();
    let reported = checked(page, "Reported");
    let codes: Vec<&str> = reported.0.iter().map(|d| d.code.name).collect();
    if codes != [code.name] {
        writeln!(faults, "{}: one mistake is one report, and this gave {codes:?}:\n{}", code.name, printed(&reported))
            .unwrap();
    }
    let output: Vec<Block> = blocks(page).into_iter().filter(|b| b.info == "text").collect();
    let [output] = output.as_slice() else { return faults + code.name + ": exactly one block of output is due\n" };
    let shown: String =
        page.lines().skip(output.lines.start).take(output.lines.len()).map(|l| format!("{l}\n")).collect();
    if output.section != "Reported" || shown != printed(&reported) {
        writeln!(faults, "{}: the page shows\n{shown}and check prints\n{}", code.name, printed(&reported)).unwrap();
    }
    let mended = printed(&checked(page, "Not reported"));
    if !mended.is_empty() {
        writeln!(faults, "{}: what should be clean is not:\n{mended}", code.name).unwrap();
    }
    faults
}

/// The page with its output block as `check` prints it now.
fn blessed(page: &str) -> String {
    let Some(output) = blocks(page).into_iter().find(|b| b.info == "text") else { return page.to_owned() };
    let lines: Vec<&str> = page.lines().collect();
    let new = printed(&checked(page, "Reported"));
    let all =
        lines[..output.lines.start].iter().copied().chain(new.lines()).chain(lines[output.lines.end..].iter().copied());
    all.map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_each_page_shows_is_what_check_prints() {
    let bless = std::env::var_os("MAILSWITCH_BLESS").is_some_and(|v| v == "1");
    let mut all = String::new();
    for &code in ALL {
        let page = std::fs::read_to_string(path(code)).unwrap();
        if bless {
            std::fs::write(path(code), blessed(&page)).unwrap();
        }
        let page = std::fs::read_to_string(path(code)).unwrap();
        all.push_str(&faults(code, &page));
    }
    assert!(all.is_empty(), "{all}");
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    for code in ALL {
        let page = pages::page(code.name).unwrap_or_else(|| panic!("{} has no page", code.name));
        assert_eq!(page, std::fs::read_to_string(path(*code)).unwrap(), "the page of another code");
        let heading = format!("# {} ({})\n\n", code.name, code.severity.as_str());
        assert!(page.starts_with(&heading), "{} should begin with {heading}", code.name);
        let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, ["How to mend it", "Reported", "Not reported"], "{}", code.name);
        let summary = pages::summary(page);
        assert!((10..=100).contains(&summary.len()), "{}: `{summary}` is to be a line of a list", code.name);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check/pages");
    let there: BTreeSet<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(there, ALL.iter().map(|&code| path(code)).collect());
}

#[test]
fn explain_prints_the_page() {
    let folder = Folder::with(&[]);
    for code in ["loop::contacts", "syntax::encoding", "target::unsupported", "verify::disagrees"] {
        let ran = folder.run(&["explain", code]);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, pages::page(code).unwrap(), ""));
    }
}

#[test]
fn explain_without_a_code_lists_them_all() {
    let ran = Folder::with(&[]).run(&["explain"]);
    assert_eq!(ran.code, 0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let codes: Vec<&Code> = ALL.iter().chain(pages::OTHERS.iter().map(|(code, _)| code)).collect();
    assert_eq!(lines.len(), codes.len());
    for (line, code) in lines.iter().zip(codes) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..2], [code.name, code.severity.as_str()]);
        assert!(line.ends_with(pages::summary(pages::page(code.name).unwrap())), "{line}");
    }
}

#[test]
fn explain_suggests_the_nearest_code() {
    let folder = Folder::with(&[]);
    let ran = folder.run(&["explain", "loop::contact"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("did you mean `loop::contacts`?"), "{}", ran.stderr);
    let ran = folder.run(&["explain", "tls"]);
    assert!(ran.stderr.contains("there are tls::unverifiable"), "{}", ran.stderr);
    let ran = folder.run(&["explain", "something-else"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("`mailswitch explain` lists them all"), "{}", ran.stderr);
}
