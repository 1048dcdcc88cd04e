//! Statements: a keyword, its arguments and, for some, a block.

use super::ast::{Block, DomainDecl, DomainField, DomainKind, Expect, Item, ItemKind, Text};
use super::block::{FieldParser, Fields, Head, Opening};
use super::field;
use super::keyword::{Place, STATEMENTS, enumerate, is_statement, nearest};
use super::parser::{Parsed, Parser};
use super::token::Kind;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::{SYNTAX_NESTING, SYNTAX_UNEXPECTED, SYNTAX_VALUE};
use crate::source::Span;

/// What may follow the address of an `expect`, arrows aside.
const CLAUSES: &[&str] = &["from", "at", "via", "to", "rejected"];

impl<'a> Parser<'a> {
    /// The whole file.
    pub(super) fn file(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut place = None;
        loop {
            match self.token.kind {
                Kind::End => return items,
                Kind::Newline | Kind::Semicolon => {
                    self.bump();
                }
                Kind::Close => self.stray_brace(),
                Kind::Word => items.extend(self.item(&mut place)),
                _ => {
                    self.no_statement();
                    self.skip_statement(self.indent().unwrap_or(0));
                }
            }
        }
    }

    /// One statement; `place` is what kind of block the last one had.
    fn item(&mut self, place: &mut Option<Place>) -> Option<Item> {
        let indent = self.indent().unwrap_or(0);
        if let Some(owner) = self.owner(*place) {
            self.fields_outside(owner, indent);
            return None;
        }
        let Some(word) = self.known_statement() else {
            self.skip_statement(indent);
            return None;
        };
        let keyword = self.bump();
        let kind = self.statement(word, keyword, indent, place);
        let item = kind.ok().map(|kind| Item { span: keyword.to(self.solid), kind });
        if !self.at_end() && !self.after_block() {
            if item.is_some() {
                self.surplus(word);
            }
            self.skip_statement(indent);
        }
        self.quiet = false;
        item
    }

    fn statement(&mut self, word: &str, keyword: Span, indent: usize, place: &mut Option<Place>) -> Parsed<ItemKind> {
        let mut head = |place_here: Place| {
            *place = Some(place_here);
            Head { place: place_here, span: keyword, indent, parent: None }
        };
        Ok(match word {
            "include" => ItemKind::Include(self.either("a file")?),
            "mta" => ItemKind::Mta(self.declaration(head(Place::Mta), Parser::name, field::mta)?),
            "system" => ItemKind::System(self.declaration(head(Place::System), Parser::name, field::system)?),
            "connector" => {
                ItemKind::Connector(self.declaration(head(Place::Connector), Parser::name, field::connector)?)
            }
            "contact" => ItemKind::Contact(self.declaration(head(Place::Contact), Parser::label, field::contact)?),
            "domain" => self.domain(DomainKind::Domain, head(Place::Domain))?,
            "shared" => {
                self.keyword("domain")?;
                self.domain(DomainKind::Shared, head(Place::Domain))?
            }
            "relay" => {
                self.keyword("domain")?;
                self.domain(DomainKind::Relay, head(Place::RelayDomain))?
            }
            "contacts" => ItemKind::ContactsFrom(field::bulk(self, &head(Place::Columns))?),
            _ => ItemKind::Expect(Box::new(self.expect()?)),
        })
    }

    fn declaration<F>(
        &mut self,
        head: Head,
        name: fn(&mut Self, &str) -> Parsed<Text>,
        field: FieldParser<'a, F>,
    ) -> Parsed<Block<F>> {
        let name = name(self, head.place.name());
        let body = self.body(head, name.ok(), field);
        let (fields, broken) = (body.list, body.broken);
        Ok(Block { name: name?, fields, broken })
    }

    fn domain(&mut self, kind: DomainKind, head: Head) -> Parsed<ItemKind> {
        let pattern = self.argument(head.place.name());
        let body: Fields<DomainField> = self.body(head, pattern.ok(), field::domain);
        let (fields, broken) = (body.list, body.broken);
        Ok(ItemKind::Domain(DomainDecl { kind, pattern: pattern?, fields, broken }))
    }

    /// The block after the name. Without a name, the rest of the line is passed over and the block is still read.
    fn body<F>(&mut self, head: Head, name: Option<Text>, field: FieldParser<'a, F>) -> Fields<F> {
        let head = match name {
            Some(name) => Head { span: head.span.to(name), ..head },
            None => {
                self.skip_to_block();
                head
            }
        };
        let quiet = self.quiet;
        self.quiet |= name.is_none();
        let opening = self.open(&head);
        self.quiet = false;
        match opening {
            Some(opening) => self.fields(head, opening, field),
            None => {
                self.quiet = quiet;
                Fields { list: Vec::new(), broken: false }
            }
        }
    }

    fn skip_to_block(&mut self) {
        while self.token.kind != Kind::Open && !self.at_end() {
            self.bump();
        }
    }

    /// The name that a declaration gives. One that is none is reported and kept: so what refers to it is no mistake.
    fn name(&mut self, what: &str) -> Parsed<Text> {
        let span = self.token.span;
        let word = self.word();
        let name = self.argument(what)?;
        if word.is_some_and(|w| !is_name(w)) {
            self.report(span, |p| {
                Diagnostic::new(SYNTAX_VALUE, format!("{} is not a name", p.quote(span)))
                    .label(span, format!("expected {what}"))
                    .help("a name is a letter, then letters, digits, `-` and `_`")
            });
        }
        Ok(name)
    }

    fn label(&mut self, what: &str) -> Parsed<Text> {
        match self.token.kind {
            Kind::String => Ok(self.bump()),
            Kind::Word => self.bare_label(),
            _ => Err(self.expected(what)),
        }
    }

    fn bare_label(&mut self) -> Parsed<Text> {
        let span = self.token.span;
        if self.word().is_some_and(|w| !is_name(w)) {
            self.report(span, |p| {
                let text = super::parser::shown(p.text(span));
                Diagnostic::new(SYNTAX_VALUE, format!("{} is not a label", p.quote(span)))
                    .label(span, "neither a name nor a quoted string")
                    .help(format!("write `\"{text}\"`"))
            });
        }
        Ok(self.bump())
    }

    fn expect(&mut self) -> Parsed<Expect> {
        let address = self.argument("an address")?;
        let anyone = match self.eat("from") {
            Some(from) => Some(from.to(self.keyword("anyone")?)),
            None => None,
        };
        let at = self.clause("at", "the name of an mta")?;
        let mut expect = Expect { address, anyone, at, becomes: None, via: None, to: None, rejected: None };
        if let Some(rejected) = self.eat("rejected") {
            let status = (self.token.kind == Kind::Word).then(|| self.bump());
            expect.rejected = Some((rejected, status));
            return Ok(expect);
        }
        if self.token.kind == Kind::Arrow {
            self.bump();
            expect.becomes = Some(self.argument("an address")?);
        }
        expect.via = self.clause("via", "the name of a connector")?;
        expect.to = self.clause("to", "the name of a system or mta, or `internet`")?;
        Ok(expect)
    }

    fn clause(&mut self, keyword: &str, what: &str) -> Parsed<Option<Text>> {
        match self.eat(keyword) {
            Some(_) => self.argument(what).map(Some),
            None => Ok(None),
        }
    }

    /// Something follows a complete statement.
    fn surplus(&mut self, word: &str) {
        match word {
            "expect" => self.clause_order(),
            "include" => self.too_much(word),
            _ => self.no_block(word),
        }
    }

    fn no_block(&mut self, word: &str) {
        self.report_token(|p| {
            let message = format!("expected `{{` or the end of the line after {}", p.quote(p.last));
            Diagnostic::new(SYNTAX_UNEXPECTED, message)
                .label(p.token.span, format!("found {} instead", p.quote(p.token.span)))
                .help(format!("the fields of `{word}` stand in a block: `{{ ... }}`"))
        });
    }

    fn clause_order(&mut self) {
        let word = self.word();
        if self.token.kind != Kind::Arrow && !word.is_some_and(|w| CLAUSES.contains(&w)) {
            return match word.and_then(|w| nearest(w, CLAUSES)) {
                Some(meant) => self.clause_meant(meant),
                None => self.too_much("expect"),
            };
        }
        self.report_token(|p| {
            let message = format!("{} cannot stand here", p.quote(p.token.span));
            Diagnostic::new(SYNTAX_UNEXPECTED, message)
                .label(p.token.span, "twice, or not in its order")
                .help("the order is `expect ADDRESS from anyone at MTA -> ADDRESS via CONNECTOR to NODE`, or `rejected STATUS` after `at MTA`")
        });
    }

    fn clause_meant(&mut self, meant: &str) {
        self.report_token(|p| {
            let message = format!("unexpected {} after {}", p.quote(p.token.span), p.quote(p.last));
            Diagnostic::new(SYNTAX_UNEXPECTED, message)
                .label(p.token.span, "no part of `expect` begins like this")
                .help(format!("did you mean `{meant}`?"))
        });
    }

    // Mistakes at the level of statements.

    /// The statement that the current word names, or was meant to name.
    fn known_statement(&mut self) -> Option<&'static str> {
        let word = self.word()?;
        if let Some(known) = STATEMENTS.iter().find(|s| **s == word) {
            return Some(known);
        }
        let meant = if self.tells() { nearest(word, STATEMENTS) } else { None };
        self.report_token(|p| {
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the statements are {}", enumerate(STATEMENTS)),
            };
            Diagnostic::new(SYNTAX_UNEXPECTED, format!("unknown statement {}", p.quote(p.token.span)))
                .label(p.token.span, "no statement begins like this")
                .help(help)
        });
        self.quiet = meant.is_some();
        meant
    }

    /// The block that the current word would be a field of, where it is no statement.
    fn owner(&self, last: Option<Place>) -> Option<Place> {
        let word = self.word().filter(|w| !is_statement(w))?;
        last.filter(|place| place.has(word)).or_else(|| Place::owner(word))
    }

    /// Fields that stand outside of any block, up to the brace that was meant to close them.
    fn fields_outside(&mut self, owner: Place, indent: usize) {
        let span = self.token.span;
        self.report(span, |p| {
            let word = p.text(span);
            let owners = enumerate(&Place::owners(word, None));
            let title = owner.title();
            Diagnostic::new(SYNTAX_UNEXPECTED, format!("`{word}` is a field of {owners}, not a statement"))
                .label(span, "outside of any block")
                .help(format!("move it between the braces of a `{title}`, which may have been closed too early"))
        });
        let head = Head { place: owner, span, indent, parent: None };
        let implied = Opening::Implied;
        // The first field is the mistake, whatever else is wrong with it.
        self.quiet = true;
        match owner {
            Place::Mta => drop(self.fields(head, implied, field::mta)),
            Place::System => drop(self.fields(head, implied, field::system)),
            Place::Domain | Place::RelayDomain => drop(self.fields(head, implied, field::domain)),
            Place::Connector => drop(self.fields(head, implied, field::connector)),
            Place::Contact => drop(self.fields(head, implied, field::contact)),
            Place::Columns => drop(self.fields(head, implied, field::column)),
        }
    }

    fn stray_brace(&mut self) {
        self.report(self.token.span, |p| {
            Diagnostic::new(SYNTAX_NESTING, "`}` closes nothing")
                .label(p.token.span, "no block is open here")
                .help("remove it, or write the `{` that it closes")
        });
        self.bump();
    }

    fn no_statement(&mut self) {
        self.report_token(|p| {
            let message = format!("expected a statement, found {}", p.quote(p.token.span));
            let code = if p.token.kind == Kind::Open { SYNTAX_NESTING } else { SYNTAX_UNEXPECTED };
            let help = match p.token.kind {
                Kind::Open => String::from("a block follows the name of a declaration, as in `system NAME { ... }`"),
                Kind::Comma => String::from("a list goes on after a comma that ends its line: move the comma up"),
                _ => format!("the statements are {}", enumerate(STATEMENTS)),
            };
            Diagnostic::new(code, message).label(p.token.span, "no statement begins like this").help(help)
        });
    }

    /// To the end of a statement that was not understood, its block included.
    fn skip_statement(&mut self, indent: usize) {
        self.at_field = false;
        loop {
            match self.token.kind {
                Kind::Semicolon | Kind::End => return,
                Kind::Newline if self.text(self.last) != "," => return,
                Kind::Open => {
                    self.skip_group(indent);
                    return;
                }
                _ => {
                    self.bump();
                }
            }
        }
    }
}

fn is_name(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
