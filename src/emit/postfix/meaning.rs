//! What an MTA does with each recipient that the plan can name, asked of [`Router`] and brought into the terms of
//! Postfix's tables: rewritten, handed to a group of connectors, or refused.

use hashbrown::HashMap;

use crate::emit::Context;
use crate::name::{Mailbox, Pattern};
use crate::plan::classes::declared_patterns;
use crate::plan::route::decide::{Asker, Holder, VisitEnd, Way};
use crate::plan::route::{Status, Tier};
use crate::plan::{ConnectorId, Mta, MtaId, Node, Question};

/// Connectors of equal cost, then dearer ones: what one transport entry has to stand for.
pub(super) type Group = Vec<Vec<ConnectorId>>;

/// An index into [`Meaning::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct GroupId(pub(super) usize);

/// Where a recipient goes that no contact rewrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dest {
    Send(GroupId),
    Refuse(Status),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What a contact or the postmaster makes of it first, as it goes out on the wire.
    pub(super) rewrite: Option<String>,
    pub(super) dest: Dest,
    /// Asked of the next hop at RCPT time.
    pub(super) verify: bool,
}

impl Verdict {
    pub(super) fn refused(&self) -> Option<Status> {
        match self.dest {
            Dest::Refuse(status) => Some(status),
            Dest::Send(_) => None,
        }
    }
}

/// The kinds of local part that somebody unknown may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Plain,
    /// With `@`, `%` or `!`.
    RoutesPast,
    Utf8,
}

pub(super) struct Meaning<'a> {
    pub(super) context: Context<'a>,
    pub(super) id: MtaId,
    pub(super) groups: Vec<Group>,
    ids: HashMap<Group, GroupId>,
    /// By the place of the tiers in memory, so that a million accounts do not build a group each.
    known: HashMap<(usize, usize), GroupId>,
    /// Every domain and pattern that a declaration names, sorted.
    pub(super) patterns: Vec<Pattern>,
}

impl<'a> Meaning<'a> {
    pub(super) fn new(context: Context<'a>, id: MtaId) -> Self {
        let patterns = declared_patterns(context.plan).into_iter().collect();
        Meaning { context, id, groups: Vec::new(), ids: HashMap::new(), known: HashMap::new(), patterns }
    }

    pub(super) fn mta(&self) -> &'a Mta {
        self.context.plan.mta(self.id)
    }

    /// What the MTA does with an address that a client in `trust` asks for.
    pub(super) fn verdict(&mut self, mailbox: &Mailbox) -> Verdict {
        let router = self.context.router;
        let visit = router.visit(self.id, Asker::Trusted, &Question::Address(mailbox.clone()));
        let rewrite = visit.rewrites.first().map(|(holder, _, to)| self.on_wire(*holder, to));
        let (dest, verify) = match visit.end {
            VisitEnd::Send { tiers, verify, .. } => match self.refused_early(mailbox, tiers, verify) {
                Some(status) => (Dest::Refuse(status), false),
                None => (Dest::Send(self.group(tiers)), verify),
            },
            VisitEnd::Refuse { why, .. } => (Dest::Refuse(why.status()), false),
            VisitEnd::Loop => (Dest::Refuse(Status::LOOP), false),
        };
        Verdict { rewrite, dest, verify }
    }

    fn on_wire(&self, holder: Holder, to: &Mailbox) -> String {
        match holder {
            Holder::Contact(contact) => self.context.plan.primary_on_wire(contact).to_owned(),
            Holder::Postmaster | Holder::Account(_) => to.as_str().to_owned(),
        }
    }

    /// The status with which an MTA of ours further on would refuse it, whichever way it took.
    fn refused_early(&self, mailbox: &Mailbox, way: Way<'_>, verify: bool) -> Option<Status> {
        let plan = self.context.plan;
        let ours = |(exit, _): &(_, bool)| {
            let exit: &crate::plan::route::Exit = exit;
            matches!(plan.connector(exit.connector).to.value, Node::Mta(_))
        };
        if !verify && !way.exits().iter().any(ours) {
            return None;
        }
        let question = Question::Address(mailbox.clone());
        self.context.router.refusal(self.id, Asker::Trusted, &question)?.status
    }

    fn group(&mut self, way: Way<'_>) -> GroupId {
        let tiers = match way {
            Way::Tiers(tiers) => tiers,
            Way::Only(exit) => return self.intern(vec![vec![exit.connector]]),
            Way::Unknown => return self.intern(Vec::new()),
        };
        let place = (tiers.as_ptr() as usize, tiers.len());
        if let Some(&id) = self.known.get(&place) {
            return id;
        }
        let id = self.intern(group_of(tiers));
        self.known.insert(place, id);
        id
    }

    fn intern(&mut self, group: Group) -> GroupId {
        if let Some(&id) = self.ids.get(&group) {
            return id;
        }
        let id = GroupId(self.groups.len());
        self.groups.push(group.clone());
        self.ids.insert(group, id);
        id
    }

    /// What the MTA does with somebody unknown in a domain, or in any domain that a pattern alone matches.
    pub(super) fn unknown(&mut self, pattern: &Pattern, form: Form) -> Verdict {
        let mailbox = self.nobody(&self.some_domain(pattern), form);
        self.verdict(&mailbox)
    }

    /// A domain that matches this pattern and none that is more specific.
    pub(super) fn some_domain(&self, pattern: &Pattern) -> String {
        let parent = match pattern {
            Pattern::Exact(domain) => return domain.as_str().to_owned(),
            Pattern::Sub(parent) => parent.as_str(),
            Pattern::Any => "invalid",
        };
        let specific = |candidate: &str| {
            self.patterns.iter().any(|p| p != pattern && is_within(p, pattern) && p.matches(candidate))
        };
        let mut label = String::from("any");
        while specific(&format!("{label}.{parent}")) {
            label.push('y');
        }
        format!("{label}.{parent}")
    }

    /// An address that nobody has at any MTA, as such or by its sub-address.
    pub(super) fn nobody(&self, domain: &str, form: Form) -> Mailbox {
        let (router, plan) = (self.context.router, self.context.plan);
        let separates = |c: char| plan.mtas.iter().any(|mta| mta.separator() == Some(c));
        let letter = ('a'..='z').find(|&c| !separates(c)).unwrap_or('a').to_string();
        let unknown = |mailbox: &Mailbox| plan.mta_ids().all(|mta| router.known(mta, mailbox).is_none());
        let tail = match form {
            Form::Plain => "",
            Form::RoutesPast => "%",
            Form::Utf8 => "é",
        };
        (1..64)
            .map(|length| Mailbox::from_content(&(letter.repeat(length) + tail), domain))
            .find(unknown)
            .unwrap_or_else(|| Mailbox::from_content(&letter.repeat(64), domain))
    }
}

pub(super) fn group_of(tiers: &[Tier]) -> Group {
    tiers.iter().map(|tier| tier.exits.iter().map(|exit| exit.connector).collect()).collect()
}

/// Every domain that `inner` matches is one that `outer` matches.
fn is_within(inner: &Pattern, outer: &Pattern) -> bool {
    match (inner, outer) {
        (_, Pattern::Any) => true,
        (Pattern::Exact(d) | Pattern::Sub(d), Pattern::Sub(parent)) => d == parent || outer.matches(d.as_str()),
        _ => inner == outer,
    }
}
