//! Every field of a connector, as the next hop sees it.

use std::collections::BTreeSet;

use mailswitch::lab::{Auth, Exim, Identity, Node, Sink, World, authority_pem};

use super::{MESSAGE, STRANGER, TRUSTED, build, start};
use crate::cli::run::Folder;
use crate::support::world;

const CA: &str = "/etc/mailswitch/ca.pem";
const PASSWORD: &str = "/etc/mailswitch/exchange.password";

/// A hub whose one account is behind these connectors.
fn estate(connectors: &str) -> Folder {
    let dsl = format!(
        "mta hub {{ target exim; hostname hub.contoso.com; trust 10.0.0.0/8; postmaster bob@contoso.com }}\n\
         system exchange {{ account bob@contoso.com }}\nshared domain contoso.com\n\
         connector internet {{ address-space *; dns; tls off }}\n{connectors}\n"
    );
    build(&[("routing.dsl", dsl.as_bytes())])
}

fn hub(world: &World) -> Node {
    let hub = world.node("hub", &["198.51.100.1", "198.51.100.2", "2001:db8::1"]).unwrap();
    hub.write(CA, authority_pem().unwrap().as_bytes(), 0o644).unwrap();
    hub.write(PASSWORD, b"^se:cr^et {x}$y\\\n", 0o600).unwrap();
    hub.give(PASSWORD, "Debian-exim").unwrap();
    hub
}

/// One message for bob; it must be taken.
fn send(world: &World, hub: &Node, running: &Exim) {
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}\n{}", running.log());
}

fn sinks_visited(world: &World) -> Vec<String> {
    world.seen().visits.iter().map(|visit| visit.sink.clone()).collect()
}

#[test]
fn verified_tls_sends_the_password_from_the_address_that_is_named() {
    for user in ["hub", "h^ub"] {
        let world = world();
        world.host("exchange.contoso.com", "192.0.2.10").unwrap();
        let identity = Identity::trusted(&["exchange.contoso.com"]).unwrap();
        world.sink("192.0.2.10:587", Sink::smtp("exchange").starttls(identity).auth(Auth::Accepts)).unwrap();
        let hub = hub(&world);
        let folder = estate(&format!(
            "connector to-exchange {{ to exchange; smart-host exchange.contoso.com:587; source-address 198.51.100.2\n\
             tls verified ca \"{CA}\"; auth \"{user}\" password file \"{PASSWORD}\" }}"
        ));
        let emitted = std::fs::read_to_string(folder.path("out/hub/exim.conf")).unwrap();
        assert!(!emitted.contains("se:cr"), "no secret is emitted");
        let exim = start(&hub, &folder, "hub");
        send(&world, &hub, &exim);
        let mail = &world.wait_for(1).unwrap().mails[0];
        assert_eq!(mail.visit.client.unwrap().to_string(), "198.51.100.2");
        assert!(mail.visit.tls.is_some());
        let login = mail.visit.login.as_ref().expect("AUTH was used");
        assert_eq!((login.user.as_str(), login.password.as_str()), (user, "^se:cr^et {x}$y\\"));
    }
}

#[test]
fn a_host_that_does_not_take_the_password_gets_no_mail() {
    let world = world();
    let identity = || Identity::trusted(&["mail.contoso.com"]).unwrap();
    world.sink("192.0.2.1:25", Sink::smtp("silent").starttls(identity())).unwrap();
    world.sink("192.0.2.2:25", Sink::smtp("refuses").starttls(identity()).auth(Auth::Refuses)).unwrap();
    world.sink("192.0.2.3:25", Sink::smtp("other").starttls(identity()).auth(Auth::Accepts)).unwrap();
    let hub = hub(&world);
    let folder = estate(&format!(
        "connector to-exchange {{ to exchange; smart-host [192.0.2.1], [192.0.2.2]\n\
         tls verified name mail.contoso.com ca \"{CA}\"; auth one password file \"{PASSWORD}\" }}\n\
         connector dearer {{ to exchange; cost 4; smart-host [192.0.2.3]\n\
         tls verified name mail.contoso.com ca \"{CA}\"; auth two password file \"{PASSWORD}\" }}"
    ));
    let exim = start(&hub, &folder, "hub");
    send(&world, &hub, &exim);
    let seen = world.wait_for(1).unwrap();
    assert_eq!(seen.mails[0].sink(), "other", "{}", exim.log());
    assert_eq!(seen.mails[0].visit.login.as_ref().map(|l| l.user.as_str()), Some("two"));
    assert_eq!(sinks_visited(&world)[..2], ["silent", "refuses"]);
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
    let hub = hub(&world);
    let folder = estate(&format!(
        "connector to-exchange {{ to exchange\n tls verified ca \"{CA}\"\n smart-host wrong.contoso.com, \
         own.contoso.com, clear.contoso.com, right.contoso.com }}"
    ));
    let exim = start(&hub, &folder, "hub");
    send(&world, &hub, &exim);
    assert_eq!(world.wait_for(1).unwrap().mails[0].sink(), "right", "{}", exim.log());
    assert_eq!(sinks_visited(&world), ["wrong", "own", "clear", "right"]);
}

#[test]
fn a_name_that_is_not_the_hosts_is_verified_and_so_is_the_authority() {
    let world = world();
    world
        .sink("192.0.2.1:25", Sink::smtp("other").starttls(Identity::trusted(&["other.contoso.com"]).unwrap()))
        .unwrap();
    world
        .sink("192.0.2.2:25", Sink::smtp("own").starttls(Identity::self_signed(&["mail.contoso.com"]).unwrap()))
        .unwrap();
    world
        .sink("192.0.2.3:25", Sink::smtp("deeper").starttls(Identity::trusted(&["*.mail.contoso.com"]).unwrap()))
        .unwrap();
    world.sink("192.0.2.4:25", Sink::smtp("right").starttls(Identity::trusted(&["*.contoso.com"]).unwrap())).unwrap();
    let hub = hub(&world);
    let folder = estate(&format!(
        "connector to-exchange {{ to exchange; smart-host [192.0.2.1], [192.0.2.2], [192.0.2.3], [192.0.2.4]\n\
         tls verified name mail.contoso.com ca \"{CA}\" }}"
    ));
    let exim = start(&hub, &folder, "hub");
    send(&world, &hub, &exim);
    assert_eq!(world.wait_for(1).unwrap().mails[0].sink(), "right", "{}", exim.log());
    assert_eq!(sinks_visited(&world), ["other", "own", "deeper", "right"]);
}

#[test]
fn each_level_of_tls_is_what_it_says() {
    for (level, offered, encrypted) in
        [("off", true, false), ("opportunistic", true, true), ("opportunistic", false, false), ("required", true, true)]
    {
        let world = world();
        let sink = Sink::smtp("exchange");
        let sink = if offered { sink.starttls(Identity::self_signed(&["who"]).unwrap()) } else { sink };
        world.sink("192.0.2.1:25", sink).unwrap();
        let hub = hub(&world);
        let folder = estate(&format!("connector to-exchange {{ to exchange; smart-host [192.0.2.1]; tls {level} }}"));
        let exim = start(&hub, &folder, "hub");
        send(&world, &hub, &exim);
        assert_eq!(world.wait_for(1).unwrap().mails[0].visit.tls.is_some(), encrypted, "{level}\n{}", exim.log());
    }
}

#[test]
fn lmtp_and_smtps_are_spoken() {
    for (connector, address, sink) in [
        ("smart-host [192.0.2.1]; protocol lmtp; tls off", "192.0.2.1:24", Sink::lmtp("store")),
        (
            "smart-host [2001:db8::7]; protocol smtps; source-address 2001:db8::1",
            "[2001:db8::7]:465",
            Sink::smtps("store", Identity::self_signed(&["store"]).unwrap()),
        ),
    ] {
        let world = world();
        world.sink(address, sink).unwrap();
        let hub = hub(&world);
        let folder = estate(&format!("connector to-exchange {{ to exchange; {connector} }}"));
        let exim = start(&hub, &folder, "hub");
        send(&world, &hub, &exim);
        let mail = &world.wait_for(1).unwrap().mails[0];
        assert_eq!((mail.sink(), mail.visit.tls.is_some()), ("store", connector.contains("smtps")), "{}", exim.log());
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
    let hub = hub(&world);
    let folder = estate(
        "connector to-exchange { to exchange; smart-host [192.0.2.1], [192.0.2.2], [192.0.2.3], [192.0.2.4], \
         [192.0.2.5] }\nconnector dearer { to exchange; cost 7; smart-host [192.0.2.6] }",
    );
    let exim = start(&hub, &folder, "hub");
    send(&world, &hub, &exim);
    assert_eq!(world.wait_for(1).unwrap().mails[0].sink(), "dearer", "{}", exim.log());
    assert_eq!(sinks_visited(&world), ["busy", "closed", "later", "full", "dearer"]);
}

#[test]
fn a_source_address_keeps_its_family() {
    let world = world();
    world.host("both.contoso.com", "2001:db8::7").unwrap();
    world.host("both.contoso.com", "192.0.2.1").unwrap();
    world.sink("[2001:db8::7]:25", Sink::smtp("six")).unwrap();
    world.sink("192.0.2.1:25", Sink::smtp("four")).unwrap();
    let hub = hub(&world);
    let folder = estate(
        "connector to-exchange { to exchange; smart-host [2001:db8::7], both.contoso.com; source-address 198.51.100.2 }",
    );
    let exim = start(&hub, &folder, "hub");
    send(&world, &hub, &exim);
    let mail = &world.wait_for(1).unwrap().mails[0];
    assert_eq!((mail.sink(), mail.visit.client.unwrap().to_string().as_str()), ("four", "198.51.100.2"));
    assert_eq!(sinks_visited(&world), ["four"]);
}

#[test]
fn a_message_over_the_connectors_size_is_refused_or_bounced() {
    let world = world();
    world.sink("192.0.2.1:25", Sink::smtp("exchange")).unwrap();
    world.mx("example.net", 10, "mx.example.net");
    world.host("mx.example.net", "192.0.2.80").unwrap();
    world.sink("192.0.2.80:25", Sink::smtp("sender")).unwrap();
    let hub = hub(&world);
    let folder = estate("connector to-exchange { to exchange; smart-host [192.0.2.1]; max-size 50KB }");
    let exim = start(&hub, &folder, "hub");
    let mut stranger = world.client(STRANGER).unwrap().greet(hub.smtp()).unwrap();
    assert!(stranger.command("MAIL FROM:<a@example.net> SIZE=60000").unwrap().is_positive());
    let refused = stranger.command("RCPT TO:<bob@contoso.com>").unwrap();
    assert_eq!((refused.code, refused.enhanced.as_deref()), (552, Some("5.3.4")));
    let large = format!("{MESSAGE}{}", "All work and no play makes a message large.\n".repeat(1500));
    let sent = world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], &large).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    assert_eq!(world.wait_for(1).unwrap().mails[0].sink(), "sender", "{}", exim.log());
    send(&world, &hub, &exim);
    assert_eq!(world.wait_for(2).unwrap().mails[1].sink(), "exchange");
}

#[test]
fn mates_of_a_tie_share_the_load_each_with_its_hosts_in_order() {
    let world = world();
    for label in ["1", "2", "3"] {
        world.sink(&format!("192.0.2.{label}:25"), Sink::smtp(label)).unwrap();
    }
    let hub = hub(&world);
    let folder = estate(
        "connector to-exchange { to exchange; smart-host [192.0.2.1], [192.0.2.2] }\n\
         connector mate { to exchange; smart-host [192.0.2.3] }",
    );
    let exim = start(&hub, &folder, "hub");
    for count in 1..=30 {
        send(&world, &hub, &exim);
        world.wait_for(count).unwrap();
    }
    let first: BTreeSet<String> = world.seen().mails.iter().map(|mail| mail.sink().to_owned()).collect();
    assert_eq!(first, BTreeSet::from(["1".to_owned(), "3".to_owned()]), "the second host of one waits for the first");
}

#[test]
fn connections_are_counted_for_the_connector_wherever_it_stands() {
    let folder = build(&[(
        "routing.dsl",
        b"mta hub { target exim; hostname hub.contoso.com; postmaster a@contoso.com }\n\
          system s { account a@contoso.com }\nsystem t { account b@contoso.com; domain t.example }\n\
          shared domain contoso.com\n\
          connector c { to s; address-space *.s.example, t.example cost 9; smart-host [192.0.2.1]; concurrency 3 }\n\
          connector d { to t; smart-host [192.0.2.2] }\nconnector internet { address-space *; dns }\n",
    )]);
    let text = std::fs::read_to_string(folder.path("out/hub/exim.conf")).unwrap();
    assert_eq!(text.matches("max_parallel = 3").count(), 1, "{text}");
    let routers = &text[text.find("begin routers").unwrap()..text.find("begin transports").unwrap()];
    let transport_of = |router: &str| {
        let body = &routers[routers.find(&format!("\n{router}:\n")).unwrap()..];
        body.lines().find_map(|line| line.trim().strip_prefix("transport = ")).unwrap()
    };
    assert_eq!(transport_of("c_c"), transport_of("g_d"), "both groups that hold `c` use one transport");
    assert_ne!(transport_of("c_c"), transport_of("c_d"));
}

#[test]
fn smart_hosts_stand_in_for_delivery_by_mx_and_the_other_way_round() {
    for (cheap, dear) in [("dns", "smart-host [192.0.2.6]"), ("smart-host [192.0.2.66]", "dns")] {
        let world = world();
        world.mx("example.org", 10, "mx.example.org");
        world.host("mx.example.org", if cheap == "dns" { "192.0.2.66" } else { "192.0.2.6" }).unwrap();
        world.host("bare.example.org", if cheap == "dns" { "192.0.2.66" } else { "192.0.2.6" }).unwrap();
        world.sink("192.0.2.6:25", Sink::smtp("dearer")).unwrap();
        let hub = hub(&world);
        let dsl = format!(
            "mta hub {{ target exim; hostname hub.contoso.com; trust 10.0.0.0/8; postmaster a@example.org }}\n\
             connector cheap {{ address-space *; {cheap} }}\nconnector dear {{ address-space * cost 9; {dear} }}\n"
        );
        let exim = start(&hub, &build(&[("routing.dsl", dsl.as_bytes())]), "hub");
        for (count, recipient) in ["you@example.org", "you@bare.example.org"].iter().enumerate() {
            let sent = world.client(TRUSTED).unwrap().send(hub.smtp(), "", &[recipient], MESSAGE).unwrap();
            assert!(sent.is_accepted(), "{sent:?}");
            assert_eq!(world.wait_for(count + 1).unwrap().mails[count].sink(), "dearer", "{}", exim.log());
        }
    }
}
