//! Diagnostics as one JSON array, for programs. Lines and columns are 1-based, columns and lengths in characters.

use std::io::{self, Write};

use serde::Serialize;

use super::{Diagnostic, Label};
use crate::source::Sources;

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    help: Option<&'a str>,
    labels: Vec<Place<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    length: usize,
    text: &'a str,
}

/// All of them, one a line.
pub fn write(diagnostics: &[Diagnostic], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"[")?;
    for (i, diagnostic) in diagnostics.iter().enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &entry(diagnostic, sources))?;
    }
    out.write_all(if diagnostics.is_empty() { b"]\n" } else { b"\n]\n" })
}

fn entry<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Entry<'a> {
    Entry {
        code: diagnostic.code.name,
        severity: diagnostic.code.severity.as_str(),
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
        labels: diagnostic.labels.iter().map(|label| place(label, sources)).collect(),
    }
}

fn place<'a>(label: &'a Label, sources: &'a Sources) -> Place<'a> {
    let at = sources.position(label.span);
    Place {
        file: &sources.get(label.span.file).name,
        line: at.line,
        column: at.column,
        length: sources.length(label.span),
        text: &label.text,
    }
}
