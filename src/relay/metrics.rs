//! What a relay counts, for Prometheus: all names begin with `mailswitch_`.
//!
//! Counting is an atomic addition; what is per connector is looked up once, with [`Metrics::connector`], and kept. Labels
//! have few values: names of connectors, classes of replies, states. No address or host is ever one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use serde::{Deserialize, Serialize};

mod histogram;

pub use histogram::Histogram;

use super::reply::Reply;

/// Everything that is counted. Make one, and share it.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Sessions that were opened, and those that are open.
    pub sessions: Counter,
    pub sessions_open: Gauge,
    /// Sessions refused with 421: too many, in all or from one network.
    pub sessions_refused: Counter,
    /// Sessions that began TLS, and handshakes that failed.
    pub tls_in: Counter,
    pub tls_in_failed: Counter,
    /// Messages that got their 250, their recipients, and octets of their content.
    pub accepted: Counter,
    pub accepted_recipients: Counter,
    pub accepted_octets: Counter,
    /// Commands and messages that were refused, by the class of the reply: see [`Metrics::refused`].
    refused: Family<Class, Counter>,
    refused_4xx: Counter,
    refused_5xx: Counter,
    /// From the end of a message to its 250.
    pub time_to_250: Histogram,
    /// One sync of the spool, and how many messages and notes it made durable.
    pub spool_sync: Histogram,
    pub spool_batch: Histogram,
    /// Octets free on the spool's disk; 1 where the spool cannot be written any more.
    pub disk_free: Gauge,
    pub spool_failed: Gauge,
    by_connector: Mutex<BTreeMap<String, PerConnector>>,
    connections: Family<Connector, Counter>,
    outcomes: Family<Outcome, Counter>,
    open: Family<Connector, Gauge>,
    tls_out: Family<Connector, Counter>,
    dead_hosts: Family<Connector, Gauge>,
    lanes: Family<Lane, Gauge>,
    /// From acceptance to the reply that ended it, of delivered recipients.
    pub queue_delay: Histogram,
    /// Recipients that expired, notifications that were made, and those that had nobody to go to.
    pub expired: Counter,
    pub notifications: Counter,
    pub dropped: Counter,
    /// Recipients that a next hop is to be asked for first, and those that it was asked for: of the others, the answer was
    /// known, or somebody was asking for it.
    pub verify_questions: Counter,
    pub verify_probes: Counter,
    /// Reloads that were good, and those that were not.
    pub reloads: Counter,
    pub reloads_failed: Counter,
    /// Lines that the log dropped: set before each reading.
    pub log_lost: Gauge,
}

/// What is counted for one connector. Clones count in the same place.
#[derive(Debug, Clone)]
pub struct PerConnector {
    /// Connections that were opened, and those that are open.
    pub connections: Counter,
    pub open: Gauge,
    /// Connections with TLS.
    pub tls: Counter,
    /// Recipients, by what came of an attempt.
    pub delivered: Counter,
    pub deferred: Counter,
    pub bounced: Counter,
    /// Hosts that are left alone, because they do not answer.
    pub dead_hosts: Gauge,
}

/// Counts since the relay started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Messages.
    pub accepted: u64,
    /// Commands and messages.
    pub refused: u64,
    /// Recipients.
    pub delivered: u64,
    pub deferred: u64,
    pub bounced: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connector {
    connector: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    connector: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    connector: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Class {
    class: &'static str,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    pub fn new() -> Metrics {
        let refused: Family<Class, Counter> = Family::default();
        let mut metrics = Metrics {
            registry: Registry::with_prefix("mailswitch"),
            sessions: Counter::default(),
            sessions_open: Gauge::default(),
            sessions_refused: Counter::default(),
            tls_in: Counter::default(),
            tls_in_failed: Counter::default(),
            accepted: Counter::default(),
            accepted_recipients: Counter::default(),
            accepted_octets: Counter::default(),
            refused_4xx: refused.get_or_create_owned(&Class { class: "4xx" }),
            refused_5xx: refused.get_or_create_owned(&Class { class: "5xx" }),
            refused,
            time_to_250: Histogram::seconds(),
            spool_sync: Histogram::seconds(),
            spool_batch: Histogram::sizes(),
            disk_free: Gauge::default(),
            spool_failed: Gauge::default(),
            by_connector: Mutex::default(),
            connections: Family::default(),
            outcomes: Family::default(),
            open: Family::default(),
            tls_out: Family::default(),
            dead_hosts: Family::default(),
            lanes: Family::default(),
            queue_delay: Histogram::seconds(),
            expired: Counter::default(),
            notifications: Counter::default(),
            dropped: Counter::default(),
            verify_questions: Counter::default(),
            verify_probes: Counter::default(),
            reloads: Counter::default(),
            reloads_failed: Counter::default(),
            log_lost: Gauge::default(),
        };
        metrics.register_in();
        metrics.register_spool();
        metrics.register_out();
        metrics.register_rest();
        metrics
    }

    /// The counters of a connector. They are there from now on, at 0.
    pub fn connector(&self, name: &str) -> PerConnector {
        let mut known = self.known();
        if let Some(counters) = known.get(name) {
            return counters.clone();
        }
        let counters = self.new_connector(name);
        known.insert(name.to_owned(), counters.clone());
        counters
    }

    fn new_connector(&self, name: &str) -> PerConnector {
        let connector = Connector { connector: name.to_owned() };
        let outcome = |outcome| self.outcomes.get_or_create_owned(&Outcome { connector: name.to_owned(), outcome });
        PerConnector {
            connections: self.connections.get_or_create_owned(&connector),
            open: self.open.get_or_create_owned(&connector),
            tls: self.tls_out.get_or_create_owned(&connector),
            delivered: outcome("delivered"),
            deferred: outcome("deferred"),
            bounced: outcome("bounced"),
            dead_hosts: self.dead_hosts.get_or_create_owned(&connector),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, PerConnector>> {
        // It is whole whenever the lock is free.
        self.by_connector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was counted since the start, all connectors together.
    pub fn totals(&self) -> Totals {
        let known = self.known();
        let sum = |of: fn(&PerConnector) -> &Counter| known.values().map(|counters| of(counters).get()).sum();
        Totals {
            accepted: self.accepted.get(),
            refused: self.refused_4xx.get() + self.refused_5xx.get(),
            delivered: sum(|counters| &counters.delivered),
            deferred: sum(|counters| &counters.deferred),
            bounced: sum(|counters| &counters.bounced),
        }
    }

    /// Connections to next hops that are open.
    pub fn open_connections(&self) -> u64 {
        let open: i64 = self.known().values().map(|counters| counters.open.get()).sum();
        u64::try_from(open).unwrap_or(0)
    }

    /// Counts a command or message that was refused with this code.
    pub fn refused(&self, code: u16) {
        let class = if code < 500 { &self.refused_4xx } else { &self.refused_5xx };
        class.inc();
    }

    /// As [`Metrics::refused`], of a whole reply.
    pub fn refused_with(&self, reply: &Reply) {
        self.refused(reply.code);
    }

    /// Messages of the queue as they are now: by connectors, those that are being sent or next in turn, and those that
    /// wait or are held.
    pub fn set_queue(&self, counts: impl IntoIterator<Item = (String, u64, u64)>) {
        self.lanes.clear();
        for (connector, active, waiting) in counts {
            for (state, count) in [("active", active), ("waiting", waiting)] {
                let lane = Lane { connector: connector.clone(), state };
                self.lanes.get_or_create(&lane).inc_by(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }

    /// All of it, as OpenMetrics writes it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn register_in(&mut self) {
        let r = &mut self.registry;
        r.register("sessions", "Sessions that clients opened", self.sessions.clone());
        r.register("sessions_open", "Sessions that are open", self.sessions_open.clone());
        r.register("sessions_refused", "Sessions refused with 421", self.sessions_refused.clone());
        r.register("tls_in", "Sessions that began TLS", self.tls_in.clone());
        r.register("tls_in_failed", "TLS handshakes of clients that failed", self.tls_in_failed.clone());
        r.register("accepted_messages", "Messages that got their 250", self.accepted.clone());
        r.register("accepted_recipients", "Recipients of those messages", self.accepted_recipients.clone());
        r.register("accepted_octets", "Octets of those messages", self.accepted_octets.clone());
        r.register("refused", "Commands and messages that were refused", self.refused.clone());
        let help = "From the end of a message to its 250";
        r.register_with_unit("time_to_250", help, Unit::Seconds, self.time_to_250.clone());
    }

    fn register_spool(&mut self) {
        let r = &mut self.registry;
        r.register_with_unit("spool_sync", "One sync of the spool", Unit::Seconds, self.spool_sync.clone());
        r.register("spool_batch", "Messages and notes that one sync made durable", self.spool_batch.clone());
        r.register_with_unit("disk_free", "Free on the disk of the spool", Unit::Bytes, self.disk_free.clone());
        r.register("spool_failed", "1 where the spool cannot be written any more", self.spool_failed.clone());
    }

    fn register_out(&mut self) {
        let r = &mut self.registry;
        r.register("connections", "Connections to next hops", self.connections.clone());
        r.register("connections_open", "Connections to next hops that are open", self.open.clone());
        r.register("connections_tls", "Connections to next hops with TLS", self.tls_out.clone());
        r.register("recipients", "Recipients, by what came of an attempt", self.outcomes.clone());
        r.register("dead_hosts", "Next hops that are left alone for a while", self.dead_hosts.clone());
        r.register("queue_entries", "Messages in the queue, once for each way out", self.lanes.clone());
        let help = "From acceptance to delivery";
        r.register_with_unit("queue_delay", help, Unit::Seconds, self.queue_delay.clone());
        r.register("expired", "Recipients that were in the queue for too long", self.expired.clone());
        r.register("notifications", "Notifications that were made", self.notifications.clone());
        r.register("dropped", "Recipients that failed with nobody to tell", self.dropped.clone());
    }

    fn register_rest(&mut self) {
        let r = &mut self.registry;
        r.register("verify_questions", "Recipients that a next hop is asked for first", self.verify_questions.clone());
        r.register("verify_probes", "Call-outs: the other answers were known", self.verify_probes.clone());
        r.register("reloads", "Reloads that were good", self.reloads.clone());
        r.register("reloads_failed", "Reloads that were not", self.reloads_failed.clone());
        r.register("log_lines_lost", "Lines that the log dropped", self.log_lost.clone());
    }
}
