//! `relay.yaml` and its tables hold enough: an interpreter that reads nothing else answers as the router does.

use std::collections::HashMap;
use std::net::IpAddr;

use mailswitch::emit::relay::Relay;
use mailswitch::emit::{Context, Target};
use mailswitch::name::{Mailbox, Pattern};
use mailswitch::plan::classes::classes;
use mailswitch::plan::route::decide::{Asker, VisitEnd, Way};
use mailswitch::plan::route::outcome::Ways;
use mailswitch::plan::route::walk::{Next, Place};
use mailswitch::plan::route::{Router, Tier};
use mailswitch::plan::{MtaId, Node, Plan, Question};
use mailswitch::relay::config::{Config, Routing, parse};
use mailswitch::relay::table::Table;
use mailswitch::source::Sources;

use crate::golden::case;
use crate::oracle::estate::to_dsl;
use crate::oracle::{asks, random};
use crate::properties::{checked, one_in, plan_of};

/// What a relay says to RCPT, and where the message would go.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Refused(String),
    Sent { recipient: String, tiers: Vec<Vec<String>> },
    Looped,
}

/// Who asks, as a relay sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Trusted,
    Anyone,
    /// A node of the estate, by the addresses that others see.
    At(Vec<IpAddr>),
}

/// The data of one relay, and nothing else.
struct Interpreter {
    routing: Routing,
    contacts: Table,
    accounts: Table,
    recipients: Table,
}

impl Interpreter {
    fn new(context: Context<'_>, mta: MtaId) -> Interpreter {
        let files = Relay.render(context, mta).unwrap();
        let mut by_name: HashMap<String, Vec<u8>> = files.into_iter().map(|f| (f.path, f.content)).collect();
        let yaml = String::from_utf8(by_name.remove("relay.yaml").unwrap()).unwrap();
        let Config { routing, .. } = parse(&yaml).unwrap();
        let mut table = |name: &str| Table::from_bytes(by_name.remove(name).unwrap()).unwrap();
        let contacts = table(&routing.tables.contacts);
        let accounts = table(&routing.tables.accounts);
        let recipients = table(&routing.tables.recipients);
        Interpreter { routing, contacts, accounts, recipients }
    }

    fn answer(&self, who: &Who, question: &Question) -> Answer {
        let refused = |status: &str| Answer::Refused(status.to_owned());
        let asked = match question {
            Question::Postmaster => return self.decide(self.routing.postmaster.clone(), true),
            Question::Unroutable(text) if !text.is_ascii() && !self.routing.smtputf8 => return refused("5.6.7"),
            Question::Unroutable(_) => return refused("5.7.1"),
            Question::Address(mailbox) => mailbox,
        };
        if asked.is_utf8() && !self.routing.smtputf8 {
            return refused("5.6.7");
        }
        let own = self.own(asked.domain()).is_some();
        let trusted = match who {
            Who::Trusted => true,
            Who::Anyone => false,
            Who::At(addresses) => {
                addresses.iter().all(|ip| self.trusts(ip) || (!own && self.peer_sends(ip, asked.domain())))
            }
        };
        if !own && !trusted {
            return refused("5.7.1");
        }
        if !trusted && asked.routes_past() && self.known(asked).is_none() {
            return refused("5.7.1");
        }
        self.decide(asked.clone(), false)
    }

    /// Steps 0 to 5. The bare postmaster need not be in a domain of ours.
    fn decide(&self, mut recipient: Mailbox, bare: bool) -> Answer {
        for round in 0..100 {
            if recipient.is_utf8() && !self.routing.smtputf8 && (round > 0 || bare) {
                return Answer::Refused("5.6.7".to_owned());
            }
            match self.known(&recipient) {
                Some(Known::Contact(primary)) => recipient = primary,
                Some(Known::Account(system)) => {
                    let tiers = self.routing.systems.iter().find(|s| s.name == system).map(|s| s.tiers.clone());
                    return self.send(tiers.or_else(|| self.space(recipient.domain())), recipient, true);
                }
                None => return self.unknown(recipient),
            }
        }
        Answer::Looped
    }

    fn unknown(&self, recipient: Mailbox) -> Answer {
        let rule = self.own(recipient.domain());
        if let Some(status) = rule.and_then(|r| r.reject.clone()) {
            return Answer::Refused(status);
        }
        let tiers = match rule.and_then(|r| r.via.clone()) {
            Some(via) => Some(vec![vec![via]]),
            None => self.space(recipient.domain()),
        };
        self.send(tiers, recipient, false)
    }

    fn send(&self, tiers: Option<Vec<Vec<String>>>, recipient: Mailbox, account: bool) -> Answer {
        let Some(tiers) = tiers else { return Answer::Refused("5.1.2".to_owned()) };
        for connector in tiers.iter().flatten() {
            assert!(self.routing.connectors.iter().any(|c| c.name == *connector));
        }
        match self.later(&recipient, account) {
            Some(status) => Answer::Refused(status),
            None => Answer::Sent { recipient: recipient.as_str().to_owned(), tiers },
        }
    }

    /// What an MTA behind this one would refuse the recipient with.
    fn later(&self, recipient: &Mailbox, account: bool) -> Option<String> {
        let form = |text: &str| usize::from(text.contains(['@', '%', '!'])) + 2 * usize::from(!text.is_ascii());
        let entry = |mailbox: &Mailbox, field: usize| {
            let value = self.recipients.get(mailbox.as_str().as_bytes())?;
            Some(std::str::from_utf8(value).unwrap().split(' ').nth(field).unwrap().to_owned())
        };
        let cut = self.routing.subaddress.and_then(|c| recipient.cut(c));
        let detailed = || cut.and_then(|(base, detail)| entry(&base, 1 + form(&detail)));
        let found = entry(recipient, 0).or_else(detailed);
        if let Some(word) = found {
            return Some(word).filter(|w| w != "-");
        }
        if account {
            return None;
        }
        let refused = best(&self.routing.refused, |r| &r.domain, recipient.domain())?;
        [&refused.plain, &refused.routes_past, &refused.utf8, &refused.utf8_routes_past][form(&recipient.content())]
            .clone()
    }

    fn known(&self, recipient: &Mailbox) -> Option<Known> {
        if self.own(recipient.domain()).is_some_and(|r| r.relay) {
            return None;
        }
        if let Some(known) = self.literal(recipient, None) {
            return Some(known);
        }
        let (base, detail) = recipient.cut(self.routing.subaddress?)?;
        self.literal(&base, Some(&detail))
    }

    fn literal(&self, mailbox: &Mailbox, detail: Option<&str>) -> Option<Known> {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        if let Some(primary) = self.contacts.get(mailbox.as_str().as_bytes()) {
            let primary = Mailbox::parse(&text(primary)).unwrap();
            return Some(Known::Contact(detail.map_or(primary.clone(), |d| primary.with_detail(d))));
        }
        self.accounts.get(mailbox.as_str().as_bytes()).map(|system| Known::Account(text(system)))
    }

    fn own(&self, domain: &str) -> Option<&mailswitch::relay::config::DomainRule> {
        best(&self.routing.domains, |r| &r.domain, domain)
    }

    fn space(&self, domain: &str) -> Option<Vec<Vec<String>>> {
        best(&self.routing.spaces, |s| &s.domain, domain).map(|s| s.tiers.clone())
    }

    fn trusts(&self, ip: &IpAddr) -> bool {
        self.routing.trust.iter().any(|net| net.contains(ip))
    }

    fn peer_sends(&self, ip: &IpAddr, domain: &str) -> bool {
        self.routing.peers.iter().filter(|p| p.addresses.contains(ip)).any(|peer| {
            let except = peer.except.iter().map(|p| (p, false));
            let patterns: Vec<(&Pattern, bool)> = peer.domains.iter().map(|p| (p, true)).chain(except).collect();
            best(&patterns, |(p, _)| p, domain).is_some_and(|(_, sends)| *sends)
        })
    }
}

enum Known {
    Contact(Mailbox),
    Account(String),
}

/// The entry whose pattern matches most specifically.
fn best<'a, T>(all: &'a [T], pattern: impl Fn(&T) -> &Pattern, domain: &str) -> Option<&'a T> {
    let rank = |entry: &&T| match pattern(entry) {
        Pattern::Any => (0, 0),
        Pattern::Sub(domain) => (1, domain.as_str().len()),
        Pattern::Exact(_) => (2, 0),
    };
    all.iter().filter(|entry| pattern(entry).matches(domain)).max_by_key(rank)
}

/// What the router says, in the same words; `None` where no relay is asked for.
fn meant(router: &Router<'_>, mta: MtaId, asker: Asker, question: &Question) -> Option<Answer> {
    let visit = router.visit(mta, asker, question);
    if matches!(visit.end, VisitEnd::Loop) {
        // Such an estate is never emitted: the same contact twice is an error, though its addresses may differ.
        return None;
    }
    if let Some(refusal) = router.refusal(mta, asker, question) {
        return Some(Answer::Refused(refusal.status.unwrap().0.to_owned()));
    }
    let VisitEnd::Send { tiers, .. } = visit.end else { panic!("{:?} is refused, and is not", question) };
    let name = |id| router.plan.connector(id).name.clone();
    let names = |tier: &Tier| tier.exits.iter().map(|e| name(e.connector)).collect();
    let tiers = match tiers {
        Way::Tiers(tiers) => tiers.iter().map(names).collect(),
        Way::Only(exit) => vec![vec![name(exit.connector)]],
        Way::Unknown => return None,
    };
    Some(Answer::Sent { recipient: visit.recipient.unwrap().as_str().to_owned(), tiers })
}

/// Holds one estate against its emitted data; gives how many questions were asked.
fn agree(plan: &mut Plan, sources: &Sources, more: impl IntoIterator<Item = String>) -> Result<usize, String> {
    for mta in &mut plan.mtas {
        (mta.emit, mta.settings) = (None, None);
    }
    let plan = &*plan;
    let router = Router::new(plan);
    let context = Context { plan, router: &router, sources };
    let relays: Vec<Interpreter> = plan.mta_ids().map(|mta| Interpreter::new(context, mta)).collect();
    let mut questions: Vec<Question> = classes(plan).into_iter().map(|class| class.question).collect();
    questions.extend(plan.addresses.ids().map(|id| Question::Address(plan.addresses.mailbox(id))));
    questions.extend(more.into_iter().map(|text| Question::parse(&text).unwrap()));
    let mut asked = 0;
    for question in &questions {
        for (mta, relay) in plan.mta_ids().zip(&relays) {
            for (who, asker) in [(Who::Trusted, Asker::Trusted), (Who::Anyone, Asker::Anyone)] {
                asked += 1;
                compare(&router, relay, mta, &who, asker, question)?;
            }
            asked += handed_on(&router, &relays, mta, question)?;
        }
    }
    Ok(asked)
}

/// Whatever a node hands on to an MTA, the MTA's relay takes or refuses as the router says.
fn handed_on(router: &Router<'_>, relays: &[Interpreter], mta: MtaId, question: &Question) -> Result<usize, String> {
    let walk = router.walk(mta, Asker::Trusted, question.clone());
    let mut asked = 0;
    for state in &walk.states {
        for next in &state.next {
            let Next::To { state: to, hop, .. } = next else { continue };
            let Place::Mta { id, asker: asker @ Asker::Peer { .. } } = walk.states[*to].place else { continue };
            // Without an address it cannot be told from anyone: `hop::untrusted`.
            let addresses = router.addresses_of(hop.node);
            if addresses.is_empty() || hop.node == Node::Mta(id) {
                continue;
            }
            asked += 1;
            let who = Who::At(addresses);
            compare(router, &relays[id.index()], id, &who, asker, &Question::Address(hop.recipient.clone()))?;
        }
    }
    Ok(asked)
}

fn compare(
    router: &Router<'_>,
    relay: &Interpreter,
    mta: MtaId,
    who: &Who,
    asker: Asker,
    question: &Question,
) -> Result<(), String> {
    let Some(meant) = meant(router, mta, asker, question) else { return Ok(()) };
    let answer = relay.answer(who, question);
    if answer == meant {
        return Ok(());
    }
    let outcomes = router.outcomes(mta, asker, question, Ways::default());
    Err(format!(
        "{question} asked at {} by {who:?}: the relay says {answer:?}, the router {meant:?}\n{outcomes:#?}",
        router.plan.mta(mta).name
    ))
}

#[test]
fn relays_answer_as_the_router_does_in_every_example_and_case() {
    let mut asked = 0;
    for case in case::all() {
        let (mut plan, sources) = case.plan_and_sources();
        if plan.incomplete || checked(&plan).contains("subaddress::differs") {
            continue;
        }
        let routes = case.routes().into_iter().flat_map(|route| route.recipients).map(|recipient| recipient.address);
        asked += agree(&mut plan, &sources, routes).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    }
    assert!(asked > 5000, "only {asked} questions");
}

proptest::proptest! {
    #![proptest_config(one_in(8))]

    #[test]
    fn relays_answer_as_the_router_does_in_random_estates(estate in random::estate()) {
        let (mut plan, _) = plan_of(&estate);
        // Where separators differ, one MTA cannot tell what another would cut.
        proptest::prop_assume!(!checked(&plan).contains("subaddress::differs"));
        let mut sources = Sources::default();
        sources.add("routing.dsl", to_dsl(&estate));
        let agreed = agree(&mut plan, &sources, asks::addresses(&estate));
        proptest::prop_assert!(agreed.is_ok(), "{}\n{}", agreed.unwrap_err(), to_dsl(&estate));
    }
}
