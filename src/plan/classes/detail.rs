//! Details that matter: a sub-address that is somebody, and all that is rewritten into it.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};

use super::{Class, Kind, roles, separators};
use crate::name::Mailbox;
use crate::plan::{AddressId, Plan, Question};

/// What can stand before a detail that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Base {
    Known(AddressId),
    /// Of [`roles`].
    Role(usize),
}

struct Bases<'p> {
    plan: &'p Plan,
    separators: BTreeSet<char>,
    roles: Vec<Mailbox>,
    by_role: HashMap<Mailbox, usize>,
}

impl<'p> Bases<'p> {
    fn new(plan: &'p Plan) -> Bases<'p> {
        let roles = roles(plan);
        let by_role = roles.iter().cloned().zip(0..).collect();
        Bases { plan, separators: separators(plan), roles, by_role }
    }

    fn find(&self, mailbox: &Mailbox) -> Option<Base> {
        let role = self.by_role.get(mailbox).copied().map(Base::Role);
        role.or_else(|| self.plan.addresses.find(mailbox.as_str()).map(Base::Known))
    }

    fn with_detail(&self, base: Base, detail: &str) -> Class {
        let (mailbox, kind) = match base {
            Base::Known(id) => (self.plan.addresses.mailbox(id), Kind::NamedDetail { base: id }),
            Base::Role(role) => (self.roles[role].clone(), Kind::Role),
        };
        Class { kind, question: Question::Address(mailbox.with_detail(detail)) }
    }

    /// Every way to read an address as a base and a detail.
    fn cuts(&self, id: AddressId) -> impl Iterator<Item = (Base, String)> {
        let mailbox = self.plan.addresses.mailbox(id);
        self.separators.iter().filter_map(move |&separator| {
            let (base, detail) = mailbox.cut(separator)?;
            Some((self.find(&base)?, detail))
        })
    }

    /// For each base, those that become it, or it with a detail of their contact's or postmaster's own.
    fn rewritten_to(&self) -> HashMap<Base, Vec<(Base, String)>> {
        let plan = self.plan;
        let mut sources: HashMap<Base, Vec<(Base, String)>> = HashMap::new();
        let mut rewrites = |primary: AddressId, from: &mut dyn Iterator<Item = Base>| {
            let whole = self.find(&plan.addresses.mailbox(primary)).map(|base| (base, String::new()));
            let targets: Vec<(Base, String)> = self.cuts(primary).chain(whole).collect();
            for base in from {
                for (target, prefix) in &targets {
                    sources.entry(*target).or_default().push((base, prefix.clone()));
                }
            }
        };
        for contact in plan.contact_ids() {
            let mut secondaries = plan.secondaries_of(contact).iter().map(|secondary| Base::Known(secondary.id));
            rewrites(plan.contact(contact).primary.id, &mut secondaries);
        }
        for postmaster in plan.mtas.iter().filter_map(|mta| mta.postmaster) {
            rewrites(postmaster.id, &mut (0..self.roles.len()).map(Base::Role));
        }
        sources
    }
}

/// Known addresses with a detail that matters: `ann+lists` where `ann` becomes `bob` and `bob+lists` is somebody.
pub(super) fn named_details(plan: &Plan, out: &mut Vec<Class>) {
    if separators(plan).is_empty() {
        return;
    }
    let bases = Bases::new(plan);
    let mut open: Vec<(Base, String)> = plan.addresses.ids().flat_map(|id| bases.cuts(id)).collect();
    if open.is_empty() {
        return;
    }
    let sources = bases.rewritten_to();
    let mut met: HashSet<(Base, String)> = open.iter().cloned().collect();
    while let Some((base, detail)) = open.pop() {
        for (source, prefix) in sources.get(&base).into_iter().flatten() {
            let Some(rest) = detail.strip_prefix(prefix.as_str()).filter(|rest| !rest.is_empty()) else { continue };
            let next = (*source, rest.to_owned());
            if met.insert(next.clone()) {
                out.push(bases.with_detail(*source, rest));
                open.push(next);
            }
        }
    }
}
