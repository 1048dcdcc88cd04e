//! The fates of a recipient: what a walk comes to, with the path that shows why.

use hashbrown::HashSet;

use super::decide::{Asker, Why};
use super::walk::{End, Hop, Next, Place, Walk, bounces};
use super::{Router, Status};
use crate::name::Mailbox;
use crate::plan::{ConnectorId, MtaId, Node, Question};

/// From the worst to the best, as `trace` prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    Looped,
    Unroutable,
    Bounced,
    Rejected,
    Delivered,
}

impl Fate {
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Looped => "looped",
            Fate::Unroutable => "unroutable",
            Fate::Bounced => "bounced",
            Fate::Rejected => "rejected",
            Fate::Delivered => "delivered",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub fate: Fate,
    /// The last form of the recipient; `None` where the question was no address.
    pub recipient: Option<Mailbox>,
    /// Where the path ends, whatever the fate.
    pub node: Node,
    /// The system (or the internet) where it ends or bounced.
    pub system: Option<Node>,
    /// The last one on the path.
    pub connector: Option<ConnectorId>,
    pub status: Option<Status>,
    /// Why an MTA refused it.
    pub why: Option<Why>,
    pub path: Vec<Hop>,
}

/// Which ways to follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// Dearer connectors too, though they are asked only when cheaper ones fail.
    pub dearer: bool,
    /// Leave out every path that takes this connector.
    pub avoiding: Option<ConnectorId>,
}

impl Router<'_> {
    /// Every outcome of a question at an MTA, the worst first.
    pub fn outcomes(&self, mta: MtaId, asker: Asker, question: &Question, ways: Ways) -> Vec<Outcome> {
        self.walk(mta, asker, question.clone()).outcomes(ways)
    }

    /// What the MTA answers at RCPT time where it refuses: the outcome is a refusal whichever way it would take.
    pub fn refusal(&self, mta: MtaId, asker: Asker, question: &Question) -> Option<Outcome> {
        let walk = self.walk(mta, asker, question.clone());
        if !walk.refusing[0] {
            return None;
        }
        walk.outcomes(Ways::default()).into_iter().next()
    }
}

/// What is being looked at: a state, the next of its ways, how long the path was before it.
struct Frame {
    state: usize,
    way: usize,
    path: usize,
}

impl Walk {
    /// The outcomes, the worst first, one for each way to differ.
    pub fn outcomes(&self, ways: Ways) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = Vec::new();
        // A refusal at RCPT time is settled by the cheapest ways alone.
        let ways = Ways { dearer: ways.dearer && !self.refusing[0], ..ways };
        let mut path: Vec<Hop> = self.states[0].rewrites.clone();
        let mut on_path: HashSet<usize> = HashSet::from_iter([0]);
        let mut done: HashSet<usize> = HashSet::new();
        let mut stack = vec![Frame { state: 0, way: 0, path: 0 }];
        while let Some(frame) = stack.last_mut() {
            let at = frame.state;
            let Some(next) = self.states[at].next.get(frame.way) else {
                path.truncate(frame.path);
                on_path.remove(&at);
                done.insert(at);
                stack.pop();
                continue;
            };
            frame.way += 1;
            match next {
                Next::End { end, hop } => {
                    if let Some(outcome) = self.end(at, *end, hop.as_ref(), &path) {
                        outcomes.push(outcome);
                    }
                }
                Next::To { state, hop, dearer } => {
                    let skip = (*dearer && (!ways.dearer || self.refusing[at]))
                        || (hop.connector.is_some() && hop.connector == ways.avoiding);
                    if skip {
                        continue;
                    }
                    if self.states[at].verify && bounces(&self.states[*state]) {
                        outcomes.push(self.verified(at, hop, &path));
                    } else if on_path.contains(state) {
                        outcomes.push(self.looped(*state, hop, &path));
                    } else if !done.contains(state) {
                        let before = path.len();
                        path.push(hop.clone());
                        path.extend(self.states[*state].rewrites.iter().cloned());
                        on_path.insert(*state);
                        stack.push(Frame { state: *state, way: 0, path: before });
                    }
                }
            }
        }
        outcomes.sort_by_key(|o| o.fate);
        let mut seen = HashSet::new();
        outcomes.retain(|o| seen.insert((o.fate, o.recipient.clone(), o.system, o.connector, o.status)));
        outcomes
    }

    fn end(&self, at: usize, end: End, hop: Option<&Hop>, path: &[Hop]) -> Option<Outcome> {
        let state = &self.states[at];
        let node = state.place.node();
        let mut outcome = Outcome {
            fate: Fate::Delivered,
            recipient: state.recipient.clone(),
            node,
            system: None,
            connector: last_connector(path),
            status: None,
            why: None,
            path: path.iter().chain(hop).cloned().collect(),
        };
        match end {
            End::Unknown => return None,
            End::Delivered => outcome.system = Some(node),
            End::Bounced => {
                outcome.fate = Fate::Bounced;
                outcome.system = Some(node);
                outcome.status = Some(Status::UNKNOWN);
            }
            End::Loop => {
                outcome.fate = Fate::Looped;
                outcome.status = Some(Status::LOOP);
            }
            End::Refused(why) => {
                let early = self.refusing[0];
                outcome.fate = match (why.is_unroutable(), early) {
                    (true, _) => Fate::Unroutable,
                    (false, true) => Fate::Rejected,
                    (false, false) => Fate::Bounced,
                };
                let later = why.is_unroutable() && !early;
                outcome.status = Some(if later { Status::UNROUTABLE_LATER } else { why.status() });
                outcome.why = Some(why);
            }
        }
        Some(outcome)
    }

    /// `verify` was told by the next system that it does not have the recipient.
    fn verified(&self, at: usize, hop: &Hop, path: &[Hop]) -> Outcome {
        let first = at == 0 || self.refusing[0];
        Outcome {
            fate: if first { Fate::Rejected } else { Fate::Bounced },
            recipient: Some(hop.recipient.clone()),
            node: self.states[at].place.node(),
            system: None,
            connector: hop.connector,
            status: Some(Status::UNKNOWN),
            why: Some(Why::NobodyHasIt),
            path: path.iter().chain([hop]).cloned().collect(),
        }
    }

    fn looped(&self, to: usize, hop: &Hop, path: &[Hop]) -> Outcome {
        let path: Vec<Hop> = path.iter().chain([hop]).cloned().collect();
        Outcome {
            fate: Fate::Looped,
            recipient: Some(hop.recipient.clone()),
            node: self.states[to].place.node(),
            system: None,
            connector: last_connector(&path),
            status: Some(Status::LOOP),
            why: None,
            path,
        }
    }

    /// The MTA that was asked.
    pub fn mta(&self) -> Option<MtaId> {
        match self.states[0].place {
            Place::Mta { id, .. } => Some(id),
            _ => None,
        }
    }
}

fn last_connector(path: &[Hop]) -> Option<ConnectorId> {
    path.iter().rev().find_map(|hop| hop.connector)
}
