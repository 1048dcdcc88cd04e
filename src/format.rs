//! The one canonical layout of a source: four spaces, values in a column, comments where they belong.

use crate::diagnostic::Diagnostics;
use crate::source::{FileId, Sources};
use crate::syntax::ast::Ast;
use crate::syntax::parse;

mod field;
mod print;
mod shape;

/// Why there is no layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unformatted {
    /// The text is not the language; the diagnostics say where.
    Syntax,
    /// The new layout would mean something else: a fault of the formatter, which therefore keeps it to itself.
    Changed,
}

/// The canonical layout of a file. It is parsed and compared with the original before it is handed out.
pub fn format(sources: &Sources, file: FileId, diagnostics: &mut Diagnostics) -> Result<String, Unformatted> {
    let ast = parse(sources, file, diagnostics);
    if ast.broken {
        return Err(Unformatted::Syntax);
    }
    let text = print::print(sources.get(file).text(), &ast);
    if same(sources, &ast, &text) { Ok(text) } else { Err(Unformatted::Changed) }
}

/// True where the text parses to the same tree and holds the same comments.
fn same(sources: &Sources, ast: &Ast, text: &str) -> bool {
    let mut printed = Sources::default();
    let Some(file) = printed.add("printed", String::from(text)) else { return false };
    let mut diagnostics = Diagnostics::default();
    let again = parse(&printed, file, &mut diagnostics);
    let comments = |sources: &Sources, ast: &Ast| -> Vec<String> {
        ast.comments.iter().map(|c| String::from(sources.text(*c).trim_end())).collect()
    };
    !again.broken
        && comments(sources, ast) == comments(&printed, &again)
        && shape::same(sources.get(ast.file).text(), ast, text, &again)
}
