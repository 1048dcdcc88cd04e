//! W3C EBNF, read and interpreted: a recogniser that shares no code with the parser, as slow and plain as it can be.

use std::collections::{BTreeSet, HashMap};

#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Sequence(Vec<Expr>),
    Choice(Vec<Expr>),
    /// How often at least, and whether more than once.
    Repeat(Box<Expr>, usize, bool),
    Except(Box<Expr>, Box<Expr>),
    Literal(String),
    Class(Vec<(char, char)>),
    Rule(String),
}

pub(crate) struct Grammar {
    pub(crate) rules: HashMap<String, Expr>,
}

/// Capital rules are about characters, the others about tokens.
pub(crate) fn is_token(rule: &str) -> bool {
    rule.starts_with(|c: char| c.is_ascii_uppercase())
}

impl Grammar {
    pub(crate) fn routing() -> Grammar {
        Grammar::read(include_str!("../../grammar/routing.ebnf"))
    }

    fn read(text: &str) -> Grammar {
        let lexemes = lexemes(text);
        let mut reader = Reader { lexemes: &lexemes, at: 0 };
        let mut rules = HashMap::new();
        while let Some(name) = reader.next() {
            assert_eq!(reader.next(), Some("::="), "after {name}");
            let body = reader.choice();
            assert!(rules.insert(String::from(name), body).is_none(), "{name} twice");
        }
        let grammar = Grammar { rules };
        for rule in grammar.rules.values() {
            grammar.check_names(rule);
        }
        grammar
    }

    fn check_names(&self, expr: &Expr) {
        match expr {
            Expr::Rule(name) => assert!(self.rules.contains_key(name), "no rule {name}"),
            Expr::Sequence(list) | Expr::Choice(list) => list.iter().for_each(|e| self.check_names(e)),
            Expr::Repeat(inner, ..) => self.check_names(inner),
            Expr::Except(a, b) => [a, b].iter().for_each(|e| self.check_names(e)),
            Expr::Literal(_) | Expr::Class(_) => {}
        }
    }

    /// True where the grammar derives the text.
    pub(crate) fn derives(&self, text: &str) -> bool {
        let Some(tokens) = self.tokens(text) else { return false };
        let mut search = Search { grammar: self, tokens: &tokens, memo: HashMap::new() };
        search.rule("file", 0).contains(&tokens.len())
    }

    /// The tokens of a text, each the longest at its place; `None` where no token begins.
    pub(crate) fn tokens(&self, text: &str) -> Option<Vec<String>> {
        let chars: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            let skipped = self.longest("Skip", &chars, at);
            let token = self.longest("Token", &chars, at);
            let end = skipped.max(token)?;
            if token == Some(end) {
                tokens.push(chars[at..end].iter().collect());
            }
            at = end;
        }
        Some(tokens)
    }

    fn longest(&self, rule: &str, chars: &[char], at: usize) -> Option<usize> {
        self.ends(&self.rules[rule], chars, at).last().copied().filter(|end| *end > at)
    }

    fn has_form(&self, rule: &str, token: &str) -> bool {
        let chars: Vec<char> = token.chars().collect();
        self.ends(&self.rules[rule], &chars, 0).contains(&chars.len())
    }

    pub(crate) fn matches(&self, expr: &Expr, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        self.ends(expr, &chars, 0).contains(&chars.len())
    }

    /// Where a character-level expression can end that begins here.
    fn ends(&self, expr: &Expr, chars: &[char], at: usize) -> BTreeSet<usize> {
        match expr {
            Expr::Rule(name) => self.ends(&self.rules[name], chars, at),
            Expr::Choice(list) => list.iter().flat_map(|e| self.ends(e, chars, at)).collect(),
            Expr::Sequence(list) => sequence(list, at, |e, at| self.ends(e, chars, at)),
            Expr::Repeat(inner, least, many) => repeat(at, *least, *many, |at| self.ends(inner, chars, at)),
            Expr::Except(a, b) => &self.ends(a, chars, at) - &self.ends(b, chars, at),
            Expr::Literal(text) => {
                let literal: Vec<char> = text.chars().collect();
                chars[at..].starts_with(&literal).then_some(at + literal.len()).into_iter().collect()
            }
            Expr::Class(ranges) => {
                let holds = |c: &char| ranges.iter().any(|(low, high)| (low..=high).contains(&c));
                chars.get(at).filter(|c| holds(c)).map(|_| at + 1).into_iter().collect()
            }
        }
    }
}

struct Search<'a> {
    grammar: &'a Grammar,
    tokens: &'a [String],
    memo: HashMap<(&'a str, usize), BTreeSet<usize>>,
}

impl<'a> Search<'a> {
    fn rule(&mut self, name: &'a str, at: usize) -> BTreeSet<usize> {
        if let Some(known) = self.memo.get(&(name, at)) {
            return known.clone();
        }
        let grammar = self.grammar;
        let ends = if is_token(name) {
            let fits = self.tokens.get(at).is_some_and(|t| grammar.has_form(name, t));
            fits.then_some(at + 1).into_iter().collect()
        } else {
            self.ends(&grammar.rules[name], at)
        };
        self.memo.insert((name, at), ends.clone());
        ends
    }

    fn ends(&mut self, expr: &'a Expr, at: usize) -> BTreeSet<usize> {
        match expr {
            Expr::Rule(name) => self.rule(name, at),
            Expr::Choice(list) => list.iter().flat_map(|e| self.ends(e, at)).collect(),
            Expr::Sequence(list) => sequence(list, at, |e, at| self.ends(e, at)),
            Expr::Repeat(inner, least, many) => repeat(at, *least, *many, |at| self.ends(inner, at)),
            Expr::Literal(text) => self.tokens.get(at).filter(|t| *t == text).map(|_| at + 1).into_iter().collect(),
            Expr::Except(..) | Expr::Class(_) => panic!("about characters, in a rule about tokens"),
        }
    }
}

fn sequence<'e>(
    list: &'e [Expr],
    at: usize,
    mut ends: impl FnMut(&'e Expr, usize) -> BTreeSet<usize>,
) -> BTreeSet<usize> {
    let start = BTreeSet::from([at]);
    list.iter().fold(start, |froms, e| froms.into_iter().flat_map(|from| ends(e, from)).collect())
}

fn repeat(at: usize, least: usize, many: bool, mut ends: impl FnMut(usize) -> BTreeSet<usize>) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    if least == 0 {
        all.insert(at);
    }
    let mut fresh = ends(at);
    while !fresh.is_empty() {
        let new: BTreeSet<usize> = fresh.difference(&all).copied().collect();
        all.extend(&new);
        fresh = if many { new.into_iter().flat_map(&mut ends).collect() } else { BTreeSet::new() };
    }
    all
}

/// The lexemes of the notation itself; a class stays in one piece.
fn lexemes(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = match rest.as_bytes()[0] {
            b'/' => rest.find("*/").unwrap() + 2,
            b'\'' => rest[1..].find('\'').unwrap() + 2,
            b'[' => rest.find(']').unwrap() + 1,
            b':' => 3,
            b'|' | b'(' | b')' | b'?' | b'*' | b'+' | b'-' => 1,
            _ => rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '#').unwrap_or(rest.len()),
        };
        assert!(length > 0, "not EBNF: {rest:.20}");
        if !rest.starts_with('/') {
            found.push(&rest[..length]);
        }
        rest = rest[length..].trim_start();
    }
    found
}

struct Reader<'a> {
    lexemes: &'a [&'a str],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.lexemes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        self.at += 1;
        self.lexemes.get(self.at - 1).copied()
    }

    fn choice(&mut self) -> Expr {
        let mut list = vec![self.sequence()];
        while self.peek() == Some("|") {
            self.at += 1;
            list.push(self.sequence());
        }
        if list.len() == 1 { list.remove(0) } else { Expr::Choice(list) }
    }

    fn sequence(&mut self) -> Expr {
        let mut list = Vec::new();
        while self.peek().is_some_and(|l| l != "|" && l != ")") && self.lexemes.get(self.at + 1) != Some(&"::=") {
            let item = self.repeated();
            if self.peek() == Some("-") {
                self.at += 1;
                let but = self.repeated();
                list.push(Expr::Except(Box::new(item), Box::new(but)));
            } else {
                list.push(item);
            }
        }
        if list.len() == 1 { list.remove(0) } else { Expr::Sequence(list) }
    }

    fn repeated(&mut self) -> Expr {
        let item = self.primary();
        let (least, many) = match self.peek() {
            Some("?") => (0, false),
            Some("*") => (0, true),
            Some("+") => (1, true),
            _ => return item,
        };
        self.at += 1;
        Expr::Repeat(Box::new(item), least, many)
    }

    fn primary(&mut self) -> Expr {
        let lexeme = self.next().unwrap();
        match lexeme.as_bytes()[0] {
            b'(' => {
                let inner = self.choice();
                assert_eq!(self.next(), Some(")"));
                inner
            }
            b'\'' => Expr::Literal(String::from(lexeme.trim_matches('\''))),
            b'[' => class(lexeme),
            b'#' => class(&format!("[{lexeme}]")),
            _ => Expr::Rule(String::from(lexeme)),
        }
    }
}

/// `[a-z#x20"]`
fn class(text: &str) -> Expr {
    let inner = &text[1..text.len() - 1];
    assert!(!inner.starts_with('^'), "write the characters that are meant: {text}");
    let mut chars = Vec::new();
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        let (length, c, code) = match rest.strip_prefix("#x") {
            Some(code) => {
                let digits =
                    code.find(|c: char| !c.is_ascii_digit() && !('A'..='F').contains(&c)).unwrap_or(code.len());
                let value = u32::from_str_radix(&code[..digits], 16).unwrap();
                (digits + 2, char::from_u32(value).unwrap(), true)
            }
            None => (c.len_utf8(), c, false),
        };
        chars.push((c, code));
        rest = &rest[length..];
    }
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let (low, _) = chars[at];
        let range = chars.get(at + 1) == Some(&('-', false)) && at + 2 < chars.len();
        ranges.push((low, if range { chars[at + 2].0 } else { low }));
        at += if range { 3 } else { 1 };
    }
    Expr::Class(ranges)
}
