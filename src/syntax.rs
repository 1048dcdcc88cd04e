//! Text to syntax tree: tokens, declarations, recovery. Parsing never fails; it returns what it understood and what was wrong.

use crate::diagnostic::Diagnostics;
use crate::source::{FileId, Sources};
use ast::Ast;
use parser::Parser;

pub mod ast;
mod block;
pub mod decode;
mod field;
mod keyword;
mod parser;
mod statement;
mod token;

/// The tree of one file. What is wrong with the text goes to `diagnostics`, and the tree has what was understood.
pub fn parse(sources: &Sources, file: FileId, diagnostics: &mut Diagnostics) -> Ast {
    let mut parser = Parser::new(sources, file, diagnostics);
    let items = parser.file();
    let (comments, broken) = parser.finish();
    Ast { file, items, comments, broken }
}
