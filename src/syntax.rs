//! Text to syntax tree: tokens, declarations, recovery. Parsing never fails; it returns what it understood and what was wrong.

use std::ops::Range;
use std::panic::resume_unwind;

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

/// A file of this size and more is read in pieces, each on a thread of its own.
const LARGE: usize = 1 << 20;
const PIECES: usize = 4;

/// The tree of one file. What is wrong with the text goes to `diagnostics`, and the tree has what was understood.
pub fn parse(sources: &Sources, file: FileId, diagnostics: &mut Diagnostics) -> Ast {
    let length = sources.get(file).text().len();
    let pieces = if length < LARGE { None } else { parse_pieces(sources, file) };
    pieces.unwrap_or_else(|| parse_range(sources, file, 0..length, diagnostics))
}

fn parse_range(sources: &Sources, file: FileId, range: Range<usize>, diagnostics: &mut Diagnostics) -> Ast {
    let mut parser = Parser::new(sources, file, range, diagnostics);
    let items = parser.file();
    let (comments, broken) = parser.finish();
    Ast { file, items, comments, broken }
}

/// The tree of a file that is without mistake from piece to piece; `None` of any other, which has to be read as a whole, since a
/// mistake may reach from one piece into the next. No statement can: it would lack its end in the one.
fn parse_pieces(sources: &Sources, file: FileId) -> Option<Ast> {
    let parse = |range| {
        let mut mistakes = Diagnostics::default();
        let ast = parse_range(sources, file, range, &mut mistakes);
        (!ast.broken && mistakes.is_empty()).then_some(ast)
    };
    let pieces = pieces(sources.get(file).text());
    if pieces.len() == 1 {
        return None;
    }
    let parsed: Option<Vec<Ast>> = std::thread::scope(|scope| {
        let spawn = |range| std::thread::Builder::new().spawn_scoped(scope, move || parse(range)).ok();
        let threads: Vec<_> = pieces.into_iter().map(spawn).collect();
        let joined = threads.into_iter().map(|thread| thread?.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.collect::<Vec<_>>().into_iter().collect()
    });
    parsed?.into_iter().reduce(|mut whole, mut piece| {
        whole.items.append(&mut piece.items);
        whole.comments.append(&mut piece.comments);
        whole
    })
}

/// Parts of about the same length; each but the first begins with a contact at the beginning of a line.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let mut cuts = vec![0];
    for number in 1..PIECES {
        let from = (text.len() / PIECES * number).max(cuts[cuts.len() - 1]);
        let found = memchr::memmem::find(&text.as_bytes()[from..], b"\ncontact ");
        cuts.extend(found.map(|at| from + at + 1));
    }
    let ends = cuts.iter().skip(1).copied().chain([text.len()]);
    cuts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;

    fn large() -> String {
        let contact = |n| {
            format!(
                "contact \"A\" {{\n    primary   a{n}@b.test  # her own\n    secondary a{n}@c.test, b{n}@c.test\n}}\n\n"
            )
        };
        (0..LARGE / 64).map(contact).collect()
    }

    /// What is read of a text in pieces, where it may be, and as a whole.
    fn both(text: &str) -> [(Ast, Vec<Diagnostic>); 2] {
        let mut sources = Sources::default();
        let file = sources.add("test", text.to_owned()).unwrap();
        let (mut found, mut expected) = (Diagnostics::default(), Diagnostics::default());
        let ast = parse(&sources, file, &mut found);
        let whole = parse_range(&sources, file, 0..text.len(), &mut expected);
        [(ast, found.into_list()), (whole, expected.into_list())]
    }

    #[test]
    fn a_large_file_is_read_in_pieces() {
        let text = large();
        let mut sources = Sources::default();
        let file = sources.add("test", text.clone()).unwrap();
        assert_eq!(pieces(&text).len(), PIECES);
        assert!(parse_pieces(&sources, file).is_some());
        let [found, expected] = both(&text);
        assert_eq!(found, expected);
    }

    #[test]
    fn what_reaches_from_one_piece_into_the_next_is_read_as_in_the_whole() {
        let text = large();
        let cut = pieces(&text)[1].start;
        for between in [
            "system x {\n",
            "system x {\n    account a@d.test,\n",
            " contact \"B\" {\n    primary a@d.test\n",
            "contact\n",
            " contact \"B\"\n",
            "}\n",
            "shared domain d.test\n",
            "expect a@d.test ->\n",
            "expect a@d.test via\n",
            "contacts from \"d.csv\" {\n    name\n",
            "# contact\n",
            "\"no end\n",
            "bare words {\n",
        ] {
            let text = [&text[..cut], between, &text[cut..]].concat();
            let [found, expected] = both(&text);
            assert!(found == expected, "{between:?}: {:?} and {:?}", found.1, expected.1);
        }
    }
}
