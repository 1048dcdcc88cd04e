//! The parser: what the language is, and what is said of text that is not.

pub(crate) mod derive;
pub(crate) mod ebnf;
pub(crate) mod grammar;
mod hostile;
mod mistakes;
mod tree;

use mailswitch::diagnostic::Diagnostics;
use mailswitch::source::Sources;
use mailswitch::syntax::ast::Ast;
use mailswitch::syntax::parse;

/// The scenario of the language's own description.
pub(crate) const CONTOSO: &str = include_str!("syntax/contoso.dsl");

/// Parses a text; each diagnostic comes as `code | text of its first place | message`.
pub(crate) fn parsed(text: &str) -> (Sources, Ast, Vec<String>) {
    let mut sources = Sources::default();
    let file = sources.add("routing.dsl", String::from(text)).unwrap();
    let mut diagnostics = Diagnostics::default();
    let ast = parse(&sources, file, &mut diagnostics);
    let list = diagnostics.into_sorted(&sources);
    let told = list
        .iter()
        .map(|d| format!("{} | {} | {}", d.code.name, sources.text(d.primary().unwrap()), d.message))
        .collect();
    (sources, ast, told)
}
