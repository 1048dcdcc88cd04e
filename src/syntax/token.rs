//! Text to tokens, one at a time and without allocation: what ends a word, what is a string, where a comment may begin.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};
use nom::branch::alt;
use nom::bytes::complete::{take, take_while};
use nom::character::complete::char;
use nom::combinator::{recognize, rest, verify};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use crate::source::{FileId, Span};

/// What a token is. What is wrong with a faulty one is said when the parser reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything unquoted: a keyword, name, pattern, host, number or address; also an address with a quoted local part.
    Word,
    String,
    Arrow,
    Comma,
    Open,
    Close,
    Newline,
    Semicolon,
    End,
    /// A string that its line ends, or a word or string that holds a character which no source may hold.
    Faulty(Fault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Unclosed,
    Character(char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Where its line begins.
    pub(super) line: u32,
}

/// Where the lexer is; copied to look ahead and back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    at: usize,
    line: usize,
    comments: usize,
    run: Run,
}

/// The last stretch without a blank, comma, `;` or quote that was looked through for an `@`: remembered, so that
/// a long row of braces is looked through once and not once a brace.
#[derive(Debug, Clone, Copy)]
struct Run {
    end: usize,
    at_sign: Option<usize>,
}

pub(super) struct Lexer<'a> {
    file: FileId,
    /// Up to the end of what is to be read.
    text: &'a [u8],
    cursor: Cursor,
    pub(super) comments: Vec<Span>,
    /// A comment with a character that no source may hold, until the parser has reported it.
    pub(super) fault: Option<(Span, char)>,
}

impl<'a> Lexer<'a> {
    /// Of a part of a file that begins with a line.
    pub(super) fn new(file: FileId, text: &'a str, Range { start, end }: Range<usize>) -> Lexer<'a> {
        let run = Run { end: 0, at_sign: None };
        let cursor = Cursor { at: start, line: start, comments: 0, run };
        Lexer { file, text: &text.as_bytes()[..end], cursor, comments: Vec::new(), fault: None }
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor { comments: self.comments.len(), ..self.cursor }
    }

    pub(super) fn rewind(&mut self, cursor: Cursor) {
        self.comments.truncate(cursor.comments);
        self.cursor = cursor;
    }

    pub(super) fn next(&mut self) -> Token {
        self.skip_blanks();
        let start = self.cursor.at;
        let line = self.cursor.line as u32;
        let kind = match self.text.get(start) {
            None => Kind::End,
            Some(b'\n') => {
                self.skip_lines();
                return Token { kind: Kind::Newline, span: Span::new(self.file, start, start + 1), line };
            }
            Some(b',') => self.single(Kind::Comma),
            Some(b';') => self.single(Kind::Semicolon),
            Some(b'\r') => self.single(Kind::Faulty(Fault::Character('\r'))),
            Some(b'"') => self.quoted(),
            Some(brace @ (b'{' | b'}')) if self.at_sign().is_none() => {
                self.single(if *brace == b'{' { Kind::Open } else { Kind::Close })
            }
            Some(_) => self.word(),
        };
        Token { kind, span: Span::new(self.file, start, self.cursor.at), line }
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.cursor.at += 1;
        kind
    }

    /// Blanks and a comment, up to the end of the line.
    fn skip_blanks(&mut self) {
        loop {
            let mut at = self.cursor.at;
            while matches!(self.text.get(at), Some(b' ' | b'\t')) {
                at += 1;
            }
            self.cursor.at = at;
            match self.text.get(at) {
                Some(b'\r') if self.text.get(self.cursor.at + 1) == Some(&b'\n') => self.cursor.at += 1,
                Some(b'#') => self.comment(),
                _ => return,
            }
        }
    }

    /// A row of line ends is one: blank lines and lines that hold a comment alone say nothing.
    fn skip_lines(&mut self) {
        while self.text.get(self.cursor.at) == Some(&b'\n') {
            self.cursor.at += 1;
            self.cursor.line = self.cursor.at;
            self.skip_blanks();
        }
    }

    fn comment(&mut self) {
        let start = self.cursor.at;
        let rest = &self.text[start..];
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let comment = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let span = Span::new(self.file, start, start + comment.len());
        if let Some(bad) = forbidden(comment).filter(|c| c.is_control()) {
            self.fault = Some((span, bad));
        }
        self.comments.push(span);
        self.cursor.at = start + end;
    }

    fn quoted(&mut self) -> Kind {
        let start = self.cursor.at;
        let Ok((_, string)) = string(&self.text[start..]) else {
            self.cursor.at += unclosed(&self.text[start..]);
            return Kind::Faulty(Fault::Unclosed);
        };
        self.cursor.at += string.len();
        let kind = if self.text.get(self.cursor.at) == Some(&b'@') { self.domain() } else { Kind::String };
        self.checked(start, kind)
    }

    /// A word ends before a brace, unless the brace stands left of its first `@`.
    fn word(&mut self) -> Kind {
        let start = self.cursor.at;
        let mut odd = self.skip_word();
        let at_brace = matches!(self.text.get(self.cursor.at), Some(b'{' | b'}'));
        if at_brace
            && memchr(b'@', &self.text[start..self.cursor.at]).is_none()
            && let Some(at_sign) = self.at_sign()
        {
            self.cursor.at = at_sign;
            self.skip_word();
            odd = true;
        }
        match (&self.text[start..self.cursor.at], odd) {
            (b"->", _) => Kind::Arrow,
            (_, true) => self.checked(start, Kind::Word),
            _ => Kind::Word,
        }
    }

    /// From the `@` on.
    fn domain(&mut self) -> Kind {
        self.skip_word();
        Kind::Word
    }

    /// To the end of the word or to a brace; true where there was more than plain ASCII.
    fn skip_word(&mut self) -> bool {
        let mut odd = false;
        loop {
            let input = &self.text[self.cursor.at..];
            let plain = plain(input).map_or(0, |(_, plain)| plain.len());
            self.cursor.at += plain;
            match input.get(plain) {
                Some(&byte) if CLASS[usize::from(byte)] == ODD => {
                    odd = true;
                    self.cursor.at += 1;
                }
                _ => return odd,
            }
        }
    }

    /// The `@` that the text from here reaches without a blank, comma, `;` or quote.
    fn at_sign(&mut self) -> Option<usize> {
        let at = self.cursor.at;
        let run = self.cursor.run;
        if at >= run.end {
            let rest = &self.text[at..];
            let length = rest.iter().position(|b| matches!(CLASS[usize::from(*b)], DELIMITER)).unwrap_or(rest.len());
            let at_sign = memchr(b'@', &rest[..length]).map(|i| at + i);
            self.cursor.run = Run { end: at + length, at_sign };
        } else if run.at_sign.is_some_and(|sign| sign < at) {
            self.cursor.run.at_sign = memchr(b'@', &self.text[at..run.end]).map(|i| at + i);
        }
        self.cursor.run.at_sign
    }

    /// Between quotes an odd blank is text; elsewhere it looks like a blank and is none.
    fn checked(&self, start: usize, kind: Kind) -> Kind {
        let quoted = self.text[start] == b'"';
        match forbidden(&self.text[start..self.cursor.at]) {
            Some(bad) if bad.is_control() || !quoted => Kind::Faulty(Fault::Character(bad)),
            _ => kind,
        }
    }
}

const PLAIN: u8 = 0;
const DELIMITER: u8 = 1;
const BRACE: u8 = 2;
/// Control characters and all that is not ASCII: part of a word, but looked at once more.
const ODD: u8 = 3;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [PLAIN; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b';' | b'"' => DELIMITER,
            b'{' | b'}' => BRACE,
            0..0x20 | 0x7f.. => ODD,
            _ => PLAIN,
        };
        byte += 1;
    }
    table
}

type Parsed<'a> = IResult<&'a [u8], &'a [u8], ()>;

fn plain(input: &[u8]) -> Parsed<'_> {
    take_while(|byte: u8| CLASS[usize::from(byte)] == PLAIN)(input)
}

/// A quoted string, quotes included: on one line, a backslash before any character takes away its meaning.
fn string(input: &[u8]) -> Parsed<'_> {
    let escape = preceded(char('\\'), verify(take(1usize), |byte: &[u8]| byte != b"\n"));
    recognize(delimited(char('"'), many0_count(alt((inside, escape))), char('"'))).parse(input)
}

/// Text of a string up to its end, an escape or the end of the line.
fn inside(input: &[u8]) -> Parsed<'_> {
    match memchr3(b'"', b'\\', b'\n', input) {
        Some(0) => Err(nom::Err::Error(())),
        Some(end) => take(end).parse(input),
        None => verify(rest, |text: &[u8]| !text.is_empty()).parse(input),
    }
}

/// How much an unclosed string takes: its line, but not the brace at the end, which was hardly meant as text.
fn unclosed(input: &[u8]) -> usize {
    let line = &input[..memchr2(b'\n', b'\r', input).unwrap_or(input.len())];
    let text = line.trim_ascii_end();
    let stray = match text.last() {
        Some(b'{') => true,
        Some(b'}') => memchr(b'{', text).is_none(),
        _ => false,
    };
    let kept = if stray { text[..text.len() - 1].trim_ascii_end() } else { text };
    kept.len().max(1)
}

/// The first character that no source may hold: a control character, or a blank that is neither space nor tab.
fn forbidden(text: &[u8]) -> Option<char> {
    if !text.iter().any(|&byte| byte == b'\r' || CLASS[usize::from(byte)] == ODD) {
        return None;
    }
    let text = str::from_utf8(text).ok()?;
    text.chars().find(|&c| c != '\t' && (c.is_control() || c != ' ' && c.is_whitespace()))
}
