//! Literal addresses, classed by what decides their way.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{Class, Fresh, Kind, separators};
use crate::name::mailbox::{content_of_normal, cut_of_normal, routes_past};
use crate::plan::{AddressId, DomainId, Plan, Question, SystemId};

const UNSETTLED: u32 = u32::MAX;

/// What decides the way of a literal address; equal signatures, equal ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Signature {
    domain: DomainId,
    utf8: bool,
    routes_past: bool,
    account: Option<SystemId>,
    next: Next,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Next {
    /// No contact rewrites it.
    Stays,
    /// A contact makes it an address of that class.
    Becomes(u32),
    /// A contact of a circle, or one that leads into one.
    Circle,
    /// A sub-address of its own, or a role: alone in its class.
    Alone(AddressId),
}

struct Signatures<'p> {
    plan: &'p Plan,
    separators: BTreeSet<char>,
    known: HashMap<Signature, u32>,
    list: Vec<Signature>,
    /// By address, [`UNSETTLED`] until its class is known.
    of: Vec<u32>,
    /// Kept from one address to the next, for its memory alone.
    chain: Vec<AddressId>,
}

/// Adds the classes of all literal addresses; gives the number of each address's own.
pub(super) fn literals(plan: &Plan, fresh: &Fresh, out: &mut Vec<Class>) -> Vec<u32> {
    let mut signatures = Signatures {
        plan,
        separators: separators(plan),
        known: HashMap::new(),
        list: Vec::new(),
        of: vec![UNSETTLED; plan.addresses.len()],
        chain: Vec::new(),
    };
    let mut members: Vec<Vec<AddressId>> = Vec::new();
    for id in plan.addresses.ids() {
        let class = signatures.class(id) as usize;
        if members.len() <= class {
            members.resize(class + 1, Vec::new());
        }
        members[class].push(id);
    }
    for (signature, members) in signatures.list.iter().zip(members) {
        // The member with the shortest chain of contacts stands for all: it was settled first.
        let direct = members.iter().find(|id| !signatures.is_behind(**id));
        let Some(&first) = direct.or(members.first()) else { continue };
        let mailbox = plan.addresses.mailbox(first);
        let members: Arc<[AddressId]> = members.into();
        if signature.account.is_some() || signature.next != Next::Stays {
            // `ann-lee-x` is a detail of `ann`, where there is an `ann`: never of `ann-lee`.
            for &separator in signatures.separators.iter().filter(|&&c| mailbox.cut(c).is_none()) {
                let question = Question::Address(mailbox.with_detail(&fresh.detail(separator)));
                out.push(Class { kind: Kind::Detail { members: members.clone() }, question });
            }
        }
        out.push(Class { kind: Kind::Literal { members }, question: Question::Address(mailbox) });
    }
    signatures.of
}

impl Signatures<'_> {
    fn settled(&self, id: AddressId) -> Option<u32> {
        Some(self.of[id.index()]).filter(|&class| class != UNSETTLED)
    }

    /// The class of an address, found from the end of its chain of contacts backwards.
    fn class(&mut self, id: AddressId) -> u32 {
        if let Some(known) = self.settled(id) {
            return known;
        }
        let mut chain = std::mem::take(&mut self.chain);
        let circle = self.follow(id, &mut chain);
        let mut class = 0;
        let mut next: Option<AddressId> = None;
        for &address in chain.iter().rev() {
            class = match self.settled(address) {
                Some(known) => known,
                None => {
                    let signature = self.signature(address, next, circle);
                    let class = self.intern(signature, next);
                    self.of[address.index()] = class;
                    class
                }
            };
            next = Some(address);
        }
        self.chain = chain;
        class
    }

    /// The addresses that contacts make of one, up to the first that is settled; true where they go round in a circle.
    fn follow(&self, id: AddressId, chain: &mut Vec<AddressId>) -> bool {
        chain.clear();
        chain.push(id);
        let mut met: Option<HashSet<AddressId>> = None;
        let mut last = id;
        while self.settled(last).is_none() {
            let Some(contact) = self.plan.addresses.contact(last) else { break };
            let next = self.plan.contact(contact).primary.id;
            // The set is needed from the second contact of a chain on: most chains have one.
            if next == id || (chain.len() > 1 && !met.get_or_insert_default().insert(next)) {
                return true;
            }
            chain.push(next);
            last = next;
        }
        false
    }

    fn signature(&mut self, address: AddressId, next: Option<AddressId>, circle: bool) -> Signature {
        let addresses = &self.plan.addresses;
        let (domain, local) = (addresses.domain_id(address), addresses.local(address));
        // With a detail, the empty local part begins with the separator, and is no sub-address of anybody.
        let alone = self.separators.iter().any(|&c| cut_of_normal(local, c).is_some())
            || matches!(local, "postmaster" | "root" | "abuse" | "\"\"");
        let becomes = next.and_then(|next| self.settled(next));
        let next = match (alone, becomes) {
            (true, _) => Next::Alone(address),
            (false, _) if circle => Next::Circle,
            (false, Some(class)) if self.list[class as usize].next == Next::Circle => Next::Circle,
            (false, Some(class)) => Next::Becomes(class),
            (false, None) => Next::Stays,
        };
        let account = addresses.account(address).map(|a| self.plan.account(a).system);
        Signature {
            domain,
            utf8: !local.is_ascii(),
            routes_past: routes_past(&content_of_normal(local)),
            account,
            next,
        }
    }

    /// A contact that leads to another of the same domain goes the same way as that one.
    fn intern(&mut self, signature: Signature, next: Option<AddressId>) -> u32 {
        if let Next::Becomes(class) = signature.next {
            let other = &self.list[class as usize];
            let same = matches!(other.next, Next::Becomes(_))
                && (other.domain, other.utf8, other.routes_past, other.account)
                    == (signature.domain, signature.utf8, signature.routes_past, signature.account);
            if same && next.is_some() {
                return class;
            }
        }
        let list = &mut self.list;
        *self.known.entry(signature.clone()).or_insert_with(|| {
            list.push(signature);
            list.len() as u32 - 1
        })
    }

    /// Whether its contact leads to another address of its class: it is not the first of its chain.
    fn is_behind(&self, id: AddressId) -> bool {
        let next = self.plan.addresses.contact(id).map(|c| self.plan.contact(c).primary.id);
        next.is_some_and(|next| self.settled(next) == self.settled(id))
    }
}
