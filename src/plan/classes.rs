//! The finite partition of all that can be asked: addresses that no node can tell apart are one class.
//!
//! Literal addresses fall into classes by what decides their way: their domain, who has them, and the class of what
//! they become. So a million contacts between the same systems are a handful of classes, each with one member that
//! stands for all. Every other address is "any other local part" of a domain, "any other subdomain" of a pattern, or
//! "any other domain"; each also with the local parts that are treated apart (`@ % !`, UTF-8), and every known
//! address also with a `+detail`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AddressId, ContactId, Plan, Question};
use crate::name::{Domain, Mailbox, Pattern};

mod detail;
mod literal;

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

/// Every class of a plan, and the class of each literal address.
#[derive(Debug)]
pub struct Partition {
    pub classes: Vec<Class>,
    /// By address; the classes of literals are numbered among themselves.
    literals: Vec<u32>,
}

impl Partition {
    pub fn new(plan: &Plan) -> Partition {
        let mut classes = Vec::new();
        let literals = fill(plan, &mut classes);
        Partition { classes, literals }
    }
}

/// Answers to a question that has the same answer for all addresses of a class: it is asked of one of them.
#[derive(Debug)]
pub struct ByClass<'p, T> {
    partition: &'p Partition,
    answers: Vec<Option<T>>,
}

impl<'p, T> ByClass<'p, T> {
    pub fn new(partition: &'p Partition) -> ByClass<'p, T> {
        ByClass { partition, answers: Vec::new() }
    }

    /// The answer for an address; the first of a class that comes up is asked.
    pub fn of(&mut self, id: AddressId, ask: impl FnOnce() -> T) -> &T {
        let class = self.partition.literals[id.index()] as usize;
        if self.answers.len() <= class {
            self.answers.resize_with(class + 1, || None);
        }
        self.answers[class].get_or_insert_with(ask)
    }
}

/// Every class of a plan.
pub fn classes(plan: &Plan) -> Vec<Class> {
    Partition::new(plan).classes
}

fn fill(plan: &Plan, out: &mut Vec<Class>) -> Vec<u32> {
    let fresh = Fresh::new(plan);
    let literals = literal::literals(plan, &fresh, out);
    detail::named_details(plan, out);
    role_classes(plan, &fresh, out);
    for pattern in patterns(plan) {
        others(&fresh, &pattern, out);
    }
    out.push(Class { kind: Kind::NoDomain, question: Question::Postmaster });
    out.push(Class { kind: Kind::NoDomain, question: Question::Unroutable("someone@[192.0.2.1]".to_owned()) });
    literals
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

/// Every domain and pattern that a declaration names, hostnames and `*` included, sorted.
pub fn declared_patterns(plan: &Plan) -> BTreeSet<Pattern> {
    let mut all = BTreeSet::from([Pattern::Any]);
    all.extend(plan.domains.iter().map(|d| d.pattern.value.clone()));
    all.extend(plan.connectors.iter().flat_map(|c| c.spaces.iter().map(|s| s.pattern.clone())));
    all.extend(plan.mtas.iter().map(|m| Pattern::Exact(m.hostname.value.clone())));
    for system in &plan.systems {
        all.extend(system.domains.iter().chain(&system.authoritative).map(|p| p.value.clone()));
        all.extend(system.forwards.iter().map(|f| f.pattern.clone()));
    }
    all
}

/// Every domain and pattern that the estate speaks of: the declared ones, and the domains of all addresses.
pub fn patterns(plan: &Plan) -> BTreeSet<Pattern> {
    let mut all = declared_patterns(plan);
    let domains = plan.addresses.domain_ids().map(|id| Domain::parse(plan.addresses.domain_text(id)));
    all.extend(domains.flatten().map(Pattern::Exact));
    all
}

/// The separators of sub-addresses in use, sorted.
fn separators(plan: &Plan) -> BTreeSet<char> {
    plan.mtas.iter().filter_map(super::Mta::separator).collect()
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
    let claimed = |id| plan.addresses.is_claimed(id);
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
