//! Everything that can be taken out of an estate, and estates without it.

use std::collections::BTreeSet;

use super::fields;
use crate::oracle::dsl::Statement;
use crate::oracle::estate::{Declaration, Estate, Kind, Node, Unresolved};

/// Something that an estate may do without: a statement, a value of a list, or a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Whole(Statement),
    /// Of a system: the account.
    Account(usize, usize),
    /// Of an account of a system: the address. The last one stays.
    Alias(usize, usize, usize),
    /// A value of a list, by the list's name. Where a list may not be empty, the last value stays.
    Value(Statement, &'static str, usize),
    Field(Statement, &'static str),
    /// A field at every MTA at once.
    Everywhere(&'static str),
}

impl Piece {
    pub(super) fn statement(self) -> Option<Statement> {
        match self {
            Piece::Whole(statement) | Piece::Value(statement, ..) | Piece::Field(statement, _) => Some(statement),
            Piece::Account(system, _) | Piece::Alias(system, ..) => Some(Statement::System(system)),
            Piece::Everywhere(_) => None,
        }
    }
}

/// The pieces of an estate by kind, the largest first.
pub(super) fn kinds(estate: &Estate) -> [Vec<Piece>; 4] {
    let [mut values, mut set] = [(); 2].map(|()| Vec::new());
    let mut servers: Vec<Statement> = Vec::new();
    let mut people: Vec<Piece> =
        (0..estate.contacts.len()).map(|contact| Piece::Whole(Statement::Contact(contact))).collect();
    for (s, system) in estate.systems.iter().enumerate() {
        people.extend((0..system.accounts.len()).map(|account| Piece::Account(s, account)));
        for (a, account) in system.accounts.iter().enumerate().filter(|(_, account)| account.len() > 1) {
            values.extend((0..account.len()).map(|alias| Piece::Alias(s, a, alias)));
        }
    }
    servers.extend((0..estate.mtas.len()).map(Statement::Mta));
    servers.extend((0..estate.systems.len()).map(Statement::System));
    servers.extend((0..estate.connectors.len()).map(Statement::Connector));
    servers.extend((0..estate.domains.len()).map(Statement::Domain));
    let contacts = (0..estate.contacts.len()).map(Statement::Contact);
    for statement in servers.iter().copied().chain(contacts) {
        for (list, length) in fields::lists(estate, statement) {
            values.extend((0..length).map(|at| Piece::Value(statement, list, at)));
        }
        set.extend(fields::said(estate, statement).into_iter().map(|field| Piece::Field(statement, field)));
    }
    set.extend(fields::EVERYWHERE.map(Piece::Everywhere).into_iter().filter(|piece| {
        let Piece::Everywhere(field) = *piece else { return false };
        (0..estate.mtas.len()).any(|mta| fields::said(estate, Statement::Mta(mta)).contains(&field))
    }));
    [servers.into_iter().map(Piece::Whole).collect(), people, values, set]
}

pub(super) fn all(estate: &Estate) -> Vec<Piece> {
    kinds(estate).concat()
}

/// The estate without these pieces and without what means nothing any more; `None` where no MTA would be left.
pub(super) fn without(estate: &Estate, gone: &BTreeSet<Piece>) -> Option<Estate> {
    let mut left = estate.clone();
    for &piece in gone {
        match piece {
            Piece::Field(statement, field) => fields::unsay(&mut left, statement, field),
            Piece::Everywhere(field) => {
                (0..left.mtas.len()).for_each(|mta| fields::unsay(&mut left, Statement::Mta(mta), field));
            }
            Piece::Whole(_) | Piece::Account(..) | Piece::Alias(..) | Piece::Value(..) => {}
        }
    }
    thinned(&mut left, gone);
    let stays = |statement: Statement| !gone.contains(&Piece::Whole(statement));
    let mtas = renumbered(left.mtas.len(), |m| stays(Statement::Mta(m)));
    let systems = renumbered(left.systems.len(), |s| stays(Statement::System(s)));
    let there = |node: Node| match node {
        Node::Mta(m) => mtas[m].map(Node::Mta),
        Node::System(s) => systems[s].map(Node::System),
        Node::Internet => Some(Node::Internet),
    };
    let some_mtas = |list: &[usize]| -> Option<Vec<usize>> {
        let left: Vec<usize> = list.iter().filter_map(|&m| mtas[m]).collect();
        (list.is_empty() || !left.is_empty()).then_some(left)
    };
    // A connector that led to what is gone, or started there alone, is gone too.
    let connectors = renumbered(left.connectors.len(), |c| {
        let connector = &left.connectors[c];
        stays(Statement::Connector(c)) && there(connector.to).is_some() && some_mtas(&connector.from).is_some()
    });
    keep(&mut left.connectors, |c, _| connectors[c].is_some());
    for connector in &mut left.connectors {
        connector.to = there(connector.to)?;
        connector.from = some_mtas(&connector.from)?;
    }
    keep(&mut left.domains, |d, declaration| stays(Statement::Domain(d)) && some_mtas(&declaration.on).is_some());
    for declaration in &mut left.domains {
        declaration.on = some_mtas(&declaration.on)?;
        declaration.mx = declaration.mx.iter().filter_map(|&node| there(node)).collect();
        declaration.unresolved = led_by(declaration, &connectors);
    }
    keep(&mut left.systems, |s, _| systems[s].is_some());
    for system in &mut left.systems {
        let forwards = system.forwards.iter().filter_map(|(pattern, to)| Some((pattern.clone(), there(*to)?)));
        system.forwards = forwards.collect();
    }
    keep(&mut left.mtas, |m, _| mtas[m].is_some());
    keep(&mut left.contacts, |c, _| stays(Statement::Contact(c)));
    (!left.mtas.is_empty()).then_some(left)
}

fn led_by(declaration: &Declaration, connectors: &[Option<usize>]) -> Unresolved {
    match declaration.unresolved {
        Unresolved::Via { connector, verify }
            if declaration.kind == Kind::Domain || declaration.kind == Kind::Shared =>
        {
            connectors[connector].map_or(Unresolved::Reject, |connector| Unresolved::Via { connector, verify })
        }
        _ => Unresolved::Reject,
    }
}

/// Takes accounts, addresses and values out of their lists.
fn thinned(estate: &mut Estate, gone: &BTreeSet<Piece>) {
    for (s, system) in estate.systems.iter_mut().enumerate() {
        for (a, account) in system.accounts.iter_mut().enumerate() {
            thin(account, true, |alias| gone.contains(&Piece::Alias(s, a, alias)));
        }
        keep(&mut system.accounts, |a, _| !gone.contains(&Piece::Account(s, a)));
    }
    let touched: BTreeSet<Statement> = gone
        .iter()
        .filter_map(|piece| match piece {
            Piece::Value(statement, ..) => Some(*statement),
            _ => None,
        })
        .collect();
    for statement in touched {
        fields::thin_lists(estate, statement, |list, at| gone.contains(&Piece::Value(statement, list, at)));
    }
}

/// Takes values out of a list; where it may not be empty, the last one stays.
pub(super) fn thin<T: Clone>(list: &mut Vec<T>, least_one: bool, gone: impl Fn(usize) -> bool) {
    let last = list.last().cloned();
    keep(list, |at, _| !gone(at));
    if list.is_empty() && least_one {
        list.extend(last);
    }
}

fn keep<T>(list: &mut Vec<T>, stays: impl Fn(usize, &T) -> bool) {
    let mut at = 0;
    list.retain(|value| {
        at += 1;
        stays(at - 1, value)
    });
}

/// The new number of each that stays.
fn renumbered(count: usize, stays: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
    let mut next = 0..;
    (0..count).map(|at| if stays(at) { next.next() } else { None }).collect()
}
