//! Why something was not delivered, in the words that logs, lists and notifications show.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::relay::deliver::Trouble;
use crate::relay::reply::{Reply, Status};

/// One failure; many entries may share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub status: Status,
    /// Our words.
    pub text: String,
    /// The remote's words, where it spoke.
    pub reply: Option<Reply>,
    /// The connector that was tried, where it came to that.
    pub connector: Option<String>,
    /// The host that was tried, where it came to that.
    pub host: Option<String>,
    pub address: Option<SocketAddr>,
}

impl Failure {
    /// One of ours: no host had a say in it.
    pub fn own(status: Status, text: impl Into<String>) -> Failure {
        Failure { status, text: text.into(), reply: None, connector: None, host: None, address: None }
    }

    /// A host that could not be had.
    pub fn trouble(trouble: &Trouble) -> Failure {
        Failure { reply: trouble.reply.clone(), ..Failure::own(trouble.status, trouble.text.clone()) }
    }

    /// A host's answer about a message or recipient.
    pub fn said(reply: Reply) -> Failure {
        let class = if reply.is_permanent() { 5 } else { 4 };
        let status = reply.status.filter(|status| status.0 == class).unwrap_or(Status(class, 0, 0));
        Failure { reply: Some(reply), ..Failure::own(status, "") }
    }

    pub fn at(self, connector: &str, host: &str, address: SocketAddr) -> Failure {
        Failure { connector: Some(connector.to_owned()), host: Some(host.to_owned()), address: Some(address), ..self }
    }

    pub fn by(self, connector: &str) -> Failure {
        Failure { connector: Some(connector.to_owned()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}")?;
            self.address.iter().try_for_each(|address| write!(f, " [{address}]"))?;
            f.write_str(": ")?;
        }
        match &self.reply {
            Some(reply) if self.text.is_empty() => write!(f, "{reply}"),
            Some(reply) => write!(f, "{}: {reply}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Recipients, each with its last failure.
pub type Reasons = Vec<(u32, Option<Arc<Failure>>)>;

/// What happened to an entry before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Past {
    /// The last failure of each recipient.
    pub(super) failures: Vec<(u32, Arc<Failure>)>,
    /// The hosts that this attempt has had: each with its connector.
    pub(super) tried: Vec<Tried>,
}

/// A host that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub connector: Arc<str>,
    pub address: SocketAddr,
}

impl Past {
    pub(super) fn of(&self, recipient: u32) -> Option<&Arc<Failure>> {
        self.failures.iter().find(|(place, _)| *place == recipient).map(|(_, failure)| failure)
    }

    pub(super) fn set(&mut self, recipient: u32, failure: &Arc<Failure>) {
        match self.failures.iter_mut().find(|(place, _)| *place == recipient) {
            Some((_, old)) => *old = Arc::clone(failure),
            None => self.failures.push((recipient, Arc::clone(failure))),
        }
    }
}
