//! The printer: lines, blank lines and comments.
//!
//! It walks the tree in the order of the source and keeps how far it has come there, so that every comment is printed
//! before the first thing that stands behind it, or at the end of the line that it stands in.

use super::field::{Row, Rows};
use crate::source::Span;
use crate::syntax::ast::{Ast, DomainKind, Expect, Item, ItemKind};

/// Lists are broken after a comma where their line would be longer.
const WIDTH: usize = 100;
/// Where comments behind statements and fields begin, if there is room.
const COMMENT_COLUMN: usize = 45;
const FARTHER: usize = 5;
const INDENT: usize = 4;

pub(super) fn print(text: &str, ast: &Ast) -> String {
    let rows = Rows { text };
    let mut printer =
        Printer { rows, comments: &ast.comments, out: String::with_capacity(text.len()), at: 0, open: true };
    let mut blocks = false;
    for item in &ast.items {
        printer.item(item, &mut blocks);
    }
    printer.comments_before(text.len(), Spot { after: blocks, ends: true, ..Spot::field(0) });
    printer.out
}

/// Before what comments and a blank line may stand.
#[derive(Clone, Copy)]
struct Spot {
    indent: usize,
    /// After a statement with a block: there is a blank line.
    after: bool,
    /// Before a statement with a block: there is one too, above the comments that stand directly on it.
    before: bool,
    /// Before the end of the file or of a block: there is none.
    ends: bool,
}

impl Spot {
    fn field(indent: usize) -> Spot {
        Spot { indent, after: false, before: false, ends: false }
    }
}

struct Printer<'a> {
    rows: Rows<'a>,
    /// The comments that are still to be printed.
    comments: &'a [Span],
    out: String,
    /// Up to here the source is printed.
    at: usize,
    /// At the beginning of the file or of a block: no blank line.
    open: bool,
}

/// A statement: its first line, and its block.
struct Head<'a> {
    text: String,
    end: usize,
    rows: Vec<Row<'a>>,
}

impl<'a> Printer<'a> {
    fn word(&self, span: Span) -> &'a str {
        self.rows.word(span)
    }

    fn item(&mut self, item: &Item, blocks: &mut bool) {
        let head = self.head(item);
        let end = item.span.end as usize;
        let block = !head.rows.is_empty() || self.comment_between(head.end, end);
        let spot = Spot { indent: 0, after: *blocks, before: block, ends: false };
        self.comments_before(item.span.start as usize, spot);
        if block {
            self.open_line(0, &head.text, head.end);
            self.body(&head.rows, end, INDENT);
            self.line(0, "}", end);
        } else {
            self.line(0, &head.text, end);
        }
        *blocks = block;
    }

    fn head(&self, item: &Item) -> Head<'a> {
        let rows = self.rows;
        let head = |keyword: &str, name: Span, rows| Head {
            text: format!("{keyword} {}", self.word(name)),
            end: name.end as usize,
            rows,
        };
        match &item.kind {
            ItemKind::Include(file) => head("include", *file, Vec::new()),
            ItemKind::Mta(block) => head("mta", block.name, rows.all(&block.fields, Rows::mta)),
            ItemKind::System(block) => head("system", block.name, rows.all(&block.fields, Rows::system)),
            ItemKind::Domain(domain) => {
                let keyword = match domain.kind {
                    DomainKind::Domain => "domain",
                    DomainKind::Shared => "shared domain",
                    DomainKind::Relay => "relay domain",
                };
                head(keyword, domain.pattern, rows.all(&domain.fields, Rows::domain))
            }
            ItemKind::Connector(block) => head("connector", block.name, rows.all(&block.fields, Rows::connector)),
            ItemKind::Contact(block) => head("contact", block.name, rows.all(&block.fields, Rows::contact)),
            ItemKind::ContactsFrom(bulk) => head("contacts from", bulk.file, rows.columns(bulk)),
            ItemKind::Expect(expect) => {
                Head { text: self.expect(expect), end: item.span.end as usize, rows: Vec::new() }
            }
        }
    }

    fn expect(&self, expect: &Expect) -> String {
        let mut words = vec!["expect", self.word(expect.address)];
        if expect.anyone.is_some() {
            words.push("from anyone");
        }
        let clauses = [("at", expect.at), ("->", expect.becomes), ("via", expect.via), ("to", expect.to)];
        for (keyword, value) in clauses {
            words.extend(value.iter().flat_map(|v| [keyword, self.word(*v)]));
        }
        if let Some((_, status)) = expect.rejected {
            words.push("rejected");
            words.extend(status.map(|s| self.word(s)));
        }
        words.join(" ")
    }

    /// The fields of a block that ends at `end`, values in one column.
    fn body(&mut self, rows: &[Row<'_>], end: usize, indent: usize) {
        let valued = rows.iter().filter(|r| !r.parts.is_empty());
        let width = valued.map(|r| r.keyword.chars().count()).max().unwrap_or(0);
        for row in rows {
            self.comments_before(row.span.start as usize, Spot::field(indent));
            self.row(row, indent, width);
        }
        self.comments_before(end, Spot { ends: true, ..Spot::field(indent) });
        self.open = false;
    }

    fn row(&mut self, row: &Row<'_>, indent: usize, width: usize) {
        let end = row.span.end as usize;
        let Some((last, others)) = row.parts.split_last() else {
            self.line(indent, row.keyword, end);
            return;
        };
        let column = indent + width + 1;
        let mut line = Line { text: format!("{:width$}", row.keyword), margin: indent, used: column - 1, column };
        for (part, next) in others.iter().zip(&row.parts[1..]) {
            self.part(&mut line, &part.text, true);
            if self.comment_between(part.end, next.end) {
                self.line(line.margin, line.text.trim_start(), part.end);
                self.comments_in_list(next.end, column);
                line = Line::further(column);
            }
        }
        self.part(&mut line, &last.text, false);
        let text = line.text.trim_start();
        if row.columns.is_empty() && !self.comment_between(last.end, end) {
            self.line(line.margin, text, end);
        } else {
            self.open_line(line.margin, text, last.end);
            self.body(&row.columns, end, indent + INDENT);
            self.line(indent, "}", end);
        }
    }

    /// Adds an item to the line, or begins a new line for it where it is too long.
    fn part(&mut self, line: &mut Line, part: &str, comma: bool) {
        let length = part.chars().count() + usize::from(comma);
        if line.used >= line.column && line.used + 1 + length > WIDTH {
            self.indented(line.margin, line.text.trim_start());
            self.out.push('\n');
            *line = Line::further(line.column);
        }
        line.text.push(' ');
        line.text.push_str(part);
        line.text.push_str(if comma { "," } else { "" });
        line.used += 1 + length;
    }

    // Lines.

    fn indented(&mut self, indent: usize, text: &str) {
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.out.push_str(text);
    }

    /// A line, and the comment behind it.
    fn line(&mut self, indent: usize, text: &str, end: usize) {
        self.indented(indent, text);
        self.open = false;
        self.at = self.at.max(end);
        self.end_line(indent + text.chars().count());
    }

    fn open_line(&mut self, indent: usize, text: &str, end: usize) {
        self.line(indent, &format!("{text} {{"), end);
        self.open = true;
    }

    fn end_line(&mut self, used: usize) {
        if self.comment_follows(self.at)
            && let Some((comment, rest)) = self.comments.split_first()
        {
            let column = if used + 2 <= COMMENT_COLUMN { COMMENT_COLUMN } else { used + FARTHER };
            self.indented(column - used, self.word(*comment).trim_end());
            self.at = comment.end as usize;
            self.comments = rest;
        }
        self.out.push('\n');
    }

    // Comments.

    /// True where a comment stands behind this place in the same line, and nothing else between.
    fn comment_follows(&self, end: usize) -> bool {
        let Some(comment) = self.comments.first() else { return false };
        let between = self.rows.text.get(end..comment.start as usize);
        between.is_some_and(|text| text.chars().all(|c| matches!(c, ' ' | '\t' | ',' | ';' | '{')))
    }

    /// True where a comment that is not printed yet stands between these places.
    fn comment_between(&self, start: usize, end: usize) -> bool {
        let inside = |c: &Span| (start..end).contains(&(c.start as usize));
        self.comments.iter().find(|c| c.start as usize >= start).is_some_and(inside)
    }

    /// The comments on lines of their own that stand before a place, and the blank line before what follows them.
    fn comments_before(&mut self, start: usize, spot: Spot) {
        let count = self.comments.iter().take_while(|c| (c.start as usize) < start).count();
        let (here, rest) = self.comments.split_at(count);
        self.comments = rest;
        let mut gaps = self.gaps(here, start);
        gaps[0] |= spot.after || (spot.before && !gaps.contains(&true));
        gaps[0] &= !self.open;
        gaps[count] &= !spot.ends;
        for (comment, gap) in here.iter().zip(&gaps) {
            self.blank(*gap);
            self.indented(spot.indent, self.word(*comment).trim_end());
            self.out.push('\n');
            self.at = comment.end as usize;
            self.open = false;
        }
        self.blank(gaps[count]);
    }

    fn blank(&mut self, gap: bool) {
        if gap {
            self.out.push('\n');
        }
    }

    /// Whether blank lines stand before each comment, and before what follows them.
    fn gaps(&self, comments: &[Span], start: usize) -> Vec<bool> {
        let starts = comments.iter().map(|c| c.start as usize).chain([start]);
        let ends = [self.at].into_iter().chain(comments.iter().map(|c| c.end as usize));
        let lines = |(from, to): (usize, usize)| {
            let between = self.rows.text.get(from..to).unwrap_or_default();
            memchr::memchr_iter(b'\n', between.as_bytes()).count() > 1
        };
        ends.zip(starts).map(lines).collect()
    }

    /// Comments on lines of their own between the items of a list.
    fn comments_in_list(&mut self, to: usize, column: usize) {
        while let Some((comment, rest)) = self.comments.split_first() {
            if comment.start as usize >= to {
                return;
            }
            self.indented(column, self.word(*comment).trim_end());
            self.out.push('\n');
            self.at = comment.end as usize;
            self.comments = rest;
        }
    }
}

/// A line of a list while it is filled.
struct Line {
    text: String,
    margin: usize,
    /// Its length, the margin included.
    used: usize,
    /// Where values begin.
    column: usize,
}

impl Line {
    /// A line that goes on with the list of the line before.
    fn further(column: usize) -> Line {
        Line { text: String::new(), margin: column, used: column - 1, column }
    }
}
