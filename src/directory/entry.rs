//! One row or entry while it is gathered: what its columns or attributes mean, and what it is in the end.

use std::borrow::Cow;

use super::pieces::{self, Piece};
use super::{Columns, Kind, Reports, Row, Value};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::DIRECTORY_ROW;
use crate::name::printable;
use crate::source::Span;

/// What a column or attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The lower number is the better name.
    Label(u8),
    /// Our own or a mapped `primary`.
    Listed,
    Target,
    /// One address, the primary unless another is marked `SMTP:`; the lower number is the better one.
    Primary(u8),
    Secondary,
}

impl Role {
    /// The role of a column or attribute, by its name whatever its case.
    pub(super) fn of(name: &str, columns: &Columns) -> Option<Role> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        for (mapped, role) in
            [(&columns.primary, Role::Listed), (&columns.secondary, Role::Secondary), (&columns.name, Role::Label(0))]
        {
            if mapped.as_deref().is_some_and(is) {
                return Some(role);
            }
        }
        let usual = Role::usual(name)?;
        let mapped = match usual {
            Role::Label(_) => columns.name.is_some(),
            Role::Secondary => columns.secondary.is_some(),
            Role::Listed | Role::Target | Role::Primary(_) => columns.primary.is_some(),
        };
        (!mapped).then_some(usual)
    }

    fn usual(name: &str) -> Option<Role> {
        const USUAL: [(&str, Role); 13] = [
            ("primary", Role::Listed),
            ("secondary", Role::Secondary),
            ("ExternalEmailAddress", Role::Target),
            ("RemoteRoutingAddress", Role::Target),
            ("targetAddress", Role::Target),
            ("EmailAddresses", Role::Secondary),
            ("proxyAddresses", Role::Secondary),
            ("PrimarySmtpAddress", Role::Primary(1)),
            ("mail", Role::Primary(2)),
            ("DisplayName", Role::Label(1)),
            ("name", Role::Label(2)),
            ("cn", Role::Label(3)),
            ("Display Name", Role::Label(1)),
        ];
        USUAL.iter().find(|(usual, _)| name.eq_ignore_ascii_case(usual)).map(|&(_, role)| role)
    }
}

/// One value of the file: its text, where it stands, and whether places inside it can be told.
pub(super) struct Raw<'s> {
    pub(super) text: Cow<'s, str>,
    pub(super) span: Span,
}

impl<'s> Raw<'s> {
    fn piece(&self, text: &str, start: usize) -> Value<'s> {
        match &self.text {
            Cow::Borrowed(all) => {
                let at = self.span.start as usize + start;
                let span = Span::new(self.span.file, at, at + text.len());
                Value { text: Cow::Borrowed(&all[start..start + text.len()]), span }
            }
            Cow::Owned(_) => Value { text: Cow::Owned(text.to_owned()), span: self.span },
        }
    }
}

/// A row while it is gathered. It is used again for the next row, so that a row costs no allocation.
#[derive(Default)]
pub(super) struct Entry<'s> {
    label: Option<(u8, Value<'s>)>,
    listed: Option<Value<'s>>,
    target: Option<Value<'s>>,
    addresses: Vec<Value<'s>>,
    /// The best primary so far: how good it is (0 best) and which address.
    best: Option<(u8, usize)>,
    /// The address that decides what the row is was wrong, so that nothing can be said of the row.
    broken: bool,
}

impl<'s> Entry<'s> {
    pub(super) fn clear(&mut self) {
        self.label = None;
        self.listed = None;
        self.target = None;
        self.addresses.clear();
        self.best = None;
        self.broken = false;
    }

    /// Takes a value in; `joined` where it may be several.
    pub(super) fn take(&mut self, role: Role, raw: &Raw<'s>, joined: bool, reports: &mut Reports<'_>) {
        match role {
            Role::Label(rank) => self.take_label(rank, raw),
            Role::Listed => self.take_single(raw, reports, |entry| &mut entry.listed),
            Role::Target => self.take_single(raw, reports, |entry| &mut entry.target),
            Role::Primary(rank) => self.take_piece(pieces::single(&raw.text), rank, raw, reports),
            Role::Secondary if joined => {
                pieces::split(&raw.text).for_each(|piece| self.take_piece(piece, u8::MAX, raw, reports));
            }
            Role::Secondary => self.take_piece(pieces::single(&raw.text), u8::MAX, raw, reports),
        }
    }

    fn take_label(&mut self, rank: u8, raw: &Raw<'s>) {
        let trimmed = raw.text.trim();
        if !trimmed.is_empty() && self.label.as_ref().is_none_or(|&(other, _)| rank < other) {
            let start = raw.text.len() - raw.text.trim_start().len();
            self.label = Some((rank, raw.piece(trimmed, start)));
        }
    }

    fn take_single(
        &mut self,
        raw: &Raw<'s>,
        reports: &mut Reports<'_>,
        place: for<'e> fn(&'e mut Entry<'s>) -> &'e mut Option<Value<'s>>,
    ) {
        match pieces::single(&raw.text) {
            Piece::Skipped => {}
            Piece::Bad { text, start, why } => {
                self.broken = true;
                reports.push(bad(&raw.piece(text, start), why));
            }
            Piece::Address { text, start, .. } => {
                let value = raw.piece(text, start);
                match place(self) {
                    Some(first) if first.text != value.text => reports.push(second(first, &value)),
                    Some(_) => {}
                    empty => *empty = Some(value),
                }
            }
        }
    }

    fn take_piece(&mut self, piece: Piece<'_>, rank: u8, raw: &Raw<'s>, reports: &mut Reports<'_>) {
        match piece {
            Piece::Skipped => {}
            Piece::Bad { text, start, why } => reports.push(bad(&raw.piece(text, start), why)),
            Piece::Address { text, start, primary } => {
                let rank = if primary { 0 } else { rank };
                if self.best.is_none_or(|(best, _)| rank < best) {
                    self.best = Some((rank, self.addresses.len()));
                }
                self.addresses.push(raw.piece(text, start));
            }
        }
    }

    /// Hands the row over, if it is one; `listed` where our own or a mapped `primary` is what makes it one.
    pub(super) fn finish(
        &mut self,
        span: Span,
        listed: bool,
        reports: &mut Reports<'_>,
        each: &mut dyn FnMut(&Row<'_>, &mut Reports<'_>),
    ) {
        if self.broken {
            return;
        }
        if let Some((_, best)) = self.best {
            self.addresses[..=best].rotate_right(1);
        }
        let first = if listed { self.listed.take() } else { self.target.take() };
        let kind = match (listed, first.is_some()) {
            (true, true) => Kind::Listed,
            (true, false) => return self.lacks_primary(span, reports),
            (false, true) => Kind::Contact,
            (false, false) => Kind::Account,
        };
        if let Some(first) = first {
            self.addresses.insert(0, first);
        }
        if !self.addresses.is_empty() {
            let label = self.label.as_ref().map(|(_, label)| label);
            each(&Row { span, kind, label, addresses: &self.addresses }, reports);
        }
    }

    /// Somebody without any mail address is no mistake; aliases of nothing are one.
    fn lacks_primary(&self, span: Span, reports: &mut Reports<'_>) {
        if let Some(alias) = self.addresses.first() {
            let report = Diagnostic::new(DIRECTORY_ROW, "the row has secondary addresses but no primary one")
                .label(alias.span, "a secondary of what?")
                .label(span, "this row")
                .help("fill in the primary address, or take the row out");
            reports.push(report);
        }
    }
}

fn bad(value: &Value<'_>, why: &'static str) -> Diagnostic {
    Diagnostic::new(DIRECTORY_ROW, format!("`{}` is not an address", printable(&value.text)))
        .label(value.span, why)
        .help("correct it in the directory and export again")
}

fn second(first: &Value<'_>, value: &Value<'_>) -> Diagnostic {
    Diagnostic::new(DIRECTORY_ROW, "the entry has two addresses where one decides what it is")
        .label(value.span, "the second")
        .label(first.span, "the first")
        .help("leave one of them")
}
