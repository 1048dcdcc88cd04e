//! A mail transaction: what the relay answers to MAIL, RCPT and the end of the content.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hashbrown::HashSet;
use tokio::time::Instant;

use super::content::Incoming;
use super::filter::{Asked, Filtered};
use super::received::Trace;
use super::serve::Connection;
use crate::relay::date::Date;
use crate::relay::envelope::{Envelope, QueueId};
use crate::relay::event::{Event, Log, Tls};
use crate::relay::reply::Reply;
use crate::relay::route::{Decision, Route, Router, Sending};
use crate::relay::session::{Answer, replies};
use crate::relay::smtp::path::RcptPath;
use crate::relay::spool::{Accept, Content, Place, SpoolError};
use crate::relay::verify::Verdict;

/// What was begun with MAIL.
#[derive(Default)]
pub(super) struct Transaction {
    /// That counted when it began.
    router: Option<Arc<Router>>,
    /// Of the recipients, in their order.
    routes: Vec<Arc<Route>>,
    /// The recipients in normal form.
    known: HashSet<Box<str>, foldhash::fast::RandomState>,
    /// As its sender says.
    size: Option<u64>,
    incoming: Option<Incoming>,
    pub(super) filter: Asked,
    since: Option<Instant>,
}

/// An answer that has to be waited for.
pub(super) enum Later {
    /// None is due: there is much output.
    Output,
    Tls,
    Recipient(Sending),
    Message(Envelope),
}

impl Transaction {
    /// How long a message that comes in is waited for: longer, the more there is of it.
    pub(super) fn until(&self, seconds: u32) -> Option<Instant> {
        let octets = self.incoming.as_ref()?.len();
        Some(self.since? + Duration::from_secs(u64::from(seconds) + (octets >> 10)))
    }

    /// Nothing of the message is kept.
    pub(super) fn discard(&mut self) {
        self.incoming = self.incoming.take().map(|mut incoming| {
            incoming.discard();
            incoming
        });
    }
}

impl Connection {
    /// The answer to MAIL: whether there is room.
    pub(super) fn mail(&mut self, size: Option<u64>) {
        let router = Some(Arc::clone(&self.server.now().router));
        self.transaction = Transaction { size, router, ..Transaction::default() };
        let (server, least) = (&self.server, self.server.now().local.limits.free_disk);
        let refusal = if server.spool.is_failed() {
            Some(replies::NOT_STORED)
        } else {
            let free = server.spool.free();
            // The alarm is about the disk, and not about what a client says of its message.
            server.disk_is_low(free < least, least);
            (free < least.saturating_add(size.unwrap_or(0))).then_some(replies::LOW_DISK)
        };
        let answer = match refusal {
            Some(row) => {
                let reply = row.reply();
                server.refused(self.client, self.helo(), "MAIL", Some(self.session.sender()), None, &reply);
                Answer::Refused(reply)
            }
            None => Answer::Yes,
        };
        self.session.answer(answer);
    }

    /// The answer to RCPT.
    pub(super) fn rcpt(&mut self, path: RcptPath) -> Result<Answer, Later> {
        let decision = self.server.now().router.rcpt(self.client.ip(), &path);
        let reply = match decision {
            Ok(Decision::Send(sending)) if !sending.route.takes(self.transaction.size) => {
                replies::TOO_LARGE_THERE.reply()
            }
            Ok(Decision::Send(sending)) if sending.verify || self.has_filter() => {
                return Err(Later::Recipient(sending));
            }
            Ok(Decision::Send(sending)) => return Ok(self.take_recipient(sending)),
            Ok(Decision::Refused { status, text }) => replies::refusal(status, text),
            Err(damaged) => {
                // A table that cannot be read says nothing of the recipient.
                let why = damaged.to_string();
                self.server.log.write(&Event::Error { part: "tables", why: &why });
                replies::LOCAL_ERROR.reply()
            }
        };
        Ok(self.refuse_recipient(reply))
    }

    pub(super) fn has_filter(&self) -> bool {
        self.server.now().router.config().server.milter.is_some()
    }

    /// The answer to RCPT where the next hop or a filter is to be asked first.
    pub(super) async fn verify(&mut self, sending: Sending) -> Answer {
        match self.asked(&sending).await {
            Ok(()) => self.take_recipient(sending),
            Err(reply) => self.refuse_recipient(reply),
        }
    }

    async fn asked(&mut self, sending: &Sending) -> Result<(), Reply> {
        if sending.verify {
            self.ask_next_hop(sending).await?;
        }
        self.ask_filter().await
    }

    async fn ask_next_hop(&self, sending: &Sending) -> Result<(), Reply> {
        let (server, now) = (Arc::clone(&self.server), Date::of(SystemTime::now()).0);
        server.metrics.verify_questions.inc();
        let ask = |route, recipient| {
            server.metrics.verify_probes.inc();
            asked_aloud(server.hops.clone().probe(route, recipient), server.log.clone())
        };
        server.verifier.ask(now, sending, ask).await
    }

    fn take_recipient(&mut self, sending: Sending) -> Answer {
        if !self.transaction.known.insert(sending.mailbox.as_str().into()) {
            return Answer::Known;
        }
        self.transaction.routes.push(sending.route);
        Answer::Recipient(sending.recipient)
    }

    fn refuse_recipient(&self, reply: Reply) -> Answer {
        let envelope = self.session.envelope();
        let recipient = envelope.recipients.last().map(|r| r.asked.as_str());
        self.server.refused(self.client, self.helo(), "RCPT", Some(&envelope.sender), recipient, &reply);
        Answer::Refused(reply)
    }

    pub(super) fn helo(&self) -> &str {
        self.session.helo().unwrap_or_default()
    }

    /// Keeps some content.
    pub(super) fn content(&mut self, octets: &[u8]) {
        if self.transaction.incoming.is_none() {
            self.transaction.incoming = Some(self.begin(self.session.envelope()));
            self.transaction.since = Some(Instant::now());
        }
        if let Some(incoming) = &mut self.transaction.incoming {
            incoming.push(&self.server.spool, octets);
            // Not every client says how much there will be.
            if incoming.is_in_file() && self.server.spool.free() < self.server.now().local.limits.free_disk {
                incoming.fail(SpoolError::Full);
            }
        }
    }

    /// A message begins: with our trace line.
    pub(super) fn begin(&self, envelope: &Envelope) -> Incoming {
        self.again(envelope, self.server.spool.next_id())
    }

    /// A message of that name: with our trace line alone.
    pub(super) fn again(&self, envelope: &Envelope, id: QueueId) -> Incoming {
        let recipient = match envelope.recipients.as_slice() {
            [one] => Some(one.asked.as_str()),
            _ => None,
        };
        let now = self.server.now();
        let trace = Trace {
            hello: self.helo(),
            client: self.client.ip(),
            hostname: &now.settings.hostname,
            id,
            extended: self.session.is_extended(),
            tls: self.session.cipher().is_some(),
            smtputf8: envelope.smtputf8,
            recipient,
            date: Date::of(SystemTime::now()),
        };
        Incoming::new(id, trace.line())
    }

    /// The answer to a whole message: it is durable, or it is refused.
    pub(super) async fn store(&mut self, envelope: Envelope) -> Answer {
        let started = Instant::now();
        let incoming = self.transaction.incoming.take().unwrap_or_else(|| self.begin(&envelope));
        let (incoming, held) = match self.filtered(&envelope, incoming).await {
            Filtered::Kept { incoming, held } => (incoming, held),
            Filtered::Refused(reply) => return self.refuse_message(&envelope, reply),
            Filtered::Discarded(id) => return Answer::Stored(id),
            Filtered::NotStored(error) => return self.not_stored(&error),
        };
        let Transaction { routes, router, .. } = std::mem::take(&mut self.transaction);
        let id = incoming.id;
        let stored = match incoming.finish() {
            Ok((content, _)) => self.keep(id, envelope, content, held).await,
            Err(error) => Err(error),
        };
        match stored {
            Ok((accept, place)) => {
                self.accepted(&accept, started.elapsed());
                let router = router.unwrap_or_else(|| Arc::clone(&self.server.now().router));
                self.server.queue.submit(accept, place, routes, &router, held);
                Answer::Stored(id)
            }
            Err(error) => self.not_stored(&error),
        }
    }

    async fn keep(
        &self,
        id: QueueId,
        envelope: Envelope,
        content: Content,
        held: bool,
    ) -> Result<(Accept, Place), SpoolError> {
        // By the clock that its age is told by, whatever becomes of the host's.
        let accept = Accept { id, arrived: self.server.queue.now(), envelope, content };
        let spool = &self.server.spool;
        let place = if held { spool.accept_held(&accept).await? } else { spool.accept(&accept).await? };
        Ok((accept, place))
    }

    fn accepted(&self, accept: &Accept, took: Duration) {
        let (metrics, envelope, size) = (&self.server.metrics, &accept.envelope, accept.content.len());
        metrics.accepted.inc();
        metrics.accepted_recipients.inc_by(envelope.recipients.len() as u64);
        metrics.accepted_octets.inc_by(size);
        metrics.time_to_250.observe(took);
        let tls = self.stream.tls().map(|(version, cipher)| Tls { version, cipher, verified: false });
        let (id, client, helo) = (accept.id, self.client, self.helo());
        let (sender, recipients) = (envelope.sender.as_str(), envelope.recipients.as_slice());
        self.server.log.write(&Event::Accepted { id, client, helo, tls, sender, recipients, size, took });
    }

    fn refuse_message(&self, envelope: &Envelope, reply: Reply) -> Answer {
        self.server.refused(self.client, self.helo(), "DATA", Some(&envelope.sender), None, &reply);
        Answer::Refused(reply)
    }

    fn not_stored(&self, error: &SpoolError) -> Answer {
        let row = match error {
            SpoolError::Full => replies::LOW_DISK,
            SpoolError::Disk { error, .. } if error.kind() == ErrorKind::StorageFull => replies::LOW_DISK,
            _ => replies::NOT_STORED,
        };
        let reply = row.reply();
        self.server.log.write(&Event::Error { part: "spool", why: &error.to_string() });
        self.server.refused(self.client, self.helo(), "DATA", None, None, &reply);
        Answer::Refused(reply)
    }
}

/// What a probe brings back; the log is told where the next hop could not be asked.
async fn asked_aloud(probe: impl Future<Output = Verdict>, log: Log) -> Verdict {
    let verdict = probe.await;
    if let Verdict::Unasked(why) = &verdict {
        log.write(&Event::Error { part: "verify", why });
    }
    verdict
}
