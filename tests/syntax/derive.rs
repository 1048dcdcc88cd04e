//! Random programs: derived from the grammar, written down in a random layout, and mutated.

use super::ebnf::{Expr, Grammar, is_token};

/// Decisions, each a number; when they run out the first and shortest way is taken, so that a test can be shrunk.
pub(crate) struct Choices<'a> {
    list: &'a [u32],
    at: usize,
}

impl<'a> Choices<'a> {
    pub(crate) fn new(list: &'a [u32]) -> Choices<'a> {
        Choices { list, at: 0 }
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let choice = self.list.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        choice as usize % bound.max(1)
    }

    fn pick<'p>(&mut self, pool: &[&'p str]) -> &'p str {
        pool[self.below(pool.len())]
    }
}

const WORDS: &[&str] = &[
    "hub",
    "a@example.org",
    "*",
    "to",
    "from",
    "via",
    "domain",
    "cost",
    "balanced",
    "verify",
    "account",
    "secondary",
    "[2001:db8::1]:25",
    "10.0.0.0/8",
    "*.example.org",
    "50MB",
    "{x}@d",
    "a#b@d",
    "\"a b\"@d",
    "\"|/bin/sh\"@d",
    "bücher.example",
];

const NAMES: &[&str] = &["hub", "to-unix", "to", "mta", "a_b", "internet"];

const STRINGS: &[&str] = &["\"Ann Lee\"", "\"\"", "\"a, b; {c} # d\"", "\"\\\"\\\\\"", "\"sites/*.dsl\""];

const COMMENTS: &[&str] = &["# why", "#", "# { \" } ;", "#a@b"];

/// A random program.
pub(crate) fn program(grammar: &Grammar, choices: &mut Choices<'_>) -> String {
    let mut tokens = Vec::new();
    derive(grammar, &Expr::Rule(String::from("file")), choices, &mut tokens);
    let narrow = written(&tokens, choices, true);
    // Two tokens without a blank between them may be another token: then they are written apart.
    if grammar.tokens(&narrow).as_ref() == Some(&tokens) { narrow } else { written(&tokens, choices, false) }
}

fn derive(grammar: &Grammar, expr: &Expr, choices: &mut Choices<'_>, out: &mut Vec<String>) {
    match expr {
        Expr::Rule(name) if is_token(name) => out.push(token(grammar, name, choices)),
        Expr::Rule(name) => derive(grammar, &grammar.rules[name], choices, out),
        Expr::Sequence(list) => list.iter().for_each(|e| derive(grammar, e, choices, out)),
        Expr::Choice(list) => derive(grammar, &list[choices.below(list.len())], choices, out),
        Expr::Repeat(inner, least, many) => {
            let more = if *many { 4 } else { 2 };
            for _ in 0..*least + choices.below(more) {
                derive(grammar, inner, choices, out);
                if !many {
                    break;
                }
            }
        }
        Expr::Literal(text) => out.push(text.clone()),
        Expr::Except(..) | Expr::Class(_) => panic!("about characters, in a rule about tokens"),
    }
}

/// A token of this form: mostly one that a user would write, else any.
fn token(grammar: &Grammar, name: &str, choices: &mut Choices<'_>) -> String {
    let pool = match name {
        "Newline" => return String::from(choices.pick(&["\n", "\n", "\r\n"])),
        "Name" => NAMES,
        "String" => STRINGS,
        "Label" if choices.below(2) == 0 => STRINGS,
        "Label" => NAMES,
        "File" if choices.below(2) == 0 => STRINGS,
        _ => WORDS,
    };
    if choices.below(4) > 0 {
        return String::from(choices.pick(pool));
    }
    let derived = characters(grammar, &grammar.rules[name], choices);
    derived.unwrap_or_else(|| String::from(pool[0]))
}

fn characters(grammar: &Grammar, expr: &Expr, choices: &mut Choices<'_>) -> Option<String> {
    match expr {
        Expr::Rule(name) => characters(grammar, &grammar.rules[name], choices),
        Expr::Sequence(list) => list.iter().map(|e| characters(grammar, e, choices)).collect(),
        Expr::Choice(list) => characters(grammar, &list[choices.below(list.len())], choices),
        Expr::Repeat(inner, least, many) => {
            let count = *least + choices.below(if *many { 4 } else { 2 });
            (0..count).map(|_| characters(grammar, inner, choices)).collect()
        }
        Expr::Literal(text) => Some(text.clone()),
        Expr::Class(ranges) => {
            // Half of all characters are ASCII.
            let near: Vec<_> = ranges.iter().filter(|(low, _)| low.is_ascii()).collect();
            let far: Vec<_> = ranges.iter().collect();
            let pool = if near.is_empty() || choices.below(2) == 1 { far } else { near };
            let (low, high) = pool[choices.below(pool.len())];
            let width = u32::from(*high) - u32::from(*low) + 1;
            char::from_u32(u32::from(*low) + choices.below(width as usize) as u32).map(String::from)
        }
        Expr::Except(a, b) => {
            let mut tries = (0..8).filter_map(|_| characters(grammar, a, choices));
            tries.find(|text| !grammar.matches(b, text))
        }
    }
}

fn written(tokens: &[String], choices: &mut Choices<'_>, narrow: bool) -> String {
    let mut text = String::new();
    for token in tokens {
        let gap = if narrow { choices.pick(&[" ", "", "    ", "\t"]) } else { " " };
        text.push_str(gap);
        if matches!(token.as_str(), "\n" | "\r\n") && choices.below(4) == 1 {
            text.push(' ');
            text.push_str(choices.pick(COMMENTS));
        }
        text.push_str(token);
    }
    text
}

const SPLINTERS: &[&str] = &[
    "{", "}", ",", ";", "\n", "\"", "#", "@", "\\", "->", " ", "\r", "\0", "\u{a0}", "\u{85}", "mta", "system",
    "domain", "relay", "contact", "expect", "via", "to", "from", "account", "x", "\"s\"", "a@b", "rejected", "cost",
    "verify", "é",
];

/// The text with one to three changes, most of which leave the language.
pub(crate) fn mutated(text: &str, choices: &mut Choices<'_>) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=choices.below(3) {
        let at = choices.below(chars.len() + 1);
        let length = choices.below(6).min(chars.len() - at);
        match choices.below(4) {
            0 => drop(chars.drain(at..at + length)),
            1 => {
                let splinter = choices.pick(SPLINTERS);
                chars.splice(at..at, format!(" {splinter} ").chars());
            }
            2 => {
                let splinter = choices.pick(SPLINTERS);
                chars.splice(at..at + length.min(1), splinter.chars());
            }
            _ => {
                let copy: Vec<char> = chars[at..at + length].to_vec();
                let to = choices.below(chars.len() + 1);
                chars.splice(to..to, copy);
            }
        }
    }
    chars.into_iter().collect()
}
