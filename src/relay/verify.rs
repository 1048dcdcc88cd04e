//! Call-outs: the next hop is asked at RCPT time whether it takes a recipient, and its answer is remembered.
//!
//! One probe answers all who ask for a recipient at a time. An answer counts for days; when it has grown stale it still
//! counts, and the next hop is asked again behind it. Where the next hop cannot be asked, or does not know yet, the
//! recipient is neither taken nor refused (450).

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::sync::oneshot;

use super::reply::{Reply, Status};
use super::route::{Route, Sending};
use book::Book;
use cache::{Answer, Cache, Entry, Key};

mod book;
pub mod cache;

/// What a probe brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The next hop takes the recipient.
    Taken,
    /// It refuses the recipient, by this reply of 5xx to RCPT.
    Refused(Reply),
    /// It does not say yet: its reply of 4xx to RCPT.
    Later(Reply),
    /// It could not be asked, and why: no connection, or it takes no message from `<>` at all.
    Unasked(String),
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Answers that are remembered at most.
    pub entries: usize,
    /// Probes at once; one route has no more than half of them, so that a next hop that is slow keeps the others' no place.
    pub probes: usize,
    /// How long RCPT waits for a probe, which goes on behind it.
    pub patience: Duration,
    /// The longest that a probe may take.
    pub longest: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            entries: 50_000,
            probes: 100,
            patience: Duration::from_secs(10),
            longest: Duration::from_secs(5 * 60),
        }
    }
}

/// The answers that are known, and the probes on their way.
#[derive(Debug, Clone)]
pub struct Verifier(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: Options,
    state: Mutex<State>,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct State {
    cache: Cache,
    /// Who waits for each probe.
    flights: HashMap<Key, Vec<oneshot::Sender<Verdict>>>,
    /// Why the last answers may not outlive a restart.
    trouble: Option<String>,
}

/// What is to be done for one who asks.
enum Next {
    Say(Result<(), Reply>),
    Wait(oneshot::Receiver<Verdict>),
    /// Nobody has asked yet.
    Probe(oneshot::Receiver<Verdict>),
    /// The answer is old: say it, and ask again.
    Refresh(Result<(), Reply>),
}

impl Verifier {
    /// With the answers of earlier days, from a file in this folder. `now` is in seconds of Unix time, here and below.
    pub fn open(folder: &Path, options: Options, now: u64) -> io::Result<Verifier> {
        let mut cache = Cache::new(options.entries);
        let book = Book::open(folder, &mut cache, now)?;
        let state = State { cache, flights: HashMap::new(), trouble: None };
        Ok(Verifier(Arc::new(Shared { options, state: Mutex::new(state), book: Mutex::new(book) })))
    }

    /// Whether the next hop takes the recipient, or what to say to RCPT. `probe` asks it, in a task of its own.
    pub async fn ask<P, F>(&self, now: u64, sending: &Sending, probe: P) -> Result<(), Reply>
    where
        P: FnOnce(Arc<Route>, String) -> F,
        F: Future<Output = Verdict> + Send + 'static,
    {
        let key = Key { route: sending.route.key.clone(), mailbox: sending.mailbox.as_str().to_owned() };
        let launch = |key| self.launch(now, key, probe(Arc::clone(&sending.route), sending.recipient.clone()));
        let next = self.0.state().next(&key, now, self.0.options.probes);
        let receiver = match next {
            Next::Say(answer) => return answer,
            Next::Refresh(answer) => {
                launch(key);
                return answer;
            }
            Next::Wait(receiver) => receiver,
            Next::Probe(receiver) => {
                launch(key);
                receiver
            }
        };
        match tokio::time::timeout(self.0.options.patience, receiver).await {
            Ok(Ok(verdict)) => in_reply(verdict),
            Ok(Err(_)) => in_reply(Verdict::Unasked("the question was lost".to_owned())),
            Err(_) => Err(later(Status(4, 4, 1), "The next server is still being asked for this recipient")),
        }
    }

    /// How many answers are known.
    pub fn len(&self) -> usize {
        self.0.state().cache.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Why the last answers may not outlive a restart.
    pub fn trouble(&self) -> Option<String> {
        self.0.state().trouble.clone()
    }

    fn launch(&self, now: u64, key: Key, probe: impl Future<Output = Verdict> + Send + 'static) {
        let flight = Flight { shared: Arc::clone(&self.0), key, landed: false };
        tokio::spawn(async move {
            let verdict = tokio::time::timeout(flight.shared.options.longest, probe).await;
            let verdict = verdict.unwrap_or_else(|_| Verdict::Unasked("it does not answer".to_owned()));
            flight.land(now, verdict).await;
        });
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an answer down.
    fn write(&self, key: &Key, entry: &Entry, now: u64) {
        let mut book = self.book();
        let mut written = book.append(key, entry);
        if written.is_ok() && book.is_long() {
            let mut state = self.state();
            state.cache.forget_expired(now);
            written = book.rewrite(&state.cache);
        }
        self.state().trouble = written.err().map(|error| error.to_string());
    }
}

impl State {
    fn next(&mut self, key: &Key, now: u64, most: usize) -> Next {
        let same_way = || self.flights.keys().filter(|flight| flight.route == key.route).count();
        let busy = self.flights.len() >= most || same_way() >= most.div_ceil(2);
        let known = self.cache.get(key, now).map(|entry| (of(&entry.answer), entry.is_stale(now)));
        let waiting = self.flights.get_mut(key);
        match (known, waiting) {
            (Some((answer, true)), None) if !busy => {
                self.flights.insert(key.clone(), Vec::new());
                Next::Refresh(answer)
            }
            (Some((answer, _)), _) => Next::Say(answer),
            (None, Some(waiting)) => {
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                Next::Wait(receiver)
            }
            (None, None) if busy => Next::Say(Err(later(Status(4, 3, 2), "Too many recipients are being verified"))),
            (None, None) => {
                let (sender, receiver) = oneshot::channel();
                self.flights.insert(key.clone(), vec![sender]);
                Next::Probe(receiver)
            }
        }
    }
}

/// A probe on its way. Whatever becomes of it, those who wait hear of it.
struct Flight {
    shared: Arc<Shared>,
    key: Key,
    landed: bool,
}

impl Flight {
    async fn land(mut self, now: u64, verdict: Verdict) {
        let answer = match &verdict {
            Verdict::Taken => Some(Answer::Taken),
            Verdict::Refused(reply) => Some(refusal(reply)),
            Verdict::Later(_) | Verdict::Unasked(_) => None,
        };
        if let Some(answer) = answer {
            let entry = Entry { at: now, answer };
            self.shared.state().cache.put(self.key.clone(), entry.clone());
            let (shared, key) = (Arc::clone(&self.shared), self.key.clone());
            let written = tokio::task::spawn_blocking(move || shared.write(&key, &entry, now)).await;
            debug_assert!(written.is_ok(), "writing an answer down does not panic");
        }
        self.landed = true;
        let waiting = self.shared.state().flights.remove(&self.key).unwrap_or_default();
        for sender in waiting {
            // Who has gone meanwhile needs no answer.
            drop(sender.send(verdict.clone()));
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.landed {
            self.shared.state().flights.remove(&self.key);
        }
    }
}

fn refusal(reply: &Reply) -> Answer {
    let status = reply.status.filter(|status| status.0 == 5).unwrap_or(Status(5, 1, 1));
    Answer::Refused { status, words: words(reply) }
}

fn of(answer: &Answer) -> Result<(), Reply> {
    match answer {
        Answer::Taken => Ok(()),
        Answer::Refused { status, words } => {
            Err(Reply { code: 550, status: Some(*status), text: format!("The next server refuses it: {words}") })
        }
    }
}

/// What is said to RCPT.
fn in_reply(verdict: Verdict) -> Result<(), Reply> {
    match verdict {
        Verdict::Taken => Ok(()),
        Verdict::Refused(reply) => of(&refusal(&reply)),
        Verdict::Later(reply) => {
            let status = reply.status.filter(|status| status.0 == 4).unwrap_or(Status(4, 1, 1));
            Err(later(status, &format!("The next server says: {}", words(&reply))))
        }
        // Why is for the log: it may speak of files and hosts of ours.
        Verdict::Unasked(_) => Err(later(Status(4, 4, 1), "The next server cannot be asked for this recipient")),
    }
}

fn later(status: Status, text: &str) -> Reply {
    Reply { code: 450, status: Some(status), text: text.to_owned() }
}

/// The words of a reply on one line in ASCII, and not too many of them.
fn words(reply: &Reply) -> String {
    const MOST: usize = 200;
    let plain = |c: char| match c {
        ' '..='~' => c,
        c if c.is_control() => ' ',
        _ => '?',
    };
    reply.text.chars().map(plain).take(MOST).collect()
}
