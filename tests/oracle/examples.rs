//! The interpreter held to small estates whose answers are plain from the language's description: at one MTA.

use crate::oracle::estate::{Connector, Contact, Declaration, Estate, Kind, Mta, Node, System, Unresolved};
use crate::oracle::meaning::{Asker, Fate, Outcome, outcomes};
use crate::oracle::world::World;

/// An outcome as a line: the fate, the recipient, and what else there is to say.
fn line(outcome: &Outcome) -> String {
    let fate = match outcome.fate {
        Fate::Looped => "looped",
        Fate::Unroutable => "unroutable",
        Fate::Bounced => "bounced",
        Fate::Rejected => "rejected",
        Fate::Delivered => "delivered",
    };
    let system = outcome.system.as_ref().map(|system| format!(" at {system}")).unwrap_or_default();
    let connector = outcome.connector.as_ref().map(|connector| format!(" via {connector}")).unwrap_or_default();
    let status = outcome.status.map(|status| format!(" {status}")).unwrap_or_default();
    format!("{fate} {}{system}{connector}{status}", outcome.recipient)
}

pub(super) fn asked(estate: &Estate, mta: usize, asker: Asker, address: &str, dearer: bool) -> Vec<String> {
    outcomes(&World::new(estate), mta, asker, address, dearer).iter().map(line).collect()
}

/// What the first MTA does for a trusted client.
pub(super) fn trusted(estate: &Estate, address: &str) -> Vec<String> {
    asked(estate, 0, Asker::Trusted, address, false)
}

pub(super) fn anyone(estate: &Estate, address: &str) -> Vec<String> {
    asked(estate, 0, Asker::Anyone, address, false)
}

pub(super) fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

pub(super) fn mta(name: &str) -> Mta {
    Mta { name: name.to_owned(), hostname: format!("{name}.test"), ..Mta::default() }
}

pub(super) fn open(name: &str) -> System {
    System { name: name.to_owned(), ..System::default() }
}

pub(super) fn closed(name: &str, accounts: &[&str]) -> System {
    System { accounts: accounts.iter().map(|&account| vec![account.to_owned()]).collect(), ..open(name) }
}

pub(super) fn declared(kind: Kind, pattern: &str) -> Declaration {
    Declaration { kind, pattern: pattern.to_owned(), ..Declaration::default() }
}

pub(super) fn via(pattern: &str, connector: usize, verify: bool) -> Declaration {
    Declaration { unresolved: Unresolved::Via { connector, verify }, ..declared(Kind::Shared, pattern) }
}

pub(super) fn connector(name: &str, to: Node, patterns: &[&str]) -> Connector {
    let spaces = patterns.iter().map(|&pattern| (pattern.to_owned(), None)).collect();
    Connector { name: name.to_owned(), to, spaces, ..Connector::default() }
}

pub(super) fn contact(primary: &str, secondaries: &[&str]) -> Contact {
    Contact { primary: primary.to_owned(), secondaries: strings(secondaries) }
}

fn contoso() -> Estate {
    let unix = System {
        domains: strings(&["unix.contoso.com"]),
        accounts: vec![strings(&["ann@contoso.com", "ann@unix.contoso.com"])],
        ..open("unix")
    };
    Estate {
        mtas: vec![Mta {
            hostname: "mail.contoso.com".to_owned(),
            trust: strings(&["10.0.0.0/8"]),
            postmaster: Some("bob@contoso.com".to_owned()),
            ..mta("hub")
        }],
        systems: vec![
            System {
                accounts: vec![strings(&["bob@contoso.com", "robert@contoso.com"]), strings(&["carol@contoso.com"])],
                ..open("exchange")
            },
            unix,
        ],
        domains: vec![declared(Kind::Shared, "contoso.com")],
        connectors: vec![
            connector("to-exchange", Node::System(0), &[]),
            connector("to-unix", Node::System(1), &["unix.contoso.com"]),
            connector("internet", Node::Internet, &["*"]),
        ],
        contacts: vec![contact("ann@unix.contoso.com", &["ann@contoso.com", "ann.lee@contoso.com"])],
    }
}

/// A hub with a closed system that owns `u@a.test` and a way to the Internet.
pub(super) fn small() -> Estate {
    Estate {
        mtas: vec![Mta { postmaster: Some("u@a.test".to_owned()), subaddress: Some('+'), ..mta("hub") }],
        systems: vec![closed("s", &["u@a.test"])],
        domains: vec![declared(Kind::Domain, "a.test")],
        connectors: vec![connector("to-s", Node::System(0), &[]), connector("out", Node::Internet, &["*"])],
        contacts: Vec::new(),
    }
}

#[test]
fn the_example_of_the_language_keeps_its_expectations() {
    let estate = contoso();
    assert_eq!(trusted(&estate, "ann.lee@contoso.com"), ["delivered ann@unix.contoso.com at unix via to-unix"]);
    assert_eq!(trusted(&estate, "bob@contoso.com"), ["delivered bob@contoso.com at exchange via to-exchange"]);
    assert_eq!(trusted(&estate, "nobody@contoso.com"), ["rejected nobody@contoso.com 5.1.1"]);
    assert_eq!(trusted(&estate, "someone@example.org"), ["delivered someone@example.org at internet via internet"]);
}

#[test]
fn strangers_reach_the_estates_own_domains_only() {
    let estate = contoso();
    assert_eq!(anyone(&estate, "Bob@CONTOSO.com"), ["delivered bob@contoso.com at exchange via to-exchange"]);
    assert_eq!(anyone(&estate, "someone@example.org"), ["rejected someone@example.org 5.7.1"]);
    assert_eq!(anyone(&estate, "ann@unix.contoso.com"), ["rejected ann@unix.contoso.com 5.7.1"]);
    assert_eq!(anyone(&estate, "nobody@mail.contoso.com"), ["rejected nobody@mail.contoso.com 5.1.1"]);
}

#[test]
fn domain_literals_and_unqualified_addresses_are_for_nobody() {
    let estate = small();
    assert_eq!(trusted(&estate, "u@[192.0.2.1]"), ["rejected u@[192.0.2.1] 5.7.1"]);
    assert_eq!(trusted(&estate, "other"), ["rejected other 5.7.1"]);
    assert_eq!(anyone(&estate, "PostMaster"), ["delivered u@a.test at s via to-s"]);
}

#[test]
fn routing_past_us_is_for_trusted_clients() {
    let mut estate = small();
    estate.domains[0] = via("a.test", 0, false);
    estate.contacts = vec![contact("u@a.test", &["v%w@a.test"])];
    for (given, normal) in
        [("x%y@a.test", "x%y@a.test"), ("\"x@y\"@a.test", "\"x@y\"@a.test"), ("x!y@a.test", "x!y@a.test")]
    {
        assert_eq!(anyone(&estate, given), [format!("rejected {normal} 5.7.1")]);
        assert_eq!(trusted(&estate, given), [format!("bounced {normal} at s via to-s 5.1.1")]);
    }
    assert_eq!(anyone(&estate, "v%w@a.test"), ["delivered u@a.test at s via to-s"]);
    assert_eq!(anyone(&estate, "v%w+x%y@a.test"), ["delivered u+x%y@a.test at s via to-s"]);
}

#[test]
fn utf8_is_refused_before_anything_else() {
    let mut estate = small();
    assert_eq!(anyone(&estate, "\u{fc}@b.test"), ["rejected \u{fc}@b.test 5.6.7"]);
    assert_eq!(anyone(&estate, "stra\u{df}e@a.test"), ["rejected strasse@a.test 5.6.7"]);
    estate.contacts = vec![contact("\u{fc}@b.test", &["v@a.test"])];
    assert_eq!(anyone(&estate, "v@a.test"), ["rejected \u{fc}@b.test 5.6.7"]);
    estate.mtas[0].smtputf8 = true;
    assert_eq!(anyone(&estate, "v@a.test"), ["delivered \u{fc}@b.test at internet via out"]);
    assert_eq!(anyone(&estate, "\u{fc}@b.test"), ["rejected \u{fc}@b.test 5.7.1"]);
}

#[test]
fn normal_forms_compare_equal() {
    let mut estate = small();
    estate.domains.push(declared(Kind::Domain, "\u{fc}.test"));
    estate.contacts = vec![contact("u@a.test", &["\"v w\"@xn--tda.test"])];
    assert_eq!(anyone(&estate, "\"\\V w\"@\u{dc}.TEST"), ["delivered u@a.test at s via to-s"]);
    assert_eq!(anyone(&estate, "\"u\"@A.test"), ["delivered u@a.test at s via to-s"]);
    assert_eq!(anyone(&estate, "\"x\\\"y\"@a.test"), ["rejected \"x\\\"y\"@a.test 5.1.1"]);
}

#[test]
fn postmasters_are_secondaries_unless_somebody_has_them() {
    let mut estate = small();
    estate.domains.push(declared(Kind::Relay { verify: false }, "r.test"));
    for address in ["postmaster@a.test", "postmaster@hub.test", "root@hub.test", "abuse@hub.test"] {
        assert_eq!(anyone(&estate, address), ["delivered u@a.test at s via to-s"]);
    }
    assert_eq!(anyone(&estate, "postmaster+t@a.test"), ["delivered u+t@a.test at s via to-s"]);
    assert_eq!(anyone(&estate, "abuse@a.test"), ["rejected abuse@a.test 5.1.1"]);
    assert_eq!(anyone(&estate, "postmaster@r.test"), ["delivered postmaster@r.test at internet via out"]);
    estate.contacts = vec![contact("w@b.test", &["postmaster@a.test", "root@hub.test"])];
    assert_eq!(anyone(&estate, "postmaster@a.test"), ["delivered w@b.test at internet via out"]);
    assert_eq!(anyone(&estate, "root@hub.test"), ["delivered w@b.test at internet via out"]);
    estate.mtas[0].postmaster = None;
    assert_eq!(anyone(&estate, "postmaster"), ["rejected postmaster@hub.test 5.1.1"]);
    estate.mtas[0].postmaster = Some("postmaster@hub.test".to_owned());
    assert_eq!(anyone(&estate, "postmaster"), ["rejected postmaster@hub.test 5.1.1"]);
    estate.contacts.clear();
    assert_eq!(anyone(&estate, "root@hub.test"), ["rejected postmaster@hub.test 5.1.1"]);
    estate.mtas[0].postmaster = Some("abuse@hub.test".to_owned());
    estate.contacts = vec![contact("postmaster@hub.test", &["abuse@hub.test"])];
    assert_eq!(anyone(&estate, "postmaster"), ["looped postmaster@hub.test 5.4.6"]);
}

#[test]
fn contacts_are_followed_until_they_close_a_circle() {
    let mut estate = small();
    estate.contacts = vec![contact("w@a.test", &["v@a.test"]), contact("u@a.test", &["w@a.test"])];
    assert_eq!(anyone(&estate, "v@a.test"), ["delivered u@a.test at s via to-s"]);
    assert_eq!(anyone(&estate, "v+t@a.test"), ["delivered u+t@a.test at s via to-s"]);
    estate.contacts[1].primary = "v@a.test".to_owned();
    assert_eq!(anyone(&estate, "v@a.test"), ["looped v@a.test 5.4.6"]);
    estate.contacts = vec![contact("v+t@a.test", &["v@a.test"])];
    assert_eq!(anyone(&estate, "v@a.test"), ["looped v+t@a.test 5.4.6"]);
    estate.contacts = vec![contact("v@a.test", &["v@a.test", "w@a.test"])];
    assert_eq!(anyone(&estate, "w@a.test"), ["rejected v@a.test 5.1.1"]);
}

#[test]
fn details_are_cut_only_where_the_whole_address_is_unknown() {
    let mut estate = small();
    estate.contacts = vec![contact("w@b.test", &["u+t@a.test"]), contact("x@b.test", &["+y@a.test"])];
    assert_eq!(anyone(&estate, "u+t@a.test"), ["delivered w@b.test at internet via out"]);
    assert_eq!(anyone(&estate, "u+t+t@a.test"), ["delivered u+t+t@a.test at s via to-s"]);
    assert_eq!(anyone(&estate, "+y+z@a.test"), ["delivered x+z@b.test at internet via out"]);
    assert_eq!(anyone(&estate, "+u@a.test"), ["rejected +u@a.test 5.1.1"]);
    estate.mtas[0].subaddress = None;
    assert_eq!(anyone(&estate, "u+s@a.test"), ["rejected u+s@a.test 5.1.1"]);
}

#[test]
fn accounts_take_the_cheapest_connectors_to_their_system() {
    let mut estate = small();
    estate.connectors[0].spaces = vec![("z.test".to_owned(), Some(5)), ("y.test".to_owned(), Some(3))];
    estate.connectors.push(Connector { cost: Some(4), ..connector("other", Node::System(0), &[]) });
    assert_eq!(trusted(&estate, "u@a.test"), ["delivered u@a.test at s via to-s"]);
    assert_eq!(
        asked(&estate, 0, Asker::Trusted, "u@a.test", true),
        ["delivered u@a.test at s via other", "delivered u@a.test at s via to-s"]
    );
    estate.connectors[2].cost = Some(3);
    assert_eq!(trusted(&estate, "u@a.test").len(), 2);
    estate.connectors.remove(2);
    estate.connectors.remove(0);
    // No connector leads there, so the address space decides, and the Internet brings it back.
    assert_eq!(trusted(&estate, "u@a.test"), ["looped u@a.test via out 5.4.6"]);
}

#[test]
fn unresolved_recipients_go_where_the_domain_says() {
    let mut estate = small();
    estate.domains[0] = via("a.test", 0, true);
    assert_eq!(anyone(&estate, "x@a.test"), ["rejected x@a.test via to-s 5.1.1"]);
    estate.domains[0] = via("a.test", 0, false);
    assert_eq!(anyone(&estate, "x@a.test"), ["bounced x@a.test at s via to-s 5.1.1"]);
    estate.mtas.push(mta("edge"));
    estate.connectors[0].from = vec![1];
    assert_eq!(anyone(&estate, "x@a.test"), ["unroutable x@a.test 5.1.2"]);
}

#[test]
fn address_spaces_go_by_pattern_and_then_by_cost() {
    let mut estate = small();
    estate.systems.extend([open("p"), open("q"), open("r")]);
    estate.connectors.extend([
        connector("exact", Node::System(1), &["x.b.test"]),
        connector("wide", Node::System(2), &["*.b.test"]),
        Connector { cost: Some(7), ..connector("longer", Node::System(3), &["*.x.b.test"]) },
    ]);
    assert_eq!(trusted(&estate, "u@x.b.test"), ["delivered u@x.b.test at p via exact"]);
    assert_eq!(trusted(&estate, "u@y.b.test"), ["delivered u@y.b.test at q via wide"]);
    assert_eq!(trusted(&estate, "u@z.y.x.b.test"), ["delivered u@z.y.x.b.test at r via longer"]);
    assert_eq!(trusted(&estate, "u@b.test"), ["delivered u@b.test at internet via out"]);
    estate.connectors.push(connector("also", Node::System(1), &["*"]));
    assert_eq!(trusted(&estate, "u@b.test").len(), 2);
    estate.connectors[5].cost = Some(2);
    assert_eq!(trusted(&estate, "u@b.test").len(), 1);
    assert_eq!(asked(&estate, 0, Asker::Trusted, "u@b.test", true).len(), 2);
    estate.connectors.truncate(1);
    assert_eq!(trusted(&estate, "u@b.test"), ["unroutable u@b.test 5.1.2"]);
}

#[test]
fn a_connector_without_patterns_has_its_systems_own_domains() {
    let mut estate = small();
    estate.systems[0].domains = strings(&["s.test"]);
    assert_eq!(trusted(&estate, "x@s.test"), ["bounced x@s.test at s via to-s 5.1.1"]);
    estate.connectors[0].spaces = vec![("t.test".to_owned(), None)];
    // It has patterns of its own now, so the mail leaves, and the Internet brings it to the owner.
    assert_eq!(trusted(&estate, "x@s.test"), ["bounced x@s.test at s via out 5.1.1"]);
}

#[test]
fn relay_domains_go_by_address_space_alone() {
    let mut estate = small();
    estate.domains[0] = declared(Kind::Relay { verify: false }, "*.test");
    assert_eq!(anyone(&estate, "u@a.test"), ["delivered u@a.test at internet via out"]);
    assert_eq!(anyone(&estate, "u%x@a.test"), ["rejected u%x@a.test 5.7.1"]);
    estate.connectors.push(connector("backup", Node::System(0), &["a.test"]));
    assert_eq!(anyone(&estate, "u@a.test"), ["delivered u@a.test at s via backup"]);
    assert_eq!(anyone(&estate, "v@a.test"), ["bounced v@a.test at s via backup 5.1.1"]);
    estate.domains[0] = declared(Kind::Relay { verify: true }, "*.test");
    assert_eq!(anyone(&estate, "v@a.test"), ["rejected v@a.test via backup 5.1.1"]);
    // The machine itself is no relay domain, however wide the pattern.
    assert_eq!(anyone(&estate, "x@hub.test"), ["rejected x@hub.test 5.1.1"]);
    assert_eq!(anyone(&estate, "postmaster"), ["delivered u@a.test at s via backup"]);
    estate.domains.push(declared(Kind::Relay { verify: false }, "hub.test"));
    assert_eq!(anyone(&estate, "postmaster@hub.test"), ["looped postmaster@hub.test via out 5.4.6"]);
    assert_eq!(anyone(&estate, "postmaster"), ["delivered u@a.test at s via backup"]);
}
