//! What is wrong with an estate, taken out until nothing is.

use std::collections::BTreeSet;

use super::faults::{Fault, faults};
use super::pieces::{self, Piece};
use crate::oracle::dsl::Statement;
use crate::oracle::estate::Estate;

/// So many times something is taken out.
const ROUNDS: usize = 30;
/// So many pieces are tried before the best of them is taken.
const TRIED: usize = 16;

/// The estate without what is wrong; `None` where that would take too long.
pub(super) fn mended(mut estate: Estate) -> Option<Estate> {
    let mut wrong = faults(&estate);
    for _ in 0..ROUNDS {
        if wrong.is_empty() {
            return Some(estate);
        }
        (estate, wrong) = better(&estate, &wrong)?;
    }
    None
}

/// All people who are at fault go at once; of what else is at fault, the piece whose going mends most.
fn better(estate: &Estate, wrong: &[Fault]) -> Option<(Estate, Vec<Fault>)> {
    let people = people_at_fault(estate, wrong);
    if !people.is_empty() {
        let left = pieces::without(estate, &people)?;
        let still = faults(&left);
        if still.len() < wrong.len() {
            return Some((left, still));
        }
    }
    let mut best: Option<(Estate, Vec<Fault>)> = None;
    for piece in at_fault(estate, &wrong[0]).into_iter().take(TRIED) {
        let Some(left) = pieces::without(estate, &BTreeSet::from([piece])) else { continue };
        let still = faults(&left);
        if best.as_ref().is_none_or(|(_, fewest)| still.len() < fewest.len()) {
            best = Some((left, still));
        }
        if best.as_ref().is_some_and(|(_, fewest)| fewest.len() < wrong.len()) {
            break;
        }
    }
    best
}

fn people_at_fault(estate: &Estate, wrong: &[Fault]) -> BTreeSet<Piece> {
    let places = wrong.iter().flat_map(|fault| &fault.places);
    places.filter_map(|&(statement, line)| person(estate, statement, line)).collect()
}

/// The contact or account on this line of a statement.
fn person(estate: &Estate, statement: Statement, line: usize) -> Option<Piece> {
    match statement {
        Statement::Contact(_) => Some(Piece::Whole(statement)),
        Statement::System(s) => {
            let system = &estate.systems[s];
            let account = line.checked_sub(1 + usize::from(!system.domains.is_empty()))?;
            (account < system.accounts.len()).then_some(Piece::Account(s, account))
        }
        _ => None,
    }
}

/// The pieces of the statements that a fault names: fields first, then values, whole statements last.
fn at_fault(estate: &Estate, fault: &Fault) -> Vec<Piece> {
    let named: BTreeSet<Statement> = fault.places.iter().map(|(statement, _)| *statement).collect();
    let [servers, people, values, fields] = pieces::kinds(estate);
    let everywhere = |piece: &Piece| piece.statement().is_none();
    // What people say of themselves is no matter of servers.
    let ours = |piece: &Piece| match piece {
        Piece::Account(..) | Piece::Alias(..) => false,
        piece => everywhere(piece) || piece.statement().is_some_and(|statement| named.contains(&statement)),
    };
    let (first, last): (Vec<Piece>, Vec<Piece>) = fields.into_iter().filter(ours).partition(|piece| !everywhere(piece));
    let candidates = first.into_iter().chain(values.into_iter().filter(ours)).chain(servers.into_iter().filter(ours));
    let blamed = fault.places.iter().filter_map(|&(statement, line)| person(estate, statement, line));
    let people = people.into_iter().filter(|piece| blamed.clone().any(|blamed| blamed == *piece));
    let mut all: Vec<Piece> = candidates.chain(last).chain(people).collect();
    // What mends these is known: it comes first.
    all.sort_by_key(|piece| !likely(fault.code, *piece));
    all
}

fn likely(code: &str, piece: Piece) -> bool {
    match code {
        "subaddress::differs" => piece == Piece::Everywhere("subaddress"),
        "orphan::unresolved" | "loop::mx" => matches!(piece, Piece::Whole(Statement::Domain(_))),
        "target::unsupported" => matches!(piece, Piece::Field(Statement::Connector(_) | Statement::Mta(_), _)),
        _ => false,
    }
}
