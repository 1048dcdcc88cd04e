//! The proof: every class of addresses, asked at every MTA by everybody who can ask, followed to all its ends.

use hashbrown::{HashMap, HashSet};

use super::classes::{Class, Fresh, Kind};
use super::graph::{Circle, circles};
use super::route::decide::{Asker, Why};
use super::route::outcome::{Fate, Ways};
use super::route::walk::{End, Next, Place, State, Walk};
use super::route::{Router, Status};
use super::{ConnectorId, MtaId, Node, Plan, Question, SystemId};
use crate::name::Mailbox;
use crate::source::Span;

/// What became of one class, asked at one MTA.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Into [`Proof::classes`].
    pub class: usize,
    pub mta: MtaId,
    pub asker: Asker,
    /// Not refused at RCPT time.
    pub accepted: bool,
    pub ends: Vec<Ending>,
}

impl Verdict {
    /// Asked by a client in `trust`.
    pub fn accepted_from_trust(&self) -> bool {
        self.asker == Asker::Trusted
    }
}

/// An outcome without its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ending {
    pub fate: Fate,
    /// Where the path ends.
    pub node: Node,
    pub system: Option<Node>,
    pub status: Option<Status>,
    pub why: Option<Why>,
}

/// An open system that gets an unresolved recipient of a domain of ours, and does not say what it does with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Undeclared {
    pub system: SystemId,
    pub domain: String,
    pub span: Span,
}

/// A node that hands foreign recipients to an MTA of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handover {
    pub from: Node,
    pub to: MtaId,
    pub via: Option<ConnectorId>,
    pub span: Span,
}

/// Everything that was found out on the way.
#[derive(Debug)]
pub struct Proof<'p> {
    pub plan: &'p Plan,
    pub router: &'p Router<'p>,
    pub classes: &'p [Class],
    /// The word that stands for "any other" in the classes' addresses.
    fresh: Fresh,
    pub verdicts: Vec<Verdict>,
    /// Each circle once.
    pub circles: Vec<Circle>,
    pub used: HashSet<ConnectorId>,
    /// MTAs that hand on to each other, by whatever way, with the step that leaves the first.
    pub neighbours: HashMap<(MtaId, MtaId), Span>,
    /// Foreign recipients between nodes of the estate.
    pub handovers: Vec<Handover>,
    pub undeclared: Vec<Undeclared>,
}

impl<'p> Proof<'p> {
    pub fn new(router: &'p Router<'p>) -> Proof<'p> {
        let mut proof = Proof {
            plan: router.plan,
            router,
            classes: &router.partition().classes,
            fresh: Fresh::new(router.plan),
            verdicts: Vec::new(),
            circles: Vec::new(),
            used: HashSet::new(),
            neighbours: HashMap::new(),
            handovers: Vec::new(),
            undeclared: Vec::new(),
        };
        let mut circles_met = HashMap::new();
        for class in 0..proof.classes.len() {
            for mta in router.plan.mta_ids() {
                for asker in askers(router, mta, &proof.classes[class].question) {
                    proof.ask(class, mta, asker, &mut circles_met);
                }
            }
        }
        proof.handovers.sort_unstable();
        proof.handovers.dedup();
        proof.undeclared.sort();
        proof.undeclared.dedup_by(|a, b| (a.system, &a.domain) == (b.system, &b.domain));
        proof
    }

    /// An address as a person would write its class: `*@contoso.com`, `ann+*@contoso.com`.
    pub fn show(&self, mailbox: &Mailbox) -> String {
        self.fresh.hide(mailbox.as_str())
    }

    fn ask(&mut self, class: usize, mta: MtaId, asker: Asker, circles_met: &mut HashMap<Vec<Span>, (usize, bool)>) {
        let walk = self.router.walk(mta, asker, self.classes[class].question.clone());
        // Whole domains go round the same way as a postmaster in them: they show the mistake better.
        let wide = matches!(self.classes[class].kind, Kind::Other { .. });
        for circle in circles(&walk) {
            match circles_met.get_mut(&places(&circle)) {
                None => {
                    circles_met.insert(places(&circle), (self.circles.len(), wide));
                    self.circles.push(circle);
                }
                Some((at, is_wide)) if wide && !*is_wide => {
                    self.circles[*at] = circle;
                    *is_wide = true;
                }
                Some(_) => {}
            }
        }
        for (at, state) in walk.states.iter().enumerate() {
            self.note(&walk, state);
            if let Kind::Other { pattern } = &self.classes[class].kind {
                let domain = pattern.to_string();
                self.note_system(&walk, at, state, domain);
            }
        }
        self.note_neighbours(&walk);
        let outcomes = walk.outcomes(Ways { dearer: true, avoiding: None });
        let ends = outcomes.iter().map(|o| Ending {
            fate: o.fate,
            node: o.node,
            system: o.system,
            status: o.status,
            why: o.why,
        });
        self.verdicts.push(Verdict { class, mta, asker, accepted: !walk.refusing[0], ends: ends.collect() });
    }

    /// What a state shows beside its outcomes: connectors in use, recipients handed over, systems that say too little.
    fn note(&mut self, walk: &Walk, state: &State) {
        for next in &state.next {
            let (hop, to) = match next {
                Next::To { state, hop, .. } => (Some(hop), Some(&walk.states[*state])),
                Next::End { hop, .. } => (hop.as_ref(), None),
            };
            self.used.extend(hop.and_then(|hop| hop.connector));
            if let (Some(hop), Some(State { place: Place::Mta { id, .. }, .. })) = (hop, to)
                && hop.node != Node::Internet
                && self.router.own(*id, hop.recipient.domain()).is_none()
            {
                let handover = Handover { from: hop.node, to: *id, via: hop.connector, span: hop.span };
                if self.handovers.last() != Some(&handover) {
                    self.handovers.push(handover);
                }
            }
        }
    }

    /// An open system that is the end of an unresolved recipient of ours only because it says nothing else.
    fn note_system(&mut self, walk: &Walk, at: usize, state: &State, domain: String) {
        let Place::System { id, .. } = state.place else { return };
        let system = self.plan.system(id);
        let Some(recipient) = &state.recipient else { return };
        let named = |p: &super::Spanned<crate::name::Pattern>| p.value.matches(recipient.domain());
        let says = system.domains.iter().chain(&system.authoritative).any(named)
            || system.forwards.iter().any(|f| f.pattern.matches(recipient.domain()));
        let is_end = matches!(state.next[..], [Next::End { end: End::Delivered, .. }]);
        let ours = self.plan.domains.iter().any(|d| d.pattern.value.matches(recipient.domain()));
        if system.closed.is_some() || says || !is_end || !ours || system.poisoned {
            return;
        }
        let coming = walk.states.iter().flat_map(|s| &s.next).find_map(|next| match next {
            Next::To { state, hop, .. } if *state == at => Some(hop.span),
            _ => None,
        });
        if let Some(span) = coming {
            self.undeclared.push(Undeclared { system: id, domain, span });
        }
    }

    /// Which MTA comes next after which, with only systems and the Internet between.
    fn note_neighbours(&mut self, walk: &Walk) {
        let mut open: Vec<(usize, Option<(MtaId, Span)>)> = vec![(0, None)];
        let mut met = HashSet::new();
        while let Some((at, before)) = open.pop() {
            if !met.insert((at, before.map(|(mta, _)| mta))) {
                continue;
            }
            let state = &walk.states[at];
            if let (Place::Mta { id, .. }, Some((mta, span))) = (&state.place, before)
                && mta != *id
            {
                self.neighbours.entry((mta, *id)).or_insert(span);
            }
            for next in &state.next {
                let Next::To { state: to, hop, .. } = next else { continue };
                let before = match state.place {
                    Place::Mta { id, .. } => Some((id, hop.span)),
                    _ => before,
                };
                open.push((*to, before));
            }
        }
    }
}

/// The places that a circle passes, whatever recipient goes round: the same places are the same mistake.
fn places(circle: &Circle) -> Vec<Span> {
    let mut spans: Vec<Span> = circle.hops.iter().filter(|h| h.node != Node::Unknown).map(|h| h.span).collect();
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// Everybody who can put a question to an MTA: trusted clients, anyone, and the systems that forward to it.
fn askers(router: &Router<'_>, mta: MtaId, question: &Question) -> Vec<Asker> {
    let mut askers = vec![Asker::Trusted, Asker::Anyone];
    let Question::Address(mailbox) = question else { return askers };
    for system in router.plan.system_ids() {
        let hands = router.forwards(system, mailbox.domain()).iter().any(|f| f.to == Node::Mta(mta));
        let asker = router.peer(mta, Node::System(system));
        if hands && !askers.contains(&asker) {
            askers.push(asker);
        }
    }
    askers
}
