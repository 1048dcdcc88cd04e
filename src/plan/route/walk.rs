//! A recipient followed from node to node: every state that it can be in, as one finite graph.

use hashbrown::HashMap;

use super::decide::{Asker, Holder, Step, VisitEnd, Way, Why};
use super::{Exit, Router};
use crate::name::Mailbox;
use crate::plan::{ConnectorId, MtaId, NextHop, Node, Question, SystemId};
use crate::source::Span;

/// Where MTAs cut at different separators, an address can grow at every turn and never be the same again. One that has
/// become so long, or that has led to so many states, is in a circle.
const LONGEST: usize = 1024;
const MOST_STATES: usize = 10_000;

/// Where a recipient is, and what of its history still matters there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    Mta {
        id: MtaId,
        asker: Asker,
    },
    /// With the sub-address separator of the last MTA: that of the addresses the system understands.
    System {
        id: SystemId,
        separator: Option<char>,
    },
    Internet {
        separator: Option<char>,
    },
}

impl Place {
    pub fn node(&self) -> Node {
        match self {
            Place::Mta { id, .. } => Node::Mta(*id),
            Place::System { id, .. } => Node::System(*id),
            Place::Internet { .. } => Node::Internet,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    place: Place,
    question: Question,
    /// The connector that it came by: the last one on the path so far.
    last: Option<ConnectorId>,
}

/// One step of a path, with the place in the source that decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    pub node: Node,
    pub step: Step,
    /// The recipient after the step.
    pub recipient: Mailbox,
    pub connector: Option<ConnectorId>,
    pub span: Span,
}

/// What happens at a state, after its rewrites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// On to another state.
    To { state: usize, hop: Hop, dearer: bool },
    /// The end of the path, with the step that decides it where there is one.
    End { end: End, hop: Option<Hop> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    Delivered,
    Refused(Why),
    /// A closed system without this recipient.
    Bounced,
    /// The same contact twice at one MTA.
    Loop,
    /// A name that was reported as unknown: nobody can tell.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub place: Place,
    pub last: Option<ConnectorId>,
    /// At an MTA: steps 0 and 1.
    pub rewrites: Vec<Hop>,
    /// The recipient as it leaves the state; `None` for a question that was no address.
    pub recipient: Option<Mailbox>,
    pub next: Vec<Next>,
    /// What the next system refuses is refused here at RCPT time.
    pub verify: bool,
}

/// Every state that a question at one MTA leads to; the first is the question itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    pub states: Vec<State>,
    /// Whether a state refuses its recipient at RCPT time, whatever way it would take (see *Refused early*).
    pub refusing: Vec<bool>,
}

impl<'p> Router<'p> {
    /// Follows a question asked at an MTA. Dearer connectors are followed too and marked.
    pub fn walk(&self, mta: MtaId, asker: Asker, question: Question) -> Walk {
        let mut walker = Walker { router: self, states: Vec::new(), keys: HashMap::new(), open: Vec::new() };
        walker.state(Key { place: Place::Mta { id: mta, asker }, question, last: None });
        while let Some((at, key)) = walker.open.pop() {
            walker.expand(at, key);
        }
        let refusing = refusing(&walker.states);
        Walk { states: walker.states, refusing }
    }
}

struct Walker<'r, 'p> {
    router: &'r Router<'p>,
    states: Vec<State>,
    keys: HashMap<Key, usize>,
    open: Vec<(usize, Key)>,
}

impl Walker<'_, '_> {
    fn state(&mut self, key: Key) -> usize {
        if let Some(&known) = self.keys.get(&key) {
            return known;
        }
        let index = self.states.len();
        self.states.push(State {
            place: key.place.clone(),
            last: key.last,
            rewrites: Vec::new(),
            recipient: None,
            next: Vec::new(),
            verify: false,
        });
        self.keys.insert(key.clone(), index);
        self.open.push((index, key));
        index
    }

    fn expand(&mut self, at: usize, key: Key) {
        if let Question::Address(mailbox) = &key.question
            && (at >= MOST_STATES || mailbox.as_str().len() > LONGEST)
        {
            self.states[at].recipient = Some(mailbox.clone());
            self.states[at].next = vec![Next::End { end: End::Loop, hop: None }];
            return;
        }
        match (&key.place, &key.question) {
            (&Place::Mta { id, asker }, question) => self.at_mta(at, id, asker, question),
            (&Place::System { id, separator }, Question::Address(mailbox)) => {
                self.at_system(at, id, separator, mailbox.clone(), key.last);
            }
            (&Place::Internet { separator }, Question::Address(mailbox)) => {
                self.at_internet(at, separator, mailbox.clone(), key.last);
            }
            // Only an MTA is ever asked for anything but an address.
            (Place::System { .. } | Place::Internet { .. }, _) => {}
        }
    }

    fn at_mta(&mut self, at: usize, mta: MtaId, asker: Asker, question: &Question) {
        let router = self.router;
        let visit = router.visit(mta, asker, question);
        let node = Node::Mta(mta);
        let rewrites = visit.rewrites.into_iter().map(|(holder, span, recipient)| {
            let step = if holder == Holder::Postmaster { Step::Postmaster } else { Step::Contact };
            Hop { node, step, recipient, connector: None, span }
        });
        self.states[at].rewrites = rewrites.collect();
        self.states[at].recipient.clone_from(&visit.recipient);
        let next = match (visit.end, visit.recipient) {
            (VisitEnd::Loop, _) => vec![Next::End { end: End::Loop, hop: None }],
            (VisitEnd::Refuse { why, span }, recipient) => {
                let hop = span.zip(recipient).filter(|_| why != Why::NeedsUtf8).map(|(span, recipient)| Hop {
                    node,
                    step: Step::Domain,
                    recipient,
                    connector: None,
                    span,
                });
                vec![Next::End { end: End::Refused(why), hop }]
            }
            (VisitEnd::Send { tiers: Way::Unknown, .. }, _) | (_, None) => {
                vec![Next::End { end: End::Unknown, hop: None }]
            }
            (VisitEnd::Send { tiers, step, verify, span }, Some(recipient)) => {
                self.states[at].verify = verify;
                let separator = router.plan.mta(mta).separator();
                let exits = tiers.exits().into_iter();
                exits.map(|(exit, dearer)| self.send(mta, separator, exit, dearer, step, span, &recipient)).collect()
            }
        };
        self.states[at].next = next;
    }

    #[expect(clippy::too_many_arguments, reason = "one hop has that many sides")]
    fn send(
        &mut self,
        from: MtaId,
        separator: Option<char>,
        exit: Exit,
        dearer: bool,
        step: Step,
        span: Span,
        recipient: &Mailbox,
    ) -> Next {
        let connector = self.router.plan.connector(exit.connector);
        let span = if step == Step::Space { exit.span } else { span };
        let hop =
            Hop { node: Node::Mta(from), step, recipient: recipient.clone(), connector: Some(exit.connector), span };
        if connector.to.value == Node::Unknown || matches!(connector.hop, NextHop::Missing) {
            return Next::End { end: End::Unknown, hop: Some(hop) };
        }
        let place = self.place(connector.to.value, Node::Mta(from), separator);
        self.on(place, hop, dearer, Some(exit.connector))
    }

    fn on(&mut self, place: Option<Place>, hop: Hop, dearer: bool, last: Option<ConnectorId>) -> Next {
        let Some(place) = place else { return Next::End { end: End::Unknown, hop: Some(hop) } };
        let state = self.state(Key { place, question: Question::Address(hop.recipient.clone()), last });
        Next::To { state, hop, dearer }
    }

    /// Where a node is reached directly from another.
    fn place(&self, to: Node, from: Node, separator: Option<char>) -> Option<Place> {
        match to {
            Node::Mta(id) => Some(Place::Mta { id, asker: self.router.peer(id, from) }),
            Node::System(id) => Some(Place::System { id, separator }),
            Node::Internet => Some(Place::Internet { separator }),
            Node::Unknown => None,
        }
    }

    fn at_system(
        &mut self,
        at: usize,
        id: SystemId,
        separator: Option<char>,
        recipient: Mailbox,
        last: Option<ConnectorId>,
    ) {
        let router = self.router;
        let system = router.plan.system(id);
        let table = &router.systems[id.index()];
        let closed = system.closed.is_some();
        let mut next = Vec::new();
        let forwards = match table.authoritative.find(recipient.domain()) {
            None => table.forwards.find(recipient.domain()),
            Some(()) => None,
        };
        if closed && router.holds(id, separator, &recipient) {
            next.push(Next::End { end: End::Delivered, hop: None });
        } else if let Some(forwards) = forwards {
            if !closed {
                next.push(Next::End { end: End::Delivered, hop: None });
            }
            for &i in forwards {
                let forward = &system.forwards[i];
                let node = Node::System(id);
                let hop = Hop {
                    node,
                    step: Step::Forwards,
                    recipient: recipient.clone(),
                    connector: None,
                    span: forward.span,
                };
                let place = self.place(forward.to, node, separator);
                next.push(self.on(place, hop, false, last));
            }
        } else {
            let end = if closed { End::Bounced } else { End::Delivered };
            next.push(Next::End { end, hop: None });
        }
        self.states[at].recipient = Some(recipient);
        self.states[at].next = next;
    }

    fn at_internet(&mut self, at: usize, separator: Option<char>, recipient: Mailbox, last: Option<ConnectorId>) {
        let router = self.router;
        let domain = recipient.domain();
        let table = &router.internet;
        let ways: Vec<(Node, Span)> = if let Some(mx) = table.mx.get(domain) {
            mx.clone()
        } else if let Some(mtas) = table.hostnames.get(domain) {
            mtas.iter().map(|&id| (Node::Mta(id), router.plan.mta(id).hostname.span)).collect()
        } else if let Some(systems) = table.systems.find(domain) {
            systems.iter().map(|&(id, span)| (Node::System(id), span)).collect()
        } else {
            Vec::new()
        };
        let mut next = Vec::new();
        for &(node, span) in &ways {
            let hop =
                Hop { node: Node::Internet, step: Step::Domain, recipient: recipient.clone(), connector: None, span };
            next.push(match node {
                Node::Internet => Next::End { end: End::Delivered, hop: Some(hop) },
                Node::Mta(id) => self.on(Some(Place::Mta { id, asker: Asker::Anyone }), hop, false, last),
                Node::System(id) => self.on(Some(Place::System { id, separator }), hop, false, last),
                Node::Unknown => Next::End { end: End::Unknown, hop: Some(hop) },
            });
        }
        if next.is_empty() {
            next.push(Next::End { end: End::Delivered, hop: None });
        }
        self.states[at].recipient = Some(recipient);
        self.states[at].next = next;
    }
}

impl Router<'_> {
    /// Whether a closed system holds an address, as such or by the separator of the MTA that handed it on.
    pub fn holds(&self, system: SystemId, separator: Option<char>, recipient: &Mailbox) -> bool {
        let held = |text: &str| {
            let addresses = &self.plan.addresses;
            let account = addresses.find(text).and_then(|id| addresses.account(id));
            account.is_some_and(|id| self.plan.account(id).system == system)
        };
        held(recipient.as_str())
            || separator.and_then(|c| recipient.cut(c)).is_some_and(|(base, _)| held(base.as_str()))
    }
}

/// Which states refuse at RCPT time: those that end in a refusal, and those that hand on, by every cheapest way and
/// directly, to an MTA of ours that refuses, or (with `verify`) to a system that bounces. Circles do not refuse.
fn refusing(states: &[State]) -> Vec<bool> {
    let mut refusing = vec![false; states.len()];
    for at in post_order(states) {
        let state = &states[at];
        if !matches!(state.place, Place::Mta { .. }) {
            continue;
        }
        let mut cheapest = state.next.iter().filter(|n| !matches!(n, Next::To { dearer: true, .. })).peekable();
        refusing[at] = cheapest.peek().is_some()
            && cheapest.all(|next| match next {
                Next::End { end: End::Refused(_), .. } => true,
                Next::End { .. } => false,
                Next::To { state: to, .. } => refusing[*to] || (state.verify && bounces(&states[*to])),
            });
    }
    refusing
}

/// A system that itself refuses the recipient.
pub(super) fn bounces(state: &State) -> bool {
    matches!(state.place, Place::System { .. }) && matches!(state.next[..], [Next::End { end: End::Bounced, .. }])
}

/// Every state after those it leads to, circles aside. A state on a circle is seen before it is settled, and counts
/// as not refusing then, which is what it comes to.
fn post_order(states: &[State]) -> Vec<usize> {
    let mut order = Vec::with_capacity(states.len());
    let mut met = vec![false; states.len()];
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for root in 0..states.len() {
        if met[root] {
            continue;
        }
        met[root] = true;
        stack.push((root, 0));
        while let Some((at, i)) = stack.pop() {
            match states[at].next.get(i) {
                None => order.push(at),
                Some(next) => {
                    stack.push((at, i + 1));
                    if let Next::To { state, .. } = next
                        && !met[*state]
                    {
                        met[*state] = true;
                        stack.push((*state, 0));
                    }
                }
            }
        }
    }
    order
}
