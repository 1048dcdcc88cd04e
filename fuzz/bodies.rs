//! What each fuzz target does with its bytes. The test suite runs the same bodies, on stable.

use std::io;
use std::path::{Path, PathBuf};

use mailswitch::check::check;
use mailswitch::diagnostic::{Diagnostic, Diagnostics};
use mailswitch::directory::{self, Columns, Format, Verdict};
use mailswitch::format::{Unformatted, format};
use mailswitch::load::load;
use mailswitch::plan::proof::Proof;
use mailswitch::plan::route::Router;
use mailswitch::resolve::resolve;
use mailswitch::source::{FileId, Files, Sources, Span};
use mailswitch::syntax::decode::add;
use mailswitch::syntax::parse;

pub(crate) mod deliver;
pub(crate) mod session;
pub(crate) mod spool;

/// A text is the language, or there is a mistake in it that has a place; every place is a place in the text.
pub(crate) fn parser(data: &[u8]) {
    let (sources, file, mut diagnostics) = source(data);
    let Some(file) = file else {
        assert!(diagnostics.has_errors());
        return places(&sources, diagnostics);
    };
    let ast = parse(&sources, file, &mut diagnostics);
    assert_eq!(ast.broken, diagnostics.has_errors());
    assert!(diagnostics.iter().all(|d| d.code.name.starts_with("syntax::")));
    assert!(diagnostics.iter().count() <= 101);
    let mut end = 0;
    for item in &ast.items {
        place(&sources, item.span);
        assert!(item.span.start >= end && item.span.end > item.span.start);
        end = item.span.end;
    }
    assert!(ast.comments.iter().all(|c| sources.text(*c).starts_with('#')));
    assert!(ast.comments.is_sorted_by(|a, b| a.end <= b.start));
    places(&sources, diagnostics);
}

/// A layout keeps the meaning, and is its own layout.
pub(crate) fn formatter(data: &[u8]) {
    let once = match layout(data) {
        Some(Ok(once)) => once,
        Some(Err(fault)) => return assert_eq!(fault, Unformatted::Syntax),
        None => return,
    };
    assert_eq!(layout(once.as_bytes()), Some(Ok(once)));
}

fn layout(data: &[u8]) -> Option<Result<String, Unformatted>> {
    let (sources, file, mut diagnostics) = source(data);
    Some(format(&sources, file?, &mut diagnostics))
}

pub(crate) fn csv(data: &[u8]) {
    bulk(data, Format::Csv);
}

pub(crate) fn ldif(data: &[u8]) {
    bulk(data, Format::Ldif);
}

/// Every row has an address; every place is a place in the file.
fn bulk(data: &[u8], format: Format) {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    if let Some(file) = directory::add(&mut sources, "file", data.to_vec(), &mut diagnostics) {
        let verdict = directory::read(&sources, file, format, &Columns::default(), &mut diagnostics, &mut |row, _| {
            place(&sources, row.span);
            let contact = row.contact().into_iter().flat_map(|(target, others)| [target].into_iter().chain(others));
            let values: Vec<_> = contact.chain(row.account().into_iter().flatten()).collect();
            assert!(!values.is_empty());
            values.into_iter().chain(row.label).for_each(|value| place(&sources, value.span));
        });
        assert!(verdict == Verdict::Directory || diagnostics.has_errors());
    }
    places(&sources, diagnostics);
}

/// Names are resolved and the checks run, whatever the parser understood.
pub(crate) fn estate(data: &[u8]) {
    let Ok(loaded) = load(&Memory(data), Path::new("routing.dsl"), false) else { return };
    let mut diagnostics = loaded.diagnostics;
    let plan = resolve(&loaded.sources, &loaded.program, &mut diagnostics);
    check(&Proof::new(&Router::new(&plan)), &mut diagnostics);
    places(&loaded.sources, diagnostics);
}

/// One routing file, and the same directory under every other name.
struct Memory<'d>(&'d [u8]);

impl Files for Memory<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let people = b"name,primary,secondary\nAnn,ann@a.example,ann@b.example;ann@c.example\n,\"x\"@d,\n";
        // Any other name is another file, or an include of a folder in itself would never end.
        Ok(if path == Path::new("routing.dsl") { self.0.to_vec() } else { people.to_vec() })
    }

    fn glob(&self, _: &str) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(Path::new("/").join(path))
    }
}

fn source(data: &[u8]) -> (Sources, Option<FileId>, Diagnostics) {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = add(&mut sources, "routing.dsl", data.to_vec(), &mut diagnostics);
    (sources, file, diagnostics)
}

fn places(sources: &Sources, diagnostics: Diagnostics) {
    for Diagnostic { labels, message, .. } in diagnostics.into_sorted(sources) {
        assert!(!message.is_empty() && !message.chars().any(char::is_control), "{message:?}");
        labels.iter().for_each(|label| place(sources, label.span));
    }
}

/// It lies in its file, and between characters.
fn place(sources: &Sources, span: Span) {
    let text = sources.get(span.file).text();
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
}
