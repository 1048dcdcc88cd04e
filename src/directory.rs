//! Readers of bulk directory data: CSV and LDIF in the shapes that real directories export, as rows with exact places.
//!
//! What a row is depends on the columns (or attributes) that it has:
//!
//! - with a target address (`ExternalEmailAddress`, `RemoteRoutingAddress`, `targetAddress`) it is a contact, and all its
//!   other addresses are secondaries;
//! - without one it is an account, its primary address first. That holds for groups and public folders too: the system
//!   that exported them resolves them. A target that is no SMTP address (X400, say) counts as none, since only the system
//!   that exported it can deliver there;
//! - with our own `primary` column, or one that a block maps to `primary`, it is whatever the statement asks for.
//!
//! So `contacts from` uses [`Row::contact`], `accounts from` uses [`Row::account`], and one export serves both. A row
//! without any address (a computer, a person without mail) is passed over.

use std::borrow::Cow;
use std::path::Path;

use crate::diagnostic::code::{DIRECTORY_INVALID, DIRECTORY_ROW};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Sources, Span};

mod csv;
mod decode;
mod entry;
mod ldif;
mod pieces;

pub use decode::{Undecodable, decode};

/// So many mistakes of one file are shown; the rest are counted.
const SHOWN: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Ldif,
}

impl Format {
    /// By the file's extension, whatever its case.
    pub fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?;
        if extension.eq_ignore_ascii_case("csv") {
            Some(Format::Csv)
        } else if extension.eq_ignore_ascii_case("ldif") || extension.eq_ignore_ascii_case("ldf") {
            Some(Format::Ldif)
        } else {
            None
        }
    }
}

/// What the file calls our columns, as a block maps them; `None` stands for the usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    pub name: Option<String>,
    pub primary: Option<String>,
    pub secondary: Option<String>,
}

/// One value as written, trimmed and without its `SMTP:`, and its place. Where the file escapes the value (doubled quotes, folded
/// or base64 text) the place is all of the escaped text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'a> {
    pub text: Cow<'a, str>,
    pub span: Span,
}

/// What decides whether a row is a contact or an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It has a target address.
    Contact,
    /// It has addresses and no target.
    Account,
    /// It has our own or a mapped `primary`: the statement that reads it decides.
    Listed,
}

/// One row of a CSV or one entry of an LDIF file; it has at least one address.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub span: Span,
    pub kind: Kind,
    pub label: Option<&'a Value<'a>>,
    /// A contact's target first, an account's primary first; duplicates are left in.
    addresses: &'a [Value<'a>],
}

impl<'a> Row<'a> {
    /// For `contacts from`: the target address and the secondaries; `None` for an account.
    pub fn contact(&self) -> Option<(&'a Value<'a>, &'a [Value<'a>])> {
        if self.kind == Kind::Account { None } else { self.addresses.split_first() }
    }

    /// For `accounts from`: the addresses, primary first; `None` for a contact.
    pub fn account(&self) -> Option<&'a [Value<'a>]> {
        if self.kind == Kind::Contact { None } else { Some(self.addresses) }
    }
}

/// Whether a file turned out to be what its extension says.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is a directory, though single rows may have been reported.
    Directory,
    /// It is something else, which was reported: the caller forbids that it be quoted.
    Other,
}

/// Gathers what is wrong with one file, and keeps a file with a million mistakes from drowning everything else.
pub struct Reports<'d> {
    diagnostics: &'d mut Diagnostics,
    seen: usize,
    first_hidden: Option<Span>,
}

impl Reports<'_> {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.seen += 1;
        if self.seen <= SHOWN {
            self.diagnostics.push(diagnostic);
        } else if self.first_hidden.is_none() {
            self.first_hidden = diagnostic.primary();
        }
    }

    fn finish(self) {
        let Some(span) = self.first_hidden else { return };
        let more = self.seen - SHOWN;
        let message = format!("{more} more mistakes in this file are not shown");
        self.diagnostics.push(Diagnostic::new(DIRECTORY_ROW, message).label(span, "the first of them"));
    }
}

/// Decodes a file and adds it to the sources; one that is no text is reported and `None`.
pub fn add(sources: &mut Sources, name: &str, bytes: Vec<u8>, diagnostics: &mut Diagnostics) -> Option<FileId> {
    match decode(bytes) {
        Ok(text) => {
            let file = sources.add(name, text);
            if file.is_none() {
                diagnostics.push(Diagnostic::new(DIRECTORY_INVALID, format!("`{name}` is larger than 4 GiB")));
            }
            file
        }
        Err(undecodable) => {
            let end = undecodable.before.len();
            let diagnostic = Diagnostic::new(DIRECTORY_INVALID, undecodable.message).help(undecodable.help);
            // What comes before the fault is kept, so that the fault has a place.
            let file = sources.add(name, undecodable.before);
            diagnostics.push(match file {
                Some(file) => diagnostic.label(Span::new(file, end, end), "here"),
                None => diagnostic,
            });
            if let Some(file) = file {
                sources.forbid_quoting(file);
            }
            None
        }
    }
}

/// Reads a file row by row. `each` may report too, within the same bound on how much is shown.
pub fn read(
    sources: &Sources,
    file: FileId,
    format: Format,
    columns: &Columns,
    diagnostics: &mut Diagnostics,
    each: &mut dyn FnMut(&Row<'_>, &mut Reports<'_>),
) -> Verdict {
    let mut reports = Reports { diagnostics, seen: 0, first_hidden: None };
    let text = sources.get(file).text();
    let verdict = match format {
        Format::Csv => csv::read(text, file, columns, &mut reports, each),
        Format::Ldif => ldif::read(text, file, columns, &mut reports, each),
    };
    reports.finish();
    verdict
}
