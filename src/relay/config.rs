//! `relay.yaml`: everything that a relay needs to answer at RCPT time and to send a message on, beside its tables.
//!
//! How a recipient is looked up, in the order of the language's steps:
//!
//! 1. *Who asks.* A client in [`Routing::trust`] may ask for any recipient. A client at one of a [`Peer`]'s addresses
//!    may ask for recipients in our domains and in that peer's. Anybody else, in our domains alone (550 5.7.1). Without
//!    [`Routing::smtputf8`] a local part that is not ASCII is refused with 5.6.7 before anything else, and again where a
//!    contact leads to one. An unknown recipient with `@`, `%` or `!` in its local part is for `trust` alone, and for a
//!    peer outside our domains.
//! 2. *Tables*, unless the domain is a relay domain: [`Tables::contacts`] makes the recipient another one, and one starts
//!    again; [`Tables::accounts`] names its system. Both are asked for the whole address first and then, with
//!    [`Routing::subaddress`], without its `+detail`, which is carried over to what a contact leads to.
//! 3. *Ways.* An account goes by its system's tiers (or by its address space where the system has none); an unknown
//!    recipient by what its [`DomainRule`] says; one of a foreign or relay domain by its [`Space`]. Without a way it is
//!    refused with 5.1.2.
//! 4. *What a later MTA would refuse.* [`Tables::recipients`], asked for the whole address and then without its detail;
//!    else, for an unknown recipient, [`Routing::refused`].

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
pub use serde_yaml::Value;

use crate::name::{Domain, Host, Mailbox, Pattern};

pub mod local;
mod text;

/// The version of this format.
pub const VERSION: u32 = 1;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The version of this format: 1.
    pub version: u32,
    pub server: Server,
    pub routing: Routing,
    /// The site's own settings (`settings FILE` in the source), as they are: for what no other section says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
}

/// The server itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// Its name in the greeting, in EHLO and in Received lines (RFC 5321 2.3.5, 4.1.1.1).
    pub hostname: Domain,
    /// Addresses and ports that it listens on.
    pub listen: Vec<SocketAddr>,
    /// STARTTLS for clients (RFC 3207); not offered without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
    /// Octets that a message may have, as SIZE announces it (RFC 1870); no limit without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Seconds until a message that cannot be delivered is returned (RFC 5321 4.5.4.1); five days without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_lifetime: Option<u64>,
    /// A filter that sees each message, over the milter protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milter: Option<Host>,
}

/// Files on the relay's host, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerTls {
    /// The certificate and those that sign it, the server's first.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// Who may send what where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Routing {
    /// Clients that may send to any recipient.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust: Vec<IpNet>,
    /// Other mail servers that hand recipients of foreign domains on to this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
    /// What the bare recipient `<postmaster>` stands for (RFC 5321 4.5.1): an address to look up like any other.
    pub postmaster: Mailbox,
    /// The character that sets a detail off in `user+detail`: cut at the first one that is not the first character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subaddress: Option<char>,
    /// Whether local parts may be UTF-8 (RFC 6531).
    #[serde(default, skip_serializing_if = "is_false")]
    pub smtputf8: bool,
    /// Files beside this one.
    pub tables: Tables,
    /// Our domains; the most specific pattern counts.
    pub domains: Vec<DomainRule>,
    /// Where accounts go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<System>,
    /// Where recipients go by their domain; the most specific pattern counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spaces: Vec<Space>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connectors: Vec<Connector>,
    /// Unknown recipients that a later MTA would refuse; the most specific pattern counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// A mail server that may send recipients of these foreign domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Peer {
    pub name: String,
    /// Where its connections come from.
    pub addresses: Vec<IpAddr>,
    /// What it may send; between these and the exceptions, the most specific pattern counts.
    pub domains: Vec<Pattern>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Pattern>,
}

/// Constant databases (cdb, 32-bit), by names relative to the folder of `relay.yaml`. Keys are addresses in normal form:
/// the local part in NFC, fully case-folded and quoted only where it must be, the domain in A-labels, no NUL at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tables {
    /// To the address that the recipient becomes, as it goes on the wire.
    pub contacts: String,
    /// To the name of the system that has the account.
    pub accounts: String,
    /// To what the MTAs behind this one would answer: a status or `-` (it is taken), for the address itself and, with
    /// sub-addresses, for it with a detail that is plain, has `@ % !`, is UTF-8, and both; parted by blanks. An address
    /// that is not here is taken if it is an account, else [`Routing::refused`] tells.
    pub recipients: String,
}

/// One of our domains. Exactly one of `relay`, `reject` and `via` is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DomainRule {
    /// One domain, unless of a relay domain.
    pub domain: Pattern,
    /// Every recipient is taken and goes by its address space, past contacts and accounts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub relay: bool,
    /// The enhanced status code (RFC 3463) that unknown recipients are refused with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject: Option<String>,
    /// The connector that unknown recipients go by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Unknown recipients are asked for at the next hop first, and refused where it refuses them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub verify: bool,
}

/// A system that has accounts, and its connectors: the inner lists share the load, each takes over from the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct System {
    pub name: String,
    pub tiers: Vec<Vec<String>>,
}

/// An address space and its connectors, in tiers as a system's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Space {
    pub domain: Pattern,
    pub tiers: Vec<Vec<String>>,
}

/// How messages leave: by `hosts` or by `dns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connector {
    pub name: String,
    /// The system or MTA that it leads to, or `internet`: for logs.
    pub to: String,
    /// Smart hosts with their ports, tried in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
    /// The smart hosts share the load instead.
    #[serde(default, skip_serializing_if = "is_false")]
    pub balanced: bool,
    /// Delivery by MX lookup (RFC 5321 5.1).
    #[serde(default, skip_serializing_if = "is_false")]
    pub dns: bool,
    pub protocol: Protocol,
    pub tls: ClientTls,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The local address of its connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_address: Option<IpAddr>,
    /// Connections at once, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Octets that a message may have that leaves by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    Smtp,
    /// TLS from the first octet (RFC 8314 3.3).
    Smtps,
    /// RFC 2033.
    Lmtp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClientTls {
    pub level: TlsLevel,
    /// The name to verify instead of the host's (RFC 6125).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Domain>,
    /// CA certificates on the relay's host, in PEM, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsLevel {
    Off,
    /// Where the host offers it, whatever its certificate (RFC 7435).
    Opportunistic,
    /// Always, whatever its certificate.
    Required,
    /// Always, with a certificate of that name that a known CA signs.
    Verified,
}

/// AUTH PLAIN or LOGIN (RFC 4954).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Auth {
    pub user: String,
    /// A file on the relay's host whose first line is the password.
    pub password_file: String,
}

/// The status that unknown recipients of a pattern are refused with, by the form of their local part; taken where nothing
/// is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Refused {
    pub domain: Pattern,
    /// ASCII without `@ % !`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
    /// ASCII with one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes_past: Option<String>,
    /// UTF-8 without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utf8: Option<String>,
    /// UTF-8 with one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utf8_routes_past: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A text that is no `relay.yaml`: where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// 1-based line and column, where they are known.
    pub place: Option<(usize, usize)>,
    pub message: String,
}

/// Reads a configuration. A key that is said twice is an error, and so is one that nobody knows.
pub fn parse(text: &str) -> Result<Config, Malformed> {
    read(text)
}

/// Reads the site's own settings: a mapping.
pub fn parse_settings(text: &str) -> Result<serde_yaml::Mapping, Malformed> {
    read(text)
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Malformed> {
    serde_yaml::from_str(text).map_err(|error| {
        let place = error.location().map(|at| (at.line(), at.column()));
        let message = error.to_string();
        // The place is told apart from the message.
        let end = message.rfind(" at line ").unwrap_or(message.len());
        // A text that is something else may be quoted in it, whole.
        Malformed { place, message: shortened(&message[..end]) }
    })
}

fn shortened(message: &str) -> String {
    const MOST: usize = 200;
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// The YAML of a configuration, or of a part of one.
pub fn write(value: &impl Serialize) -> Result<String, String> {
    serde_yaml::to_string(value).map_err(|error| error.to_string())
}
