//! Circles: the one place that uses petgraph. Only its iterative algorithms, since a chain may be a million long.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::route::walk::{Hop, Next, Walk};
use super::{ContactId, Plan};

/// A way through a walk that comes back to where it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle {
    /// The steps round, in order: the hops between states, and the rewrites at them.
    pub hops: Vec<Hop>,
    /// Whether it passes the Internet.
    pub internet: bool,
}

/// One circle for each strongly connected part of a walk.
pub fn circles(walk: &Walk) -> Vec<Circle> {
    if walk.states.len() == 1 && !leads_to(walk, 0, 0) {
        return Vec::new();
    }
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(walk.states.len(), walk.states.len());
    for _ in &walk.states {
        graph.add_node(());
    }
    for (at, state) in walk.states.iter().enumerate() {
        for next in &state.next {
            if let Next::To { state: to, .. } = next
                && follows(walk, at, next)
            {
                graph.add_edge(NodeIndex::new(at), NodeIndex::new(*to), ());
            }
        }
    }
    let parts = kosaraju_scc(&graph);
    let parts = parts.into_iter().map(|part| part.into_iter().map(NodeIndex::index).collect::<Vec<usize>>());
    parts
        .filter(|part| part.len() > 1 || leads_to(walk, part[0], part[0]))
        .filter_map(|part| circle(walk, &part))
        .collect()
}

/// A recipient that is refused at RCPT time goes nowhere.
fn follows(walk: &Walk, at: usize, next: &Next) -> bool {
    !(walk.refusing[at] && matches!(next, Next::To { dearer: true, .. }))
}

fn leads_to(walk: &Walk, at: usize, to: usize) -> bool {
    walk.states[at].next.iter().any(|n| matches!(n, Next::To { state, .. } if *state == to) && follows(walk, at, n))
}

/// The shortest way round within a strongly connected part, from the MTA (if any) with the earliest step.
fn circle(walk: &Walk, part: &[usize]) -> Option<Circle> {
    let first_span = |at: usize| {
        walk.states[at].next.iter().filter_map(|n| match n {
            Next::To { state, hop, .. } if part.contains(state) => Some(hop.span),
            _ => None,
        })
    };
    let is_mta = |at: usize| matches!(walk.states[at].place.node(), super::Node::Mta(_));
    let start = *part.iter().min_by_key(|&&at| (!is_mta(at), first_span(at).min()))?;
    let mut came: hashbrown::HashMap<usize, (usize, usize)> = hashbrown::HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for (i, next) in walk.states[at].next.iter().enumerate() {
            let Next::To { state, .. } = next else { continue };
            if !part.contains(state) || came.contains_key(state) || !follows(walk, at, next) {
                continue;
            }
            came.insert(*state, (at, i));
            if *state == start {
                return Some(way_round(walk, start, &came));
            }
            queue.push_back(*state);
        }
    }
    None
}

fn way_round(walk: &Walk, start: usize, came: &hashbrown::HashMap<usize, (usize, usize)>) -> Circle {
    let mut back = Vec::new();
    let mut at = start;
    while let Some(&(from, i)) = came.get(&at) {
        back.push((from, i));
        at = from;
        if at == start {
            break;
        }
    }
    let mut hops = Vec::new();
    let mut internet = false;
    for (from, i) in back.into_iter().rev() {
        let state = &walk.states[from];
        internet |= state.place.node() == super::Node::Internet;
        hops.extend(state.rewrites.iter().cloned());
        if let Next::To { hop, .. } = &state.next[i] {
            hops.push(hop.clone());
        }
    }
    Circle { hops, internet }
}

/// The circles of contacts that rewrite into each other, each from its first contact on.
pub fn contact_circles(plan: &Plan) -> Vec<Vec<ContactId>> {
    let mut graph: DiGraph<ContactId, ()> = DiGraph::new();
    let mut nodes: hashbrown::HashMap<ContactId, NodeIndex> = hashbrown::HashMap::new();
    // Most contacts lead to no other: they are on no circle and need no node.
    for contact in plan.contact_ids() {
        let Some(next) = next_contact(plan, contact) else { continue };
        let from = *nodes.entry(contact).or_insert_with(|| graph.add_node(contact));
        let to = *nodes.entry(next).or_insert_with(|| graph.add_node(next));
        graph.add_edge(from, to, ());
    }
    let mut circles: Vec<Vec<ContactId>> = Vec::new();
    for part in kosaraju_scc(&graph) {
        let Some(first) = part.iter().map(|&n| graph[n]).min() else { continue };
        // Each contact leads to one other at most, so a part is one circle.
        let mut circle = vec![first];
        let mut at = first;
        while let Some(next) = next_contact(plan, at).filter(|&next| next != first && circle.len() <= part.len()) {
            circle.push(next);
            at = next;
        }
        if next_contact(plan, at) == Some(first) {
            circles.push(circle);
        }
    }
    circles.sort();
    circles
}

fn next_contact(plan: &Plan, contact: ContactId) -> Option<ContactId> {
    plan.addresses.contact(plan.contact(contact).primary.id)
}
