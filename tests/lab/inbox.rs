//! What the sinks of a world have seen: each connection as it goes on, each message once it was accepted.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::lab::wire::Tls;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    /// `PLAIN` or `LOGIN`.
    pub(crate) mechanism: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

/// One connection to a sink.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    pub(crate) sink: String,
    /// The MTA's end.
    pub(crate) client: Option<IpAddr>,
    pub(crate) server: Option<SocketAddr>,
    /// The name in EHLO, HELO or LHLO, the last one.
    pub(crate) hello: String,
    pub(crate) tls: Option<Tls>,
    /// Why a handshake failed, where one was tried.
    pub(crate) tls_error: Option<String>,
    pub(crate) login: Option<Login>,
    /// Every command line as it came, answers to an AUTH challenge left out.
    pub(crate) commands: Vec<String>,
    pub(crate) over: bool,
}

/// A message that a sink took.
#[derive(Clone)]
pub(crate) struct Mail {
    /// The connection as it was when the message came; its `sink` says where that was.
    pub(crate) visit: Visit,
    pub(crate) sender: String,
    /// Such as `SIZE=400` and `SMTPUTF8`.
    pub(crate) sender_parameters: Vec<String>,
    /// The accepted ones, each exactly as it came between the angle brackets.
    pub(crate) recipients: Vec<String>,
    /// Headers and body, dots unstuffed.
    pub(crate) data: Vec<u8>,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Mail { visit, sender, recipients, .. } = self;
        write!(formatter, "<{sender}> to {recipients:?} in {visit:#?}:\n{}", self.text())
    }
}

impl Mail {
    pub(crate) fn sink(&self) -> &str {
        &self.visit.sink
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }

    /// The value of the first header of that name, unfolded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next()?.replace("\r\n ", " ").replace("\r\n\t", " ");
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    pub(crate) fn body(&self) -> String {
        self.text().split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) mails: Vec<Mail>,
    pub(crate) visits: Vec<Visit>,
}

#[derive(Clone, Default)]
pub(crate) struct Inbox {
    state: Arc<(Mutex<Seen>, Condvar)>,
}

impl Inbox {
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Waits until what was seen satisfies the test; an error is what there was instead.
    pub(crate) fn wait_until(&self, patience: Duration, test: impl Fn(&Seen) -> bool) -> Result<Seen, Seen> {
        let end = Instant::now() + patience;
        let mut seen = self.lock();
        while !test(&seen) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(seen.clone());
            }
            seen = self.state.1.wait_timeout(seen, left).expect("no one panicked with the inbox").0;
        }
        Ok(seen.clone())
    }

    pub(crate) fn opened(&self, visit: Visit) -> usize {
        let mut seen = self.lock();
        seen.visits.push(visit);
        self.state.1.notify_all();
        seen.visits.len() - 1
    }

    pub(crate) fn changed(&self, visit: usize, change: impl FnOnce(&mut Visit)) {
        change(&mut self.lock().visits[visit]);
        self.state.1.notify_all();
    }

    /// A message of a visit, whose state is copied into it.
    pub(crate) fn delivered(&self, visit: usize, mut mail: Mail) {
        let mut seen = self.lock();
        mail.visit = seen.visits[visit].clone();
        seen.mails.push(mail);
        self.state.1.notify_all();
    }

    pub(crate) fn forget(&self) {
        let mut seen = self.lock();
        seen.mails.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.state.0.lock().expect("no one panicked with the inbox")
    }
}
