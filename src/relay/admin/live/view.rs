//! What the queue tells, as the control socket says it.

use crate::relay::admin::protocol::{Host, Lane, Part, Recipient, Recipients, State};
use crate::relay::envelope::Envelope;
use crate::relay::event::time::Utc;
use crate::relay::queue::{self, HostView, LaneView, View};

pub(super) fn part(view: View) -> Part {
    let mut reasons = Vec::new();
    for failure in view.recipients.iter().filter_map(|(_, failure)| failure.as_ref()) {
        let reason = failure.to_string();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Part {
        id: view.id,
        state: state(&view),
        connector: view.route.map(|route| route.key.clone()).unwrap_or_default(),
        domain: Some(view.domain).filter(|domain| !domain.is_empty()),
        arrived: Utc(view.arrived),
        size: view.size,
        attempts: view.attempts,
        next: view.next.map(Utc),
        reasons,
    }
}

fn state(view: &View) -> State {
    match view.state {
        queue::State::Held => State::Held,
        queue::State::Waiting => State::Deferred,
        // In line, but its whole lane waits.
        _ if view.next.is_some() => State::Deferred,
        _ => State::Active,
    }
}

/// The recipients that are left of an envelope.
pub(super) fn recipients(envelope: Envelope, view: &View) -> Recipients {
    let left = view.recipients.iter().filter_map(|(place, failure)| {
        let recipient = envelope.recipients.get(*place as usize)?;
        Some(Recipient {
            recipient: recipient.address.clone(),
            asked: recipient.asked.clone(),
            reason: failure.as_ref().map(ToString::to_string),
        })
    });
    Recipients { recipients: left.collect(), sender: envelope.sender }
}

pub(super) fn lane(view: LaneView) -> Lane {
    // While its hosts are dead, all of it waits.
    let (active, waiting) = match view.asleep_until {
        None => (view.active, view.waiting),
        Some(_) => (0, view.active + view.waiting),
    };
    Lane {
        connector: view.route.key.clone(),
        domain: Some(view.domain).filter(|domain| !domain.is_empty()),
        active,
        waiting,
        connections: view.connections,
        asleep_until: view.asleep_until.map(Utc),
        reason: view.last.map(|failure| failure.to_string()),
    }
}

pub(super) fn host(view: HostView) -> Host {
    Host {
        connector: view.connector.to_string(),
        address: view.address,
        connections: view.connections,
        dead_until: view.dead_until.map(Utc),
        reason: view.last.map(|failure| failure.to_string()),
    }
}

/// The lines before the first empty one, dots unstuffed.
pub(super) fn header(first: &[u8]) -> String {
    let end = memchr::memmem::find(first, b"\r\n\r\n").map_or(first.len(), |at| at + 2);
    let text = String::from_utf8_lossy(&first[..end]);
    text.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect()
}
