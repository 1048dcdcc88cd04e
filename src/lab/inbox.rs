//! What the sinks of a world have seen: each connection as it goes on, each message once it was accepted.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::lab::error::{Result, lock};
use crate::lab::wire::Tls;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// `PLAIN` or `LOGIN`.
    pub mechanism: String,
    pub user: String,
    pub password: String,
}

/// One connection to a sink.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    pub sink: String,
    /// The MTA's end.
    pub client: Option<IpAddr>,
    pub server: Option<SocketAddr>,
    /// The name in EHLO, HELO or LHLO, the last one.
    pub hello: String,
    pub tls: Option<Tls>,
    /// Why a handshake failed, where one was tried.
    pub tls_error: Option<String>,
    pub login: Option<Login>,
    /// Every command line as it came, answers to an AUTH challenge left out.
    pub commands: Vec<String>,
    pub over: bool,
}

/// A message that a sink took.
#[derive(Clone)]
pub struct Mail {
    /// The connection as it was when the message came; its `sink` says where that was.
    pub visit: Visit,
    pub sender: String,
    /// Such as `SIZE=400` and `SMTPUTF8`.
    pub sender_parameters: Vec<String>,
    /// The accepted ones, each exactly as it came between the angle brackets.
    pub recipients: Vec<String>,
    /// Headers and body, dots unstuffed.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Mail { visit, sender, recipients, .. } = self;
        write!(formatter, "<{sender}> to {recipients:?} in {visit:#?}:\n{}", self.text())
    }
}

impl Mail {
    pub fn sink(&self) -> &str {
        &self.visit.sink
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }

    /// The value of the first header of that name, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next()?.replace("\r\n ", " ").replace("\r\n\t", " ");
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    pub fn body(&self) -> String {
        self.text().split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}

#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub mails: Vec<Mail>,
    pub visits: Vec<Visit>,
}

#[derive(Clone, Default)]
pub struct Inbox {
    state: Arc<(Mutex<Seen>, Condvar)>,
}

impl Inbox {
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Waits until what was seen satisfies the test; an error is what there was instead.
    pub fn wait_until(&self, patience: Duration, test: impl Fn(&Seen) -> bool) -> Result<Seen, Seen> {
        let end = Instant::now() + patience;
        let mut seen = self.lock();
        while !test(&seen) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(seen.clone());
            }
            seen = self.state.1.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(seen.clone())
    }

    pub fn opened(&self, visit: Visit) -> usize {
        let mut seen = self.lock();
        seen.visits.push(visit);
        self.state.1.notify_all();
        seen.visits.len() - 1
    }

    pub fn changed(&self, visit: usize, change: impl FnOnce(&mut Visit)) {
        if let Some(visit) = self.lock().visits.get_mut(visit) {
            change(visit);
        }
        self.state.1.notify_all();
    }

    /// A message of a visit, whose state is copied into it.
    pub fn delivered(&self, visit: usize, mut mail: Mail) {
        let mut seen = self.lock();
        mail.visit = seen.visits.get(visit).cloned().unwrap_or_default();
        seen.mails.push(mail);
        self.state.1.notify_all();
    }

    pub fn forget(&self) {
        let mut seen = self.lock();
        seen.mails.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        lock(&self.state.0)
    }
}
