//! The finite partition of all that can be asked: addresses that no node can tell apart are one class.
//!
//! Literal addresses fall into classes by what decides their way: their domain, who has them, and the class of what
//! they become. So a million contacts between the same systems are a handful of classes, each with one member that
//! stands for all. Every other address is "any other local part" of a domain, "any other subdomain" of a pattern, or
//! "any other domain"; each also with the local parts that are treated apart (`@ % !`, UTF-8), and every known
//! address also with a `+detail`.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{AddressId, ContactId, Plan, Question, SystemId};
use crate::name::{Domain, Mailbox, Pattern};

/// What kind of address a class holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Literal addresses of the estate: the members that share a way.
    Literal { members: Arc<[AddressId]> },
    /// The same with a `+detail` that nothing in the estate names.
    Detail { members: Arc<[AddressId]> },
    /// A known address with a detail that makes it, or what it becomes, another known one.
    NamedDetail { base: AddressId },
    /// `postmaster@`, and at hostnames `root@` and `abuse@`.
    Role,
    /// Any local part, of this very domain or of any other domain that the pattern matches, that is nobody's.
    Other { pattern: Pattern },
    /// The same, with `@`, `%` or `!` in it.
    OtherRoutesPast { pattern: Pattern },
    /// The same, not ASCII.
    OtherUtf8 { pattern: Pattern },
    /// The bare `postmaster`, domain literals and unqualified recipients.
    NoDomain,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    pub kind: Kind,
    /// One member, standing for all.
    pub question: Question,
}

impl Class {
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match &self.question {
            Question::Address(mailbox) => Some(mailbox),
            _ => None,
        }
    }
}

/// Every class of a plan.
pub fn classes(plan: &Plan) -> Vec<Class> {
    let fresh = Fresh::new(plan);
    let mut out = Vec::new();
    literals(plan, &fresh, &mut out);
    named_details(plan, &mut out);
    role_classes(plan, &fresh, &mut out);
    for pattern in patterns(plan) {
        others(&fresh, &pattern, &mut out);
    }
    out.push(Class { kind: Kind::NoDomain, question: Question::Postmaster });
    out.push(Class { kind: Kind::NoDomain, question: Question::Unroutable("someone@[192.0.2.1]".to_owned()) });
    out
}

/// A word that no address or domain of the estate contains.
#[derive(Debug)]
pub struct Fresh {
    word: String,
}

impl Fresh {
    pub fn new(plan: &Plan) -> Fresh {
        let named: Vec<Pattern> = patterns(plan).into_iter().collect();
        let taken =
            |word: &str| plan.addresses.contains_text(word) || named.iter().any(|p| p.to_string().contains(word));
        let word = (0u32..).map(|n| format!("other{n}")).find(|word| !taken(word));
        Fresh { word: word.unwrap_or_default() }
    }

    /// A text with the word shown as what it stands for.
    pub fn hide(&self, text: &str) -> String {
        text.replace(&self.word, "*")
    }

    /// A domain that matches the pattern, and no more specific one.
    fn domain(&self, pattern: &Pattern) -> String {
        match pattern {
            Pattern::Exact(domain) => domain.as_str().to_owned(),
            Pattern::Sub(domain) => format!("{}.{domain}", self.word),
            Pattern::Any => format!("{0}.{0}", self.word),
        }
    }

    /// An address that nobody has, in a domain of the pattern.
    pub fn mailbox(&self, pattern: &Pattern) -> Mailbox {
        Mailbox::from_content(&self.word, &self.domain(pattern))
    }

    fn detail(&self, separator: char) -> String {
        format!("{separator}{}", self.word)
    }
}

/// Every domain and pattern that the estate speaks of, `*` included, sorted.
pub fn patterns(plan: &Plan) -> BTreeSet<Pattern> {
    let mut all = BTreeSet::from([Pattern::Any]);
    all.extend(plan.domains.iter().map(|d| d.pattern.value.clone()));
    all.extend(plan.connectors.iter().flat_map(|c| c.spaces.iter().map(|s| s.pattern.clone())));
    all.extend(plan.mtas.iter().map(|m| Pattern::Exact(m.hostname.value.clone())));
    for system in &plan.systems {
        all.extend(system.domains.iter().chain(&system.authoritative).map(|p| p.value.clone()));
        all.extend(system.forwards.iter().map(|f| f.pattern.clone()));
    }
    let mut domains: HashSet<&str> = HashSet::new();
    for id in plan.addresses.ids() {
        let domain = plan.addresses.domain(id);
        if domains.insert(domain)
            && let Ok(domain) = Domain::parse(domain)
        {
            all.insert(Pattern::Exact(domain));
        }
    }
    all
}

/// The separators of sub-addresses in use, sorted.
fn separators(plan: &Plan) -> BTreeSet<char> {
    plan.mtas.iter().filter_map(super::Mta::separator).collect()
}

/// What decides the way of a literal address; equal signatures, equal ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Signature {
    domain: u32,
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
    domains: HashMap<&'p str, u32>,
    known: HashMap<Signature, u32>,
    list: Vec<Signature>,
    of: HashMap<AddressId, u32>,
}

fn literals(plan: &Plan, fresh: &Fresh, out: &mut Vec<Class>) {
    let mut signatures = Signatures {
        plan,
        separators: separators(plan),
        domains: HashMap::new(),
        known: HashMap::new(),
        list: Vec::new(),
        of: HashMap::with_capacity(plan.addresses.len()),
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
        let Some(&first) = members.iter().min_by_key(|id| signatures.rank(**id)) else { continue };
        let mailbox = plan.addresses.mailbox(first);
        let members: Arc<[AddressId]> = members.into();
        if signature.account.is_some() || signature.next != Next::Stays {
            for &separator in &signatures.separators {
                let question = Question::Address(mailbox.with_detail(&fresh.detail(separator)));
                out.push(Class { kind: Kind::Detail { members: members.clone() }, question });
            }
        }
        out.push(Class { kind: Kind::Literal { members }, question: Question::Address(mailbox) });
    }
}

impl Signatures<'_> {
    /// The class of an address, found from the end of its chain of contacts backwards.
    fn class(&mut self, id: AddressId) -> u32 {
        if let Some(&known) = self.of.get(&id) {
            return known;
        }
        let mut chain = vec![id];
        let mut met: HashSet<AddressId> = HashSet::new();
        let mut circle = false;
        while let Some(&last) = chain.last() {
            if self.of.contains_key(&last) {
                break;
            }
            let Some(contact) = self.plan.addresses.contact(last) else { break };
            let next = self.plan.contact(contact).primary.id;
            // The set is needed from the second contact of a chain on: most chains have one.
            if next == id || (chain.len() > 1 && !met.insert(next)) {
                circle = true;
                break;
            }
            chain.push(next);
        }
        let mut class = 0;
        let mut next: Option<AddressId> = None;
        for &address in chain.iter().rev() {
            class = match self.of.get(&address) {
                Some(&known) => known,
                None => {
                    let signature = self.signature(address, next, circle);
                    let class = self.intern(signature, next);
                    self.of.insert(address, class);
                    class
                }
            };
            next = Some(address);
        }
        class
    }

    fn signature(&mut self, address: AddressId, next: Option<AddressId>, circle: bool) -> Signature {
        let plan = self.plan;
        let mailbox = plan.addresses.mailbox(address);
        let domain = plan.addresses.domain(address);
        let count = self.domains.len() as u32;
        let domain = *self.domains.entry(domain).or_insert(count);
        let alone = self.separators.iter().any(|&c| mailbox.cut(c).is_some())
            || matches!(mailbox.local(), "postmaster" | "root" | "abuse");
        let becomes = next.and_then(|next| self.of.get(&next)).copied();
        let next = match (alone, becomes) {
            (true, _) => Next::Alone(address),
            (false, _) if circle => Next::Circle,
            (false, Some(class)) if self.list[class as usize].next == Next::Circle => Next::Circle,
            (false, Some(class)) => Next::Becomes(class),
            (false, None) => Next::Stays,
        };
        let account = plan.addresses.account(address).map(|a| plan.account(a).system);
        Signature { domain, utf8: mailbox.is_utf8(), routes_past: mailbox.routes_past(), account, next }
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

    /// How long the address's chain of contacts is, as far as it matters: a direct contact comes first.
    fn rank(&self, id: AddressId) -> bool {
        let next = self.plan.addresses.contact(id).map(|c| self.plan.contact(c).primary.id);
        next.is_some_and(|next| self.of.get(&next) == self.of.get(&id))
    }
}

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
fn named_details(plan: &Plan, out: &mut Vec<Class>) {
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

/// The addresses that are a postmaster's at some MTA, unless somebody has them.
fn roles(plan: &Plan) -> Vec<Mailbox> {
    let mut roles: BTreeSet<Mailbox> = BTreeSet::new();
    for decl in &plan.domains {
        if let Pattern::Exact(domain) = &decl.pattern.value {
            roles.insert(Mailbox::from_content("postmaster", domain.as_str()));
        }
    }
    for mta in &plan.mtas {
        let hostname = mta.hostname.value.as_str();
        roles.extend(["postmaster", "root", "abuse"].map(|local| Mailbox::from_content(local, hostname)));
    }
    let claimed = |id| plan.addresses.contact(id).is_some() || plan.addresses.account(id).is_some();
    roles.into_iter().filter(|role| !plan.addresses.find(role.as_str()).is_some_and(claimed)).collect()
}

fn role_classes(plan: &Plan, fresh: &Fresh, out: &mut Vec<Class>) {
    let class = |role| Class { kind: Kind::Role, question: Question::Address(role) };
    let roles = roles(plan);
    for separator in separators(plan) {
        out.extend(roles.iter().map(|role| class(role.with_detail(&fresh.detail(separator)))));
    }
    // A role that the sources spell out is a literal too.
    out.extend(roles.into_iter().filter(|role| plan.addresses.find(role.as_str()).is_none()).map(class));
}

fn others(fresh: &Fresh, pattern: &Pattern, out: &mut Vec<Class>) {
    let domain = fresh.domain(pattern);
    let mut push = |kind, local: &str| {
        out.push(Class { kind, question: Question::Address(Mailbox::from_content(local, &domain)) });
    };
    push(Kind::Other { pattern: pattern.clone() }, &fresh.word);
    push(Kind::OtherRoutesPast { pattern: pattern.clone() }, &format!("{0}%{0}", fresh.word));
    push(Kind::OtherUtf8 { pattern: pattern.clone() }, &format!("{}é", fresh.word));
}

/// The contacts whose secondaries a class holds, each once.
pub fn contacts_of(plan: &Plan, members: &[AddressId]) -> Vec<ContactId> {
    let mut contacts: Vec<ContactId> = members.iter().filter_map(|&id| plan.addresses.contact(id)).collect();
    contacts.sort_unstable();
    contacts.dedup();
    contacts
}
