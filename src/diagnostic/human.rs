//! Diagnostics for people: `fancy` quotes the source with marks below it, `plain` is a line each, as compilers print.
//!
//! The only importer of miette. Text of a user never reaches a terminal with control characters in it.

use std::fmt;
use std::io::{self, Write};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use super::{Diagnostic, Label, Severity};
use crate::source::{FileId, Sources, Span};

mod excerpt;

use excerpt::Excerpt;

/// So many are printed; the rest is counted.
pub const MOST: usize = 200;

/// What the reader's end can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub color: bool,
    pub unicode: bool,
    pub width: usize,
}

/// Each diagnostic with the lines it is about.
pub fn fancy(diagnostics: &[Diagnostic], sources: &Sources, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let handler = GraphicalReportHandler::new_themed(theme(look)).with_width(look.width).with_links(false);
    for diagnostic in diagnostics.iter().take(MOST) {
        let report = Report::new(diagnostic, sources);
        render(&handler, &report, out)?;
        // miette has a place for these, and puts a word before each that says nothing here.
        report.related.iter().try_for_each(|related| render(&handler, related, out))?;
        writeln!(out)?;
    }
    count_rest(diagnostics, out)
}

/// `file:line:column: severity[code]: message`, then its other places and its help.
pub fn plain(diagnostics: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in diagnostics.iter().take(MOST) {
        let severity = diagnostic.code.severity.as_str();
        let place = diagnostic.primary().map(|span| place(sources, span) + ": ").unwrap_or_default();
        writeln!(out, "{place}{severity}[{}]: {}", diagnostic.code.name, clean(&diagnostic.message))?;
        for (i, label) in diagnostic.labels.iter().enumerate() {
            if i > 0 || !label.text.is_empty() {
                writeln!(out, "  {}: {}", self::place(sources, label.span), clean(&label.text))?;
            }
        }
        if let Some(help) = &diagnostic.help {
            writeln!(out, "  help: {}", clean(help))?;
        }
    }
    count_rest(diagnostics, out)
}

/// How many errors and warnings, in words; `None` where there are neither.
pub fn tally(diagnostics: &[Diagnostic]) -> Option<String> {
    let errors = diagnostics.iter().filter(|d| d.code.severity == Severity::Error).count();
    let counts = [(errors, "error"), (diagnostics.len() - errors, "warning")];
    let said: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|&(n, what)| plural(n, what)).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// `1 error`, `2 errors`.
pub fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Text without the characters that a terminal would obey.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn render(handler: &GraphicalReportHandler, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut text = String::new();
    handler.render_report(&mut text, report).map_err(io::Error::other)?;
    out.write_all(text.trim_start_matches('\n').as_bytes())
}

fn count_rest(diagnostics: &[Diagnostic], out: &mut dyn Write) -> io::Result<()> {
    match tally(diagnostics.get(MOST..).unwrap_or_default()) {
        Some(rest) => writeln!(out, "… and {rest} more"),
        None => Ok(()),
    }
}

/// `file:line`, the file as the user named it.
pub fn line_of(sources: &Sources, span: Span) -> String {
    format!("{}:{}", clean(&sources.get(span.file).name), sources.position(span).line)
}

fn place(sources: &Sources, span: Span) -> String {
    let at = sources.position(span);
    format!("{}:{}:{}", clean(&sources.get(span.file).name), at.line, at.column)
}

fn theme(look: Look) -> GraphicalTheme {
    match (look.unicode, look.color) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, true) => GraphicalTheme { characters: miette::ThemeCharacters::ascii(), ..GraphicalTheme::unicode() },
        (false, false) => {
            GraphicalTheme { characters: miette::ThemeCharacters::ascii(), ..GraphicalTheme::unicode_nocolor() }
        }
    }
}

/// A diagnostic as miette sees it: the labels of one file, and those of each other file as something related.
struct Report {
    code: Option<&'static str>,
    severity: miette::Severity,
    message: String,
    help: Option<String>,
    excerpt: Option<Excerpt>,
    related: Vec<Report>,
}

impl Report {
    fn new(diagnostic: &Diagnostic, sources: &Sources) -> Report {
        let mut files: Vec<(FileId, Vec<(usize, &Label)>)> = Vec::new();
        for (i, label) in diagnostic.labels.iter().enumerate() {
            match files.iter_mut().find(|(file, _)| *file == label.span.file) {
                Some((_, labels)) => labels.push((i, label)),
                None => files.push((label.span.file, vec![(i, label)])),
            }
        }
        let severity = match diagnostic.code.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        };
        let mut report = Report {
            code: Some(diagnostic.code.name),
            severity,
            message: clean(&diagnostic.message),
            help: diagnostic.help.as_deref().map(clean),
            excerpt: None,
            related: Vec::new(),
        };
        for (n, (file, labels)) in files.iter().enumerate() {
            if !sources.get(*file).quotable {
                report.related.extend(labels.iter().map(|(_, label)| Report::unquoted(label, sources)));
            } else if n == 0 {
                report.excerpt = Some(Excerpt::new(sources.get(*file), labels));
            } else {
                report.related.push(Report::elsewhere(sources, *file, labels));
            }
        }
        report
    }

    /// The labels of another file than the first label's.
    fn elsewhere(sources: &Sources, file: FileId, labels: &[(usize, &Label)]) -> Report {
        let source = sources.get(file);
        let mut note = Report::note(format!("and in {}", clean(&source.name)));
        note.excerpt = Some(Excerpt::new(source, labels));
        note
    }

    /// A place in a file that must not be quoted.
    fn unquoted(label: &Label, sources: &Sources) -> Report {
        let place = place(sources, label.span);
        let text = clean(&label.text);
        Report::note(if text.is_empty() { format!("at {place}") } else { format!("at {place}: {text}") })
    }

    fn note(message: String) -> Report {
        Report {
            code: None,
            severity: miette::Severity::Advice,
            message,
            help: None,
            excerpt: None,
            related: Vec::new(),
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code?))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.help.as_deref()?))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|e| e as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.excerpt.as_ref()?;
        Some(Box::new(excerpt.labels.iter().cloned()))
    }
}
