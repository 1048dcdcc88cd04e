//! An MTA of the plan: its target, and what it says of itself.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{AddressUse, Spanned};
use crate::name::{Domain, Host};
use crate::source::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetKind {
    Postfix,
    Exim,
    Relay,
}

impl TargetKind {
    pub fn as_str(self) -> &'static str {
        match self {
            TargetKind::Postfix => "postfix",
            TargetKind::Exim => "exim",
            TargetKind::Relay => "relay",
        }
    }
}

/// `3.7` or `3.7.11`: a series means a minimum patch level that each target names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: Option<u32>,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    pub kind: TargetKind,
    pub version: Option<Version>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maps {
    Cdb,
    Lmdb,
    Texthash,
    Lsearch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EmitMode {
    Complete,
    Tables,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    pub ip: IpAddr,
    pub port: u16,
}

/// `tls certificate FILE key FILE`: paths on the MTA's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    pub certificate: String,
    pub key: String,
}

/// `settings FILE`: the file as the user named it, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub name: String,
    pub text: String,
}

#[derive(Debug)]
pub struct Mta {
    pub name: String,
    /// The name in its declaration.
    pub span: Span,
    pub target: Spanned<Target>,
    pub maps: Option<Spanned<Maps>>,
    pub hostname: Spanned<Domain>,
    /// As declared, or `0.0.0.0:25, [::]:25` at the MTA's name.
    pub listen: Vec<Spanned<Endpoint>>,
    pub address: Vec<Spanned<IpAddr>>,
    pub trust: Vec<Spanned<IpNet>>,
    pub postmaster: Option<AddressUse>,
    pub tls: Option<Spanned<ServerTls>>,
    pub max_size: Option<Spanned<u64>>,
    /// Seconds.
    pub queue_lifetime: Option<Spanned<u64>>,
    pub subaddress: Option<Spanned<char>>,
    pub smtputf8: Option<Spanned<bool>>,
    pub milter: Option<Spanned<Host>>,
    pub settings: Option<Spanned<Settings>>,
    pub emit: Option<Spanned<EmitMode>>,
    /// Part of it was reported and left out.
    pub poisoned: bool,
}

impl Mta {
    pub fn separator(&self) -> Option<char> {
        self.subaddress.map(|s| s.value)
    }

    pub fn takes_utf8(&self) -> bool {
        self.smtputf8.is_some_and(|s| s.value)
    }

    pub fn emits(&self) -> EmitMode {
        self.emit.map_or(EmitMode::Complete, |e| e.value)
    }
}
