//! A queue with everything around it: a spool on disk, the routes of a source, and hosts that do as they are told. Time
//! stands still unless a test moves it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc as threads};
use std::time::Duration;

use arc_swap::ArcSwap;
use mailswitch::relay::config::Connector;
use mailswitch::relay::deliver::{Kind, Outcome, Secured, Source, Stage, Target, Transaction, Trouble};
use mailswitch::relay::envelope::{Envelope, Notify, QueueId, Recipient};
use mailswitch::relay::event::{Format, Log, To};
use mailswitch::relay::metrics::Metrics;
use mailswitch::relay::queue::retry::Schedule;
use mailswitch::relay::queue::{Hop, Limits, Link, Parts, Queue};
use mailswitch::relay::reply::{Reply, Status};
use mailswitch::relay::route::{Decision, Router};
use mailswitch::relay::smtp::path;
use mailswitch::relay::spool::{Accept, Content, Opened, Options, Spool};
use tokio::sync::mpsc;

use super::disk::Breaking;
use crate::relay::route::Site;

/// When all tests begin: in 2023.
pub(crate) const BEGIN: u64 = 1_700_000_000_000;

/// What a host does.
#[derive(Clone)]
pub(crate) enum Mode {
    /// It takes everything.
    Good,
    /// Nobody answers.
    Down,
    /// The name server says nothing about it for so long, and then what there is to say by then.
    Nameless(Duration),
    /// It takes so many messages on each connection, and then closes it without a word.
    Closes(usize),
    /// It answers each recipient by its local part: what is not named is taken.
    Says(Vec<(&'static str, u16)>),
    /// It never answers a message for this local part.
    Hangs(&'static str),
    /// A message for this local part meets a mistake of the relay's own.
    Panics(&'static str),
    /// It takes so many connections at once.
    Room(u32),
}

/// What hosts do, and what they saw.
#[derive(Clone)]
pub(crate) struct Script {
    modes: Arc<Mutex<HashMap<String, Mode>>>,
    seen: mpsc::UnboundedSender<String>,
    letters: Arc<Mutex<Vec<Vec<u8>>>>,
    open: Arc<Mutex<(u32, u32)>>,
    connections: Arc<AtomicU32>,
}

impl Script {
    fn mode(&self, host: &str) -> Mode {
        self.modes.lock().unwrap().get(host).cloned().unwrap_or(Mode::Good)
    }

    fn opened(&self, by: i32) {
        let mut open = self.open.lock().unwrap();
        open.0 = open.0.checked_add_signed(by).unwrap();
        open.1 = open.1.max(open.0);
    }
}

pub(crate) struct Wire {
    script: Script,
    host: String,
    taken: usize,
    over: bool,
    notes: [String; 1],
}

impl Hop for Script {
    type Link = Wire;

    async fn targets(&self, connector: &Arc<Connector>, domain: &str) -> Result<Vec<Target>, Trouble> {
        let mut hosts: Vec<String> = match connector.dns {
            true if domain == "null.example" => return Err(Trouble::permanent(Status(5, 1, 10), "no mail here")),
            true if domain == "twin.example" => vec!["mx.far.example".to_owned()],
            true => vec![format!("mx.{domain}")],
            false => connector.hosts.iter().map(|host| host.name.to_string()).collect(),
        };
        if connector.balanced {
            fastrand::shuffle(&mut hosts);
        }
        for name in &hosts {
            if let Mode::Nameless(wait) = self.mode(name) {
                tokio::time::sleep(wait).await;
            }
            if matches!(self.mode(name), Mode::Nameless(_)) {
                return Err(Trouble::new(Kind::Dns, Status(4, 4, 3), "no answer from the name server"));
            }
        }
        let numbers = |name: &str| name.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31) + u16::from(byte));
        Ok(hosts
            .into_iter()
            .flat_map(|name| {
                let port = numbers(&name);
                let addresses = if name.starts_with("double.") { 1..3 } else { 1..2 };
                addresses.map(move |last| Target { addr: ([192, 0, 2, last], port).into(), name: name.clone() })
            })
            .collect())
    }

    async fn connect(&self, _: &Arc<Connector>, target: &Target) -> Result<Wire, Trouble> {
        if matches!(self.mode(&target.name), Mode::Down) {
            let _ = self.seen.send(format!("{} is down", target.name));
            return Err(Trouble::new(Kind::Connect, Status(4, 4, 1), "connection refused"));
        }
        if matches!(self.mode(&target.name), Mode::Room(most) if self.open.lock().unwrap().0 >= most) {
            let _ = self.seen.send(format!("{} is full", target.name));
            return Err(Trouble::new(Kind::Greeting, Status(4, 3, 2), "too many connections"));
        }
        self.opened(1);
        self.connections.fetch_add(1, Ordering::Relaxed);
        Ok(Wire {
            script: self.clone(),
            host: target.name.clone(),
            taken: 0,
            over: false,
            notes: ["it went oddly".to_owned()],
        })
    }
}

impl Wire {
    fn outcome(&self, recipient: &str) -> Outcome {
        let local = recipient.split('@').next().unwrap();
        let code = match self.script.mode(&self.host) {
            Mode::Says(codes) => codes.iter().find(|(name, _)| *name == local).map_or(250, |(_, code)| *code),
            _ => 250,
        };
        let reply = Reply { code, status: None, text: format!("{local} here") };
        match code {
            250 => Outcome::Delivered { reply, dsn: false },
            _ => Outcome::Refused { reply, stage: Stage::Rcpt },
        }
    }

    fn take(&mut self, transaction: Transaction, source: &mut dyn Source) {
        let addresses: Vec<String> = transaction
            .recipients
            .iter()
            .map(|at| transaction.envelope.recipients[*at as usize].address.clone())
            .collect();
        self.script.letters.lock().unwrap().push(transaction.content.in_memory().unwrap().to_vec());
        let _ = self.script.seen.send(format!("{} {}", self.host, addresses.join(" ")));
        let outcomes = addresses.iter().map(|address| self.outcome(address)).collect();
        source.done(transaction, outcomes);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.script.opened(-1);
    }
}

impl Link for Wire {
    async fn run(&mut self, source: &mut dyn Source) -> Result<(), Trouble> {
        while let Some(transaction) = source.next() {
            if matches!(self.script.mode(&self.host), Mode::Closes(most) if self.taken >= most) {
                self.over = true;
                let _ = self.script.seen.send(format!("{} closes", self.host));
                let lost = transaction.recipients.iter().map(|_| Outcome::Lost { sent: false }).collect();
                source.done(transaction, lost);
                return Err(Trouble::new(Kind::Closed, Status(4, 4, 2), "the connection was closed"));
            }
            self.taken += 1;
            if let Mode::Hangs(local) = self.script.mode(&self.host)
                && transaction.envelope.recipients[0].address.split('@').next() == Some(local)
            {
                let _ = self.script.seen.send(format!("{} hangs", self.host));
                std::future::pending::<()>().await;
            }
            if let Mode::Panics(local) = self.script.mode(&self.host) {
                let first = transaction.envelope.recipients[0].address.clone();
                assert!(first.split('@').next() != Some(local), "as it was told");
            }
            self.take(transaction, source);
            // Others have their turn, as with a real host.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn is_open(&mut self) -> bool {
        !self.over
    }

    fn tls(&self) -> Option<Secured> {
        Some(Secured { version: "TLSv1.3", cipher: "some", verified: true })
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    async fn closed(&mut self) {
        std::future::pending().await
    }

    async fn quit(self) {}
}

/// The whole house. While it stands, time does.
pub(crate) struct House {
    pub(crate) queue: Queue<Script>,
    pub(crate) spool: Spool,
    pub(crate) router: Arc<ArcSwap<Router>>,
    pub(crate) metrics: Arc<Metrics>,
    log: Log,
    lines: Lines,
    script: Script,
    seen: mpsc::UnboundedReceiver<String>,
    folder: tempfile::TempDir,
    /// That the spool is on.
    pub(crate) disk: Breaking,
    _still: threads::Sender<()>,
}

/// What the log says.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The clock stands still while something blocks; but not for ever, so that a test which waits in vain ends.
fn stop_the_clock() -> threads::Sender<()> {
    let (still, moves) = threads::channel::<()>();
    tokio::task::spawn_blocking(move || moves.recv_timeout(Duration::from_secs(30)));
    still
}

impl House {
    pub(crate) fn new(dsl: &str) -> House {
        House::with(dsl, schedule(), Limits::default())
    }

    pub(crate) fn with(dsl: &str, schedule: Schedule, limits: Limits) -> House {
        let folder = tempfile::tempdir().unwrap();
        let router = Arc::new(ArcSwap::from_pointee(Site::new(dsl).router));
        House::open(folder, router, schedule, limits, BEGIN)
    }

    fn open(
        folder: tempfile::TempDir,
        router: Arc<ArcSwap<Router>>,
        schedule: Schedule,
        limits: Limits,
        now: u64,
    ) -> House {
        let still = stop_the_clock();
        let disk = Breaking::default();
        let opened = Spool::open(folder.path(), Arc::new(disk.clone()), Options::new(now));
        let Opened { spool, messages, .. } = opened.unwrap();
        let (sender, seen) = mpsc::unbounded_channel();
        let (modes, letters, open, connections) = Default::default();
        let script = Script { modes, seen: sender, letters, open, connections };
        let lines = Lines::default();
        let log = Log::start(Format::Human, To::Stream(Box::new(lines.clone()))).unwrap();
        let (hop, metrics) = (script.clone(), Arc::new(Metrics::new()));
        let parts = (Arc::clone(&metrics), log.clone());
        let (spool2, router2) = (spool.clone(), Arc::clone(&router));
        let queue = Queue::start(Parts { hop, spool: spool2, log, metrics, router: router2, schedule, limits, now });
        queue.recover(messages);
        queue.reroute();
        let (metrics, log) = parts;
        House { queue, spool, router, metrics, log, lines, script, seen, folder, disk, _still: still }
    }

    /// The relay ends and starts again, so much later.
    pub(crate) async fn restart(self, later: Duration) -> House {
        let modes = self.script.modes.lock().unwrap().clone();
        assert!(self.queue.drain(Duration::from_secs(3600)).await);
        self.spool.close();
        let House { folder, router, queue, .. } = self;
        drop(queue);
        let now = BEGIN + later.as_millis() as u64;
        let house = House::open(folder, router, schedule(), Limits::default(), now);
        *house.script.modes.lock().unwrap() = modes;
        house
    }

    pub(crate) fn host(&self, name: &str, mode: Mode) {
        self.script.modes.lock().unwrap().insert(name.to_owned(), mode);
    }

    /// A message that was accepted, from a sender to recipients.
    pub(crate) async fn send(&self, sender: &str, recipients: &[&str]) -> QueueId {
        self.send_with(sender, recipients, Notify::default(), b"Subject: hello\r\n\r\nhello\r\n").await
    }

    pub(crate) async fn send_with(&self, sender: &str, to: &[&str], notify: Notify, content: &[u8]) -> QueueId {
        self.send_by(&self.router.load(), sender, to, notify, content).await
    }

    /// A message that comes by the routes of this router.
    pub(crate) async fn send_by(
        &self,
        router: &Arc<Router>,
        sender: &str,
        to: &[&str],
        notify: Notify,
        content: &[u8],
    ) -> QueueId {
        let (mut recipients, mut routes) = (Vec::new(), Vec::new());
        for asked in to {
            let Decision::Send(sending) = router.again(asked).unwrap() else { panic!("{asked} is refused") };
            let (address, asked) = (sending.recipient, (*asked).to_owned());
            recipients.push(Recipient { address, asked, notify, orcpt: None });
            routes.push(sending.route);
        }
        assert!(path::recipient(to[0]).is_some());
        let envelope = Envelope { sender: sender.to_owned(), recipients, ..Envelope::default() };
        let arrived = BEGIN + self.elapsed();
        let accept = Accept { id: self.spool.next_id(), arrived, envelope, content: Content::Bytes(content.into()) };
        let (id, place) = (accept.id, self.spool.accept(&accept).await.unwrap());
        self.queue.submit(accept, place, routes, router, false);
        id
    }

    /// Puts a message that is there in line many times more: in memory alone.
    pub(crate) fn fill(&self, id: QueueId, count: usize) {
        let (envelope, content) = self.queue.stored(id, self.queue.slots(id)[0]).unwrap().unwrap();
        let router = self.router.load();
        let Decision::Send(sending) = router.again(&envelope.recipients[0].address).unwrap() else { panic!() };
        let place = self.queue.view(id, self.queue.slots(id)[0]).unwrap().place;
        for _ in 0..count {
            let (id, envelope, content) = (self.spool.next_id(), envelope.clone(), content.clone());
            let accept = Accept { id, arrived: BEGIN, envelope, content };
            self.queue.submit(accept, place, vec![sending.route.clone()], &router, false);
        }
    }

    pub(crate) fn elapsed(&self) -> u64 {
        self.queue.now().saturating_sub(BEGIN)
    }

    /// What the next hosts see, in this order.
    pub(crate) async fn sees(&mut self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.next().await, *expected);
        }
    }

    pub(crate) async fn next(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(3600 * 24 * 365), self.seen.recv()).await;
        next.expect("nothing happens any more").unwrap()
    }

    /// What was seen and not told yet; nothing is under way any more.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        assert!(self.queue.drain(Duration::from_secs(3600)).await);
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }

    pub(crate) async fn later(&self, wait: Duration) {
        settle().await;
        tokio::time::advance(wait).await;
        settle().await;
    }

    /// The last content that a host was given.
    pub(crate) fn letter(&self) -> String {
        String::from_utf8(self.script.letters.lock().unwrap().last().unwrap().clone()).unwrap()
    }

    /// What the log has said of some event. It says nothing afterwards.
    pub(crate) fn logged(&self, event: &str) -> Vec<String> {
        self.log.close();
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(event)).map(str::to_owned).collect()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> u32 {
        self.script.connections.load(Ordering::Relaxed)
    }

    /// The most connections that were open at once.
    pub(crate) fn most_open(&self) -> u32 {
        self.script.open.lock().unwrap().1
    }
}

/// Whatever can go on without time does.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Without jitter: a wait is exactly as long as it says.
pub(crate) fn schedule() -> Schedule {
    let mut schedule = Schedule::new(&[300, 600, 1200], 4 * 3600, None);
    (schedule.message.jitter, schedule.host.jitter) = (0.0, 0.0);
    schedule
}
