//! What operators see of the queue and do to it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Queue;
use super::board::{Action, NOWHERE};
use super::entry::{Entry, Slot, State};
use super::failure::{Failure, Reasons};
use super::lane::{Lane, Mood};
use super::link::Hop;
use crate::relay::envelope::{Envelope, QueueId};
use crate::relay::route::Route;
use crate::relay::spool::{Content, Place, SpoolError};

/// A message on one of its lanes.
#[derive(Debug, Clone)]
pub struct View {
    pub id: QueueId,
    pub slot: Slot,
    /// In the spool.
    pub place: Place,
    pub state: State,
    /// None while its lane is not found yet.
    pub route: Option<Arc<Route>>,
    /// The recipients' domain, where hosts are found by it.
    pub domain: String,
    pub arrived: u64,
    pub size: u64,
    pub attempts: u32,
    /// When it is tried next, where it waits for a time: its own, or its lane's.
    pub next: Option<u64>,
    /// The recipients that are left, each with its last failure; where it has none, that of its lane.
    pub recipients: Reasons,
}

/// A lane.
#[derive(Debug, Clone)]
pub struct LaneView {
    pub route: Arc<Route>,
    pub domain: String,
    /// In line, and in the hands of workers.
    pub active: u64,
    /// Waiting for their own times, or held.
    pub waiting: u64,
    pub connections: u64,
    pub asleep_until: Option<u64>,
    pub last: Option<Arc<Failure>>,
}

/// A host.
#[derive(Debug, Clone)]
pub struct HostView {
    pub connector: Arc<str>,
    pub address: SocketAddr,
    pub connections: u64,
    pub dead_until: Option<u64>,
    pub last: Option<Arc<Failure>>,
}

impl<H: Hop> Queue<H> {
    /// Everything in the queue, the oldest first: a message once for each of its lanes.
    pub fn keys(&self) -> Vec<(QueueId, Slot)> {
        self.with(|board, _| board.index.iter().copied().collect())
    }

    /// The messages of the queue, once for each lane.
    pub fn len(&self) -> usize {
        self.with(|board, _| board.slab.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Octets that the messages of the queue take in memory: entries and the indexes over them, contents aside.
    pub fn memory(&self) -> usize {
        self.with(|board, _| board.memory())
    }

    /// What memory knows of a message; none where it has left the queue.
    pub fn view(&self, id: QueueId, slot: Slot) -> Option<View> {
        self.with(|board, _| {
            let entry = board.same(id, slot).then(|| board.slab.get(slot))?;
            Some(view(slot, entry, board.lanes.get(entry.lane)))
        })
    }

    /// What the spool knows of it.
    pub fn stored(&self, id: QueueId, slot: Slot) -> Result<Option<(Envelope, Content)>, SpoolError> {
        let Some(place) = self.with(|board, _| board.place(id, slot)) else { return Ok(None) };
        match self.shared.spool.message(place) {
            Err(SpoolError::Gone) => Ok(None),
            stored => stored.map(Some),
        }
    }

    /// Its envelope alone.
    pub fn envelope(&self, id: QueueId, slot: Slot) -> Result<Option<Envelope>, SpoolError> {
        let Some(place) = self.with(|board, _| board.place(id, slot)) else { return Ok(None) };
        match self.shared.spool.envelope(place) {
            Err(SpoolError::Gone) => Ok(None),
            envelope => envelope.map(Some),
        }
    }

    /// The queue's numbers of a message's parts.
    pub fn slots(&self, id: QueueId) -> Vec<Slot> {
        self.with(|board, _| board.slots(id))
    }

    /// Answers whether the message was there and it changed something.
    pub fn act(&self, id: QueueId, slot: Slot, action: Action) -> bool {
        self.with(|board, now| board.same(id, slot) && board.act(slot, action, now))
    }

    /// Those with the most messages, so many at most; and how many there are.
    pub fn lanes(&self, most: usize) -> (Vec<LaneView>, usize) {
        self.with(|board, _| {
            let mut lanes: Vec<(u32, &Lane)> = board.lanes.iter().collect();
            let count = lanes.len();
            lanes.sort_by_key(|(at, lane)| (std::cmp::Reverse(lane.entries), *at));
            (lanes.into_iter().take(most).map(|(_, lane)| lane_view(lane)).collect(), count)
        })
    }

    /// Hosts that are dead or connected: the dead ones first, so many at most.
    pub fn hosts(&self, most: usize) -> Vec<HostView> {
        let mut hosts: Vec<HostView> = self.with(|board, _| {
            let dead = board.hosts.dead().map(|((connector, address), dead)| HostView {
                connector: Arc::clone(connector),
                address: *address,
                connections: 0,
                dead_until: Some(dead.until),
                last: Some(Arc::clone(&dead.last)),
            });
            let open = board.hosts.open().map(|((connector, address), connections)| HostView {
                connector: Arc::clone(connector),
                address: *address,
                connections: u64::from(connections),
                dead_until: None,
                last: None,
            });
            dead.chain(open).collect()
        });
        hosts.sort_by(|a, b| {
            let key = |host: &HostView| (host.dead_until.is_none(), std::cmp::Reverse(host.connections));
            key(a).cmp(&key(b)).then_with(|| (&a.connector, a.address).cmp(&(&b.connector, b.address)))
        });
        hosts.truncate(most);
        hosts
    }
}

fn view(slot: Slot, entry: &Entry, lane: Option<&Lane>) -> View {
    let asleep = lane.and_then(|lane| match lane.mood {
        Mood::Asleep { until } => Some(until),
        Mood::Awake | Mood::Trying => None,
    });
    let next = match entry.state {
        State::Waiting => Some(entry.due),
        State::Ready | State::Again => asleep,
        State::Free | State::Flying | State::Ending | State::Routing | State::Held => None,
    };
    let reason = |place| {
        let own = entry.past.as_ref().and_then(|past| past.of(place));
        own.or_else(|| lane.filter(|_| asleep.is_some()).and_then(|lane| lane.last.as_ref())).cloned()
    };
    View {
        id: entry.id,
        slot,
        place: entry.place,
        state: entry.state,
        route: lane.filter(|_| entry.lane != NOWHERE).map(|lane| Arc::clone(&lane.route)),
        domain: lane.map(|lane| lane.domain.to_string()).unwrap_or_default(),
        arrived: entry.arrived,
        size: u64::from(entry.size),
        attempts: u32::from(entry.tries),
        next,
        recipients: entry.recipients.iter().map(|place| (place, reason(place))).collect(),
    }
}

fn lane_view(lane: &Lane) -> LaneView {
    let active = lane.in_line() as u64 + u64::from(lane.flying);
    LaneView {
        route: Arc::clone(&lane.route),
        domain: lane.domain.to_string(),
        active,
        waiting: u64::from(lane.entries).saturating_sub(active),
        connections: u64::from(lane.connected),
        asleep_until: match lane.mood {
            Mood::Asleep { until } => Some(until),
            Mood::Awake | Mood::Trying => None,
        },
        last: lane.last.clone(),
    }
}
