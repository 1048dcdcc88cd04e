//! The same questions in other forms: addresses as others may write them, domains right beside those that are spoken of,
//! several addresses that are one, messages that are too large.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Ask, Expected, Recipient};
use super::stage::names::client;
use crate::name::{Mailbox, Pattern};
use crate::plan::classes::{Fresh, Kind, classes, declared_patterns};
use crate::plan::route::decide::Decision;
use crate::plan::route::outcome::Fate;
use crate::plan::route::{Router, Status};
use crate::plan::{ConnectorId, Mta, MtaId, NextHop, Node, Plan, Question};

/// Larger messages are not sent to find out about a limit.
const LARGEST: u64 = 64 << 20;

/// A known address of every class in capitals and in quotes, which make no other address of it (RFC 5321 4.1.2, and the
/// language's own rule about case); at every MTA.
pub(super) fn written_otherwise(router: &Router<'_>) -> Vec<Ask> {
    let plan = router.plan;
    let mut asks = Vec::new();
    for class in classes(plan).iter().filter(|class| matches!(class.kind, Kind::Literal { .. })) {
        let Some(mailbox) = class.mailbox().filter(|mailbox| !mailbox.is_utf8()) else { continue };
        for mta in plan.mta_ids() {
            let anyone = client(plan, mta, false).is_none();
            if client(plan, mta, anyone).is_none() {
                continue;
            }
            for wire in spellings(mailbox) {
                let recipient = Recipient { question: class.question.clone(), wire };
                asks.push(Ask::new(router, mta, anyone, recipient));
            }
        }
    }
    asks
}

/// What lies right beside what the estate speaks of, where a pattern that matches too much shows: `d` itself and what is
/// deep below it, for `*.d`; a subdomain, for `d`; a known address with two details, of which the first separator counts.
pub(super) fn beside(router: &Router<'_>) -> Vec<Ask> {
    let plan = router.plan;
    let fresh = Fresh::new(plan);
    let spoken_of = declared_patterns(plan);
    let near = spoken_of.iter().flat_map(|pattern| match pattern {
        Pattern::Sub(d) => vec![Some(Pattern::Exact(d.clone())), Pattern::parse(&format!("*.below.{d}")).ok()],
        Pattern::Exact(d) => vec![Some(Pattern::Sub(d.clone()))],
        Pattern::Any => Vec::new(),
    });
    let near: BTreeSet<Pattern> = near.flatten().filter(|pattern| !spoken_of.contains(pattern)).collect();
    let others = near.iter().map(|pattern| fresh.mailbox(pattern));
    let mut asks = Vec::new();
    for recipient in others.chain(detailed(plan)).map(|mailbox| Recipient::of(&Question::Address(mailbox))) {
        for mta in plan.mta_ids() {
            let can_ask = [false, true].into_iter().filter(|&anyone| client(plan, mta, anyone).is_some());
            asks.extend(can_ask.map(|anyone| Ask::new(router, mta, anyone, recipient.clone())));
        }
    }
    asks
}

/// `bob+x+x@` for each class of `bob+x@`.
fn detailed(plan: &Plan) -> Vec<Mailbox> {
    let separators: BTreeSet<char> = plan.mtas.iter().filter_map(Mta::separator).collect();
    let twice = |mailbox: &Mailbox| {
        let cut = separators.iter().find_map(|&separator| mailbox.cut(separator));
        cut.map(|(_, detail)| mailbox.with_detail(&detail))
    };
    let classes = classes(plan);
    let details = classes.iter().filter(|class| matches!(class.kind, Kind::Detail { .. }));
    details.filter_map(|class| twice(class.mailbox()?)).collect()
}

fn spellings(mailbox: &Mailbox) -> Vec<String> {
    let mut all = vec![mailbox.as_str().to_ascii_uppercase()];
    if !mailbox.local().starts_with('"') {
        all.push(format!("\"{}\"@{}", mailbox.local(), mailbox.domain()));
    }
    all
}

/// Somebody whom the next system refuses when it is asked (`verify`), though the plan cannot know: refused at once.
pub(super) fn called_out(router: &Router<'_>) -> Vec<Ask> {
    let plan = router.plan;
    let fresh = Fresh::new(plan);
    let mut asks = Vec::new();
    for decl in &plan.domains {
        let mailbox = fresh.mailbox(&decl.pattern.value).with_detail("-refused");
        for &mta in &decl.on {
            // Who hands it on to another MTA of ours hears what that one answers, which need not ask anybody.
            let Decision::Send { verify: true, tiers, .. } = router.decide(mta, &mailbox) else { continue };
            let starts_here = |by: &ConnectorId| tiers.exits().iter().any(|(exit, _)| exit.connector == *by);
            let ask = Ask::new(router, mta, true, Recipient::of(&Question::Address(mailbox.clone())));
            let by = ask.arrives_by().filter(|by| starts_here(by) && client(plan, mta, true).is_some());
            // Whose server is this world's own, and can be told to refuse.
            let by_system = |id: &ConnectorId| {
                let connector = plan.connector(*id);
                let smart_hosts = matches!(connector.hop, NextHop::SmartHosts { .. });
                smart_hosts && !matches!(connector.to.value, Node::Mta(_))
            };
            let to_system = by.filter(by_system);
            let refused = Expected {
                fate: Fate::Rejected,
                // What a next hop that refuses a recipient says, and who asked it passes on.
                status: Some(Status::UNKNOWN.0.to_owned()),
                recipient: None,
                connector: None,
                returned_by: None,
            };
            asks.extend(to_system.map(|_| Ask { refused_behind: by, expected: BTreeSet::from([refused]), ..ask }));
        }
    }
    asks
}

/// Messages to two addresses that an MTA makes one of, which gets one copy: two that lead to the same, and one in two
/// spellings.
pub(super) fn twice(router: &Router<'_>, asks: &[Ask]) -> Vec<Ask> {
    let mut first: BTreeMap<(MtaId, bool, ConnectorId, String), &Recipient> = BTreeMap::new();
    let mut found: BTreeMap<(MtaId, bool), Ask> = BTreeMap::new();
    for ask in asks.iter().filter(|ask| ask.recipients.len() == 1 && ask.arrives_by().is_some()) {
        let outcomes = ask.outcomes(router);
        let hops = || outcomes.iter().filter_map(|outcome| outcome.path.iter().find(|hop| hop.connector.is_some()));
        let (Some(hop), 1) = (hops().next(), hops().count()) else { continue };
        let (Some(connector), recipient) = (hop.connector, hop.recipient.as_str().to_owned()) else { continue };
        let mine = &ask.recipients[0];
        let other = *first.entry((ask.mta, ask.anyone, connector, recipient)).or_insert(mine);
        let same_address = other.question == mine.question;
        if other.wire != mine.wire && !found.contains_key(&(ask.mta, same_address)) {
            let both = vec![other.clone(), mine.clone()];
            found.insert((ask.mta, same_address), Ask::of_message(router, ask.mta, ask.anyone, both));
        }
    }
    found.into_values().collect()
}

/// A message over each limit: that of a connector, at each MTA that it starts at, and an MTA's own.
pub fn too_large(plan: &Plan, asks: &[Ask]) -> Vec<Ask> {
    let mut found: BTreeMap<(MtaId, Option<ConnectorId>), Ask> = BTreeMap::new();
    for ask in asks.iter().filter(|ask| ask.recipients.len() == 1) {
        let Some(by) = ask.arrives_by() else { continue };
        let own = plan.mta(ask.mta).max_size.map(|limit| (None, limit.value));
        let next = plan.connector(by).max_size.map(|limit| (Some(by), limit.value));
        for (whose, limit) in own.into_iter().chain(next).filter(|(_, limit)| *limit < LARGEST) {
            let octets = Some(limit + limit / 8 + 1);
            found.entry((ask.mta, whose)).or_insert_with(|| Ask { octets, ..ask.clone() });
        }
    }
    found.into_values().collect()
}
