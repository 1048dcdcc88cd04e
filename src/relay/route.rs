//! Where a recipient goes: what `relay.yaml` and its tables say, asked at RCPT time.
//!
//! A [`Router`] is made once and never changes; a reload makes another. Its answers are those of the language's meaning,
//! step by step in `decide`; `relay trace` asks the same way and has the steps written down.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use super::check::Problem;
use super::config::{Config, Connector};
use super::reply::Status;
use super::smtp::path::{self, RcptPath};
use super::table::{Damaged, Table};
use crate::name::{Mailbox, PatternMap};

mod decide;
mod load;
mod refusal;
pub mod trace;
mod who;

/// A snapshot of `relay.yaml` and its tables.
#[derive(Debug)]
pub struct Router {
    config: Config,
    tables: Tables,
    clients: who::Clients,
    /// Our domains.
    own: PatternMap<Own>,
    systems: HashMap<String, Arc<Route>>,
    spaces: PatternMap<Arc<Route>>,
    /// What later MTAs refuse unknown recipients with, by the form of the local part.
    refused: PatternMap<[Option<Status>; 4]>,
}

/// The tables of a [`Router`], each with its name in `relay.yaml`.
#[derive(Debug)]
pub struct Tables {
    pub contacts: Table,
    pub accounts: Table,
    pub recipients: Table,
}

/// What becomes of a domain's unknown recipients.
#[derive(Debug)]
enum Own {
    Relay { verify: bool },
    Reject(Status),
    Via { route: Arc<Route>, verify: bool },
}

/// A way out that recipients share.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The connectors' names: those that share a load parted by `,`, those that take over by `;`.
    pub key: String,
    /// The connectors of the first list share the load; each list takes over from the one before.
    pub tiers: Vec<Vec<Arc<Connector>>>,
    /// Octets that the cheapest connectors take at most: no dearer one takes over for what is larger.
    pub max_size: Option<u64>,
    /// Hosts are found by the recipient's domain.
    pub dns: bool,
}

/// Who asks for a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// As a client in `trust`.
    Trusted,
    /// As a client that the relay knows nothing of.
    Anyone,
    Client(IpAddr),
}

/// The answer to RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Refused { status: Status, text: &'static str },
    Send(Sending),
}

/// A recipient that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// As it goes on the wire: what a contact made of it, or as it was asked for.
    pub recipient: String,
    /// Its normal form: recipients that are equal in it get a message once.
    pub mailbox: Mailbox,
    pub route: Arc<Route>,
    /// The next hop is asked first whether it takes the recipient.
    pub verify: bool,
}

impl Route {
    /// The connectors' names, tier by tier.
    pub fn names(&self) -> Vec<Vec<String>> {
        let tier = |connectors: &Vec<Arc<Connector>>| connectors.iter().map(|c| c.name.clone()).collect();
        self.tiers.iter().map(tier).collect()
    }

    /// Whether the connectors of a tier share the load, or the hosts of one of them do.
    pub fn shares(tier: &[Arc<Connector>]) -> bool {
        tier.len() > 1 || tier.iter().any(|connector| connector.balanced)
    }

    /// Whether a message may go this way, by the size that its sender speaks of.
    pub fn takes(&self, size: Option<u64>) -> bool {
        size.zip(self.max_size).is_none_or(|(size, most)| size <= most)
    }
}

impl Router {
    /// From a configuration and the tables in its folder. The header of each table is looked at, and the rest by
    /// [`Router::check_tables`]; each is read where it lies until [`Router::settle`].
    pub fn load(config: Config, folder: &Path) -> Result<Router, Vec<Problem>> {
        load::from_folder(config, folder)
    }

    /// Goes on with copies of the tables, in files without a name in `private`: before a reload takes effect, and behind a
    /// start.
    pub fn settle(&self, private: &Path) -> Result<(), Vec<Problem>> {
        load::each_table(&self.config, &self.tables, |_, table| table.settle(private))
    }

    /// From a configuration and its tables.
    pub fn new(config: Config, tables: Tables) -> Result<Router, Vec<Problem>> {
        load::with_tables(config, tables)
    }

    /// Looks at every record of the tables: before a reload takes effect, and behind a start.
    pub fn check_tables(&self) -> Result<(), Vec<Problem>> {
        load::each_table(&self.config, &self.tables, |rows, table| table.check(rows.good))
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether a client may send to any recipient.
    pub fn trusted(&self, client: IpAddr) -> bool {
        self.clients.trusts(client)
    }

    /// The answer to a recipient that a client asks for.
    pub fn rcpt(&self, client: IpAddr, path: &RcptPath) -> Result<Decision, Damaged> {
        self.ask(Asker::Client(client), path)
    }

    /// Where a recipient in the queue goes, after a restart or a reload: `recipient` is what [`Sending`] said.
    pub fn again(&self, recipient: &str) -> Result<Decision, Damaged> {
        self.ask(Asker::Trusted, &read(recipient))
    }

    pub fn ask(&self, asker: Asker, path: &RcptPath) -> Result<Decision, Damaged> {
        self.decide(asker, path, &mut ())
    }
}

/// An address that is none is nobody's.
fn read(address: &str) -> RcptPath {
    path::recipient(address).unwrap_or_else(|| RcptPath::Unroutable(address.to_owned()))
}
