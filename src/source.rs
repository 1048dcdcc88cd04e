//! Source files and places in them: the only module that turns byte offsets into lines and columns.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A file of the estate: an index into [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A place in a source, in bytes. Twelve bytes, so that a million contacts can each keep several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        // `Sources::add` refuses a file whose offsets would not fit.
        Span { file, start: start as u32, end: end as u32 }
    }

    /// From the start of `self` to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.end), ..self }
    }
}

/// One file: its name as the user knows it, its text, and its lines once somebody asks for them.
#[derive(Debug)]
pub struct Source {
    pub name: String,
    /// Its name from the main file's folder: the same on every machine, so it may stand in an emitted file.
    short: Option<String>,
    text: String,
    lines: OnceLock<Vec<u32>>,
    /// A file that failed to parse as what it should be is never quoted: it may be a secret.
    pub quotable: bool,
}

/// A position for people: 1-based line and column, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Source {
    pub fn text(&self) -> &str {
        &self.text
    }

    fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|at| at as u32 + 1)).collect()
        })
    }

    /// The 0-based line that holds this offset.
    pub fn line_of(&self, offset: usize) -> usize {
        self.line_starts().partition_point(|&start| start as usize <= offset).saturating_sub(1)
    }

    /// How many lines the file has.
    pub fn line_count(&self) -> usize {
        self.line_starts().len()
    }

    /// The bytes of a 0-based line, its end of line included.
    pub fn line_range(&self, line: usize) -> std::ops::Range<usize> {
        let starts = self.line_starts();
        let start = starts.get(line).map_or(self.text.len(), |&s| s as usize);
        let end = starts.get(line + 1).map_or(self.text.len(), |&s| s as usize);
        start..end
    }

    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line_of(offset);
        let start = self.line_range(line).start;
        let head = self.text.get(start..offset).unwrap_or_default();
        Position { line: line + 1, column: head.chars().count() + 1 }
    }
}

/// Every file that was read, in the order of reading.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a file; `None` where its offsets would not fit into a [`Span`].
    pub fn add(&mut self, name: impl Into<String>, text: String) -> Option<FileId> {
        u32::try_from(text.len()).ok()?;
        let id = FileId(u32::try_from(self.files.len()).ok()?);
        self.files.push(Source { name: name.into(), short: None, text, lines: OnceLock::new(), quotable: true });
        Some(id)
    }

    pub fn get(&self, id: FileId) -> &Source {
        &self.files[id.0 as usize]
    }

    /// Marks a file that turned out not to be what it should be: renderers then never quote it.
    pub fn forbid_quoting(&mut self, id: FileId) {
        self.files[id.0 as usize].quotable = false;
    }

    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(i, s)| (FileId(i as u32), s))
    }

    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The text of a token, with the quotes and escapes of a quoted string taken away.
    pub fn unquoted(&self, span: Span) -> Cow<'_, str> {
        unquote(self.text(span))
    }

    pub fn position(&self, span: Span) -> Position {
        self.get(span.file).position(span.start as usize)
    }

    /// Gives a file the name that it has from the main file's folder.
    pub fn set_short(&mut self, id: FileId, short: String) {
        self.files[id.0 as usize].short = Some(short);
    }

    /// `file:line`, the same on every machine: for emitted files.
    pub fn place(&self, span: Span) -> String {
        let source = self.get(span.file);
        format!("{}:{}", source.short.as_deref().unwrap_or(&source.name), self.position(span).line)
    }

    /// How many characters a span covers.
    pub fn length(&self, span: Span) -> usize {
        self.text(span).chars().count()
    }
}

/// Takes the quotes and the escapes (`\"` and `\\`) off a quoted string; other text stays as it is.
pub fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            out.push(c);
            escaped = false;
        }
    }
    Cow::Owned(out)
}

/// What the compiler asks of a file system. Only the command line implements it on real files.
pub trait Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// A file that another one names. A pipe or a device is none: it may never end, or never begin.
    fn read_named(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read(path)
    }
    /// The files that match a glob, sorted.
    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>>;
    /// The one true name of a file, symbolic links followed: tells what lies outside, and what was read already.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;
}
