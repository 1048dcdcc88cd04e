//! What a spool must hold, kept beside it while a workload runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use mailswitch::relay::envelope::{Envelope, QueueId, Recipient};
use mailswitch::relay::spool::{
    Accept, Change, Content, Note, Op, Opened, Options, Place, Recovered, Spool, SpoolError,
};

use super::memory::Memory;

pub(super) const FOLDER: &str = "/spool";

/// What contents are cut from.
static OCTETS: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..101_000_u32).map(|n| (n.wrapping_mul(31) >> 2) as u8).collect());

/// What is done to a spool, one after the other.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// So many messages at once, with recipients and octets each.
    Accept {
        messages: usize,
        recipients: u32,
        octets: usize,
    },
    /// One with a body file.
    Large {
        octets: usize,
    },
    Done {
        message: usize,
        recipient: u32,
    },
    Finished {
        message: usize,
    },
    Held {
        message: usize,
    },
    /// One transaction: a new message, and a recipient of another done.
    Bounce {
        message: usize,
        recipient: u32,
    },
    Restart,
}

/// A message that the spool was given.
#[derive(Debug, Clone)]
struct Given {
    envelope: Envelope,
    content: Vec<u8>,
    place: Option<Place>,
    acknowledged: bool,
    /// What a later acknowledgement has covered, and what may have been written.
    done: BTreeSet<u32>,
    maybe_done: BTreeSet<u32>,
    finished: bool,
    maybe_finished: bool,
}

impl Given {
    fn recipients(&self) -> u32 {
        self.envelope.recipients.len() as u32
    }

    fn must_be_there(&self) -> bool {
        let all_done = self.maybe_done.len() as u32 == self.recipients();
        self.place.is_some() && !self.maybe_finished && !all_done
    }

    fn may_be_there(&self) -> bool {
        !self.finished && (self.done.len() as u32) < self.recipients()
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) disk: Memory,
    given: BTreeMap<QueueId, Given>,
    /// Transactions of which nobody knows whether they are there: a message, and whose recipient it made done.
    bounces: Vec<(QueueId, QueueId, u32)>,
    salt: u8,
}

pub(super) fn options() -> Options {
    Options { segment: 48 << 10, patience: std::time::Duration::ZERO, ..Options::new(1) }
}

impl Model {
    pub(super) fn on(disk: Memory) -> Model {
        Model { disk, ..Model::default() }
    }

    pub(super) fn open(&self) -> Result<Opened, SpoolError> {
        Spool::open(Path::new(FOLDER), Arc::new(self.disk.clone()), options())
    }

    /// Runs a workload as far as the disk lets it; what fails fails for good.
    pub(super) async fn run(&mut self, steps: &[Step]) {
        let Ok(Opened { mut spool, .. }) = self.open() else { return };
        for step in steps {
            if matches!(step, Step::Restart) {
                spool.close();
                match self.open() {
                    Ok(opened) => {
                        self.check(&opened);
                        self.learn(&opened.messages);
                        spool = opened.spool;
                    }
                    Err(_) => return,
                }
            } else {
                self.step(&spool, step).await;
            }
        }
        spool.close();
    }

    /// What a restart gives is what the spool holds from then on, whatever was known before.
    fn learn(&mut self, messages: &[Recovered]) {
        let there: BTreeMap<QueueId, &Recovered> = messages.iter().map(|m| (m.id, m)).collect();
        for (id, given) in &mut self.given {
            let found = there.get(id);
            given.place = found.map(|message| message.place);
            given.done = found.map_or_else(BTreeSet::new, |message| message.done.iter().copied().collect());
            given.maybe_done.clone_from(&given.done);
            (given.finished, given.maybe_finished) = (found.is_none(), found.is_none());
        }
        self.bounces.clear();
    }

    async fn step(&mut self, spool: &Spool, step: &Step) {
        let failed = spool.is_failed();
        let taken = match *step {
            Step::Accept { messages, recipients, octets } => self.accept(spool, messages, recipients, octets).await,
            Step::Large { octets } => self.large(spool, octets).await,
            Step::Bounce { message, recipient } => self.bounce(spool, message, recipient).await,
            Step::Done { message, recipient } => self.note(spool, message, Change::Done(vec![recipient])),
            Step::Finished { message } => self.note(spool, message, Change::Finished),
            Step::Held { message } => self.note(spool, message, Change::Held),
            Step::Restart => false,
        };
        assert!(!(failed && taken), "a spool that failed took {step:?}");
        if taken {
            // Everything that was written before it is durable with it.
            for given in self.given.values_mut() {
                given.done.clone_from(&given.maybe_done);
                given.finished = given.maybe_finished;
            }
            self.bounces.clear();
        }
    }

    fn message(&mut self, spool: &Spool, recipients: u32, octets: usize) -> (Envelope, Vec<u8>, QueueId) {
        let id = spool.next_id();
        let before = self.given.get(&id);
        assert!(before.is_none_or(|given| !given.acknowledged), "{id} was given away before");
        self.salt = self.salt.wrapping_add(1);
        let recipient = |n: u32| {
            let address = format!("r{n}@contoso.com");
            Recipient { asked: format!("alias-{n}@contoso.com"), address, ..Recipient::default() }
        };
        let recipients = (0..recipients).map(recipient).collect();
        let envelope = Envelope { sender: format!("{id}@contoso.com"), recipients, ..Envelope::default() };
        // Every message another, and no octet like the one before it.
        let content = OCTETS[usize::from(self.salt)..][..octets].to_vec();
        let (done, maybe_done) = Default::default();
        let given = Given {
            envelope: envelope.clone(),
            content: content.clone(),
            place: None,
            acknowledged: false,
            done,
            maybe_done,
            finished: false,
            maybe_finished: false,
        };
        self.given.insert(id, given);
        (envelope, content, id)
    }

    async fn accept(&mut self, spool: &Spool, messages: usize, recipients: u32, octets: usize) -> bool {
        let mut tasks = Vec::new();
        for _ in 0..messages {
            let (envelope, content, id) = self.message(spool, recipients, octets);
            let (spool, content) = (spool.clone(), Content::Bytes(content.into()));
            let accept = Accept { id, arrived: 7, envelope, content };
            tasks.push((id, tokio::spawn(async move { spool.accept(&accept).await })));
        }
        let mut taken = false;
        for (id, task) in tasks {
            let place = task.await.unwrap();
            self.placed(id, place.as_ref().ok().copied());
            taken |= place.is_ok();
        }
        taken
    }

    async fn large(&mut self, spool: &Spool, octets: usize) -> bool {
        let (envelope, content, id) = self.message(spool, 1, octets);
        let written = async {
            let mut body = spool.body(id)?;
            content.chunks(10_000).try_for_each(|piece| body.write(piece))?;
            let content = Content::File(body.finish()?);
            spool.accept(&Accept { id, arrived: 7, envelope, content }).await
        };
        let place = written.await.ok();
        self.placed(id, place);
        place.is_some()
    }

    fn placed(&mut self, id: QueueId, place: Option<Place>) {
        let given = self.given.get_mut(&id).unwrap();
        (given.place, given.acknowledged) = (place, place.is_some());
    }

    /// A message that lives, as far as is known.
    fn pick(&self, message: usize) -> Option<(QueueId, Place)> {
        let live: Vec<_> = self.given.iter().filter(|(_, given)| given.must_be_there()).collect();
        let (id, given) = live.get(message % live.len().max(1))?;
        given.place.map(|place| (**id, place))
    }

    fn note(&mut self, spool: &Spool, message: usize, change: Change) -> bool {
        let Some((id, place)) = self.pick(message) else { return false };
        let given = self.given.get_mut(&id).unwrap();
        match &change {
            Change::Done(done) => {
                let recipients = given.recipients();
                given.maybe_done.extend(done.iter().filter(|n| **n < recipients));
            }
            Change::Finished => given.maybe_finished = true,
            _ => {}
        }
        spool.note(&Note { id, place, change });
        false
    }

    async fn bounce(&mut self, spool: &Spool, message: usize, recipient: u32) -> bool {
        let Some((failed, place)) = self.pick(message) else { return false };
        if recipient >= self.given[&failed].recipients() || self.given[&failed].maybe_done.contains(&recipient) {
            return false;
        }
        let (envelope, content, id) = self.message(spool, 1, 300);
        self.given.get_mut(&failed).unwrap().maybe_done.insert(recipient);
        let accept = Accept { id, arrived: 8, envelope, content: Content::Bytes(content.into()) };
        let note = Note { id: failed, place, change: Change::Done(vec![recipient]) };
        let places = spool.write(&[Op::Accept(accept), Op::Note(note)]).await;
        if places.is_err() && !spool.is_failed() {
            // There was no room: it is certain that nothing was written.
            self.given.get_mut(&failed).unwrap().maybe_done.remove(&recipient);
        }
        self.bounces.push((id, failed, recipient));
        let place = places.ok().map(|places| places[0]);
        self.placed(id, place);
        place.is_some()
    }

    /// Compares what recovery gives with what it must and may give.
    pub(super) fn check(&self, opened: &Opened) {
        let there: BTreeMap<QueueId, &Recovered> = opened.messages.iter().map(|m| (m.id, m)).collect();
        for (id, given) in &self.given {
            match there.get(id) {
                Some(message) => self.check_message(&opened.spool, message, given),
                None => assert!(!given.must_be_there(), "{id} was acknowledged and is lost"),
            }
        }
        assert!(there.keys().all(|id| self.given.contains_key(id)), "messages that nobody gave");
        for (bounce, failed, recipient) in &self.bounces {
            let (bounce, failed) = (there.get(bounce), there.get(failed));
            if let Some(failed) = failed.filter(|_| bounce.is_some_and(|b| b.done.is_empty()) || bounce.is_none()) {
                let done = failed.done.contains(recipient);
                assert!(bounce.is_none() || done, "half of a transaction");
            }
        }
    }

    fn check_message(&self, spool: &Spool, message: &Recovered, given: &Given) {
        let id = message.id;
        assert!(given.may_be_there(), "{id} was finished and is back");
        let done: BTreeSet<u32> = message.done.iter().copied().collect();
        assert!(done.is_superset(&given.done), "{id}: a recipient that was done is back");
        assert!(done.is_subset(&given.maybe_done), "{id}: a recipient is done that never was");
        match (spool.envelope(message.place), spool.content(message.place).map(|content| octets(&content))) {
            (Ok(envelope), Ok(Ok(content))) => {
                assert_eq!(envelope, given.envelope);
                assert!(content == given.content, "{id}: another content");
            }
            unread => assert!(self.disk.is_armed(), "{id}: {unread:?}"),
        }
    }
}

pub(super) fn octets(content: &Content) -> io::Result<Vec<u8>> {
    let body = match content {
        Content::Bytes(bytes) => return Ok(bytes.to_vec()),
        Content::File(body) => body,
    };
    let mut octets = vec![0; body.len() as usize];
    let mut at = 0;
    while at < octets.len() {
        match body.read_at(&mut octets[at..], at as u64)? {
            0 => break,
            read => at += read,
        }
    }
    Ok(octets)
}
