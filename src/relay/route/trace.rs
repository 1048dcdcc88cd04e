//! `relay trace`: the way of an address, step by step, as the router took it.

use serde::{Deserialize, Serialize};

use super::{Asker, Decision, Router, read};
use crate::relay::table::Damaged;

/// A step that the router took, by the name that the language gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum Step {
    /// The bare `<postmaster>`, and what it stands for.
    Postmaster { recipient: String },
    /// A contact made it another recipient.
    Contact { recipient: String },
    /// It is an account of this system.
    Account { system: String },
    /// Nobody has it in this domain of ours.
    Unresolved { domain: String },
    /// An address space takes this domain.
    Space { domain: String },
}

/// Where an address goes now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub address: String,
    pub steps: Vec<Step>,
    #[serde(flatten)]
    pub end: End,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "lowercase")]
pub enum End {
    Sent {
        /// As it goes on the wire.
        recipient: String,
        /// Connectors: each list shares the load, and takes over from the one before.
        tiers: Vec<Vec<String>>,
        /// The next hop is asked first.
        verify: bool,
    },
    Refused {
        status: String,
        text: String,
    },
}

/// Takes down the steps, or nothing.
pub(super) trait Record {
    fn step(&mut self, step: impl FnOnce() -> Step);
}

impl Record for () {
    fn step(&mut self, _: impl FnOnce() -> Step) {}
}

impl Record for Vec<Step> {
    fn step(&mut self, step: impl FnOnce() -> Step) {
        self.push(step());
    }
}

impl Router {
    /// What `asker` would be told about an address, and why.
    pub fn trace(&self, asker: Asker, address: &str) -> Result<Trace, Damaged> {
        let mut steps = Vec::new();
        let end = match self.decide(asker, &read(address), &mut steps)? {
            Decision::Refused { status, text } => End::Refused { status: status.to_string(), text: text.to_owned() },
            Decision::Send(sending) => {
                let tiers = sending.route.names();
                End::Sent { recipient: sending.recipient, tiers, verify: sending.verify }
            }
        };
        Ok(Trace { address: address.to_owned(), steps, end })
    }
}
