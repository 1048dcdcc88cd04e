//! From sockets to sessions: listeners, limits, the PROXY protocol, TLS.
//!
//! ```text
//! accept ──> greet ──> serve ──────────────────────────> transaction
//! a task a   PROXY,    reads, feeds the session, writes   MAIL, RCPT: route; content: spool,
//! listener   221, 421  (stream: plain or TLS)             then queue, then 250
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use rustls::ServerConfig;
use tokio::sync::watch;

use super::config::local::Local;
use super::event::time::Utc;
use super::event::{Event, Log};
use super::metrics::Metrics;
use super::queue::Queue;
use super::reply::Reply;
use super::route::Router;
use super::run::hops::Hops;
use super::session::Settings;
use super::spool::Spool;
use super::verify::Verifier;
use limits::Sessions;

mod accept;
mod content;
mod filter;
mod greet;
pub mod limits;
pub mod proxy;
pub mod received;
mod serve;
pub mod socket;
mod stream;
pub mod tls;
mod transaction;

pub use content::IN_MEMORY;
pub use serve::IDLE;

/// What all sessions share.
pub struct Server {
    now: ArcSwap<Now>,
    pub spool: Spool,
    pub queue: Queue<Hops>,
    pub hops: Hops,
    pub verifier: Verifier,
    pub log: Log,
    pub metrics: Arc<Metrics>,
    pub sessions: Arc<Sessions>,
    stop: watch::Sender<bool>,
    disk_low: AtomicBool,
    configured: AtomicU64,
}

/// What a server is made of.
pub struct Parts {
    pub spool: Spool,
    pub queue: Queue<Hops>,
    pub hops: Hops,
    pub verifier: Verifier,
    pub log: Log,
    pub metrics: Arc<Metrics>,
}

/// What a reload replaces, all of it at once.
pub struct Now {
    pub router: Arc<Router>,
    pub local: Local,
    pub settings: Arc<Settings>,
    pub tls: Option<Arc<ServerConfig>>,
}

/// Waits for the relay's end.
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    pub(crate) async fn wait(&mut self) {
        // A relay that is gone has ended as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl Server {
    pub fn new(now: Now, parts: Parts) -> Server {
        let Parts { spool, queue, hops, verifier, log, metrics } = parts;
        Server {
            now: ArcSwap::from_pointee(now),
            spool,
            queue,
            hops,
            verifier,
            log,
            metrics,
            sessions: Arc::default(),
            stop: watch::Sender::new(false),
            disk_low: AtomicBool::new(false),
            configured: AtomicU64::new(Utc::now().0),
        }
    }

    /// What counts now.
    pub fn now(&self) -> Guard<Arc<Now>> {
        self.now.load()
    }

    /// From here on, something else counts. What sessions have begun goes on.
    pub fn replace(&self, now: Now) {
        self.now.store(Arc::new(now));
        self.configured.store(Utc::now().0, Ordering::Relaxed);
    }

    /// Takes connections at an address until the relay is to end.
    pub async fn listen(self: Arc<Self>, address: SocketAddr, socket: tokio::net::TcpListener) {
        accept::run(self, address, socket).await;
    }

    /// When what counts was read.
    pub fn configured(&self) -> Utc {
        Utc(self.configured.load(Ordering::Relaxed))
    }

    /// Whether it is ending.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// No session begins any more, and each ends as soon as it has nothing begun.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) fn stopping(&self) -> Stopping {
        Stopping(self.stop.subscribe())
    }

    /// Counts and tells a refusal.
    fn refused(
        &self,
        client: SocketAddr,
        helo: &str,
        verb: &str,
        sender: Option<&str>,
        recipient: Option<&str>,
        reply: &Reply,
    ) {
        self.metrics.refused_with(reply);
        self.log.write(&Event::Refused { client, helo, verb, sender, recipient, answer: reply.into() });
    }

    /// Tells once when the disk gets low, and once when it has room again.
    fn disk_is_low(&self, low: bool, least: u64) {
        if self.disk_low.swap(low, Ordering::Relaxed) == low {
            return;
        }
        let free = self.spool.free();
        let event = if low { Event::DiskLow { free, least } } else { Event::DiskGood { free } };
        self.log.write(&event);
    }
}
