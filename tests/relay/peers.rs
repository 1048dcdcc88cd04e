//! Next hops that go wrong at each step: every message arrives once all the same, or its sender is told.
//!
//! Short form: a late answer is some seconds late. Long form, minutes: `MAILSWITCH_LONG=1 tests/run.sh relay::peers`.

use std::time::Duration;

use mailswitch::lab::{How, Identity, Node, Relay, Seen, Sink, Step, World};

use super::estate::{LOCAL, TWO_SYSTEMS, build, long};
use super::load::wait_until;
use crate::support::world;

const CLIENT: &str = "10.0.0.5";
/// As often a host goes wrong before all is well.
const TIMES: usize = 2;

const STEPS: [Step; 9] =
    [Step::Greeting, Step::Hello, Step::Tls, Step::Mail, Step::Rcpt, Step::Data, Step::Content, Step::Dot, Step::Quit];

struct Site {
    world: World,
    hub: Node,
    relay: Relay,
}

impl Site {
    fn new(source: &str) -> Site {
        let world = world();
        let hub = world.node("hub", &["198.51.100.1"]).unwrap();
        world.host("in.senders.example", "100.64.8.1").unwrap();
        world.mx("senders.example", 10, "in.senders.example");
        world.sink("100.64.8.1:25", Sink::smtp("senders")).unwrap();
        let relay = build(source, "relay").relay(&hub, LOCAL);
        Site { world, hub, relay }
    }

    /// A host of its own for a domain of that number.
    fn host(&self, number: usize, sink: Sink) {
        let (domain, address) = (domain(number), format!("100.64.9.{}", number + 1));
        self.world.host(&format!("in.{domain}"), &address).unwrap();
        self.world.mx(&domain, 10, &format!("in.{domain}"));
        self.world.sink(&format!("{address}:25"), sink).unwrap();
    }

    fn send(&self, number: usize, recipients: &[&str]) {
        let text = format!("Subject: trouble\n\nThe first line of {number}.\n.And the last.\n");
        let sender = format!("s{number}@senders.example");
        let sent = self.world.client(CLIENT).unwrap().send(self.hub.smtp(), &sender, recipients, &text).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
    }

    fn wait_until(&self, patience: Duration, what: &str, test: impl Fn(&Seen) -> bool) -> Seen {
        let seen = self.world.wait_until(patience, what, test).unwrap();
        wait_until(Duration::from_secs(20), "an empty queue", || self.relay.queue().unwrap().trim().is_empty());
        // Only an empty queue shows that nothing came twice.
        Seen { mails: self.world.seen().mails, ..seen }
    }
}

fn domain(number: usize) -> String {
    format!("d{number}.peers.example")
}

/// Every step with every trouble, each at a host of its own, all at once.
fn every_step(troubles: &[How]) {
    let site = Site::new(TWO_SYSTEMS);
    let cases: Vec<(Step, How)> = STEPS.iter().flat_map(|step| troubles.iter().map(|how| (*step, *how))).collect();
    for (number, (step, how)) in cases.iter().enumerate() {
        let identity = Identity::self_signed(&["peer.example"]).unwrap();
        site.host(number, Sink::smtp(&domain(number)).starttls(identity).trouble(*step, *how, TIMES));
    }
    for number in 0..cases.len() {
        site.send(number, &[&format!("r@{}", domain(number))]);
    }
    let arrived = |seen: &Seen, number: usize| seen.mails.iter().filter(|mail| mail.sink() == domain(number)).count();
    let patience = Duration::from_secs(if long() { 600 } else { 60 });
    let seen = site.wait_until(patience, "every message", |seen| (0..cases.len()).all(|n| arrived(seen, n) > 0));
    for (number, case) in cases.iter().enumerate() {
        assert_eq!(arrived(&seen, number), 1, "{case:?}: copies");
    }
    for mail in &seen.mails {
        assert!(mail.body().ends_with(".\r\n.And the last.\r\n"), "{mail:?}");
    }
    assert_eq!(seen.mails.len(), cases.len(), "nobody is told of what was delivered: {:?}", seen.mails);
}

#[test]
fn a_host_that_hangs_up_at_any_step_is_tried_again() {
    every_step(&[How::HangsUp]);
}

#[test]
fn a_host_that_puts_off_at_any_step_is_tried_again() {
    // At TLS it goes on in clear after the first, and shakes no hands after the second.
    every_step(&[How::Says("451 4.3.0 later"), How::Says("421 4.3.2 closing")]);
}

#[test]
fn a_slow_host_gets_its_message_once() {
    let (late, pause) = if long() { (120_000, 1000) } else { (2500, 40) };
    every_step(&[How::Late(Duration::from_millis(late)), How::Dribbles(Duration::from_millis(pause))]);
}

#[test]
fn what_a_host_refuses_for_good_goes_back_to_its_sender() {
    let site = Site::new(TWO_SYSTEMS);
    let steps = [Step::Mail, Step::Rcpt, Step::Data, Step::Dot];
    for (number, step) in steps.iter().enumerate() {
        site.host(number, Sink::smtp(&domain(number)).trouble(*step, How::Says("554 5.6.77 we do not want this"), 1));
        site.send(number, &[&format!("r@{}", domain(number))]);
    }
    let seen = site.wait_until(Duration::from_secs(30), "a bounce each", |seen| seen.mails.len() >= steps.len());
    assert_eq!(seen.mails.len(), steps.len(), "{:?}", seen.mails);
    for (number, step) in steps.iter().enumerate() {
        let sender = format!("s{number}@senders.example");
        let bounce = seen.mails.iter().find(|mail| mail.recipients == [sender.clone()]);
        let bounce = bounce.unwrap_or_else(|| panic!("{step:?}: no bounce for {sender}"));
        assert_eq!((bounce.sink(), bounce.sender.as_str()), ("senders", ""), "{step:?}");
        let text = bounce.text();
        assert!(bounce.header("Content-Type").is_some_and(|kind| kind.contains("multipart/report")), "{text}");
        for words in [format!("r@{}", domain(number)).as_str(), "5.6.77", "we do not want this"] {
            assert!(text.contains(words), "{step:?}: {words:?} is not in\n{text}");
        }
    }
}

#[test]
fn each_recipient_has_a_fate_of_its_own() {
    let site = Site::new(TWO_SYSTEMS);
    let to = |name: &str| format!("{name}@{}", domain(0));
    let sink = Sink::smtp("host")
        .rcpt_for(&to("gone"), "550 5.1.1 nobody of that name")
        .rcpt_for(&to("full"), "452 4.2.2 mailbox full");
    site.host(0, sink);
    let recipients = ["ann", "gone", "bob", "full", "carol"].map(to);
    site.send(0, &recipients.each_ref().map(String::as_str));
    let seen =
        site.world.wait_until(Duration::from_secs(30), "a copy and a bounce", |seen| seen.mails.len() == 2).unwrap();
    let copy = seen.mails.iter().find(|mail| mail.sink() == "host").expect("a copy for those who are there");
    assert_eq!(copy.recipients, ["ann", "bob", "carol"].map(to));
    let bounce = seen.mails.iter().find(|mail| mail.sink() == "senders").expect("a bounce for who is not");
    assert!(bounce.text().contains(&to("gone")) && !bounce.text().contains(&to("ann")), "{}", bounce.text());
    // Asked for again, the full one alone.
    let asked = |seen: &Seen| seen.visits.iter().flat_map(|v| &v.commands).filter(|c| c.contains("<full@")).count();
    let again = |seen: &Seen| seen.visits.iter().flat_map(|v| &v.commands).filter(|c| c.contains("<ann@")).count();
    let seen = site.world.wait_until(Duration::from_secs(30), "another try", |seen| asked(seen) > 1).unwrap();
    assert_eq!(again(&seen), 1, "who has the message is not asked for again");
    let queue = site.relay.queue().unwrap();
    assert!(queue.contains(&to("full")) && !queue.contains(&to("gone")), "{queue}");
}

#[test]
fn names_without_an_answer_are_asked_again() {
    let site = Site::new(TWO_SYSTEMS);
    site.host(0, Sink::smtp("host"));
    site.world.mute(&domain(0), 4);
    site.world.mute(&format!("in.{}", domain(0)), 4);
    site.send(0, &[&format!("r@{}", domain(0))]);
    let seen = site.wait_until(Duration::from_secs(90), "the message", |seen| !seen.mails.is_empty());
    assert_eq!(seen.mails.len(), 1);
    assert_eq!(seen.mails[0].sink(), "host");
}

#[test]
fn where_tls_is_required_nothing_goes_out_in_clear() {
    let source = TWO_SYSTEMS.replace("[100.64.1.1]:25", "in.unix.example\n    tls required");
    let site = Site::new(&source);
    site.world.host("in.unix.example", "100.64.1.1").unwrap();
    let sink = Sink::smtp("unix").starttls(Identity::self_signed(&["in.unix.example"]).unwrap());
    site.world.sink("100.64.1.1:25", sink.trouble(Step::Tls, How::Says("454 4.7.0 no TLS just now"), TIMES)).unwrap();
    site.send(0, &["r@unix.contoso.com"]);
    let seen = site.wait_until(Duration::from_secs(30), "the message", |seen| !seen.mails.is_empty());
    assert_eq!(seen.mails.len(), 1);
    assert!(seen.mails[0].visit.tls.is_some(), "{:?}", seen.mails[0]);
    let in_clear = seen.visits.iter().filter(|v| v.tls.is_none()).flat_map(|v| &v.commands);
    assert_eq!(in_clear.filter(|command| command.starts_with("MAIL")).count(), 0);
}

/// What a host sends in clear behind its answer to STARTTLS is not taken for an answer under TLS (CVE-2011-0411's kind).
#[test]
fn answers_injected_before_tls_are_not_believed() {
    let site = Site::new(TWO_SYSTEMS);
    let identity = Identity::self_signed(&["peer.example"]).unwrap();
    let injected = "220 2.0.0 go ahead\r\n250-peer.example\r\n250 AUTH PLAIN";
    site.host(0, Sink::smtp("host").starttls(identity).trouble(Step::Tls, How::Says(injected), 1));
    site.send(0, &[&format!("r@{}", domain(0))]);
    let seen = site.wait_until(Duration::from_secs(30), "the message", |seen| !seen.mails.is_empty());
    assert_eq!(seen.mails.len(), 1);
    assert!(seen.mails[0].visit.commands.iter().all(|command| !command.starts_with("AUTH")));
}
