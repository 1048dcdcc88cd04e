//! The model of an estate: complete, every id resolves, nothing refers to text any more.
//!
//! A name that could not be resolved became [`Node::Unknown`] or was left out; `incomplete` then tells the checks
//! not to conclude anything from what seems to be missing.

use std::net::IpAddr;

use crate::name::{Domain, Host, Mailbox, Pattern};
use crate::source::Span;

pub mod addresses;
pub mod classes;
pub mod expect;
pub mod graph;
mod mta;
pub mod proof;
pub mod route;

use addresses::Addresses;
pub use mta::{EmitMode, Endpoint, Maps, Mta, ServerTls, Settings, Target, TargetKind, Version};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! { MtaId SystemId ConnectorId DomainDeclId ContactId AccountId
/// An address of the estate, interned in [`Addresses`].
AddressId
/// A domain of such addresses, interned there too.
DomainId }

/// A value and the place that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// An address where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressUse {
    pub id: AddressId,
    pub span: Span,
}

#[derive(Debug, Default)]
pub struct Plan {
    pub mtas: Vec<Mta>,
    pub systems: Vec<System>,
    pub connectors: Vec<Connector>,
    pub domains: Vec<DomainDecl>,
    pub contacts: Vec<Contact>,
    /// The secondaries of all contacts, each contact's in one run.
    pub secondaries: Vec<AddressUse>,
    pub accounts: Vec<Account>,
    /// The addresses of all accounts, each account's in one run, primary first.
    pub account_addresses: Vec<AddressUse>,
    pub addresses: Addresses,
    /// How a contact's primary is written on the wire, where that is not its normal form (`Ann@` for `ann@`).
    pub spelled: hashbrown::HashMap<ContactId, String>,
    pub expects: Vec<Expect>,
    /// Something that the sources say did not make it into the plan (it was reported).
    pub incomplete: bool,
    /// Files that are not what they should be: never to be quoted.
    pub unquotable: Vec<crate::source::FileId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    System(SystemId),
    Mta(MtaId),
    Internet,
    /// A name that was reported as unknown.
    Unknown,
}

#[derive(Debug)]
pub struct Forward {
    pub pattern: Pattern,
    pub to: Node,
    pub span: Span,
}

#[derive(Debug)]
pub struct System {
    pub name: String,
    pub span: Span,
    pub domains: Vec<Spanned<Pattern>>,
    /// The first `account` or `accounts from`, if any: the system is closed, it holds its accounts and no others.
    pub closed: Option<Span>,
    pub address: Vec<Spanned<IpAddr>>,
    pub forwards: Vec<Forward>,
    pub authoritative: Vec<Spanned<Pattern>>,
    pub poisoned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    Reject,
    Via {
        /// `None`: a name that was reported as unknown.
        connector: Option<ConnectorId>,
        verify: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainKind {
    Domain,
    Shared,
    Relay,
}

#[derive(Debug)]
pub struct DomainDecl {
    pub kind: DomainKind,
    /// Exact, unless of a relay domain.
    pub pattern: Spanned<Pattern>,
    /// The MTAs that it holds for, in the order of the file.
    pub on: Vec<MtaId>,
    pub unresolved: Unresolved,
    /// Where `unresolved …` stands, if it does.
    pub unresolved_span: Option<Span>,
    /// Of a relay domain: `verify`.
    pub verify: Option<Span>,
    pub mx: Vec<Spanned<Node>>,
    pub poisoned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressSpace {
    pub pattern: Pattern,
    pub cost: u32,
    /// Its pattern, or, where it was implied by `to SYSTEM`, that system's `domain` pattern.
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Smtp,
    Smtps,
    Lmtp,
}

/// From the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsLevel {
    Off,
    Opportunistic,
    Required,
    Verified,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    pub level: TlsLevel,
    /// The name to verify instead of the host's.
    pub name: Option<Spanned<Domain>>,
    /// A file of CA certificates on the MTA's host, instead of the system's.
    pub ca: Option<Spanned<String>>,
    /// Where it is said, if it is.
    pub span: Option<Span>,
}

/// `auth USER password file FILE`: the file is on the MTA's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    pub user: String,
    pub file: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextHop {
    /// In the order to try them, or, balanced, sharing the load.
    SmartHosts { balanced: Option<Span>, hosts: Vec<Spanned<Host>> },
    /// Delivery by MX lookup.
    Dns(Span),
    /// The hostname and port of that MTA.
    Mta(MtaId),
    /// Not said: reported, as `connector::incomplete` or before.
    Missing,
}

#[derive(Debug)]
pub struct Connector {
    pub name: String,
    pub span: Span,
    /// Where it starts, in the order of the file.
    pub from: Vec<MtaId>,
    pub to: Spanned<Node>,
    pub spaces: Vec<AddressSpace>,
    /// For account routing: the lowest of its patterns' costs, or its own.
    pub account_cost: u32,
    pub hop: NextHop,
    pub protocol: Option<Spanned<Protocol>>,
    pub tls: ClientTls,
    pub auth: Option<Spanned<ClientAuth>>,
    pub source_address: Option<Spanned<IpAddr>>,
    pub concurrency: Option<Spanned<u32>>,
    pub max_size: Option<Spanned<u64>>,
    pub poisoned: bool,
}

impl Connector {
    pub fn protocol(&self) -> Protocol {
        self.protocol.map_or(Protocol::Smtp, |p| p.value)
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Contact {
    pub label: Span,
    pub primary: AddressUse,
    /// Into [`Plan::secondaries`].
    pub first: u32,
    pub end: u32,
}

#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub system: SystemId,
    /// Into [`Plan::account_addresses`].
    pub first: u32,
    pub end: u32,
}

/// What somebody may ask for at RCPT time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    Address(Mailbox),
    /// `<postmaster>` without a domain (RFC 5321 4.5.1).
    Postmaster,
    /// A domain literal or another unqualified recipient, as written.
    Unroutable(String),
}

#[derive(Debug)]
pub struct Expect {
    pub span: Span,
    pub question: Spanned<Question>,
    pub anyone: bool,
    pub at: Option<MtaId>,
    pub becomes: Option<Spanned<Mailbox>>,
    pub via: Option<Spanned<ConnectorId>>,
    pub to: Option<Spanned<Node>>,
    /// `rejected`, and the status where it is said.
    pub rejected: Option<Spanned<Option<String>>>,
}

impl Plan {
    pub fn mta(&self, id: MtaId) -> &Mta {
        &self.mtas[id.index()]
    }

    pub fn system(&self, id: SystemId) -> &System {
        &self.systems[id.index()]
    }

    pub fn connector(&self, id: ConnectorId) -> &Connector {
        &self.connectors[id.index()]
    }

    pub fn domain(&self, id: DomainDeclId) -> &DomainDecl {
        &self.domains[id.index()]
    }

    pub fn contact(&self, id: ContactId) -> &Contact {
        &self.contacts[id.index()]
    }

    pub fn account(&self, id: AccountId) -> &Account {
        &self.accounts[id.index()]
    }

    pub fn secondaries_of(&self, id: ContactId) -> &[AddressUse] {
        let contact = self.contact(id);
        &self.secondaries[contact.first as usize..contact.end as usize]
    }

    /// Primary first.
    pub fn addresses_of(&self, id: AccountId) -> &[AddressUse] {
        let account = self.account(id);
        &self.account_addresses[account.first as usize..account.end as usize]
    }

    pub fn mta_ids(&self) -> impl Iterator<Item = MtaId> + use<> {
        (0..self.mtas.len() as u32).map(MtaId)
    }

    pub fn system_ids(&self) -> impl Iterator<Item = SystemId> + use<> {
        (0..self.systems.len() as u32).map(SystemId)
    }

    pub fn connector_ids(&self) -> impl Iterator<Item = ConnectorId> + use<> {
        (0..self.connectors.len() as u32).map(ConnectorId)
    }

    /// The connectors that start at an MTA, in the order of the file.
    pub fn connectors_from(&self, mta: MtaId) -> impl Iterator<Item = ConnectorId> + '_ {
        self.connector_ids().filter(move |&id| self.connector(id).from.contains(&mta))
    }

    pub fn domain_ids(&self) -> impl Iterator<Item = DomainDeclId> + use<> {
        (0..self.domains.len() as u32).map(DomainDeclId)
    }

    pub fn contact_ids(&self) -> impl Iterator<Item = ContactId> + use<> {
        (0..self.contacts.len() as u32).map(ContactId)
    }

    pub fn account_ids(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..self.accounts.len() as u32).map(AccountId)
    }

    /// A contact's primary as it goes out on the wire.
    pub fn primary_on_wire(&self, id: ContactId) -> &str {
        self.spelled.get(&id).map_or_else(|| self.addresses.text(self.contact(id).primary.id), String::as_str)
    }

    /// The name of a node as the language spells it.
    pub fn node_name(&self, node: Node) -> &str {
        match node {
            Node::System(id) => &self.system(id).name,
            Node::Mta(id) => &self.mta(id).name,
            Node::Internet => "internet",
            Node::Unknown => "?",
        }
    }
}
