//! The parser's hands: the current token, what is expected next, and how mistakes are told.

use std::ops::Range;

use super::keyword::{Place, example, is_statement};
use super::token::{Cursor, Fault, Kind, Lexer, Token};
use crate::diagnostic::code::{SYNTAX_ENCODING, SYNTAX_STRING, SYNTAX_UNEXPECTED};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Sources, Span};

/// A mistake was reported: the caller gives up what it was reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported;

pub(super) type Parsed<T> = Result<T, Reported>;

/// More than these of one file are counted and not listed.
const LISTED: usize = 100;

pub(super) struct Parser<'a> {
    sources: &'a Sources,
    pub(super) lexer: Lexer<'a>,
    pub(super) token: Token,
    /// The token before the current one.
    pub(super) last: Span,
    /// The same, ends of lines and `;` aside: where a statement or field ended.
    pub(super) solid: Span,
    diagnostics: &'a mut Diagnostics,
    count: usize,
    first_unlisted: Option<Span>,
    /// Faulty characters up to here have been reported: looking ahead reads a token twice.
    faults_until: u32,
    /// What follows belongs to a mistake that has been reported.
    pub(super) quiet: bool,
    /// A list ended where a field already begins.
    pub(super) at_field: bool,
}

pub(super) struct Saved {
    cursor: Cursor,
    token: Token,
    last: Span,
    solid: Span,
}

impl<'a> Parser<'a> {
    /// Of a part of a file that begins with a line.
    pub(super) fn new(
        sources: &'a Sources,
        file: FileId,
        range: Range<usize>,
        diagnostics: &'a mut Diagnostics,
    ) -> Parser<'a> {
        let start = Span::new(file, range.start, range.start);
        let lexer = Lexer::new(file, sources.get(file).text(), range);
        let token = Token { kind: Kind::Newline, span: start, line: start.start };
        let mut parser = Parser {
            sources,
            lexer,
            token,
            last: start,
            solid: start,
            diagnostics,
            count: 0,
            first_unlisted: None,
            faults_until: 0,
            quiet: false,
            at_field: false,
        };
        parser.bump();
        parser
    }

    pub(super) fn finish(self) -> (Vec<Span>, bool) {
        if let Some(span) = self.first_unlisted {
            let more = self.count - LISTED;
            let message = format!("{more} more syntax errors in this file");
            self.diagnostics.push(Diagnostic::new(SYNTAX_UNEXPECTED, message).label(span, "the next of them"));
        }
        (self.lexer.comments, self.count > 0)
    }

    // Tokens.

    pub(super) fn bump(&mut self) -> Span {
        let span = self.token.span;
        self.last = span;
        if !matches!(self.token.kind, Kind::Newline | Kind::Semicolon) {
            self.solid = span;
        }
        self.token = self.lexer.next();
        if let Some((span, character)) = self.lexer.fault.take() {
            self.fault(span, Fault::Character(character));
        }
        if let Kind::Faulty(fault) = self.token.kind {
            self.fault(self.token.span, fault);
            if fault == Fault::Unclosed {
                self.token.kind = Kind::String;
            }
        }
        span
    }

    pub(super) fn save(&self) -> Saved {
        Saved { cursor: self.lexer.cursor(), token: self.token, last: self.last, solid: self.solid }
    }

    pub(super) fn rewind(&mut self, saved: &Saved) {
        self.lexer.rewind(saved.cursor);
        self.token = saved.token;
        self.last = saved.last;
        self.solid = saved.solid;
    }

    pub(super) fn text(&self, span: Span) -> &'a str {
        self.sources.text(span)
    }

    /// The text of the current token where it is a word.
    pub(super) fn word(&self) -> Option<&'a str> {
        (self.token.kind == Kind::Word).then(|| self.text(self.token.span))
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    /// Takes the current token where it is this word.
    pub(super) fn eat(&mut self, word: &str) -> Option<Span> {
        self.is_word(word).then(|| self.bump())
    }

    /// True where a field or statement ends here.
    pub(super) fn at_end(&self) -> bool {
        matches!(self.token.kind, Kind::Newline | Kind::Semicolon | Kind::Close | Kind::End)
    }

    /// True behind a closing brace, and where a block without one ended before this line: nothing more is needed.
    pub(super) fn after_block(&self) -> bool {
        self.text(self.solid) == "}" || self.last.end <= self.token.line
    }

    /// True where only blanks stand left of the current token on its line, and no more of them than `than`.
    pub(super) fn outdented(&self, than: usize) -> bool {
        self.indent().is_some_and(|indent| indent <= than)
    }

    /// How far in the current token is where it is the first of its line.
    pub(super) fn indent(&self) -> Option<usize> {
        let first = self.last.end <= self.token.line;
        first.then(|| (self.token.span.start - self.token.line) as usize)
    }

    // Arguments.

    /// One unquoted word: `what` is its name in messages, as in "a host".
    pub(super) fn argument(&mut self, what: &str) -> Parsed<Span> {
        match self.token.kind {
            Kind::Word => Ok(self.bump()),
            Kind::String => Err(self.needless_quotes(what)),
            _ => Err(self.expected(what)),
        }
    }

    /// A word or a quoted string.
    pub(super) fn either(&mut self, what: &str) -> Parsed<Span> {
        match self.token.kind {
            Kind::Word | Kind::String => Ok(self.bump()),
            _ => Err(self.expected(what)),
        }
    }

    /// A keyword inside a statement or field.
    pub(super) fn keyword(&mut self, word: &str) -> Parsed<Span> {
        match self.eat(word) {
            Some(span) => Ok(span),
            None => Err(self.expected(&format!("`{word}`"))),
        }
    }

    /// Items between commas; after a comma the list may go on in the next line.
    pub(super) fn list<T>(
        &mut self,
        what: &str,
        place: Place,
        item: fn(&mut Self, &str) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = vec![item(self, what)?];
        let mut told = false;
        loop {
            if self.token.kind == Kind::Comma {
                if !self.comma(what, place, &mut told) {
                    return Ok(items);
                }
            } else if matches!(self.token.kind, Kind::Word | Kind::String) {
                if !told {
                    self.missing_comma();
                }
                told = true;
            } else {
                return Ok(items);
            }
            items.push(item(self, what)?);
        }
    }

    /// Takes a comma and the end of the line after it. False where no item follows, which is then reported.
    fn comma(&mut self, what: &str, place: Place, told: &mut bool) -> bool {
        let comma = self.bump();
        while self.token.kind == Kind::Comma {
            if !*told {
                self.expected(what);
            }
            *told = true;
            self.bump();
        }
        let wrapped = self.token.kind == Kind::Newline;
        if wrapped {
            self.bump();
        }
        if wrapped && self.begins_something(place) {
            self.at_field = true;
            self.trailing_comma(what, comma);
            return false;
        }
        if self.at_end() {
            self.trailing_comma(what, comma);
            return false;
        }
        true
    }

    /// After a comma at the end of a line: a keyword with an argument, so hardly a further item.
    fn begins_something(&mut self, place: Place) -> bool {
        let Some(word) = self.word() else { return false };
        if !place.has(word) && !is_statement(word) {
            return false;
        }
        let saved = self.save();
        self.bump();
        // `address-space a,` and in the next line `to cost 3` is a domain `to` with its cost.
        let argument = matches!(self.token.kind, Kind::Word | Kind::String) && !self.is_word("cost");
        self.rewind(&saved);
        argument
    }

    fn trailing_comma(&mut self, what: &str, comma: Span) {
        self.report(comma, |_| {
            Diagnostic::new(SYNTAX_UNEXPECTED, format!("expected {what} after `,`"))
                .label(comma, "the list ends with a comma")
                .help(format!("remove the comma, or write {what} after it"))
        });
    }

    fn missing_comma(&mut self) {
        self.report(self.token.span, |p| {
            let (before, after) = (p.quote(p.last), p.quote(p.token.span));
            Diagnostic::new(SYNTAX_UNEXPECTED, format!("expected `,` between {before} and {after}"))
                .label(p.token.span, "a further item, or one too many")
                .help(format!("write `,` after {before}, or begin a new line before {after}"))
        });
    }

    // Mistakes.

    /// Counts a mistake and lists it, unless too many are listed or it belongs to one that is.
    pub(super) fn report(&mut self, span: Span, build: impl FnOnce(&Self) -> Diagnostic) -> Reported {
        if self.quiet {
            return Reported;
        }
        self.count += 1;
        if self.count <= LISTED {
            let diagnostic = build(self);
            self.diagnostics.push(diagnostic);
        } else {
            self.first_unlisted.get_or_insert(span);
        }
        Reported
    }

    /// As `report`, at the current token; silent where that token has been reported itself.
    pub(super) fn report_token(&mut self, build: impl FnOnce(&Self) -> Diagnostic) -> Reported {
        match self.token.kind {
            Kind::Faulty(_) => Reported,
            _ => self.report(self.token.span, build),
        }
    }

    /// True where a further mistake is told and not just counted.
    pub(super) fn tells(&self) -> bool {
        !self.quiet && self.count < LISTED
    }

    /// "expected a host after `smart-host`".
    pub(super) fn expected(&mut self, what: &str) -> Reported {
        self.report_token(|p| {
            let (span, found) = match p.token.kind {
                Kind::Newline | Kind::Semicolon | Kind::End => (p.last, String::from("nothing follows it")),
                _ => (p.token.span, format!("found {} instead", p.quote(p.token.span))),
            };
            let message = format!("expected {what} after {}", p.quote(p.last));
            let help = match example(what) {
                Some(example) => format!("write {what}, such as `{example}`"),
                None => format!("write {what} there"),
            };
            Diagnostic::new(SYNTAX_UNEXPECTED, message).label(span, found).help(help)
        })
    }

    fn needless_quotes(&mut self, what: &str) -> Reported {
        if self.token.span.end == self.faults_until {
            return Reported;
        }
        self.report_token(|p| {
            let text = p.text(p.token.span).trim_matches('"');
            let message = format!("expected {what} after {}, not a quoted string", p.quote(p.last));
            let diagnostic = Diagnostic::new(SYNTAX_UNEXPECTED, message).label(p.token.span, "a quoted string");
            if text.is_empty() || text.contains([' ', '"', ',', ';', '{', '}']) {
                return diagnostic;
            }
            diagnostic.help(format!("write `{}` without quotes", shown(text)))
        })
    }

    fn fault(&mut self, span: Span, fault: Fault) {
        if span.end <= self.faults_until {
            return;
        }
        self.faults_until = span.end;
        let quiet = std::mem::take(&mut self.quiet);
        match fault {
            Fault::Unclosed => self.report(span, |_| {
                Diagnostic::new(SYNTAX_STRING, "the quoted string is not closed")
                    .label(span, "its line ends before a closing `\"`")
                    .help("write `\"` at its end; a `\"` inside is written `\\\"`")
            }),
            Fault::Character(c) => self.character(span, c),
        };
        self.quiet = quiet;
    }

    fn character(&mut self, span: Span, c: char) -> Reported {
        let start = span.start as usize + self.text(span).find(c).unwrap_or(0);
        let span = Span::new(span.file, start, start + c.len_utf8());
        let code = u32::from(c);
        let (message, help) = if c.is_control() {
            (format!("the control character U+{code:04X} stands in the text"), "remove it")
        } else {
            (format!("the character U+{code:04X} looks like a blank and is none"), "write a plain space")
        };
        self.report(span, |_| Diagnostic::new(SYNTAX_ENCODING, message).label(span, "here").help(help))
    }

    /// A token for a message.
    pub(super) fn quote(&self, span: Span) -> String {
        match self.text(span) {
            "" => String::from("the beginning of the file"),
            "\n" => String::from("the end of the line"),
            text => format!("`{}`", shown(text)),
        }
    }
}

/// Text as a message may hold it: not too long, and without control characters.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if short.len() < text.len() && text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}
