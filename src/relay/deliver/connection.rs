//! A connection that is ready for transactions: the machine of [`dialogue`](super::dialogue) on a wire.

use std::sync::Arc;

use crate::relay::deliver::capabilities::Capabilities;
use crate::relay::deliver::content::CHUNK;
use crate::relay::deliver::dialogue::{Dialogue, Event, Expected};
use crate::relay::deliver::wire::Wire;
use crate::relay::deliver::{Kind, Octets, Secured, Source, Timeouts, Trouble};
use crate::relay::reply::Status;

/// Greeted, with TLS and AUTH behind it.
pub struct Connection {
    pub(super) wire: Wire,
    pub(super) timeouts: Timeouts,
    dialogue: Dialogue,
    offered: Capabilities,
    /// What is to be written.
    out: Vec<u8>,
    over: bool,
    notes: Vec<String>,
    tls: Option<Secured>,
}

impl Connection {
    pub(super) fn new(
        wire: Wire,
        offered: Capabilities,
        lmtp: bool,
        timeouts: Timeouts,
        notes: Vec<String>,
        tls: Option<Secured>,
    ) -> Connection {
        let dialogue = Dialogue::new(offered, lmtp);
        Connection { wire, timeouts, dialogue, offered, out: Vec::new(), over: false, notes, tls }
    }

    /// What the host offers.
    pub fn offered(&self) -> &Capabilities {
        &self.offered
    }

    pub fn tls(&self) -> Option<Secured> {
        self.tls
    }

    /// What a log should say of how the connection came about: what was wanted and not had.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Sends what the source has, until it has nothing more and all is answered. Every transaction that was taken is handed
    /// back, also where there was trouble.
    pub async fn run(&mut self, source: &mut dyn Source) -> Result<(), Trouble> {
        let result = self.exchange(source).await;
        self.over |= result.is_err();
        self.dialogue.abandon().into_iter().for_each(|(transaction, outcomes)| source.done(transaction, outcomes));
        result
    }

    async fn exchange(&mut self, source: &mut dyn Source) -> Result<(), Trouble> {
        loop {
            self.fetch(source);
            if !self.out.is_empty() {
                self.send(None, source).await?;
            }
            let Some(expected) = self.dialogue.expected() else { return Ok(()) };
            if let Some(octets) = self.answer(expected, source).await? {
                self.fetch(source);
                self.send(octets, source).await?;
            }
        }
    }

    /// Takes as many transactions as there is room for.
    fn fetch(&mut self, source: &mut dyn Source) {
        while self.dialogue.has_room() {
            let Some(transaction) = source.next() else { break };
            if let Some((transaction, outcomes)) = self.dialogue.begin(transaction, &mut self.out) {
                source.done(transaction, outcomes);
            }
        }
    }

    /// Waits for a reply; what follows may be a content to send, or the end of one that has no recipients.
    async fn answer(
        &mut self,
        expected: Expected,
        source: &mut dyn Source,
    ) -> Result<Option<Option<Arc<dyn Octets>>>, Trouble> {
        let limit = match expected {
            Expected::Rset | Expected::Mail | Expected::Rcpt(_) => self.timeouts.command,
            Expected::Data => self.timeouts.data,
            Expected::Content(_) => self.timeouts.end,
        };
        let whole = self.wire.reply(limit).await?;
        match self.dialogue.reply(self.wire.take(whole), &mut self.out)? {
            Event::Nothing => return Ok(None),
            Event::Done(transaction, outcomes) => source.done(transaction, outcomes),
            Event::Content(octets) => return Ok(Some(octets)),
        }
        Ok(None)
    }

    /// Writes a content, and what is to be written behind it.
    async fn send(&mut self, octets: Option<Arc<dyn Octets>>, source: &mut dyn Source) -> Result<(), Trouble> {
        let result = self.write(octets).await;
        self.out.clear();
        match result {
            Err(trouble) if trouble.kind == Kind::Closed => Err(self.last_words(trouble, source).await),
            result => result,
        }
    }

    async fn write(&mut self, octets: Option<Arc<dyn Octets>>) -> Result<(), Trouble> {
        let octets = match &octets {
            None => &[][..],
            Some(octets) => match octets.in_memory() {
                Some(octets) => octets,
                None => return self.stream(&**octets).await,
            },
        };
        end_line(octets, &mut self.out);
        self.dialogue.sent();
        self.wire.write(octets, &self.out, self.timeouts.block).await
    }

    async fn stream(&mut self, octets: &dyn Octets) -> Result<(), Trouble> {
        let (mut chunk, mut at) = (vec![0; CHUNK], 0);
        let mut tail = [0; 2];
        while at < octets.size() {
            let count = octets.read_at(&mut chunk, at).unwrap_or_default();
            if count == 0 {
                // The host must not take what there is for the whole message.
                return Err(Trouble::new(Kind::Local, Status(4, 3, 0), "the content cannot be read"));
            }
            at += count as u64;
            tail = match chunk[..count] {
                [.., a, b] => [a, b],
                [b] => [tail[1], b],
                [] => tail,
            };
            self.wire.write(&chunk[..count], &[], self.timeouts.block).await?;
        }
        end_line(if at > 0 { &tail } else { &[] }, &mut self.out);
        self.dialogue.sent();
        self.wire.write(&self.out, &[], self.timeouts.block).await
    }

    /// A host that closes the connection while we write may have said why.
    async fn last_words(&mut self, trouble: Trouble, source: &mut dyn Source) -> Trouble {
        while let Some(expected) = self.dialogue.expected() {
            match self.answer(expected, source).await {
                Err(said) if said.reply.is_some() => return said,
                Err(_) | Ok(Some(_)) => break,
                Ok(None) => self.out.clear(),
            }
        }
        trouble
    }

    /// Whether more can be sent. A host may have closed an idle connection.
    pub fn is_open(&mut self) -> bool {
        !self.over && !self.dialogue.is_used_up() && self.wire.is_silent()
    }

    /// Waits, between runs, until the host closes the connection. It may be given up at any time.
    pub async fn closed(&mut self) {
        if !self.over {
            self.wire.spoken().await;
            self.over = true;
        }
    }

    /// Says QUIT, and waits a little for the answer: a connection that is reset instead leaves traces at the host.
    pub async fn quit(mut self) {
        if !self.over && self.wire.write(b"QUIT\r\n", &[], self.timeouts.quit).await.is_ok() {
            // Nothing depends on it.
            let _ = self.wire.reply(self.timeouts.quit).await;
            self.wire.shut_down(self.timeouts.quit).await;
        }
    }
}

/// Content ends with a line end, so that the dot behind it is a line of its own.
fn end_line(octets: &[u8], out: &mut Vec<u8>) {
    if !octets.is_empty() && !octets.ends_with(b"\r\n") {
        out.splice(0..0, *b"\r\n");
    }
}
