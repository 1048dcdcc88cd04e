//! From a plan to files: one folder an MTA, rendered purely; only the command line writes.
//!
//! A target is one `impl Target` and one line in [`TARGETS`]. What a plan can ask of a target is a [`Feature`]; each
//! target answers every one of them, and a "no" becomes `target::unsupported` at the DSL's span before anything is
//! rendered.

use crate::plan::route::{Router, Tier};
use crate::plan::{ConnectorId, Maps, MtaId, Plan, TargetKind, Version};
use crate::source::{Sources, Span};

pub mod bundle;
pub mod cdb;
pub mod exim;
pub mod feature;
pub mod lmdb;
mod order;
pub mod postfix;
pub mod relay;
mod template;

/// All that a target may look at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub plan: &'a Plan,
    pub router: &'a Router<'a>,
    /// For `file:line` in comments; meaning never comes from here.
    pub sources: &'a Sources,
}

/// What an MTA of a plan may ask of its target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Feature<'p> {
    Version(Version),
    Maps(Maps),
    Milter,
    ServerTls,
    Smtputf8,
    Subaddress(char),
    Settings,
    TablesOnly,
    /// `verify`, on an unresolved rule or a relay domain.
    Verify,
    Connector(ConnectorId),
    /// Tiers that the target has to combine: equal costs, or dearer connectors behind cheaper ones.
    Group(&'p [Tier]),
}

/// A "no": why (in the user's terms), and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    pub message: String,
    pub help: String,
    /// A better place than that of the feature, where there is one.
    pub span: Option<Span>,
}

/// Why rendering failed, though the plan was sound: such as a table of over 4 GiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmitError(pub String);

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the MTA's folder, with `/`.
    pub path: String,
    pub content: Vec<u8>,
}

pub trait Target: Sync {
    fn kind(&self) -> TargetKind;

    /// Why the target cannot do it, if it cannot.
    fn refuses(&self, context: Context<'_>, mta: MtaId, feature: Feature<'_>) -> Option<Unsupported>;

    /// Every file of the MTA's folder, `manifest.json` aside.
    fn render(&self, context: Context<'_>, mta: MtaId) -> Result<Vec<File>, EmitError>;
}

/// Stands for the domain of the bare `<postmaster>` where `postmaster@HOSTNAME` is somebody else's, since the hostname is a
/// relay domain (a name that is nobody's: RFC 6761 6.4).
const BARE_POSTMASTER: &str = "postmaster.invalid";

/// Every target.
pub const TARGETS: &[&dyn Target] = &[&postfix::Postfix, &exim::Exim, &relay::Relay];
