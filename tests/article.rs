//! The exchange that sharing an address space is for, whole: a user of the remote system writes out under the shared
//! address, somebody on the Internet answers that address, and the answer comes to the remote system through the hub.

use mailswitch::lab::{Exim, Identity, Node, Postfix, Sink};

use crate::cli::run::Folder;
use crate::support::world;

const ESTATE: &str = include_str!("../examples/contoso/routing.dsl");

/// The remote system: a trusted client of the hub, and a smart host that it delivers to.
const UNIX: &str = "10.0.0.20";
const INTERNET: &str = "192.0.2.80";

#[test]
fn the_articles_exchange_on_postfix() {
    let folder = build("postfix");
    exchange(|hub| {
        let postfix = Postfix::install(hub, &folder.path("out/hub")).unwrap();
        postfix.start(&[25]).unwrap();
        postfix
    });
}

#[test]
fn the_articles_exchange_on_exim() {
    let folder = build("exim");
    exchange(|hub| {
        let exim = Exim::install(hub, &folder.path("out/hub")).unwrap();
        exim.start(&[25]).unwrap();
        exim
    });
}

fn build(target: &str) -> Folder {
    let folder = Folder::with(&[("routing.dsl", ESTATE.as_bytes())]);
    let ran = folder.run(&["build", "-o", "out", "--target", target]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    folder
}

fn exchange<Mta>(start: impl FnOnce(&Node) -> Mta) {
    let world = world();
    world.host("exchange.corp.contoso.com", "10.1.0.10").unwrap();
    world.host("mx.example.org", INTERNET).unwrap();
    world.mx("example.org", 10, "mx.example.org");
    world.host("mail.contoso.com", "198.51.100.1").unwrap();
    world.mx("contoso.com", 10, "mail.contoso.com");
    world.sink("10.1.0.10:25", Sink::smtp("exchange")).unwrap();
    world.sink("192.0.2.10:25", Sink::smtp("unix").starttls(Identity::self_signed(&["unix"]).unwrap())).unwrap();
    world.sink(&format!("{INTERNET}:25"), Sink::smtp("internet")).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let _mta = start(&hub);

    let letter = "From: Ann <ann@contoso.com>\nTo: someone@example.org\nSubject: question\n\nDo you read me?\n";
    let sent =
        world.client(UNIX).unwrap().send(hub.smtp(), "ann@contoso.com", &["someone@example.org"], letter).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let out = world.wait_for(1).unwrap().mails.remove(0);
    assert_eq!((out.sink(), out.sender.as_str()), ("internet", "ann@contoso.com"));
    assert_eq!(out.recipients, ["someone@example.org"]);
    assert_eq!(out.header("From").as_deref(), Some("Ann <ann@contoso.com>"));

    // The answer goes to the address that the letter came from, by that domain's MX: the hub.
    let answer = format!("From: someone@example.org\nTo: {}\nSubject: Re: question\n\nI do.\n", out.sender);
    let sent =
        world.client(INTERNET).unwrap().send(hub.smtp(), "someone@example.org", &[&out.sender], &answer).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let back = world.wait_for(2).unwrap().mails.remove(1);
    assert_eq!((back.sink(), back.sender.as_str()), ("unix", "someone@example.org"));
    assert_eq!(back.recipients, ["ann@unix.contoso.com"]);
    assert!(back.visit.tls.is_some(), "the connector says `tls required`");
    assert_eq!(back.header("To").as_deref(), Some("ann@contoso.com"), "contacts rewrite the envelope alone");
    assert!(back.body().contains("I do."));
}
