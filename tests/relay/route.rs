//! What a relay answers to RCPT, from the files that were built for it: the refusals, the ways, and what goes on the wire.

use std::net::IpAddr;
use std::path::PathBuf;

use mailswitch::emit::cdb::Cdb;
use mailswitch::name::Mailbox;
use mailswitch::relay::check::Problem;
use mailswitch::relay::config::{Config, parse};
use mailswitch::relay::route::{Asker, Decision, Router, Sending};
use mailswitch::relay::smtp::path;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::cli::run::Folder;

const ESTATE: &str = r#"
mta edge {
    target     relay
    hostname   edge.example.net
    trust      10.0.0.0/8
    postmaster bob@example.com
    subaddress "+"
}

mta inner {
    target     relay
    hostname   inner.example.net
    address    192.0.2.9
    postmaster bob@example.com
    subaddress "+"
}

system one { account bob@example.com, Robert@example.com; address 192.0.2.77; forwards far.example to edge }
system two { domain two.example }

shared domain example.com { on edge; unresolved via to-two verify }
domain inside.example { on edge }
relay domain backup.example { on edge; verify }

connector to-one  { from edge; to one; smart-host one.example.net; max-size 5MB }
connector first   { from edge; to two; address-space two.example cost 1; smart-host a.example.net; max-size 5MB }
connector second  { from edge; to two; address-space two.example cost 1; smart-host b.example.net; max-size 9MB }
connector third   { from edge; to two; address-space two.example cost 2; smart-host c.example.net }
connector to-two  { from edge; to two; smart-host [192.0.2.4]; address-space *.two.example }
connector out     { from edge, inner; address-space *; dns }
connector in      { from edge; to inner; address-space inner.example.net }

contact "Ann" { primary Ann.Lee@two.example; secondary ann@example.com }
contact "Role" { primary bob@example.com; secondary info@inside.example }
"#;

/// A relay's own folder, and what was loaded from it.
pub(crate) struct Site {
    folder: Folder,
    pub(crate) router: Router,
}

impl Site {
    pub(crate) fn new(dsl: &str) -> Site {
        let folder = Folder::with(&[("routing.dsl", dsl.as_bytes())]);
        let ran = folder.run(&["build", "-o", "out"]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let router = load(&folder).unwrap();
        // It may outlive its folder.
        router.settle(&folder.path("out")).unwrap();
        Site { folder, router }
    }

    pub(crate) fn edge() -> Site {
        Site::new(ESTATE)
    }

    fn table(&self, name: &str) -> PathBuf {
        self.folder.path(&format!("out/edge/{name}.cdb"))
    }

    fn ask(&self, client: &str, recipient: &str) -> String {
        let client: IpAddr = client.parse().unwrap();
        in_words(self.router.rcpt(client, &path::recipient(recipient).unwrap()).unwrap())
    }

    pub(crate) fn sending(&self, recipient: &str) -> Sending {
        match self.router.ask(Asker::Trusted, &path::recipient(recipient).unwrap()).unwrap() {
            Decision::Send(sending) => sending,
            refused @ Decision::Refused { .. } => panic!("{recipient}: {refused:?}"),
        }
    }
}

fn config(folder: &Folder) -> Config {
    parse(&std::fs::read_to_string(folder.path("out/edge/relay.yaml")).unwrap()).unwrap()
}

fn load(folder: &Folder) -> Result<Router, Vec<Problem>> {
    let out = folder.path("out/edge");
    Router::load(config(folder), &out)
}

fn in_words(decision: Decision) -> String {
    match decision {
        Decision::Refused { status, text } => format!("{status} {text}"),
        Decision::Send(Sending { recipient, route, verify, .. }) => {
            format!("{recipient} by {}{}", route.key, if verify { ", asked first" } else { "" })
        }
    }
}

const ANYONE: &str = "198.51.100.1";
const TRUSTED: &str = "10.1.2.3";

#[test]
fn a_recipient_keeps_its_spelling_unless_a_contact_rewrites_it() {
    let site = Site::edge();
    for (asked, answer) in [
        ("Robert@EXAMPLE.com", "Robert@example.com by to-one"),
        ("BOB+Tag@example.com", "BOB+Tag@example.com by to-one"),
        ("\"bob\"@example.com", "bob@example.com by to-one"),
        ("ANN@example.com", "Ann.Lee@two.example by first,second;third"),
        ("Ann+Tag@example.com", "Ann.Lee+Tag@two.example by first,second;third"),
        ("INFO+x@inside.example", "bob+x@example.com by to-one"),
        ("Nobody@example.com", "Nobody@example.com by to-two, asked first"),
        ("postmaster", "bob@example.com by to-one"),
        ("PostMaster+x@inside.example", "bob+x@example.com by to-one"),
        ("Any@backup.example", "Any@backup.example by out, asked first"),
    ] {
        assert_eq!(site.ask(ANYONE, asked), answer, "{asked}");
    }
}

#[test]
fn the_most_specific_space_takes_a_recipient() {
    let site = Site::edge();
    for (asked, answer) in [
        ("x@two.example", "x@two.example by first,second;third"),
        ("x@sub.two.example", "x@sub.two.example by to-two"),
        ("x@deep.sub.two.example", "x@deep.sub.two.example by to-two"),
        ("x@xtwo.example", "x@xtwo.example by out"),
        ("x@bücher.example", "x@xn--bcher-kva.example by out"),
    ] {
        assert_eq!(site.ask(TRUSTED, asked), answer, "{asked}");
    }
}

#[test]
fn every_refusal_says_why() {
    let site = Site::edge();
    for (client, asked, answer) in [
        (ANYONE, "x@elsewhere.example", "5.7.1 This server does not relay to that domain for you"),
        (ANYONE, "a%b@example.com", "5.7.1 This server does not relay by way of @, % or !"),
        (ANYONE, "\"a@b\"@example.com", "5.7.1 This server does not relay by way of @, % or !"),
        (TRUSTED, "x@[192.0.2.1]", "5.7.1 A recipient needs a mail domain, and no IP address"),
        (TRUSTED, "bob", "5.7.1 A recipient needs a mail domain, and no IP address"),
        (ANYONE, "nobody@inside.example", "5.1.1 No such recipient here"),
        (ANYONE, "nobody@edge.example.net", "5.1.1 No such recipient here"),
        (ANYONE, "bób@example.com", "5.6.7 This server takes ASCII addresses only"),
        (TRUSTED, "x@inner.example.net", "5.1.1 No such recipient"),
    ] {
        assert_eq!(site.ask(client, asked), answer, "{asked}");
    }
}

#[test]
fn a_peer_relays_what_it_is_known_to_send() {
    let site = Site::edge();
    let foreign = "5.7.1 This server does not relay to that domain for you";
    assert_eq!(site.ask("192.0.2.77", "x@far.example"), "x@far.example by out");
    assert_eq!(site.ask("::ffff:192.0.2.77", "x@far.example"), "x@far.example by out");
    assert_eq!(site.ask("192.0.2.77", "a%b@far.example"), "a%b@far.example by out");
    assert_eq!(site.ask("192.0.2.77", "x@elsewhere.example"), foreign);
    assert_eq!(site.ask("192.0.2.78", "x@far.example"), foreign);
    assert_eq!(site.ask("::ffff:10.0.0.1", "x@elsewhere.example"), "x@elsewhere.example by out");
    assert!(site.router.trusted("10.0.0.1".parse().unwrap()) && !site.router.trusted("192.0.2.77".parse().unwrap()));
}

#[test]
fn a_route_has_the_limit_of_its_cheapest_connectors() {
    let site = Site::edge();
    let limit = |recipient| site.sending(recipient).route.max_size;
    assert_eq!(limit("bob@example.com"), Some(5_242_880));
    assert_eq!(limit("ann@example.com"), Some(9_437_184));
    assert_eq!(limit("x@elsewhere.example"), None);
    let ann = site.sending("ann@example.com").route;
    assert!(ann.takes(Some(9_437_184)) && !ann.takes(Some(9_437_185)) && ann.takes(None));
    assert!(site.sending("x@elsewhere.example").route.takes(Some(u64::MAX)));
    assert!(site.sending("x@elsewhere.example").route.dns && !site.sending("bob@example.com").route.dns);
}

#[test]
fn a_queued_recipient_goes_the_same_way_again() {
    let site = Site::edge();
    for asked in ["Ann+Tag@example.com", "BOB@example.com", "x@two.example", "a%b@elsewhere.example", "postmaster"] {
        let sending = site.sending(asked);
        assert_eq!(site.router.again(&sending.recipient).unwrap(), Decision::Send(sending), "{asked}");
    }
}

#[test]
fn a_trace_tells_each_step() {
    let site = Site::edge();
    let trace = |asker, address| serde_json::to_value(site.router.trace(asker, address).unwrap()).unwrap();
    assert_eq!(
        trace(Asker::Anyone, "Info+x@inside.example"),
        serde_json::json!({
            "address": "Info+x@inside.example",
            "steps": [{ "step": "contact", "recipient": "bob+x@example.com" }, { "step": "account", "system": "one" }],
            "fate": "sent",
            "recipient": "bob+x@example.com",
            "tiers": [["to-one"]],
            "verify": false,
        })
    );
    assert_eq!(
        trace(Asker::Client("192.0.2.78".parse().unwrap()), "x@far.example"),
        serde_json::json!({
            "address": "x@far.example",
            "steps": [],
            "fate": "refused",
            "status": "5.7.1",
            "text": "This server does not relay to that domain for you",
        })
    );
    let steps = |address| trace(Asker::Trusted, address)["steps"].clone();
    assert_eq!(steps("postmaster")[0]["step"], "postmaster");
    assert_eq!(steps("nobody@example.com")[0]["step"], "unresolved");
    assert_eq!(steps("x@two.example")[0]["step"], "space");
}

#[test]
fn what_becomes_of_a_table_changes_nothing() {
    let site = Site::edge();
    site.router.settle(&site.folder.path(".")).unwrap();
    let good = std::fs::read(site.table("contacts")).unwrap();
    for harm in ["overwritten", "truncated", "removed"] {
        match harm {
            "overwritten" => std::fs::write(site.table("contacts"), vec![0xff; good.len()]).unwrap(),
            "truncated" => std::fs::write(site.table("contacts"), b"").unwrap(),
            _ => std::fs::remove_file(site.table("contacts")).unwrap(),
        }
        assert_eq!(site.ask(ANYONE, "ann@example.com"), "Ann.Lee@two.example by first,second;third", "{harm}");
        site.router.check_tables().unwrap();
    }
    let names: Vec<_> = std::fs::read_dir(site.folder.path(".")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "no copy has a name: {names:?}");
}

#[test]
fn a_table_that_is_changed_before_it_is_copied_says_nothing_of_anybody() {
    let site = Site::edge();
    let router = load(&site.folder).unwrap();
    let good = std::fs::read(site.table("contacts")).unwrap();
    std::fs::write(site.table("contacts"), vec![0; good.len()]).unwrap();
    let asked = path::recipient("ann@example.com").unwrap();
    let damaged = router.ask(Asker::Anyone, &asked).unwrap_err();
    assert!(damaged.0.contains("it was changed where it lies"), "{damaged}");
    let problems = router.settle(&site.folder.path(".")).unwrap_err();
    assert!(problems[0].message.starts_with("cannot use contacts.cdb: it was changed"), "{problems:?}");
    assert_eq!(problems.len(), 1);
}

#[test]
fn a_folder_with_a_table_that_is_none_is_not_loaded() {
    let site = Site::edge();
    let good = std::fs::read(site.table("accounts")).unwrap();
    for bad in [&b""[..], &good[..2047], &good[..good.len() - 1], &vec![0xff; good.len()]] {
        std::fs::write(site.table("accounts"), bad).unwrap();
        let problems = load(&site.folder).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].error && problems[0].message.starts_with("cannot use accounts.cdb: "), "{problems:?}");
    }
    std::fs::remove_file(site.table("accounts")).unwrap();
    assert!(load(&site.folder).unwrap_err()[0].message.contains("No such file"));
}

#[test]
fn a_table_of_other_things_is_not_taken() {
    let site = Site::edge();
    let bad: [(&str, &[u8]); 4] =
        [("contacts", b"ann"), ("contacts", b"\xff@example.com"), ("accounts", b""), ("recipients", b"5.1.1 -")];
    for (name, value) in bad {
        let good = std::fs::read(site.table(name)).unwrap();
        let mut table = Cdb::default();
        table.add(b"ann@example.com", value).unwrap();
        std::fs::write(site.table(name), table.finish()).unwrap();
        let problems = load(&site.folder).unwrap().check_tables().unwrap_err();
        assert_eq!(problems.len(), 1, "{name}");
        assert!(problems[0].message.starts_with(&format!("cannot use {name}.cdb: it is damaged")), "{problems:?}");
        std::fs::write(site.table(name), good).unwrap();
    }
}

#[test]
fn whatever_is_asked_for_the_wire_and_the_normal_form_are_one_address() {
    // Half of `≠` is the separator.
    let estate = ESTATE.replace("subaddress \"+\"", "subaddress \"=\"\n    smtputf8 yes");
    let site = Site::new(&estate.replace("secondary ann@example.com", "secondary ann@example.com, ann≠@example.com"));
    let local = "[aAnNbBoO=+. \u{338}ßéE\u{301}ſK%!\"\\\\-]{0,6}";
    let parts = (proptest::sample::select(vec!["ann", "ANN", "ann=\u{338}", "bob", "Bob", "x"]), local);
    let sent = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(1000));
    let tested = runner.run(&parts, |(name, rest)| {
        for asked in [format!("{name}{rest}@example.com"), format!("\"{name}{rest}\"@example.com")] {
            let Some(asked) = path::recipient(&asked) else { continue };
            if let Decision::Send(sending) = site.router.ask(Asker::Trusted, &asked).unwrap() {
                let on_the_wire = Mailbox::parse(&sending.recipient);
                prop_assert_eq!(on_the_wire.unwrap(), sending.mailbox);
                sent.set(sent.get() + 1);
            }
        }
        Ok(())
    });
    tested.unwrap();
    assert!(sent.get() > 200, "only {} recipients are taken", sent.get());
}

#[test]
fn a_record_that_rotted_is_neither_known_nor_unknown() {
    let site = Site::edge();
    let good = std::fs::read(site.table("contacts")).unwrap();
    let at = good.windows(15).position(|w| w == b"ann@example.com").unwrap();
    for place in [at, at - 8, at - 4 + 2] {
        let mut bad = good.clone();
        bad[place] ^= 0x55;
        std::fs::write(site.table("contacts"), bad).unwrap();
        // A start looks at the headers alone.
        let router = load(&site.folder).unwrap();
        assert!(router.check_tables().is_err(), "{place}");
        let asked = path::recipient("ann@example.com").unwrap();
        assert!(router.ask(Asker::Anyone, &asked).is_err(), "{place}");
    }
}
