//! Clients that mean harm: one message stays one message, through the relay into real Postfix and Exim; nobody's mail
//! is relayed for strangers, however they spell it; and a few slow or greedy clients cost a bounded amount.

use std::time::Duration;

use mailswitch::lab::{Exim, Identity, Node, Postfix, Relay, Seen, Sink, World};

use super::estate::{LOCAL, build};
use super::load::wait_until;
use crate::support::world;

const CLIENT: &str = "10.0.0.5";
const STRANGER: &str = "203.0.113.9";
const EDGE: &str = "198.51.100.1";

/// Hands the mail of two domains on to a Postfix and an Exim.
const OUTER: &str = "
mta hub {
    target     relay
    hostname   edge.contoso.com
    trust      10.0.0.0/8
    postmaster bob@postfix.example
}
system postfix { domain postfix.example }
system exim { domain exim.example }
connector to-postfix {
    to         postfix
    smart-host [198.51.100.2]:25
}
connector to-exim {
    to         exim
    smart-host [198.51.100.3]:25
}
connector internet {
    address-space *
    dns
}
";

const INNER: &str = "
mta hub {
    target     postfix
    hostname   inner.contoso.com
    trust      198.51.100.1
    postmaster bob@postfix.example
}
system store { domain postfix.example, exim.example }
connector to-store {
    to         store
    smart-host [100.64.1.1]:25
}
connector internet {
    address-space *
    dns
}
";

/// What somebody, somewhere, has taken for the end of a message.
const ENDS: [&str; 17] = [
    "\n.\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\r\n.\r",
    "\r.\r\n",
    "\r\n.\r\r\n",
    "\r\r\n.\r\r\n",
    "\n.\r",
    "\r.\n",
    "\n\n.\r\n",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\r\n.\n\r\n",
    "\r\n.\r\0\n",
    "\r\n\u{b}.\r\n",
    "\r\n. \r\n",
];

fn domains() -> [&'static str; 2] {
    ["postfix.example", "exim.example"]
}

/// The replies to a message that holds another one behind a false end, up to the one to QUIT.
fn smuggle(world: &World, edge: &Node, number: usize, end: &str) -> Vec<u16> {
    let mut talk = world.client(CLIENT).unwrap().greet(edge.smtp()).unwrap();
    assert!(talk.command(&format!("MAIL FROM:<s{number}@sender.example>")).unwrap().is_positive());
    for domain in domains() {
        assert!(talk.command(&format!("RCPT TO:<r{number}@{domain}>")).unwrap().is_positive());
    }
    assert_eq!(talk.command("DATA").unwrap().code, 354);
    let victims: String = domains().iter().map(|domain| format!("RCPT TO:<victim{number}@{domain}>\r\n")).collect();
    talk.write(&format!(
        "Subject: {number}\r\n\r\nfirst{end}MAIL FROM:<smuggled@evil.example>\r\n{victims}DATA\r\n\
         Subject: smuggled\r\n\r\nsecond\r\n.\r\nQUIT\r\n"
    ));
    std::iter::from_fn(|| talk.try_reply()).map(|reply| reply.code).collect()
}

#[test]
fn one_message_stays_one_message() {
    let world = world();
    let nodes =
        [EDGE, "198.51.100.2", "198.51.100.3"].map(|address| world.node(&format!("n-{address}"), &[address]).unwrap());
    world.sink("100.64.1.1:25", Sink::smtp("store")).unwrap();
    let postfix = Postfix::install(&nodes[1], &build(INNER, "postfix").path("hub")).unwrap();
    assert_eq!(postfix.check().unwrap().text(), "");
    postfix.start(&[25]).unwrap();
    let exim = Exim::install(&nodes[2], &build(INNER, "exim").path("hub")).unwrap();
    exim.start(&[25]).unwrap();
    let relay = build(OUTER, "relay").relay(&nodes[0], LOCAL);

    let mut taken = 0;
    for (number, end) in ENDS.iter().enumerate() {
        let replies = smuggle(&world, &nodes[0], number, end);
        let verdict = replies.first().copied().unwrap_or_default();
        taken += usize::from(verdict == 250);
        // Whatever the verdict, what follows is a part of the message: at most QUIT is answered.
        assert!(verdict == 250 || (500..600).contains(&verdict), "{end:?}: {replies:?}");
        assert!(replies.len() <= 2 && replies[1..].iter().all(|code| *code == 221), "{end:?}: {replies:?}");
    }
    // A stuffed dot is no end, and nothing to refuse.
    assert_eq!(smuggle(&world, &nodes[0], ENDS.len(), "\r\n..\r\n"), [250, 221]);
    taken += 1;

    let seen =
        world.wait_until(Duration::from_secs(30), "both copies of each", |seen| seen.mails.len() >= 2 * taken).unwrap();
    wait_until(Duration::from_secs(20), "empty queues", || {
        [relay.queue().unwrap(), postfix.queue().unwrap(), exim.queue().unwrap()]
            .iter()
            .all(|queue| queue.trim().is_empty())
    });
    assert_eq!(world.seen().mails.len(), 2 * taken);
    for mail in &seen.mails {
        assert!(mail.sender.ends_with("@sender.example"), "{mail:?}");
        assert!(mail.recipients.iter().all(|to| to.starts_with('r')), "{mail:?}");
        assert_ne!(mail.header("Subject").as_deref(), Some("smuggled"), "{mail:?}");
    }
    let stuffed = |seen: &Seen| seen.mails.iter().filter(|mail| mail.body().starts_with("first\r\n.\r\nMAIL")).count();
    assert_eq!(stuffed(&seen), 2, "the stuffed dot is a line of the message");
}

const OWN: &str = "
mta hub {
    target     relay
    hostname   hub.contoso.com
    trust      10.0.0.0/8
    postmaster bob@contoso.com
    tls        certificate /etc/ssl/hub.pem key /etc/ssl/hub.key
}
system store {
    account bob@contoso.com
}
shared domain contoso.com
connector to-store {
    to         store
    smart-host [100.64.1.1]:25
}
connector internet {
    address-space *
    dns
}
";

/// Ways to say `user@other.example` to a host that is not its own.
const SPELLINGS: [&str; 22] = [
    "user@other.example",
    "user%other.example",
    "user%other.example@contoso.com",
    "user%other.example@hub.contoso.com",
    "user%other.example@[198.51.100.1]",
    "other.example!user",
    "other.example!user@contoso.com",
    "contoso.com!user@other.example",
    "user@other.example@contoso.com",
    "user@contoso.com@other.example",
    "\"user@other.example\"@contoso.com",
    "\"user@other.example\"",
    "\"bob@contoso.com\"@other.example",
    "@contoso.com:user@other.example",
    "@contoso.com,@hub.contoso.com:user@other.example",
    "@hub.contoso.com:user%other.example@contoso.com",
    "user@[192.0.2.7]",
    "bob@[198.51.100.1]",
    "user@[IPv6:2001:db8::7]",
    "bob@c\u{43e}ntoso.com",
    "bob@contoso.com.other.example",
    "bob\\@other.example@contoso.com",
];

fn own(world: &World) -> (Node, Relay) {
    let hub = world.node("hub", &[EDGE]).unwrap();
    let identity = Identity::trusted(&["hub.contoso.com"]).unwrap();
    hub.write("/etc/ssl/hub.pem", identity.certificate_pem.as_bytes(), 0o644).unwrap();
    hub.write("/etc/ssl/hub.key", identity.key_pem.as_bytes(), 0o600).unwrap();
    let relay = build(OWN, "relay").relay(&hub, &format!("{LOCAL}limits:\n  sessions-per-network: 20\n"));
    (hub, relay)
}

#[test]
fn no_spelling_makes_it_relay_for_a_stranger() {
    let world = world();
    let (hub, _relay) = own(&world);
    let stranger = world.client(STRANGER).unwrap();
    assert_eq!(
        stranger.probe(hub.smtp(), "x@example.net", &["bob@contoso.com"]).unwrap()[0].code,
        250,
        "its own are welcome"
    );
    let replies = stranger.probe(hub.smtp(), "x@example.net", &SPELLINGS).unwrap();
    for (spelling, reply) in SPELLINGS.iter().zip(&replies) {
        assert!((500..600).contains(&reply.code), "{spelling}: {reply:?}");
    }
    assert_eq!(replies.len(), SPELLINGS.len());
}

#[test]
fn commands_before_tls_are_not_obeyed_under_it() {
    let world = world();
    let (hub, _relay) = own(&world);
    let mut talk = world.client(STRANGER).unwrap().greet(hub.smtp()).unwrap();
    assert!(talk.offers("STARTTLS"), "{talk:?}");
    let injected = "MAIL FROM:<evil@example.net>\r\nRCPT TO:<bob@contoso.com>\r\n";
    talk.starttls_then(injected, "hub.contoso.com").expect("TLS begins all the same");
    assert!(talk.offers("PIPELINING") && !talk.offers("STARTTLS"), "the answer is to EHLO: {talk:?}");
    assert_eq!(talk.command("RCPT TO:<bob@contoso.com>").unwrap().code, 503, "no MAIL was heard");
    assert_eq!(talk.command("QUIT").unwrap().code, 221);
}

#[test]
fn a_network_has_so_many_sessions_and_no_more() {
    let world = world();
    let (hub, _relay) = own(&world);
    let stranger = world.client(STRANGER).unwrap();
    let mut open: Vec<_> = (0..20).map(|_| stranger.connect(hub.smtp()).unwrap()).collect();
    assert!(open.iter().all(|talk| talk.greeting.as_ref().is_some_and(|reply| reply.code == 220)));
    let greeting =
        |source: &str| world.client(source).unwrap().connect(hub.smtp()).unwrap().greeting.map(|reply| reply.code);
    assert_eq!(greeting(STRANGER), Some(421));
    assert_eq!(greeting("203.0.113.77"), Some(421), "the same network");
    assert_eq!(greeting("192.0.2.77"), Some(220), "another network");
    assert_eq!(greeting(CLIENT), Some(220), "who is trusted is not counted");
    open.clear();
    wait_until(Duration::from_secs(10), "room again", || greeting(STRANGER) == Some(220));
}

/// So much, at most, for a client in the middle of a message: what of it is kept in memory (64 KiB), its envelope, and
/// what the kernel and the runtime keep for a connection.
const SESSION_KIB: u64 = 96;

#[test]
fn slow_clients_cost_a_bounded_amount_and_keep_nobody_waiting() {
    let world = world();
    world.sink("100.64.1.1:25", Sink::smtp("store")).unwrap();
    let (hub, relay) = own(&world);
    let client = world.client(CLIENT).unwrap();
    let before = resident_kib(&relay);
    let half_a_command = format!("NOOP {}", "x".repeat(400));
    let lines = "a line without an end of the message\r\n".repeat(6000);
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut talk = client.greet(hub.smtp()).unwrap();
        if number % 2 == 0 {
            talk.write(&half_a_command);
        } else {
            talk.write("MAIL FROM:<slow@example.net>\r\nRCPT TO:<bob@contoso.com>\r\nDATA\r\n");
            assert_eq!([talk.reply(), talk.reply(), talk.reply()].map(|reply| reply.unwrap().code), [250, 250, 354]);
            talk.write(&lines);
        }
        slow.push(talk);
    }
    let sent = client.send(hub.smtp(), "x@example.net", &["bob@contoso.com"], "Subject: hi\n\nhello\n").unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    world.wait_for(1).unwrap();
    let grown = resident_kib(&relay).saturating_sub(before);
    println!("200 slow clients: {grown} KiB");
    assert!(grown < 200 * SESSION_KIB, "200 slow clients cost {grown} KiB");
}

fn resident_kib(relay: &Relay) -> u64 {
    let pid = relay.pid().expect("the relay runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status can be read");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a process has a size");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("it is a number of KiB")
}
