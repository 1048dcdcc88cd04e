//! Messages that need their lanes found again: all of them after a restart and a reload, one where it was under way then.

use std::sync::Arc;

use super::Queue;
use super::board::Verdict;
use super::ending::Ending;
use super::entry::Slot;
use super::failure::Failure;
use super::link::Hop;
use crate::relay::envelope::{Envelope, QueueId};
use crate::relay::event::Event;
use crate::relay::reply::Status;
use crate::relay::route::{Decision, Route, Router};
use crate::relay::table::Damaged;

/// Entries that are looked up between two looks at the board.
const PAGE: usize = 256;

/// What the routes say of an entry.
#[derive(Default)]
struct Ways {
    routes: Vec<(u32, Arc<Route>)>,
    refused: Vec<(u32, Arc<Failure>)>,
}

impl<H: Hop> Queue<H> {
    /// Finds the lanes of everything in the queue, by the routes of now. What goes another way than before is tried at
    /// once; what is refused now is returned. It reads the spool: call it where that may take its time.
    pub fn reroute(&self) {
        let mut mark = (QueueId(0), 0);
        loop {
            let page = self.with(|board, _| board.page(mark, PAGE));
            let Some(last) = page.last().copied() else { return };
            mark = last;
            let router = self.shared.router.load_full();
            page.into_iter().for_each(|(id, slot)| self.find_lane(&router, id, slot));
        }
    }

    /// Finds the lane of one entry.
    pub(super) fn find_lane(&self, router: &Router, id: QueueId, slot: Slot) {
        let Some(place) = self.with(|board, _| board.place(id, slot)) else { return };
        let found = self.shared.spool.sized(place).map_err(|error| error.to_string()).and_then(|(envelope, size)| {
            let ways = self.ways(router, id, slot, &envelope).map_err(|damaged| damaged.to_string())?;
            Ok((envelope, size, ways))
        });
        match found {
            Ok((envelope, size, ways)) if ways.refused.is_empty() => {
                self.with(|board, now| board.reroute((id, slot), (&envelope, size), &ways.routes, now));
            }
            Ok((_, _, ways)) => self.refuse(id, slot, ways),
            Err(why) => {
                self.shared.log.write(&Event::Error { part: "queue", why: &format!("{id}: {why}") });
                self.with(|board, now| board.not_found(id, slot, now));
            }
        }
    }

    fn ways(&self, router: &Router, id: QueueId, slot: Slot, envelope: &Envelope) -> Result<Ways, Damaged> {
        let mut ways = Ways::default();
        let left = self.with(|board, _| board.recipients(id, slot)).unwrap_or_default();
        for place in left.iter() {
            // A recipient that the envelope does not have goes nowhere, and its message with it in the end.
            let address = envelope.recipients.get(place as usize).map_or("", |recipient| &recipient.address);
            match router.again(address)? {
                Decision::Send(sending) => ways.routes.push((place, sending.route)),
                Decision::Refused { status, text } => {
                    ways.refused.push((place, Arc::new(Failure::own(returned(status), text))));
                }
            }
        }
        Ok(ways)
    }

    /// What the routes refuse now goes back to its sender; then the rest finds its lanes.
    fn refuse(&self, id: QueueId, slot: Slot, ways: Ways) {
        let Some(mut ticket) = self.with(|board, _| board.seize(id, slot)) else { return };
        let Some(message) = self.message(&mut ticket) else { return };
        let verdict = Verdict { untried: true, ..Verdict::default() };
        // Some of them may have been dealt with since they were looked up.
        let failed = ways.refused.into_iter().filter(|(place, _)| ticket.recipients.has(*place)).collect();
        let relayed = Vec::new();
        self.end(Ending { ticket, message, failed, relayed, verdict, expired: false });
    }
}

/// Once a message is taken, "no route" is another status (RFC 3463 3.5).
fn returned(status: Status) -> Status {
    if status == Status(5, 1, 2) { Status(5, 4, 4) } else { status }
}
