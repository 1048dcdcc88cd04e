//! Fields as the printer needs them: a keyword, and items that a long line may be broken between.

use crate::source::Span;
use crate::syntax::ast::{
    AddressSpace, Bulk, ConnectorField, ContactField, DomainField, Field, MtaField, SystemField, Text,
};

/// One item of a value: its words, and where it ends in the source.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) end: usize,
}

/// A field to be printed.
pub(super) struct Row<'a> {
    pub(super) keyword: &'a str,
    pub(super) span: Span,
    pub(super) parts: Vec<Part>,
    /// The columns of bulk data, in a block of their own.
    pub(super) columns: Vec<Row<'a>>,
}

/// Turns fields into rows.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) text: &'a str,
}

impl<'a> Rows<'a> {
    pub(super) fn word(self, span: Text) -> &'a str {
        &self.text[span.start as usize..span.end as usize]
    }

    pub(super) fn all<F>(self, fields: &[Field<F>], row: fn(Rows<'a>, &Field<F>) -> Row<'a>) -> Vec<Row<'a>> {
        fields.iter().map(|f| row(self, f)).collect()
    }

    fn row<F>(self, field: &Field<F>, parts: Vec<Part>) -> Row<'a> {
        Row { keyword: self.word(field.keyword), span: field.span, parts, columns: Vec::new() }
    }

    fn list(self, items: &[Text]) -> Vec<Part> {
        items.iter().map(|item| self.part(&[], *item)).collect()
    }

    fn part(self, before: &[&str], last: Text) -> Part {
        let mut text = before.join(" ");
        if !before.is_empty() {
            text.push(' ');
        }
        text.push_str(self.word(last));
        Part { text, end: last.end as usize }
    }

    fn one(self, before: &[&str], last: Text) -> Vec<Part> {
        vec![self.part(before, last)]
    }

    pub(super) fn mta(self, field: &Field<MtaField>) -> Row<'a> {
        let parts = match &field.kind {
            MtaField::Target { kind, version: Some(version) } => self.one(&[self.word(*kind)], *version),
            MtaField::Target { kind, version: None } => self.one(&[], *kind),
            MtaField::Listen(list) | MtaField::Address(list) | MtaField::Trust(list) => self.list(list),
            MtaField::Tls { certificate, key } => self.one(&["certificate", self.word(*certificate), "key"], *key),
            MtaField::Maps(one)
            | MtaField::Hostname(one)
            | MtaField::Postmaster(one)
            | MtaField::MaxSize(one)
            | MtaField::QueueLifetime(one)
            | MtaField::Subaddress(one)
            | MtaField::Smtputf8(one)
            | MtaField::Milter(one)
            | MtaField::Settings(one)
            | MtaField::Emit(one) => self.one(&[], *one),
        };
        self.row(field, parts)
    }

    pub(super) fn system(self, field: &Field<SystemField>) -> Row<'a> {
        let parts = match &field.kind {
            SystemField::Domain(list)
            | SystemField::Account(list)
            | SystemField::Address(list)
            | SystemField::Authoritative(list) => self.list(list),
            SystemField::Forwards { pattern, to } => self.one(&[self.word(*pattern), "to"], *to),
            SystemField::AccountsFrom(bulk) => return self.bulk("accounts from", field.span, bulk),
        };
        self.row(field, parts)
    }

    pub(super) fn domain(self, field: &Field<DomainField>) -> Row<'a> {
        let parts = match &field.kind {
            DomainField::UnresolvedReject => vec![Part { text: String::from("reject"), end: field.span.end as usize }],
            DomainField::UnresolvedVia { connector, verify: None } => self.one(&["via"], *connector),
            DomainField::UnresolvedVia { connector, verify: Some(verify) } => {
                self.one(&["via", self.word(*connector)], *verify)
            }
            DomainField::Verify => Vec::new(),
            DomainField::On(list) | DomainField::Mx(list) => self.list(list),
        };
        self.row(field, parts)
    }

    pub(super) fn connector(self, field: &Field<ConnectorField>) -> Row<'a> {
        let parts = match &field.kind {
            ConnectorField::From(list) => self.list(list),
            ConnectorField::AddressSpace(spaces) => spaces.iter().map(|s| self.space(s)).collect(),
            ConnectorField::SmartHost { balanced, hosts } => {
                let mut parts = self.list(hosts);
                if let (Some(_), Some(first)) = (balanced, parts.first_mut()) {
                    first.text.insert_str(0, "balanced ");
                }
                parts
            }
            ConnectorField::Dns => Vec::new(),
            ConnectorField::Tls { level, name, ca } => self.tls(*level, *name, *ca),
            ConnectorField::Auth { user, file } => self.one(&[self.word(*user), "password file"], *file),
            ConnectorField::To(one)
            | ConnectorField::Cost(one)
            | ConnectorField::Protocol(one)
            | ConnectorField::SourceAddress(one)
            | ConnectorField::Concurrency(one)
            | ConnectorField::MaxSize(one) => self.one(&[], *one),
        };
        self.row(field, parts)
    }

    fn space(self, space: &AddressSpace) -> Part {
        match space.cost {
            Some(cost) => self.part(&[self.word(space.pattern), "cost"], cost),
            None => self.part(&[], space.pattern),
        }
    }

    fn tls(self, level: Text, name: Option<Text>, ca: Option<Text>) -> Vec<Part> {
        let mut words = vec![self.word(level)];
        let mut last = level;
        for (keyword, value) in [("name", name), ("ca", ca)] {
            if let Some(value) = value {
                words.extend([keyword, self.word(value)]);
                last = value;
            }
        }
        vec![Part { text: words.join(" "), end: last.end as usize }]
    }

    pub(super) fn contact(self, field: &Field<ContactField>) -> Row<'a> {
        let parts = match &field.kind {
            ContactField::Primary(one) => self.one(&[], *one),
            ContactField::Secondary(list) => self.list(list),
        };
        self.row(field, parts)
    }

    /// `accounts from FILE` reads as one keyword.
    fn bulk(self, keyword: &'a str, span: Span, bulk: &Bulk) -> Row<'a> {
        Row { keyword, span, parts: self.one(&[], bulk.file), columns: self.columns(bulk) }
    }

    pub(super) fn columns(self, bulk: &Bulk) -> Vec<Row<'a>> {
        let column = |ours: Text, theirs: Text| Row {
            keyword: self.word(ours),
            span: ours.to(theirs),
            parts: self.one(&[], theirs),
            columns: Vec::new(),
        };
        bulk.columns.iter().map(|c| column(c.ours, c.theirs)).collect()
    }
}
