//! Every field of a connector, as the next hop sees it.

use mailswitch::lab::{Auth, Identity, Node, PATIENCE, Seen, Sink, authority_pem};

use super::{MESSAGE, STRANGER, build, start};
use crate::cli::run::Folder;
use crate::support::world;

/// A hub whose one connector has these fields.
fn estate(connector: &str) -> String {
    format!(
        "mta hub {{\n target postfix\n hostname hub.contoso.com\n postmaster bob@contoso.com\n max-size 1MB\n}}\n\
         system exchange {{ account bob@contoso.com }}\nshared domain contoso.com\n\
         connector internet {{ address-space *; dns }}\n\
         connector to-exchange {{ to exchange\n {connector} }}\n"
    )
}

/// Fetches the password as `mailswitch secrets` does.
fn passwords(hub: &Node, folder: &Folder) {
    let wanted = std::fs::read_to_string(folder.path("out/hub/secrets.json")).unwrap();
    let wanted = mailswitch::emit::postfix::secrets::parse(&wanted).unwrap();
    let tables = mailswitch::emit::postfix::secrets::tables(&wanted, |want| {
        assert_eq!(want.file, "/etc/mailswitch/exchange.password");
        Ok::<_, String>("se cret\n".to_owned())
    });
    for table in tables.unwrap() {
        hub.write(&format!("/etc/postfix/{}", table.path), &table.content, 0o600).unwrap();
    }
}

#[test]
fn verified_tls_sends_the_password_from_the_address_that_is_named() {
    let world = world();
    world.host("exchange.contoso.com", "192.0.2.10").unwrap();
    let identity = Identity::trusted(&["exchange.contoso.com"]).unwrap();
    world.sink("192.0.2.10:587", Sink::smtp("exchange").starttls(identity).auth(Auth::Accepts)).unwrap();
    let hub = world.node("hub", &["198.51.100.1", "198.51.100.2"]).unwrap();
    let folder = build(&estate(
        "smart-host exchange.contoso.com:587; tls verified; source-address 198.51.100.2\n\
         auth hub password file /etc/mailswitch/exchange.password",
    ));
    passwords(&hub, &folder);
    let _postfix = start(&hub, &folder, "hub");
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let mail = &world.wait_for(1).unwrap().mails[0];
    assert_eq!(mail.visit.client.unwrap().to_string(), "198.51.100.2");
    assert!(mail.visit.tls.is_some());
    let login = mail.visit.login.as_ref().expect("AUTH was used");
    assert_eq!((login.user.as_str(), login.password.as_str()), ("hub", "se cret"));
}

const AUTH: &str = "tls verified; auth hub password file /etc/mailswitch/exchange.password";

#[test]
fn a_server_without_auth_gets_nothing() {
    let world = world();
    world.host("exchange.contoso.com", "192.0.2.10").unwrap();
    world
        .sink("192.0.2.10:25", Sink::smtp("exchange").starttls(Identity::trusted(&["exchange.contoso.com"]).unwrap()))
        .unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(&estate(&format!("smart-host exchange.contoso.com; {AUTH}")));
    passwords(&hub, &folder);
    let postfix = start(&hub, &folder, "hub");
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let over = |seen: &Seen| seen.visits.first().is_some_and(|visit| visit.over);
    let seen = world.wait_until(PATIENCE, "a visit", over).unwrap();
    assert!(seen.mails.is_empty(), "{seen:?}");
    assert!(seen.visits[0].tls.is_some() && seen.visits[0].login.is_none(), "{seen:?}");
    assert!(!seen.visits[0].commands.iter().any(|line| line.starts_with("MAIL")), "{seen:?}");
    assert!(postfix.queue().unwrap().contains("bob@contoso.com"), "{}", postfix.log());
}

#[test]
fn without_the_password_table_mail_waits() {
    let world = world();
    world.host("exchange.contoso.com", "192.0.2.10").unwrap();
    let sink =
        Sink::smtp("exchange").starttls(Identity::trusted(&["exchange.contoso.com"]).unwrap()).auth(Auth::Accepts);
    world.sink("192.0.2.10:25", sink).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(&estate(&format!("smart-host exchange.contoso.com; {AUTH}")));
    let postfix = start(&hub, &folder, "hub");
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let over = |seen: &Seen| seen.visits.first().is_some_and(|visit| visit.over);
    let seen = world.wait_until(PATIENCE, "a visit", over).unwrap();
    assert!(seen.mails.is_empty(), "{seen:?}");
    assert!(postfix.queue().unwrap().contains("bob@contoso.com"), "{}", postfix.log());
    passwords(&hub, &folder);
    postfix.reload().unwrap();
    postfix.flush().unwrap();
    let seen = world.wait_for(1).unwrap();
    assert_eq!(seen.mails[0].visit.login.as_ref().map(|login| login.user.as_str()), Some("hub"));
}

#[test]
fn a_host_that_offers_auth_stands_in_for_those_that_do_not() {
    let without = [
        ("plain", None),
        ("empty", Some("250-empty.contoso.com\r\n250-AUTH\r\n250 8BITMIME")),
        ("nameless", Some("250-nameless Hello hub\r\n250-X-OTHER some\r\n250 SIZE 1000000")),
        ("single", Some("250 single.contoso.com Hello")),
        ("short", Some("250 short")),
        ("bare", Some("250")),
        ("okay", Some("250 OK")),
        ("shy", Some("503 not now")),
        ("older", Some("504 5.5.1 no EHLO")),
        ("old", Some("502 5.5.1 what is EHLO?")),
    ];
    let world = world();
    let sink = |name: &str| Sink::smtps(name, Identity::trusted(&[&format!("{name}.contoso.com")]).unwrap());
    for (number, (name, reply)) in without.iter().enumerate() {
        world.host(&format!("{name}.contoso.com"), &format!("192.0.2.{}", number + 1)).unwrap();
        let sink = reply.map_or(sink(name), |reply| sink(name).ehlo(reply));
        world.sink(&format!("192.0.2.{}:465", number + 1), sink).unwrap();
    }
    for (name, address) in [("good", "192.0.2.20"), ("dearer", "192.0.2.21")] {
        world.host(&format!("{name}.contoso.com"), address).unwrap();
    }
    let offers = "250-good\r\n250-X-OTHER some\r\n250 AUTH LOGIN";
    world
        .sink(
            "192.0.2.20:465",
            sink("good").auth(Auth::Accepts).ehlo(offers).rcpt_for("ann@contoso.com", "450 4.2.0 no"),
        )
        .unwrap();
    world.sink("192.0.2.21:465", sink("dearer").auth(Auth::Accepts)).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let hosts: Vec<String> = without.iter().map(|(name, _)| format!("{name}.contoso.com")).collect();
    let dsl = estate(&format!(
        "smart-host {}, good.contoso.com; protocol smtps; {AUTH} }}\n\
         connector dearer {{ to exchange; cost 7; smart-host dearer.contoso.com; protocol smtps; {AUTH}",
        hosts.join(", ")
    ));
    let folder = build(&dsl.replace("account bob@contoso.com", "account bob@contoso.com; account ann@contoso.com"));
    passwords(&hub, &folder);
    let _postfix = start(&hub, &folder, "hub");
    for (number, (recipient, arrives)) in
        [("bob@contoso.com", "good"), ("ann@contoso.com", "dearer")].iter().enumerate()
    {
        let sent = world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &[recipient], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        let seen = world.wait_for(number + 1).unwrap();
        assert_eq!(seen.mails[number].sink(), *arrives, "{seen:?}");
        assert_eq!(seen.mails[number].visit.login.as_ref().map(|login| login.password.as_str()), Some("se cret"));
        for visit in seen.visits.iter().filter(|visit| !["good", "dearer"].contains(&visit.sink.as_str())) {
            assert!(visit.tls.is_some() && !visit.commands.iter().any(|line| line.starts_with("MAIL")), "{visit:?}");
        }
        let visited: std::collections::BTreeSet<&str> = seen.visits.iter().map(|visit| visit.sink.as_str()).collect();
        assert!(without.iter().all(|(name, _)| visited.contains(name)), "{visited:?}");
    }
}

#[test]
fn a_cheaper_connector_without_auth_needs_none() {
    let world = world();
    world.sink("192.0.2.1:25", Sink::smtp("cheap")).unwrap();
    world.host("dearer.contoso.com", "192.0.2.2").unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(&estate(&format!(
        "smart-host [192.0.2.1]; max-size 50KB; tls off }}\n\
         connector dearer {{ to exchange; cost 7; smart-host dearer.contoso.com; max-size 50KB; {AUTH}"
    )));
    passwords(&hub, &folder);
    let _postfix = start(&hub, &folder, "hub");
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let mail = &world.wait_for(1).unwrap().mails[0];
    assert_eq!((mail.sink(), mail.visit.login.as_ref()), ("cheap", None));
}

#[test]
fn a_text_table_cannot_hold_what_auth_needs() {
    let dsl =
        estate(&format!("smart-host exchange.contoso.com; {AUTH}")).replace("max-size", "maps texthash\n max-size");
    let ran = Folder::with(&[("routing.dsl", dsl.as_bytes())]).run(&["build", "-o", "out"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("target::unsupported") && ran.stderr.contains("`auth`"), "{}", ran.stderr);
}

#[test]
fn a_wrong_name_a_wrong_authority_and_no_tls_are_passed_over() {
    let world = world();
    for (number, name) in ["wrong", "own", "clear", "right"].iter().enumerate() {
        world.host(&format!("{name}.contoso.com"), &format!("192.0.2.{}", number + 1)).unwrap();
    }
    world
        .sink("192.0.2.1:25", Sink::smtp("wrong").starttls(Identity::trusted(&["other.contoso.com"]).unwrap()))
        .unwrap();
    world
        .sink("192.0.2.2:25", Sink::smtp("own").starttls(Identity::self_signed(&["own.contoso.com"]).unwrap()))
        .unwrap();
    world.sink("192.0.2.3:25", Sink::smtp("clear")).unwrap();
    world
        .sink("192.0.2.4:25", Sink::smtp("right").starttls(Identity::trusted(&["right.contoso.com"]).unwrap()))
        .unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    hub.write("/etc/mailswitch/ca.pem", authority_pem().unwrap().as_bytes(), 0o644).unwrap();
    let folder = build(&estate(
        "smart-host wrong.contoso.com, own.contoso.com, clear.contoso.com, right.contoso.com\n\
         tls verified ca /etc/mailswitch/ca.pem",
    ));
    let _postfix = start(&hub, &folder, "hub");
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1).unwrap();
    assert_eq!(seen.mails[0].sink(), "right");
    let visited: Vec<&str> = seen.visits.iter().map(|visit| visit.sink.as_str()).collect();
    assert_eq!(visited, ["wrong", "own", "clear", "right"]);
}

#[test]
fn another_name_is_verified_where_the_host_is_an_address() {
    let world = world();
    world
        .sink("192.0.2.1:25", Sink::smtp("right").starttls(Identity::trusted(&["mail.contoso.com"]).unwrap()))
        .unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(&estate("smart-host [192.0.2.1]; tls verified name mail.contoso.com"));
    let _postfix = start(&hub, &folder, "hub");
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    assert_eq!(world.wait_for(1).unwrap().mails[0].sink(), "right");
}

#[test]
fn lmtp_and_smtps_are_spoken() {
    for (connector, address, sink) in [
        ("smart-host [192.0.2.1]:2424; protocol lmtp; tls off", "192.0.2.1:2424", Sink::lmtp("store")),
        (
            "smart-host [2001:db8::7]; protocol smtps; source-address 2001:db8::1",
            "[2001:db8::7]:465",
            Sink::smtps("store", Identity::self_signed(&["store"]).unwrap()),
        ),
    ] {
        let world = world();
        world.sink(address, sink).unwrap();
        let hub = world.node("hub", &["198.51.100.1", "2001:db8::1"]).unwrap();
        let folder = build(&estate(connector));
        let _postfix = start(&hub, &folder, "hub");
        let sent =
            world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        let mail = &world.wait_for(1).unwrap().mails[0];
        assert_eq!((mail.sink(), mail.visit.tls.is_some()), ("store", connector.contains("smtps")));
    }
}

#[test]
fn each_kind_of_failure_makes_the_next_host_take_over() {
    let world = world();
    world.sink("192.0.2.2:25", Sink::smtp("busy").greeting("421 4.3.2 busy")).unwrap();
    world.sink("192.0.2.3:25", Sink::smtp("closed").greeting("554 5.3.2 closed")).unwrap();
    world.sink("192.0.2.4:25", Sink::smtp("later").rcpt("450 4.2.0 later")).unwrap();
    world.sink("192.0.2.5:25", Sink::smtp("full").dot("452 4.3.1 full")).unwrap();
    world.sink("192.0.2.6:25", Sink::smtp("dearer")).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let dearer = "address-space *.never.example; smart-host [192.0.2.1], [192.0.2.2], [192.0.2.3], [192.0.2.4], \
                  [192.0.2.5] }\nconnector dearer { to exchange; cost 7; smart-host [192.0.2.6]";
    let folder = build(&estate(dearer));
    let _postfix = start(&hub, &folder, "hub");
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1).unwrap();
    assert_eq!(seen.mails[0].sink(), "dearer");
    let visited: Vec<&str> = seen.visits.iter().map(|visit| visit.sink.as_str()).collect();
    assert_eq!(visited, ["busy", "closed", "later", "full", "dearer"]);
}

#[test]
fn a_message_over_the_connectors_size_is_bounced() {
    for sink in [Sink::smtp("exchange"), Sink::smtp("exchange").max_size(900_000)] {
        let world = world();
        world.sink("192.0.2.1:25", sink).unwrap();
        world.mx("example.net", 10, "mx.example.net");
        world.host("mx.example.net", "192.0.2.80").unwrap();
        world.sink("192.0.2.80:25", Sink::smtp("sender")).unwrap();
        let hub = world.node("hub", &["198.51.100.1"]).unwrap();
        let folder = build(&estate("smart-host [192.0.2.1]; max-size 50KB"));
        let postfix = start(&hub, &folder, "hub");
        let large = format!("{MESSAGE}{}", "All work and no play makes a message large.\n".repeat(1500));
        let sent =
            world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], &large).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        let seen = world.wait_for(1).unwrap();
        assert_eq!(seen.mails[0].sink(), "sender", "{}", postfix.log());
        assert!(seen.mails[0].text().contains("Status: 5.3.4"), "{}", seen.mails[0].text());
        let sent =
            world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        assert_eq!(world.wait_for(2).unwrap().mails[1].sink(), "exchange");
    }
}

#[test]
fn both_mates_of_a_tie_get_mail_and_stand_in_for_each_other() {
    let world = world();
    world.sink("192.0.2.1:25", Sink::smtp("one")).unwrap();
    world.sink("192.0.2.2:25", Sink::smtp("two")).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder =
        build(&estate("smart-host [192.0.2.1] }\nconnector mate { to exchange; smart-host [192.0.2.2]; concurrency 2"));
    let _postfix = start(&hub, &folder, "hub");
    let mut sinks = std::collections::BTreeSet::new();
    for count in 1..=40 {
        // qmgr(8) remembers its last question for 30 seconds, sender and recipient.
        let sender = format!("a{count}@example.net");
        let sent = world.client(STRANGER).unwrap().send(hub.smtp(), &sender, &["bob@contoso.com"], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        sinks.insert(world.wait_for(count).unwrap().mails[count - 1].sink().to_owned());
        if sinks.len() == 2 {
            return;
        }
    }
    panic!("40 messages went to {sinks:?} alone");
}

#[test]
fn balanced_ways_out_share_the_load_at_once() {
    let world = world();
    world.sink("192.0.2.1:25", Sink::smtp("one")).unwrap();
    world.sink("192.0.2.2:25", Sink::smtp("two")).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let dsl = "mta hub { target postfix; hostname hub.contoso.com; trust 203.0.113.0/24; postmaster a@example.org }\n\
               connector out { address-space *; smart-host balanced [192.0.2.1], [192.0.2.2] }\n";
    let folder = build(dsl);
    let _postfix = start(&hub, &folder, "hub");
    let recipients: Vec<String> = (0..40).map(|number| format!("r{number}@d{number}.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    assert!(world.client(STRANGER).unwrap().send(hub.smtp(), "", &recipients, MESSAGE).unwrap().is_accepted());
    let all = |seen: &Seen| seen.mails.iter().map(|mail| mail.recipients.len()).sum::<usize>() == 40;
    let seen = world.wait_until(PATIENCE, "40 recipients", all).unwrap();
    let sinks: std::collections::BTreeSet<&str> = seen.mails.iter().map(|mail| mail.sink()).collect();
    assert_eq!(sinks.len(), 2, "all 40 went to {sinks:?}");
}

#[test]
fn smart_hosts_stand_in_for_delivery_by_mx() {
    let world = world();
    world.mx("example.org", 10, "dead.example.org");
    world.host("dead.example.org", "192.0.2.66").unwrap();
    world.sink("192.0.2.6:25", Sink::smtp("dearer")).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let dsl = "mta hub { target postfix; hostname hub.contoso.com; trust 203.0.113.0/24; postmaster a@example.org }\n\
               connector internet { address-space *; dns; tls off }\n\
               connector dearer { address-space * cost 9; smart-host [192.0.2.6]; tls opportunistic }\n";
    let folder = build(dsl);
    let _postfix = start(&hub, &folder, "hub");
    assert!(world.client(STRANGER).unwrap().send(hub.smtp(), "", &["you@example.org"], MESSAGE).unwrap().is_accepted());
    assert_eq!(world.wait_for(1).unwrap().mails[0].sink(), "dearer");
}
