//! The syntax tree: what was written, in order, as places in the source.
//!
//! A leaf is a [`Text`]: the span of one token, quotes included. What the token means (an address, a domain, a size)
//! is decided once, where names are resolved; so the tree holds no strings and costs a few words a token.

use crate::source::{FileId, Span};

/// One token: a name, address, pattern, host, number or quoted string.
pub type Text = Span;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ast {
    pub file: FileId,
    pub items: Vec<Item>,
    /// Every comment, `#` included, in order: the formatter puts them back.
    pub comments: Vec<Span>,
    /// Something in the file was not understood and has been reported: a name that is missing may be there.
    pub broken: bool,
}

/// A statement and where it stands, from its keyword to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub span: Span,
    pub kind: ItemKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    Include(Text),
    Mta(Block<MtaField>),
    System(Block<SystemField>),
    Domain(DomainDecl),
    Connector(Block<ConnectorField>),
    Contact(Block<ContactField>),
    ContactsFrom(Bulk),
    /// Much larger than the others.
    Expect(Box<Expect>),
}

/// A named declaration: its name (or label) and its fields in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<F> {
    pub name: Text,
    pub fields: Vec<Field<F>>,
    /// A field was not understood and has been reported: what the declaration lacks is no further mistake.
    pub broken: bool,
}

/// One field: the whole of it, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<F> {
    /// The field's keyword (for `smart-host`, that word).
    pub keyword: Span,
    /// From the keyword to the end of the last argument.
    pub span: Span,
    pub kind: F,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MtaField {
    Target { kind: Text, version: Option<Text> },
    Maps(Text),
    Hostname(Text),
    Listen(Vec<Text>),
    Address(Vec<Text>),
    Trust(Vec<Text>),
    Postmaster(Text),
    Tls { certificate: Text, key: Text },
    MaxSize(Text),
    QueueLifetime(Text),
    Subaddress(Text),
    Smtputf8(Text),
    Milter(Text),
    Settings(Text),
    Emit(Text),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemField {
    Domain(Vec<Text>),
    Account(Vec<Text>),
    AccountsFrom(Bulk),
    Address(Vec<Text>),
    Forwards { pattern: Text, to: Text },
    Authoritative(Vec<Text>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainKind {
    Domain,
    Shared,
    Relay,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDecl {
    pub kind: DomainKind,
    pub pattern: Text,
    pub fields: Vec<Field<DomainField>>,
    /// As in [`Block`].
    pub broken: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainField {
    UnresolvedReject,
    UnresolvedVia {
        connector: Text,
        verify: Option<Span>,
    },
    /// Of a relay domain.
    Verify,
    On(Vec<Text>),
    Mx(Vec<Text>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectorField {
    From(Vec<Text>),
    To(Text),
    AddressSpace(Vec<AddressSpace>),
    Cost(Text),
    SmartHost { balanced: Option<Span>, hosts: Vec<Text> },
    Dns,
    Protocol(Text),
    Tls { level: Text, name: Option<Text>, ca: Option<Text> },
    Auth { user: Text, file: Text },
    SourceAddress(Text),
    Concurrency(Text),
    MaxSize(Text),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressSpace {
    pub pattern: Text,
    pub cost: Option<Text>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactField {
    Primary(Text),
    Secondary(Vec<Text>),
}

/// `contacts from FILE` or, in a system, `accounts from FILE`, with the columns where they are mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulk {
    pub file: Text,
    pub columns: Vec<Column>,
}

/// `primary "Mail"`: which of our columns (`name`, `primary`, `secondary`) the file calls what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub ours: Text,
    pub theirs: Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    pub address: Text,
    /// `from anyone`
    pub anyone: Option<Span>,
    pub at: Option<Text>,
    /// `-> ADDRESS`
    pub becomes: Option<Text>,
    pub via: Option<Text>,
    pub to: Option<Text>,
    /// `rejected [STATUS]`
    pub rejected: Option<(Span, Option<Text>)>,
}
