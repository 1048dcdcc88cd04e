//! One visit of one MTA: who may ask, and steps 0 to 5 of the language.

use hashbrown::HashSet;

use super::{Exit, Own, Router, Status, Tier};
use crate::name::Mailbox;
use crate::plan::{AccountId, ContactId, DomainKind, MtaId, Node, Question, Unresolved};
use crate::source::Span;

/// Who asks an MTA to take a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asker {
    /// A client in `trust`.
    Trusted,
    Anyone,
    /// A node of the estate that hands it on: trusted for the foreign domains that it sends; in the MTA's own domains
    /// only where all its addresses lie in `trust`.
    Peer {
        trusted: bool,
    },
}

/// Why a recipient is refused, or where it ends otherwise: what `trace` says in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// A UTF-8 local part where `smtputf8` is off.
    NeedsUtf8,
    /// A domain literal or an unqualified recipient.
    Unqualified,
    /// A foreign domain, asked by a client outside `trust`.
    NotTrusted,
    /// Unknown, with `@`, `%` or `!` in the local part, asked from outside `trust`.
    RoutesPast,
    /// Nobody has it, and its domain rejects such.
    NobodyHasIt,
    /// No connector for its domain.
    NoConnector,
    /// `unresolved via` a connector that does not start here.
    ViaStartsElsewhere,
}

impl Why {
    pub fn status(self) -> Status {
        match self {
            Why::NeedsUtf8 => Status::NO_UTF8,
            Why::Unqualified | Why::NotTrusted | Why::RoutesPast => Status::RELAY_DENIED,
            Why::NobodyHasIt => Status::UNKNOWN,
            Why::NoConnector | Why::ViaStartsElsewhere => Status::UNROUTABLE,
        }
    }

    /// The reason, as a clause about the recipient.
    pub fn in_words(self) -> &'static str {
        match self {
            Why::NeedsUtf8 => "its local part is not ASCII, and `smtputf8` is off there",
            Why::Unqualified => "domain literals and unqualified recipients are taken from nobody",
            Why::NotTrusted => "its domain is none of that MTA's, and who asks is not in `trust`",
            Why::RoutesPast => "nobody has it, and its local part would route past that MTA",
            Why::NobodyHasIt => "nobody has it",
            Why::NoConnector => "no connector takes its domain",
            Why::ViaStartsElsewhere => "`unresolved via` a connector that does not start there",
        }
    }

    /// Unroutable rather than rejected.
    pub fn is_unroutable(self) -> bool {
        matches!(self, Why::NoConnector | Why::ViaStartsElsewhere)
    }
}

/// The steps of the language, by the names that `trace` gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    Postmaster,
    Contact,
    Account,
    Unresolved,
    Space,
    Forwards,
    Domain,
}

impl Step {
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Postmaster => "postmaster",
            Step::Contact => "contact",
            Step::Account => "account",
            Step::Unresolved => "unresolved",
            Step::Space => "space",
            Step::Forwards => "forwards",
            Step::Domain => "domain",
        }
    }
}

/// Who has a recipient, by steps 0 to 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Postmaster,
    Contact(ContactId),
    Account(AccountId),
}

/// A recipient that is known at an MTA, as such or by its sub-address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub holder: Holder,
    /// `+detail`, where it was known without it only.
    pub detail: Option<String>,
    /// Where the address is claimed.
    pub span: Span,
}

/// What one MTA does with a recipient that it was allowed to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'r> {
    /// Steps 0 and 1.
    Rewrite { to: Mailbox, holder: Holder, span: Span },
    /// Steps 2 to 4.
    Send { tiers: Way<'r>, step: Step, verify: bool, span: Span },
    /// Step 3 (`reject`) or 5.
    Refuse { why: Why, span: Option<Span> },
}

/// The connectors that may take a recipient: the tiers of an address space or a system, or `unresolved via` one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'r> {
    Tiers(&'r [Tier]),
    Only(Exit),
    /// `unresolved via` a name that was reported as unknown.
    Unknown,
}

impl Way<'_> {
    /// Every exit, with whether it is a dearer one.
    pub fn exits(&self) -> Vec<(Exit, bool)> {
        match self {
            Way::Tiers(tiers) => {
                tiers.iter().enumerate().flat_map(|(i, tier)| tier.exits.iter().map(move |&e| (e, i > 0))).collect()
            }
            Way::Only(exit) => vec![(*exit, false)],
            Way::Unknown => Vec::new(),
        }
    }
}

/// One visit from the question to its end: the rewrites in order, and what came of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit<'r> {
    /// Each rewrite: which, the place that says it, and the new recipient.
    pub rewrites: Vec<(Holder, Span, Mailbox)>,
    /// The recipient at the end of the visit; `None` where the question was no address at all.
    pub recipient: Option<Mailbox>,
    pub end: VisitEnd<'r>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisitEnd<'r> {
    Send {
        tiers: Way<'r>,
        step: Step,
        verify: bool,
        span: Span,
    },
    Refuse {
        why: Why,
        span: Option<Span>,
    },
    /// The same contact (or the postmaster) came up twice.
    Loop,
}

impl<'p> Router<'p> {
    /// The whole visit of one MTA.
    pub fn visit(&self, mta: MtaId, asker: Asker, question: &Question) -> Visit<'_> {
        let mut rewrites = Vec::new();
        let asked = match self.admit(mta, asker, question) {
            Ok(mailbox) => mailbox,
            Err((why, recipient)) => {
                return Visit { rewrites, recipient, end: VisitEnd::Refuse { why, span: None } };
            }
        };
        let bare = matches!(question, Question::Postmaster);
        let mut recipient = asked;
        let mut met = HashSet::new();
        loop {
            let decision = match self.bare_postmaster(mta, bare && rewrites.is_empty(), &recipient) {
                Some(rewrite) => rewrite,
                None => self.decide(mta, &recipient),
            };
            let end = match decision {
                Decision::Send { tiers, step, verify, span } => VisitEnd::Send { tiers, step, verify, span },
                Decision::Refuse { why, span } => VisitEnd::Refuse { why, span },
                Decision::Rewrite { to, holder, span } => {
                    rewrites.push((holder, span, to.clone()));
                    recipient = to;
                    if !met.insert(holder) {
                        VisitEnd::Loop
                    } else if recipient.is_utf8() && !self.plan.mta(mta).takes_utf8() {
                        VisitEnd::Refuse { why: Why::NeedsUtf8, span: Some(span) }
                    } else {
                        continue;
                    }
                }
            };
            return Visit { rewrites, recipient: Some(recipient), end };
        }
    }

    /// Who may ask: the tests on the address as given, in their order. Gives the address to decide on.
    pub fn admit(&self, mta: MtaId, asker: Asker, question: &Question) -> Result<Mailbox, (Why, Option<Mailbox>)> {
        let plan_mta = self.plan.mta(mta);
        let mailbox = match question {
            Question::Address(mailbox) => mailbox,
            Question::Postmaster => {
                return Ok(Mailbox::from_content("postmaster", plan_mta.hostname.value.as_str()));
            }
            Question::Unroutable(text) if !text.is_ascii() && !plan_mta.takes_utf8() => {
                return Err((Why::NeedsUtf8, None));
            }
            Question::Unroutable(_) => return Err((Why::Unqualified, None)),
        };
        let refuse = |why| Err((why, Some(mailbox.clone())));
        if mailbox.is_utf8() && !plan_mta.takes_utf8() {
            return refuse(Why::NeedsUtf8);
        }
        let own = self.own(mta, mailbox.domain()).is_some();
        if !own && asker == Asker::Anyone {
            return refuse(Why::NotTrusted);
        }
        let trusted = match asker {
            Asker::Trusted => true,
            Asker::Anyone => false,
            Asker::Peer { trusted } => trusted || !own,
        };
        if !trusted && mailbox.routes_past() && self.known(mta, mailbox).is_none() {
            return refuse(Why::RoutesPast);
        }
        Ok(mailbox.clone())
    }

    /// Steps 0 to 5, once.
    pub fn decide(&self, mta: MtaId, recipient: &Mailbox) -> Decision<'_> {
        let domain = recipient.domain();
        match self.known(mta, recipient) {
            Some(Known { holder: holder @ (Holder::Postmaster | Holder::Contact(_)), detail, span }) => {
                let to = self.primary(mta, holder, detail.as_deref());
                Decision::Rewrite { to, holder, span }
            }
            Some(Known { holder: Holder::Account(account), span, .. }) => {
                let system = self.plan.account(account).system;
                let tiers = self.to_system(mta, system).or_else(|| self.space(mta, domain));
                send_or_refuse(tiers, Step::Account, false, Some(span))
            }
            None => self.unknown(mta, domain),
        }
    }

    /// Steps 3 to 5 for a recipient that steps 0 to 2 do not know: its domain decides alone.
    pub fn unknown(&self, mta: MtaId, domain: &str) -> Decision<'_> {
        match self.own(mta, domain) {
            Some(Own::Hostname) => {
                Decision::Refuse { why: Why::NobodyHasIt, span: Some(self.plan.mta(mta).hostname.span) }
            }
            Some(Own::Declared(id)) => {
                let decl = self.plan.domain(id);
                if decl.kind == DomainKind::Relay {
                    let span = Some(decl.pattern.span);
                    return send_or_refuse(self.space(mta, domain), Step::Space, decl.verify.is_some(), span);
                }
                let span = decl.unresolved_span.unwrap_or(decl.pattern.span);
                self.unresolved(mta, decl.unresolved, span)
            }
            None => send_or_refuse(self.space(mta, domain), Step::Space, false, None),
        }
    }

    fn unresolved(&self, mta: MtaId, unresolved: Unresolved, span: Span) -> Decision<'_> {
        let (connector, verify) = match unresolved {
            Unresolved::Reject => return Decision::Refuse { why: Why::NobodyHasIt, span: Some(span) },
            Unresolved::Via { connector, verify } => (connector, verify),
        };
        let tiers = match connector {
            None => Way::Unknown,
            Some(id) if self.plan.connector(id).from.contains(&mta) => Way::Only(Exit { connector: id, span }),
            Some(_) => return Decision::Refuse { why: Why::ViaStartsElsewhere, span: Some(span) },
        };
        Decision::Send { tiers, step: Step::Unresolved, verify, span }
    }

    /// Steps 0 to 2: who has this recipient at this MTA, as such or by its sub-address.
    pub fn known(&self, mta: MtaId, recipient: &Mailbox) -> Option<Known> {
        if self.is_relay_domain(mta, recipient.domain()) {
            return None;
        }
        if let Some((holder, span)) = self.literal(mta, recipient) {
            return Some(Known { holder, detail: None, span });
        }
        let (base, detail) = recipient.cut(self.plan.mta(mta).separator()?)?;
        let (holder, span) = self.literal(mta, &base)?;
        Some(Known { holder, detail: Some(detail), span })
    }

    fn literal(&self, mta: MtaId, recipient: &Mailbox) -> Option<(Holder, Span)> {
        let plan = self.plan;
        if let Some(id) = plan.addresses.find(recipient.as_str()) {
            if let Some(contact) = plan.addresses.contact(id) {
                let secondary = plan.secondaries_of(contact).iter().find(|s| s.id == id);
                return Some((Holder::Contact(contact), secondary.map_or(plan.contact(contact).label, |s| s.span)));
            }
            if let Some(account) = plan.addresses.account(id) {
                let address = plan.addresses_of(account).iter().find(|a| a.id == id)?;
                return Some((Holder::Account(account), address.span));
            }
        }
        let postmaster = plan.mta(mta).postmaster?;
        let is_it = self.is_postmaster(mta, recipient) && plan.addresses.text(postmaster.id) != recipient.as_str();
        is_it.then_some((Holder::Postmaster, postmaster.span))
    }

    /// `postmaster@` a domain of the MTA's own, and `root@` and `abuse@` its hostname.
    fn is_postmaster(&self, mta: MtaId, recipient: &Mailbox) -> bool {
        let domain = recipient.domain();
        match recipient.local() {
            "postmaster" => self.own(mta, domain).is_some() && !self.is_relay_domain(mta, domain),
            "root" | "abuse" => domain == self.plan.mta(mta).hostname.value.as_str(),
            _ => false,
        }
    }

    /// The bare `<postmaster>` is the postmaster even where the hostname lies in a relay domain.
    fn bare_postmaster(&self, mta: MtaId, bare: bool, recipient: &Mailbox) -> Option<Decision<'_>> {
        let postmaster = self.plan.mta(mta).postmaster?;
        if !bare || !self.is_relay_domain(mta, recipient.domain()) {
            return None;
        }
        let to = self.plan.addresses.mailbox(postmaster.id);
        Some(Decision::Rewrite { to, holder: Holder::Postmaster, span: postmaster.span })
    }

    /// What a postmaster's or contact's secondary becomes.
    fn primary(&self, mta: MtaId, holder: Holder, detail: Option<&str>) -> Mailbox {
        let id = match holder {
            Holder::Contact(contact) => Some(self.plan.contact(contact).primary.id),
            Holder::Account(account) => self.plan.addresses_of(account).first().map(|a| a.id),
            Holder::Postmaster => self.plan.mta(mta).postmaster.map(|p| p.id),
        };
        let primary =
            id.map_or_else(|| Mailbox::from_content("postmaster", "invalid"), |id| self.plan.addresses.mailbox(id));
        match detail {
            Some(detail) => primary.with_detail(detail),
            None => primary,
        }
    }

    /// How a node that hands recipients on stands at an MTA.
    pub fn peer(&self, mta: MtaId, node: Node) -> Asker {
        Asker::Peer { trusted: self.trusts_node(mta, node) }
    }
}

fn send_or_refuse(tiers: Option<&[Tier]>, step: Step, verify: bool, span: Option<Span>) -> Decision<'_> {
    match tiers.and_then(|tiers| Some((tiers, tiers.first()?.exits.first()?))) {
        Some((tiers, first)) => {
            Decision::Send { tiers: Way::Tiers(tiers), step, verify, span: span.unwrap_or(first.span) }
        }
        None => Decision::Refuse { why: Why::NoConnector, span },
    }
}
