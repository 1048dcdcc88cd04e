//! The tables of one MTA: what it does with each address and each domain that the estate knows.
//!
//! A row of `addresses` is `>DOMAIN "LOCAL"` (the address becomes another, which is routed anew), `to=GROUP` or
//! `no=STATUS`. A row of `domains` says the same for every other recipient there, and what kind of domain it is:
//! `own`, `relay`, `verify`, `from` (the peers that may relay to it), `odd` and `utf8` (what a next MTA of ours
//! answers to such local parts).

use std::collections::{BTreeMap, BTreeSet};

use super::expr::{ADDRESSES, DOMAINS, Expressions};
use super::groups::Groups;
use super::peers::Peers;
use super::quote;
use crate::emit::BARE_POSTMASTER;
use crate::emit::cdb::Cdb;
use crate::emit::{EmitError, File, order};
use crate::name::mailbox::content_of_normal;
use crate::name::{Mailbox, Pattern};
use crate::plan::classes::{ByClass, declared_patterns};
use crate::plan::route::decide::{Asker, Decision, Holder, Way};
use crate::plan::route::{Router, Status};
use crate::plan::{AddressId, Maps, MtaId, Node, Plan, Question};

#[derive(Debug)]
pub(super) struct Tables {
    pub files: Vec<File>,
    pub groups: Groups,
    /// Some domain answers differently to local parts with `@`, `%` or `!`, or to those that are not ASCII.
    pub odd: bool,
    pub utf8: bool,
    /// Some domain asks the next system before it accepts.
    pub verifies: bool,
    /// The peers that may relay to some domain.
    pub peers: BTreeSet<String>,
}

pub(super) fn tables(
    router: &Router<'_>,
    mta: MtaId,
    expressions: &Expressions,
    peers: &Peers<'_, '_>,
) -> Result<Tables, EmitError> {
    let patterns = keyed_patterns(router.plan);
    let mut maker = Maker {
        router,
        mta,
        groups: Groups::default(),
        odd: false,
        utf8: false,
        verifies: false,
        peers: BTreeSet::new(),
        usual: Default::default(),
    };
    let bare = bare_postmaster(router, mta);
    let mut rows: BTreeMap<&str, String> =
        bare.map(|domain| (domain, format!("own=yes {}", no(Status::UNKNOWN)))).into_iter().collect();
    for (key, pattern) in &patterns {
        rows.insert(key, maker.domain_row(&representative(&patterns, pattern), peers));
    }
    let mut domains = Writer::new(expressions.maps);
    for (key, row) in rows {
        domains.add(key, &row)?;
    }
    let mut addresses = Writer::new(expressions.maps);
    maker.addresses(bare, &mut addresses)?;
    let files = vec![
        File { path: expressions.table_file(ADDRESSES), content: addresses.finish() },
        File { path: expressions.table_file(DOMAINS), content: domains.finish() },
    ];
    Ok(Tables {
        files,
        groups: maker.groups,
        odd: maker.odd,
        utf8: maker.utf8,
        verifies: maker.verifies,
        peers: maker.peers,
    })
}

/// The domain of the bare `<postmaster>`, where it is not the hostname.
pub(super) fn bare_postmaster(router: &Router<'_>, mta: MtaId) -> Option<&'static str> {
    let declared = router.plan.mta(mta);
    let elsewhere = declared.postmaster.is_some() && router.is_relay_domain(mta, declared.hostname.value.as_str());
    elsewhere.then_some(BARE_POSTMASTER)
}

/// Every pattern that a declaration names, by its key; each `*.d` with a `d` beside it.
fn keyed_patterns(plan: &Plan) -> BTreeMap<String, Pattern> {
    let mut all = declared_patterns(plan);
    let parents: Vec<_> = all
        .iter()
        .filter_map(|p| match p {
            Pattern::Sub(d) => Some(Pattern::Exact(d.clone())),
            _ => None,
        })
        .collect();
    all.extend(parents);
    all.into_iter().map(|p| (p.to_string(), p)).collect()
}

/// What a table says of an address: the same for all of its class.
enum Row {
    /// None of its own.
    None,
    /// It becomes what its contact, or the postmaster, says.
    Rewrite(Holder),
    Text(String),
}

struct Maker<'r, 'p> {
    router: &'r Router<'p>,
    mta: MtaId,
    groups: Groups,
    odd: bool,
    utf8: bool,
    verifies: bool,
    peers: BTreeSet<String>,
    /// By the form of the local part, and by domain: what a recipient that nobody has is told early.
    usual: [hashbrown::HashMap<String, Option<Status>>; 3],
}

impl Maker<'_, '_> {
    /// The postmasters of every MTA: another one may hold what this one only hands on.
    fn postmasters(&self) -> BTreeSet<String> {
        let plan = self.router.plan;
        let mut all = BTreeSet::new();
        for mta in plan.mta_ids() {
            let hostname = plan.mta(mta).hostname.value.as_str();
            all.extend(["postmaster", "root", "abuse"].map(|local| format!("{local}@{hostname}")));
            let own = plan.domains.iter().filter(|d| d.on.contains(&mta));
            all.extend(own.filter_map(|d| match &d.pattern.value {
                Pattern::Exact(domain) => Some(format!("postmaster@{domain}")),
                _ => None,
            }));
        }
        all
    }

    /// A row for every address that somebody has, in the order of the text; `bare` is the domain of the bare postmaster.
    fn addresses(&mut self, bare: Option<&str>, table: &mut Writer) -> Result<(), EmitError> {
        let addresses = &self.router.plan.addresses;
        let claimed: Vec<AddressId> = addresses.ids().filter(|&id| addresses.is_claimed(id)).collect();
        let bare = bare.map(|domain| format!("postmaster@{domain}"));
        let extra: Vec<String> = self.postmasters().into_iter().chain(bare.clone()).collect();
        let text = |row: usize| match claimed.get(row) {
            Some(&id) => addresses.text(id),
            None => extra[row - claimed.len()].as_str(),
        };
        // Where somebody has the detail that `hides_detail` asks with, no address speaks for its class.
        let separator = self.router.plan.mta(self.mta).separator();
        let alone = separator.is_some_and(|separator| addresses.contains_text(&format!("{separator}%x")));
        let mut classes = ByClass::new(self.router.partition());
        let mut line = String::new();
        for row in order::by_key(claimed.len() + extra.len(), text) {
            let text = text(row as usize);
            let judged;
            let row = match claimed.get(row as usize) {
                _ if bare.as_deref() == Some(text) => &Row::Rewrite(Holder::Postmaster),
                Some(&id) if !alone => {
                    match (classes.of(id, || self.row(&Mailbox::from_normal(text))), addresses.contact(id)) {
                        (Row::Rewrite(_), Some(contact)) => &Row::Rewrite(Holder::Contact(contact)),
                        (row, _) => row,
                    }
                }
                _ => {
                    judged = self.row(&Mailbox::from_normal(text));
                    &judged
                }
            };
            line.clear();
            match row {
                Row::None => continue,
                Row::Rewrite(holder) => self.rewrite_row(*holder, &mut line),
                Row::Text(text) => line.push_str(text),
            }
            table.add(&quote::key(text), &line)?;
        }
        Ok(())
    }

    fn row(&mut self, mailbox: &Mailbox) -> Row {
        let known = self.router.known(self.mta, mailbox);
        let Some(known) = known else { return self.passing_row(mailbox).map_or(Row::None, Row::Text) };
        if known.detail.is_some() {
            // The row of the address without its detail speaks for it.
            return Row::None;
        }
        let router = self.router;
        match router.decide(self.mta, mailbox) {
            Decision::Rewrite { .. } => Row::Rewrite(known.holder),
            Decision::Send { tiers, .. } => Row::Text(match self.refused_early(&tiers, mailbox) {
                Some(status) => no(status),
                None => format!("to={}", self.groups.name_of(router.plan, &tiers)),
            }),
            Decision::Refuse { why, .. } => Row::Text(no(why.status())),
        }
    }

    fn rewrite_row(&self, holder: Holder, line: &mut String) {
        let plan = self.router.plan;
        let to = match holder {
            Holder::Contact(contact) => plan.primary_on_wire(contact),
            Holder::Account(_) | Holder::Postmaster => {
                plan.mta(self.mta).postmaster.map_or("", |p| plan.addresses.text(p.id))
            }
        };
        if !to.is_ascii() && !plan.mta(self.mta).takes_utf8() {
            line.push_str(&no(Status::NO_UTF8));
            return;
        }
        let (local, domain) = to.rsplit_once('@').unwrap_or_default();
        line.extend([">", domain, " \"", content_of_normal(local).as_ref(), "\""]);
    }

    /// An address that another node knows and this MTA does not: it has a row where it fares otherwise than every
    /// other recipient of its domain.
    fn passing_row(&mut self, mailbox: &Mailbox) -> Option<String> {
        let router = self.router;
        let Decision::Send { tiers, .. } = router.unknown(self.mta, mailbox.domain()) else { return None };
        if !self.only_to_mtas(&tiers) {
            return None;
        }
        let usual = self.usual(&tiers, mailbox);
        let status = self.refused_early(&tiers, mailbox);
        (status != usual || self.hides_detail(&tiers, mailbox)).then(|| match status {
            Some(status) => no(status),
            None => format!("to={}", self.groups.name_of(router.plan, &tiers)),
        })
    }

    /// Whether the row of its domain would refuse it with a detail that has `@`, `%` or `!`, and the next MTA does not.
    fn hides_detail(&mut self, tiers: &Way<'_>, mailbox: &Mailbox) -> bool {
        let Some(separator) = self.router.plan.mta(self.mta).separator() else { return false };
        let odd = self.usual_of(tiers, mailbox.domain(), Form::Odd);
        odd.is_some() && self.refused_early(tiers, &mailbox.with_detail(&format!("{separator}%x"))) != odd
    }

    /// What the row of its domain says to a local part of this form: `odd` and `utf8` where it has them.
    fn usual(&mut self, tiers: &Way<'_>, mailbox: &Mailbox) -> Option<Status> {
        let utf8 = mailbox.is_utf8() && self.router.plan.mta(self.mta).takes_utf8();
        let plain = self.usual_of(tiers, mailbox.domain(), Form::Plain);
        let mut said = plain;
        for form in [Form::Odd, Form::Utf8] {
            if (form == Form::Odd && mailbox.routes_past()) || (form == Form::Utf8 && utf8) {
                said = self.usual_of(tiers, mailbox.domain(), form).filter(|own| Some(*own) != plain).or(said);
            }
        }
        said
    }

    fn usual_of(&mut self, tiers: &Way<'_>, domain: &str, form: Form) -> Option<Status> {
        if let Some(&usual) = self.usual[form as usize].get(domain) {
            return usual;
        }
        let usual = self.refused_early(tiers, &stranger(domain, form));
        self.usual[form as usize].insert(domain.to_owned(), usual);
        usual
    }

    fn domain_row(&mut self, domain: &str, peers: &Peers<'_, '_>) -> String {
        let router = self.router;
        let mut row = Vec::new();
        if router.own(self.mta, domain).is_some() {
            row.push("own=yes".to_owned());
        } else {
            let from = peers.sending(domain);
            if !from.is_empty() {
                row.push(format!("from={}", from.join(",")));
            }
            self.peers.extend(from);
        }
        if router.is_relay_domain(self.mta, domain) {
            row.push("relay=yes".to_owned());
        }
        match router.unknown(self.mta, domain) {
            Decision::Send { tiers, verify, .. } => self.way_row(domain, &tiers, verify, &mut row),
            Decision::Refuse { why, .. } => row.push(no(why.status())),
            // A recipient that nobody has is never rewritten.
            Decision::Rewrite { .. } => {}
        }
        row.join(" ")
    }

    fn way_row(&mut self, domain: &str, tiers: &Way<'_>, verify: bool, row: &mut Vec<String>) {
        let usual = self.refused_early(tiers, &stranger(domain, Form::Plain));
        row.push(match usual {
            Some(status) => no(status),
            None => format!("to={}", self.groups.name_of(self.router.plan, tiers)),
        });
        if verify && usual.is_none() {
            self.verifies = true;
            row.push("verify=yes".to_owned());
        }
        if !self.only_to_mtas(tiers) {
            return;
        }
        let odd = self.refused_early(tiers, &stranger(domain, Form::Odd));
        if let Some(status) = odd.filter(|_| odd != usual) {
            self.odd = true;
            row.push(format!("odd={}", status.0));
        }
        let takes_utf8 = self.router.plan.mta(self.mta).takes_utf8();
        let utf8 = self.refused_early(tiers, &stranger(domain, Form::Utf8));
        if let Some(status) = utf8.filter(|_| takes_utf8 && utf8 != usual) {
            self.utf8 = true;
            row.push(format!("utf8={}", status.0));
        }
    }

    fn only_to_mtas(&self, tiers: &Way<'_>) -> bool {
        let to_mta = |&(exit, dearer): &(crate::plan::route::Exit, bool)| {
            dearer || matches!(self.router.plan.connector(exit.connector).to.value, Node::Mta(_))
        };
        tiers.exits().iter().all(to_mta)
    }

    /// What the next MTAs of ours would answer, where every one of them refuses: this one says it at once.
    fn refused_early(&self, tiers: &Way<'_>, mailbox: &Mailbox) -> Option<Status> {
        if !self.only_to_mtas(tiers) {
            return None;
        }
        let question = Question::Address(mailbox.clone());
        self.router.refusal(self.mta, Asker::Trusted, &question)?.status
    }
}

fn no(status: Status) -> String {
    format!("no={}", status.0)
}

/// Local parts that may fare otherwise than all others of their domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// With `@`, `%` or `!`.
    Odd,
    Utf8,
}

/// A recipient that nobody has.
fn stranger(domain: &str, form: Form) -> Mailbox {
    let nobody = Mailbox::from_content("mailswitch-nobody-has-this", domain);
    match form {
        Form::Plain => nobody,
        Form::Odd => nobody.with_detail("%x"),
        Form::Utf8 => nobody.with_detail("\u{e9}"),
    }
}

/// A domain that this pattern decides and no other.
fn representative(spoken_of: &BTreeMap<String, Pattern>, pattern: &Pattern) -> String {
    let fresh = |tail: &str| {
        (0u32..)
            .map(|n| format!("mailswitch-any-{n}{tail}"))
            .find(|d| !spoken_of.contains_key(d.as_str()))
            .unwrap_or_default()
    };
    match pattern {
        Pattern::Exact(d) => d.as_str().to_owned(),
        Pattern::Sub(d) => fresh(&format!(".{d}")),
        Pattern::Any => fresh(""),
    }
}

/// One table in the making; the keys come in order, each once.
enum Writer {
    Cdb(Cdb),
    Lsearch(String),
}

impl Writer {
    fn new(maps: Maps) -> Writer {
        match maps {
            Maps::Lsearch => Writer::Lsearch(String::new()),
            _ => Writer::Cdb(Cdb::default()),
        }
    }

    fn add(&mut self, key: &str, row: &str) -> Result<(), EmitError> {
        match self {
            Writer::Cdb(cdb) => cdb.add(key.as_bytes(), row.as_bytes()).map_err(|_| too_large()),
            Writer::Lsearch(text) => {
                text.push_str(&format!("{}: {row}\n", quote::lsearch_key(key)));
                Ok(())
            }
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Writer::Cdb(cdb) => cdb.finish(),
            Writer::Lsearch(text) => text.into_bytes(),
        }
    }
}

fn too_large() -> EmitError {
    EmitError("a table passes the 4 GiB that a cdb file can hold".to_owned())
}
