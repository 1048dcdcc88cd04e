//! What a session costs: a few hundred octets while it is idle, and never more than is stated here.

use super::{OUTPUT, REMEMBERED, Refusal, Session, Settings};
use crate::relay::envelope::{Envelope, Recipient};
use crate::relay::smtp::command;

impl Session {
    /// Gives memory back that an idle session does not need.
    pub fn rest(&mut self) {
        // Most replies fit into this: it need not be asked for again with each.
        self.out.shrink_to(256);
        self.kept.shrink_to_fit();
        self.refusals.shrink_to_fit();
    }

    /// Octets that this session holds.
    pub fn memory(&self) -> usize {
        let refusals = self.refusals.capacity() * size_of::<Refusal>();
        let buffers = self.kept.capacity() + self.out.capacity() + self.helo.as_ref().map_or(0, |helo| helo.len());
        size_of::<Session>() + refusals + buffers + of_envelope(&self.envelope)
    }

    /// Octets that a session holds at most while it waits for its client: the start of a line, replies that are not
    /// written yet, and an envelope.
    pub fn most_memory(settings: &Settings) -> usize {
        let recipient = 2 * size_of::<Recipient>() + 3 * 512;
        let refusals = REMEMBERED * size_of::<Refusal>();
        size_of::<Session>()
            + refusals
            + 2 * command::LONGEST
            + 2 * (OUTPUT + 1024)
            + settings.max_recipients as usize * recipient
    }
}

fn of_envelope(envelope: &Envelope) -> usize {
    let Envelope { sender, envid, recipients, .. } = envelope;
    let said = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
    let texts = |r: &Recipient| r.address.capacity() + r.asked.capacity() + said(&r.orcpt);
    let places = recipients.capacity() * size_of::<Recipient>();
    sender.capacity() + said(envid) + places + recipients.iter().map(texts).sum::<usize>()
}
