//! The estate of the language's own example, with real mail.

use mailswitch::lab::{Identity, Sink, World};

use super::{MESSAGE, STRANGER, TRUSTED, build, said, start};
use crate::support;

const CONTOSO: &str = include_str!("../cli/contoso.dsl");

fn world() -> World {
    let world = support::world();
    world.host("exchange.corp.contoso.com", "10.1.0.10").unwrap();
    world.host("mx.example.org", "192.0.2.80").unwrap();
    world.mx("example.org", 10, "mx.example.org");
    world.sink("10.1.0.10:25", Sink::smtp("exchange")).unwrap();
    world.sink("192.0.2.10:25", Sink::smtp("unix").starttls(Identity::self_signed(&["unix"]).unwrap())).unwrap();
    world.sink("192.0.2.80:25", Sink::smtp("internet")).unwrap();
    world
}

#[test]
fn every_recipient_goes_where_the_language_says() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(CONTOSO);
    let _postfix = start(&hub, &folder, "hub");
    let routes = [
        ("bob@contoso.com", "exchange", "bob@contoso.com"),
        ("Robert@contoso.com", "exchange", "Robert@contoso.com"),
        ("ann@contoso.com", "unix", "ann@unix.contoso.com"),
        ("Ann.Lee@CONTOSO.com", "unix", "ann@unix.contoso.com"),
        ("\"ann\"@contoso.com", "unix", "ann@unix.contoso.com"),
        ("whoever@unix.contoso.com", "unix", "whoever@unix.contoso.com"),
        ("someone@example.org", "internet", "someone@example.org"),
        ("postmaster", "exchange", "bob@contoso.com"),
        ("abuse@mail.contoso.com", "exchange", "bob@contoso.com"),
    ];
    for (count, (asked, sink, recipient)) in routes.iter().enumerate() {
        let sent = world.client(TRUSTED).unwrap().send(hub.smtp(), "a@example.net", &[asked], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{asked}: {sent:?}");
        let seen = world.wait_for(count + 1).unwrap();
        let mail = &seen.mails[count];
        assert_eq!((mail.sink(), &mail.recipients[..]), (*sink, &[(*recipient).to_owned()][..]), "{asked}");
        assert_eq!(mail.visit.tls.is_some(), *sink == "unix");
    }
}

#[test]
fn who_may_ask_for_what() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(CONTOSO);
    let _postfix = start(&hub, &folder, "hub");
    let asked = [
        ("ann@contoso.com", "250", "250"),
        ("nobody@contoso.com", "550 5.1.1", "550 5.1.1"),
        ("postmaster", "250", "250"),
        ("PostMaster@contoso.com", "250", "250"),
        ("double-bounce@mail.contoso.com", "550 5.1.1", "550 5.1.1"),
        ("ann+x@contoso.com", "550 5.1.1", "550 5.1.1"),
        ("a%b@contoso.com", "550 5.7.1", "550 5.1.1"),
        ("\"a@b\"@contoso.com", "550 5.7.1", "550 5.1.1"),
        ("ann@unix.contoso.com", "550 5.7.1", "250"),
        ("someone@example.org", "550 5.7.1", "250"),
        ("bob", "550 5.7.1", "550 5.7.1"),
        ("\"a@b\"", "550 5.7.1", "550 5.7.1"),
        ("bob@[192.0.2.1]", "550 5.7.1", "550 5.7.1"),
        ("bob@[IPv6:::1]", "550 5.7.1", "550 5.7.1"),
        ("müller@contoso.com", "550 5.6.7", "550 5.6.7"),
        ("bob@contoso.com.", "250", "250"),
    ];
    let recipients: Vec<&str> = asked.iter().map(|row| row.0).collect();
    let stranger = said(&world.client(STRANGER).unwrap().probe(hub.smtp(), "a@example.net", &recipients).unwrap());
    let trusted = said(&world.client(TRUSTED).unwrap().probe(hub.smtp(), "a@example.net", &recipients).unwrap());
    for (row, (stranger, trusted)) in asked.iter().zip(stranger.iter().zip(&trusted)) {
        assert_eq!((row.0, stranger.as_str(), trusted.as_str()), *row);
    }
}

#[test]
fn aliases_of_one_person_are_one_copy_and_the_null_sender_stays() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(CONTOSO);
    let _postfix = start(&hub, &folder, "hub");
    let recipients = ["ann@contoso.com", "ann.lee@contoso.com", "ANN@contoso.com"];
    assert!(world.client(STRANGER).unwrap().send(hub.smtp(), "", &recipients, MESSAGE).unwrap().is_accepted());
    assert!(world.client(STRANGER).unwrap().send(hub.smtp(), "", &["bob@contoso.com"], MESSAGE).unwrap().is_accepted());
    let seen = world.wait_for(2).unwrap();
    let mut sinks: Vec<(&str, &str, &[String])> =
        seen.mails.iter().map(|mail| (mail.sink(), mail.sender.as_str(), &mail.recipients[..])).collect();
    sinks.sort_unstable();
    let ann = ["ann@unix.contoso.com".to_owned()];
    let bob = ["bob@contoso.com".to_owned()];
    assert_eq!(sinks, [("exchange", "", &bob[..]), ("unix", "", &ann[..])]);
}
