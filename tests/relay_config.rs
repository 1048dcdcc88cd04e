//! The relay, given what was emitted for it, answers as the compiler's router does.

use std::collections::HashMap;
use std::net::IpAddr;

use mailswitch::emit::relay::Relay;
use mailswitch::emit::{Context, Target};
use mailswitch::name::Mailbox;
use mailswitch::plan::classes::classes;
use mailswitch::plan::route::decide::{Asker, VisitEnd, Way};
use mailswitch::plan::route::outcome::Ways;
use mailswitch::plan::route::walk::{Next, Place};
use mailswitch::plan::route::{Router, Tier};
use mailswitch::plan::{MtaId, Node, Plan, Question};
use mailswitch::relay::config::parse;
use mailswitch::relay::reply::Status;
use mailswitch::relay::route::{self as relay, Decision};
use mailswitch::relay::smtp::path::RcptPath;
use mailswitch::relay::table::Table;
use mailswitch::source::Sources;

use crate::golden::case;
use crate::oracle::dsl::to_dsl;
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

/// One relay: the data that was emitted for it, and nothing else.
struct Switch(relay::Router);

impl Switch {
    fn new(context: Context<'_>, mta: MtaId) -> Switch {
        let files = Relay.render(context, mta).unwrap();
        let mut by_name: HashMap<String, Vec<u8>> = files.into_iter().map(|f| (f.path, f.content)).collect();
        let yaml = String::from_utf8(by_name.remove("relay.yaml").unwrap()).unwrap();
        let config = parse(&yaml).unwrap();
        let mut table = |name: &str| Table::from_bytes(by_name.remove(name).unwrap()).unwrap();
        let names = &config.routing.tables;
        let tables = relay::Tables {
            contacts: table(&names.contacts),
            accounts: table(&names.accounts),
            recipients: table(&names.recipients),
        };
        let router = relay::Router::new(config, tables).unwrap();
        router.check_tables().unwrap();
        Switch(router)
    }

    fn answer(&self, who: &Who, question: &Question) -> Answer {
        let path = match question {
            Question::Postmaster => RcptPath::Postmaster,
            Question::Unroutable(text) => RcptPath::Unroutable(text.clone()),
            Question::Address(mailbox) => {
                RcptPath::Address { mailbox: mailbox.clone(), wire: mailbox.as_str().to_owned() }
            }
        };
        let ask = |asker| in_words(self.0.ask(asker, &path).unwrap());
        match who {
            Who::Trusted => ask(relay::Asker::Trusted),
            Who::Anyone => ask(relay::Asker::Anyone),
            Who::At(addresses) => {
                // A node may come from any of its addresses: it has only what all of them may have.
                let answers: Vec<Answer> = addresses.iter().map(|ip| ask(relay::Asker::Client(*ip))).collect();
                let denied = answers.iter().find(|answer| **answer == Answer::Refused("5.7.1".to_owned()));
                denied.unwrap_or(&answers[0]).clone()
            }
        }
    }
}

fn in_words(decision: Decision) -> Answer {
    match decision {
        Decision::Refused { status: Status(5, 4, 6), .. } => Answer::Looped,
        Decision::Refused { status, .. } => Answer::Refused(status.to_string()),
        Decision::Send(sending) => {
            let tiers = sending.route.names();
            // What goes on the wire is the recipient, but for the case that somebody wrote it in.
            assert_eq!(Mailbox::parse(&sending.recipient).unwrap(), sending.mailbox);
            Answer::Sent { recipient: sending.mailbox.as_str().to_owned(), tiers }
        }
    }
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
pub(crate) fn agree(
    plan: &mut Plan,
    sources: &Sources,
    more: impl IntoIterator<Item = String>,
) -> Result<usize, String> {
    for mta in &mut plan.mtas {
        (mta.emit, mta.settings) = (None, None);
    }
    let plan = &*plan;
    let router = Router::new(plan);
    let context = Context { plan, router: &router, sources };
    let relays: Vec<Switch> = plan.mta_ids().map(|mta| Switch::new(context, mta)).collect();
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
fn handed_on(router: &Router<'_>, relays: &[Switch], mta: MtaId, question: &Question) -> Result<usize, String> {
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
    relay: &Switch,
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
