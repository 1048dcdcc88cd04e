//! Blocks: fields between braces, and how reading goes on after a mistake in one of them.

use super::ast::Field;
use super::keyword::{Place, enumerate, is_statement, nearest};
use super::parser::{Parsed, Parser};
use super::token::Kind;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::{SYNTAX_NESTING, SYNTAX_UNEXPECTED};
use crate::source::Span;

/// What a block belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) place: Place,
    /// From the keyword to the name.
    pub(super) span: Span,
    /// How far in it stands: what stands further in belongs to it, where braces do not tell.
    pub(super) indent: usize,
    /// The block around it.
    pub(super) parent: Option<Place>,
}

pub(super) struct Fields<F> {
    pub(super) list: Vec<Field<F>>,
    pub(super) broken: bool,
}

/// How a block was opened. `Implied`: its brace is missing, which has been reported.
#[derive(Debug, Clone, Copy)]
pub(super) enum Opening {
    Brace(Span),
    Implied,
}

/// A block that is being read.
struct Open {
    head: Head,
    brace: Option<Span>,
    /// Braces too many that are still open.
    extra: usize,
    /// A wrong brace was reported: what does not match after it is the same mistake.
    told: bool,
}

pub(super) type FieldParser<'a, F> = fn(&mut Parser<'a>, &str, &Head) -> Parsed<F>;

impl<'a> Parser<'a> {
    /// Fields up to the closing brace; without an opening one, up to the next statement.
    pub(super) fn fields<F>(&mut self, head: Head, opening: Opening, parse: FieldParser<'a, F>) -> Fields<F> {
        let brace = match opening {
            Opening::Brace(span) => Some(span),
            Opening::Implied => None,
        };
        let mut open = Open { head, brace, extra: 0, told: brace.is_none() };
        // A contact has two fields, and there may be millions.
        let mut fields = Fields { list: Vec::with_capacity(2), broken: false };
        loop {
            match self.token.kind {
                Kind::Newline | Kind::Semicolon => {
                    self.bump();
                }
                Kind::Close => {
                    self.bump();
                    if open.extra == 0 {
                        break;
                    }
                    open.extra -= 1;
                }
                Kind::Open => self.extra_brace(&mut open),
                Kind::Word => {
                    if self.closes(&mut open) || !self.field(&mut open, parse, &mut fields) {
                        break;
                    }
                }
                Kind::End => {
                    self.unclosed(&mut open, None);
                    break;
                }
                Kind::String | Kind::Arrow | Kind::Comma | Kind::Faulty(_) => {
                    self.no_field(&open.head);
                    fields.broken = true;
                    self.skip_field(&mut open);
                }
            }
        }
        fields
    }

    /// The brace of a declaration, or where it seems to be missing; `None` where there is no block.
    pub(super) fn open(&mut self, head: &Head) -> Option<Opening> {
        if self.token.kind == Kind::Open {
            return Some(Opening::Brace(self.bump()));
        }
        let saved = self.save();
        let wrapped = self.token.kind == Kind::Newline;
        if wrapped {
            self.bump();
        }
        match self.word() {
            None if wrapped && self.token.kind == Kind::Open => {
                self.report(self.token.span, |p| {
                    let title = p.quote(head.span);
                    Diagnostic::new(SYNTAX_NESTING, format!("`{{` stands on a line of its own after {title}"))
                        .label(p.token.span, "the end of the line above ended the statement")
                        .help(format!("write `{{` behind {title}, on the same line"))
                });
                Some(Opening::Brace(self.bump()))
            }
            Some(word) if head.place.has(word) && !is_statement(word) => {
                self.missing_brace(head);
                Some(Opening::Implied)
            }
            _ => {
                self.rewind(&saved);
                None
            }
        }
    }

    fn missing_brace(&mut self, head: &Head) {
        self.report(self.token.span, |p| {
            let title = p.quote(head.span);
            Diagnostic::new(SYNTAX_NESTING, format!("expected `{{` after {title}"))
                .label(p.token.span, format!("a field of `{}`", head.place.title()))
                .help(format!("write `{{` after {title}, and `}}` after its last field"))
        });
    }

    fn extra_brace(&mut self, open: &mut Open) {
        if !open.told {
            self.report(self.token.span, |p| {
                Diagnostic::new(SYNTAX_NESTING, format!("a block cannot begin inside {}", p.quote(open.head.span)))
                    .label(p.token.span, "one brace too many")
                    .help("remove it and the `}` that belongs to it: fields have no block of their own")
            });
        }
        open.told = true;
        open.extra += 1;
        self.bump();
    }

    /// True where the word is a statement that shows that a closing brace is missing.
    fn closes(&mut self, open: &mut Open) -> bool {
        let Some(word) = self.word() else { return false };
        if open.head.place.has(word) || !open.is_outside(word) || !self.outdented(open.head.indent) {
            return false;
        }
        self.unclosed(open, Some(self.token.span));
        true
    }

    fn unclosed(&mut self, open: &mut Open, next: Option<Span>) {
        let (Some(brace), false) = (open.brace, open.told) else { return };
        open.told = true;
        self.report(brace, |p| {
            let message = format!("expected `}}` after the last field of {}", p.quote(open.head.span));
            let mut diagnostic = Diagnostic::new(SYNTAX_NESTING, message).label(brace, "this brace is not closed");
            if let Some(next) = next {
                diagnostic = diagnostic.label(next, "the next statement begins here");
            }
            diagnostic.help("write `}` on a line of its own where the block ends")
        });
    }

    /// False where the word turned out to begin the next statement.
    fn field<F>(&mut self, open: &mut Open, parse: FieldParser<'a, F>, fields: &mut Fields<F>) -> bool {
        let saved = self.save();
        let outdented = self.outdented(open.head.indent);
        let indent = self.indent().unwrap_or(open.head.indent);
        let Some(word) = self.known_field(open) else {
            fields.broken = true;
            self.bump();
            self.skip_field(open);
            return true;
        };
        let keyword = self.bump();
        let kind = parse(self, word, &Head { indent, ..open.head });
        if outdented && is_statement(word) && self.token.kind == Kind::Open {
            // `domain` is a field of a system and a statement; with a block it is the statement.
            self.rewind(&saved);
            self.unclosed(open, Some(self.token.span));
            return false;
        }
        match kind {
            Ok(kind) => {
                fields.list.push(Field { keyword, span: keyword.to(self.solid), kind });
                fields.broken |= !self.end_field(open, word);
            }
            Err(_) => {
                fields.broken = true;
                open.told |= self.token.kind == Kind::Open;
                self.skip_field(open);
            }
        }
        self.quiet = false;
        true
    }

    /// The field that the current word names, or was meant to name.
    fn known_field(&mut self, open: &Open) -> Option<&'static str> {
        let word = self.word()?;
        let place = open.head.place;
        if let Some(known) = place.fields().iter().find(|f| **f == word) {
            return Some(known);
        }
        let near = self.tells() && !open.is_outside(word) && Place::owners(word, None).is_empty();
        let meant = if near { nearest(word, place.fields()) } else { None };
        self.report_token(|p| p.unknown_field(open, word, meant));
        self.quiet = meant.is_some();
        meant
    }

    fn unknown_field(&self, open: &Open, word: &str, meant: Option<&str>) -> Diagnostic {
        let place = open.head.place;
        let (quoted, title) = (self.quote(self.token.span), place.title());
        let fields = || format!("`{title}` has the fields {}", enumerate(place.fields()));
        let owners = Place::owners(word, Some(place));
        let (message, help) = match meant {
            Some(meant) => (format!("unknown field {quoted} of `{title}`"), format!("did you mean `{meant}`?")),
            None if is_statement(word) => (
                format!("{quoted} begins a statement and cannot stand inside {}", self.quote(open.head.span)),
                String::from("close the block with `}` before it, or move it behind the block"),
            ),
            None if !owners.is_empty() => {
                (format!("{quoted} is a field of {}, not of `{title}`", enumerate(&owners)), fields())
            }
            None => (format!("unknown field {quoted} of `{title}`"), fields()),
        };
        Diagnostic::new(SYNTAX_UNEXPECTED, message).label(self.token.span, "not a field here").help(help)
    }

    fn no_field(&mut self, head: &Head) {
        self.report_token(|p| {
            let title = head.place.title();
            let message = format!("expected a field of `{title}`, found {}", p.quote(p.token.span));
            let help = match p.token.kind {
                Kind::Comma => String::from("a list goes on after a comma that ends its line: move the comma up"),
                _ => format!("`{title}` has the fields {}", enumerate(head.place.fields())),
            };
            Diagnostic::new(SYNTAX_UNEXPECTED, message).label(p.token.span, "no field begins like this").help(help)
        });
    }

    /// A field was understood: now its line, `;` or the block must end. False where something else was meant to follow.
    fn end_field(&mut self, open: &mut Open, word: &str) -> bool {
        let ended = std::mem::take(&mut self.at_field) || self.at_end() || self.after_block();
        // A brace is told of by the block that it is too much in.
        if ended || (self.token.kind == Kind::Open && !self.quiet) {
            return true;
        }
        self.too_much(word);
        self.skip_field(open);
        false
    }

    /// Something follows a complete field or statement.
    pub(super) fn too_much(&mut self, keyword: &str) {
        self.report_token(|p| {
            let message = format!("unexpected {} after {}", p.quote(p.token.span), p.quote(p.last));
            let (label, help) = match p.token.kind {
                Kind::Comma => ("takes one value here", "remove what follows, or repeat the field"),
                _ => ("is complete before this", "remove it, or end the line or write `;` before it"),
            };
            let label = format!("`{keyword}` {label}");
            Diagnostic::new(SYNTAX_UNEXPECTED, message).label(p.token.span, label).help(help)
        });
    }

    /// To where the next field may begin.
    fn skip_field(&mut self, open: &mut Open) {
        if std::mem::take(&mut self.at_field) {
            return;
        }
        loop {
            match self.token.kind {
                Kind::Semicolon | Kind::Close | Kind::End => return,
                Kind::Newline if self.text(self.last) != "," => return,
                Kind::Open => {
                    open.told |= !self.skip_group(open.head.indent);
                }
                _ => {
                    self.bump();
                }
            }
        }
    }

    /// Over a block that belongs to nothing, and the blocks in it. False where it is not closed.
    pub(super) fn skip_group(&mut self, indent: usize) -> bool {
        let mut depth = 0_usize;
        loop {
            match self.token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                Kind::End => return false,
                Kind::Word if self.outdented(indent) && self.word().is_some_and(is_statement) => return false,
                _ => {}
            }
            self.bump();
            if depth == 0 {
                return true;
            }
        }
    }
}

impl Open {
    /// The word begins something that stands around this block.
    fn is_outside(&self, word: &str) -> bool {
        is_statement(word) || self.head.parent.is_some_and(|p| p.has(word))
    }
}
