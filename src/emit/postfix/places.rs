//! The tables that come of the meaning: which key says what, and nothing that a less specific key says already.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::meaning::{Dest, Form, Meaning, Verdict};
use super::tables::{Spellings, Table};
use crate::emit::BARE_POSTMASTER;
use crate::emit::Context;
use crate::name::{Mailbox, Pattern};
use crate::plan::DomainKind;
use crate::plan::classes::ByClass;
use crate::plan::route::Status;

mod lines;

/// The word in an access table that sends a recipient through the checks of a domain of ours.
pub(super) const OURS: &str = "ours";

/// What a rule about local parts says of one class of addresses.
type Word = Option<Status>;

#[derive(Debug, Default)]
pub(super) struct Places<'a> {
    pub(super) domains: Table<'a>,
    pub(super) contacts: Table<'a>,
    /// Whole addresses whose way is not their domain's.
    pub(super) accounts: Vec<(Cow<'a, str>, Dest)>,
    /// Domains, and `.domain` for every subdomain.
    pub(super) spaces: BTreeMap<String, Dest>,
    /// What no other key matches.
    pub(super) any: Option<Dest>,
    pub(super) refused: Table<'a>,
    pub(super) verify: Table<'a>,
    /// regexp_table(5) lines: unknown local parts that would route past us, asked from outside.
    pub(super) past_ours: Vec<String>,
    /// The same asked by those we trust: only what an MTA of ours further on refuses.
    pub(super) past: Vec<String>,
    /// Local parts beyond ASCII that an MTA of ours further on refuses.
    pub(super) utf8: Vec<String>,
    /// regexp_table(5) lines: sub-addresses of addresses that begin with the separator.
    pub(super) leading_contacts: Vec<String>,
    pub(super) leading_accounts: Vec<(String, Dest)>,
    /// Where some domain of ours is a relay domain: how addresses in each domain of ours end, the most specific first, and
    /// whether it is one. Nobody is known there, whatever the tables hold because of an MTA further on.
    pub(super) relays: Vec<(String, bool)>,
    /// Domains as people write them that would be looked up as others, and their A-label forms.
    pub(super) folded_away: Vec<(String, String)>,
    /// Where the bare `<postmaster>` goes.
    pub(super) postmaster: String,
    /// Who is asked for instead of `double-bounce@` the hostname.
    pub(super) double_bounce: Option<String>,
}

/// The verdicts on somebody unknown, for one pattern.
struct Class {
    plain: Verdict,
    past: Word,
    utf8: Word,
}

struct Collector<'m, 'a> {
    meaning: &'m mut Meaning<'a>,
    spell: Spellings,
    separator: Option<char>,
    classes: BTreeMap<Pattern, Class>,
    nearest: HashMap<String, Pattern>,
    places: Places<'a>,
}

/// What the tables say of an address: the same for all of its class.
#[derive(Debug)]
struct Said {
    verdict: Verdict,
    /// The pattern that decides for somebody unknown in its domain.
    pattern: Pattern,
    /// Not ASCII, or with `@`, `%` or `!`: rules about local parts may need exceptions.
    odd: bool,
    /// What stands in `refused`.
    refused: Option<Cow<'static, str>>,
    /// It has a row of its own in `accounts`.
    account: bool,
    /// What stands in `verify`.
    verify: Option<&'static str>,
}

pub(super) fn collect<'a>(meaning: &mut Meaning<'a>) -> Places<'a> {
    let mta = meaning.mta();
    let spell = Spellings { utf8: mta.takes_utf8() };
    let separator = mta.separator();
    let mut collector = Collector {
        meaning,
        spell,
        separator,
        classes: BTreeMap::new(),
        nearest: HashMap::new(),
        places: Places::default(),
    };
    collector.judge_patterns();
    collector.own_domains();
    collector.patterns();
    collector.literals();
    collector.folded_away();
    collector.postmaster();
    collector.double_bounce();
    collector.local_part_rules();
    collector.relays();
    collector.places
}

impl<'a> Collector<'_, 'a> {
    fn judge_patterns(&mut self) {
        for pattern in self.meaning.patterns.clone() {
            let plain = self.meaning.unknown(&pattern, Form::Plain);
            let past = self.word(&pattern, Form::RoutesPast, &plain);
            let utf8 = if self.spell.utf8 { self.word(&pattern, Form::Utf8, &plain) } else { None };
            self.classes.insert(pattern, Class { plain, past, utf8 });
        }
    }

    /// The status of a refusal that only this form of local part gets.
    fn word(&mut self, pattern: &Pattern, form: Form, plain: &Verdict) -> Word {
        self.meaning.unknown(pattern, form).refused().filter(|status| Some(*status) != plain.refused())
    }

    /// The pattern that decides for what this one would not name.
    fn outer(&self, pattern: &Pattern) -> Option<&Pattern> {
        let (Pattern::Exact(domain) | Pattern::Sub(domain)) = pattern else { return None };
        Some(self.enclosing(domain.as_str()))
    }

    fn enclosing(&self, domain: &str) -> &Pattern {
        let mut rest = domain;
        while let Some((_, parent)) = rest.split_once('.') {
            let sub = Pattern::parse(&format!("*.{parent}")).ok();
            if let Some((found, _)) = sub.and_then(|sub| self.classes.get_key_value(&sub)) {
                return found;
            }
            rest = parent;
        }
        &Pattern::Any
    }

    /// The pattern that decides for somebody unknown in this domain.
    fn class_of(&mut self, domain: &str) -> Pattern {
        if let Some(pattern) = self.nearest.get(domain) {
            return pattern.clone();
        }
        let exact = Pattern::parse(domain).ok().filter(|pattern| self.classes.contains_key(pattern));
        let pattern = exact.unwrap_or_else(|| self.enclosing(domain).clone());
        self.nearest.insert(domain.to_owned(), pattern.clone());
        pattern
    }

    /// The domains of ours, the hostname among them, and whether each is a relay domain.
    fn ours(&self) -> BTreeMap<Pattern, bool> {
        let (plan, id) = (self.meaning.context.plan, self.meaning.id);
        let declared = plan.domains.iter().filter(|decl| decl.on.contains(&id));
        let declared = declared.map(|decl| (decl.pattern.value.clone(), decl.kind == DomainKind::Relay));
        let mut all: BTreeMap<Pattern, bool> = declared.collect();
        all.entry(Pattern::Exact(self.meaning.mta().hostname.value.clone())).or_default();
        all
    }

    fn own_domains(&mut self) {
        for pattern in self.ours().into_keys() {
            for key in self.keys(&pattern) {
                self.places.domains.insert(key, OURS);
            }
        }
    }

    fn folded_away(&mut self) {
        let domains = self.classes.keys().filter_map(|pattern| match pattern {
            Pattern::Exact(domain) | Pattern::Sub(domain) => Some(domain.as_str()),
            Pattern::Any => None,
        });
        let spell = self.spell;
        let mut all: Vec<(String, String)> =
            domains.filter_map(|domain| Some((spell.folded_away(domain)?, domain.to_owned()))).collect();
        all.dedup();
        self.places.folded_away = all;
    }

    /// How a table names a pattern; `*` has no key.
    fn keys(&self, pattern: &Pattern) -> Vec<String> {
        match pattern {
            Pattern::Exact(domain) => self.spell.domain(domain.as_str()),
            Pattern::Sub(domain) => self.spell.domain(domain.as_str()).into_iter().map(|d| format!(".{d}")).collect(),
            Pattern::Any => Vec::new(),
        }
    }

    fn patterns(&mut self) {
        let any = self.classes.get(&Pattern::Any).map(|class| class.plain.dest);
        for (pattern, class) in &self.classes {
            let Some(outer) = self.outer(pattern) else { continue };
            let Some(outer) = self.classes.get(outer).map(|class| &class.plain) else { continue };
            // What `*` says reaches a domain of ours by a key of its own: a tie has none there (see `transports`).
            let through_any = Some(outer.dest) == any && self.is_own(pattern);
            let keys = self.keys(pattern);
            if class.plain.dest != outer.dest || through_any {
                self.places.spaces.extend(keys.iter().map(|key| (key.clone(), class.plain.dest)));
            }
            if class.plain.verify != outer.verify {
                let word = verify_word(class.plain.verify);
                keys.into_iter().for_each(|key| self.places.verify.insert(key, word));
            }
        }
        self.places.any = any;
    }

    fn is_own(&self, pattern: &Pattern) -> bool {
        let domain = self.meaning.some_domain(pattern);
        self.meaning.context.router.own(self.meaning.id, &domain).is_some()
    }

    fn literals(&mut self) {
        let Context { plan, router, .. } = self.meaning.context;
        let addresses = &plan.addresses;
        let mut classes = ByClass::new(router.partition());
        for id in addresses.ids().filter(|&id| addresses.is_claimed(id)) {
            let alone;
            let said = if addresses.local(id).starts_with('"') {
                // The language's classes do not tell what a quoted local part holds.
                alone = self.judge(&addresses.mailbox(id));
                &alone
            } else {
                classes.of(id, || self.judge(&addresses.mailbox(id)))
            };
            let Some(said) = said else { continue };
            let rewrite = said.verdict.rewrite.as_ref().map(|to| match addresses.contact(id) {
                Some(contact) => Cow::Borrowed(plan.primary_on_wire(contact)),
                None => Cow::Owned(to.clone()),
            });
            if said.odd || self.leads(addresses.local(id)) {
                self.rules(&addresses.mailbox(id), rewrite.as_deref(), said);
            }
            self.rows(self.spell.address(addresses.text(id)), rewrite, said);
        }
        for mailbox in self.postmasters().into_iter().chain(self.unsplit()) {
            if !addresses.find(mailbox.as_str()).is_some_and(|id| addresses.is_claimed(id))
                && let Some(said) = self.judge(&mailbox)
            {
                let rewrite = said.verdict.rewrite.clone();
                self.rules(&mailbox, rewrite.as_deref(), &said);
                let keys = self.spell.address(mailbox.as_str()).map(|key| Cow::Owned(key.into_owned()));
                self.rows(keys, rewrite.map(Cow::Owned), &said);
            }
        }
    }

    /// Step 0 of the language, for every MTA: what is a postmaster elsewhere is refused here unless it is named.
    fn postmasters(&self) -> Vec<Mailbox> {
        let plan = self.meaning.context.plan;
        let mut all = Vec::new();
        for id in plan.mta_ids() {
            let hostname = plan.mta(id).hostname.value.as_str();
            all.extend(["postmaster", "root", "abuse"].map(|local| Mailbox::from_content(local, hostname)));
            let declared = plan.domains.iter().filter(|d| d.on.contains(&id) && d.kind != DomainKind::Relay);
            all.extend(declared.filter_map(|d| match &d.pattern.value {
                Pattern::Exact(domain) => Some(Mailbox::from_content("postmaster", domain.as_str())),
                _ => None,
            }));
        }
        all.sort();
        all.dedup();
        all
    }

    /// Postfix never looks for a separator in these names, though it may be there, as `-` is
    /// (canonical(5), ADDRESS EXTENSION; the names are fixed in the source but for the third).
    fn unsplit(&self) -> Vec<Mailbox> {
        let Some(separator) = self.separator else { return Vec::new() };
        let addresses = &self.meaning.context.plan.addresses;
        let names = ["postmaster", "mailer-daemon", "double-bounce"];
        let heads = names.into_iter().filter_map(|name| Some((name, name.split_once(separator)?.0)));
        let mut all = Vec::new();
        for (name, head) in heads.filter(|(_, head)| !head.is_empty()) {
            let named = addresses.ids().filter(|&id| addresses.text(id).split('@').next() == Some(head));
            all.extend(named.map(|id| Mailbox::from_content(name, addresses.domain(id))));
        }
        all
    }

    /// `None` where no table can name it.
    fn judge(&mut self, mailbox: &Mailbox) -> Option<Said> {
        if mailbox.is_utf8() && !self.spell.utf8 {
            return None;
        }
        let verdict = self.meaning.verdict(mailbox);
        let pattern = self.class_of(mailbox.domain());
        let unknown = &self.classes.get(&pattern)?.plain;
        let (unknown_dest, unknown_verify) = (unknown.dest, unknown.verify);
        // A key without its `+detail` would answer before the domain does.
        let base = self.separator.and_then(|separator| mailbox.cut(separator));
        let by_base = base.map(|(base, _)| (self.meaning.verdict(&base), base));
        let refused = match (&verdict.rewrite, verdict.refused()) {
            (None, _) => None,
            (Some(_), Some(status)) => Some(Cow::Owned(refusal(status))),
            (Some(_), None) => by_base.as_ref().and_then(|(base, _)| base.refused()).map(|_| Cow::Borrowed("DUNNO")),
        };
        // Its sub-addresses are known ones too, whatever a rule about local parts says: the tables have to show it.
        let shown = self.separator.is_some() && self.has_past_rule(mailbox.domain(), &pattern);
        let account = verdict.rewrite.is_none() && (verdict.dest != unknown_dest || by_base.is_some() || shown);
        // verify(8) asks about `a_b` where the address is `a:b` (measured), and would hear about somebody else.
        let is_asked = |verdict: &Verdict, mailbox: &Mailbox| verdict.verify && !mailbox.content().contains(':');
        let usual = by_base.map_or(unknown_verify, |(verdict, base)| is_asked(&verdict, &base));
        let asked = is_asked(&verdict, mailbox);
        let verify = (asked != usual).then(|| verify_word(asked));
        let odd = mailbox.is_utf8() || mailbox.routes_past();
        Some(Said { verdict, pattern, odd, refused, account, verify })
    }

    /// The rows of one address.
    fn rows(&mut self, keys: impl Iterator<Item = Cow<'a, str>>, rewrite: Option<Cow<'a, str>>, said: &Said) {
        for key in keys {
            if let Some(word) = &said.refused {
                self.places.refused.insert(key.clone(), word.clone());
            }
            if let Some(word) = said.verify {
                self.places.verify.insert(key.clone(), word);
            }
            match &rewrite {
                Some(target) => self.places.contacts.insert(key, target.clone()),
                None if said.account => self.places.accounts.push((key, said.verdict.dest)),
                None => {}
            }
        }
    }

    /// The lines of one address among the regular expressions.
    fn rules(&mut self, mailbox: &Mailbox, rewrite: Option<&str>, said: &Said) {
        self.leading(mailbox, rewrite, said.verdict.dest);
        self.exceptions(mailbox, said);
    }

    /// Whether a local part begins with the separator.
    fn leads(&self, local: &str) -> bool {
        self.separator.is_some_and(|separator| local.strip_prefix('"').unwrap_or(local).starts_with(separator))
    }

    fn has_past_rule(&self, domain: &str, class: &Pattern) -> bool {
        let own = self.meaning.context.router.own(self.meaning.id, domain).is_some();
        own || self.classes.get(class).is_some_and(|class| class.past.is_some())
    }

    fn postmaster(&mut self) {
        let (router, id, mta) = (self.meaning.context.router, self.meaning.id, self.meaning.mta());
        let hostname = mta.hostname.value.as_str();
        self.places.postmaster = format!("postmaster@{hostname}");
        // Where the hostname is a relay domain, `postmaster@` it is somebody else's and the bare one still ours.
        if router.is_relay_domain(id, hostname)
            && let Some(postmaster) = mta.postmaster
        {
            self.places.postmaster = format!("postmaster@{BARE_POSTMASTER}");
            self.places.domains.insert(BARE_POSTMASTER, OURS);
            let target = self.meaning.context.plan.addresses.text(postmaster.id);
            self.places.contacts.insert(self.places.postmaster.clone(), target);
        }
    }

    /// smtpd(8) takes `double-bounce@$myorigin` from anyone and before all restrictions, since it is the sender of
    /// its own probes (measured); where nobody has it, somebody else that nobody has is asked for instead.
    fn double_bounce(&mut self) {
        let hostname = self.meaning.mta().hostname.value.as_str();
        let mailbox = Mailbox::from_content("double-bounce", hostname);
        if self.meaning.verdict(&mailbox).refused().is_some() {
            self.places.double_bounce = Some(self.meaning.nobody(hostname, Form::Plain).as_str().to_owned());
        }
    }
}

fn verify_word(verify: bool) -> &'static str {
    if verify { "reject_unverified_recipient" } else { "DUNNO" }
}

/// A reply for access(5).
pub(super) fn refusal(status: Status) -> String {
    format!("550 {} {}", status.0, words(status))
}

/// What a refusal says in words.
pub(super) fn words(status: Status) -> &'static str {
    match status {
        Status::UNKNOWN => "Nobody here has this address",
        Status::UNROUTABLE | Status::UNROUTABLE_LATER => "No route to this domain",
        Status::LOOP => "Mail to this address would go in a circle",
        Status::NO_UTF8 => "This address needs SMTPUTF8",
        _ => "Not relayed from here",
    }
}
