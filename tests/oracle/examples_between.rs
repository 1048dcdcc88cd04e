//! The interpreter held to small estates whose answers are plain from the language's description: between nodes.

use crate::oracle::estate::{Connector, Declaration, Estate, Kind, Mta, Node, System};
use crate::oracle::examples::{
    anyone, asked, closed, connector, contact, declared, mta, open, small, strings, trusted, via,
};
use crate::oracle::meaning::Asker;

/// An edge that hands `a.test` to the hub, which holds `u@a.test` on a closed system.
fn edge_and_hub() -> Estate {
    Estate {
        mtas: vec![mta("edge"), mta("hub")],
        systems: vec![closed("s", &["u@a.test"])],
        domains: vec![
            Declaration { on: vec![0], ..declared(Kind::Relay { verify: false }, "a.test") },
            Declaration { on: vec![1], ..declared(Kind::Domain, "a.test") },
        ],
        connectors: vec![
            connector("to-hub", Node::Mta(1), &["a.test"]),
            Connector { from: vec![1], ..connector("to-s", Node::System(0), &[]) },
        ],
        contacts: Vec::new(),
    }
}

fn forwards(pattern: &str, to: Node) -> Vec<(String, Node)> {
    vec![(pattern.to_owned(), to)]
}

#[test]
fn what_a_later_mta_refuses_is_refused_at_once() {
    let mut estate = edge_and_hub();
    assert_eq!(anyone(&estate, "u@a.test"), ["delivered u@a.test at s via to-s"]);
    assert_eq!(anyone(&estate, "x@a.test"), ["rejected x@a.test via to-hub 5.1.1"]);
    assert_eq!(anyone(&estate, "\"x%y\"@a.test"), ["rejected x%y@a.test 5.7.1"]);
    estate.domains.pop();
    assert_eq!(anyone(&estate, "x@a.test"), ["unroutable x@a.test via to-hub 5.1.2"]);
}

#[test]
fn what_only_some_ways_refuse_is_bounced() {
    let mut estate = edge_and_hub();
    estate.systems.push(open("t"));
    estate.connectors.push(connector("to-t", Node::System(1), &["a.test"]));
    estate.connectors[2].from = vec![0];
    let expected = ["bounced x@a.test via to-hub 5.1.1", "delivered x@a.test at t via to-t"];
    assert_eq!(anyone(&estate, "x@a.test"), expected);
    estate.domains.pop();
    let expected = ["unroutable x@a.test via to-hub 5.4.4", "delivered x@a.test at t via to-t"];
    assert_eq!(anyone(&estate, "x@a.test"), expected);
}

#[test]
fn early_refusal_asks_the_cheapest_only() {
    let mut estate = edge_and_hub();
    estate.systems.push(open("t"));
    estate.connectors.push(Connector {
        cost: Some(9),
        from: vec![0],
        ..connector("to-t", Node::System(1), &["a.test"])
    });
    let expected = ["rejected x@a.test via to-hub 5.1.1"];
    assert_eq!(asked(&estate, 0, Asker::Anyone, "x@a.test", true), expected);
}

#[test]
fn equal_connectors_refuse_with_a_row_each() {
    let mut estate = edge_and_hub();
    estate.mtas.push(mta("other"));
    estate.connectors[0].from = vec![0];
    estate.connectors.push(Connector { from: vec![0], ..connector("to-other", Node::Mta(2), &["a.test"]) });
    let expected = ["unroutable x@a.test via to-other 5.1.2", "rejected x@a.test via to-hub 5.1.1"];
    assert_eq!(anyone(&estate, "x@a.test"), expected);
}

#[test]
fn a_later_mta_that_refuses_takes_no_dearer_way() {
    let mut estate = edge_and_hub();
    estate.systems.push(System { forwards: forwards("*", Node::Mta(0)), ..closed("t", &["w@b.test"]) });
    estate.mtas.push(mta("front"));
    estate.connectors[0].from = vec![0];
    let dearer = connector("dearer", Node::Internet, &["a.test"]);
    estate.connectors.push(Connector { cost: Some(9), from: vec![0], ..dearer });
    estate.connectors.push(Connector { from: vec![2], ..connector("front-t", Node::System(1), &["*"]) });
    let found = asked(&estate, 2, Asker::Trusted, "x@a.test", true);
    assert_eq!(found, ["bounced x@a.test via to-hub 5.1.1"]);
}

#[test]
fn verify_refuses_what_the_next_system_bounces() {
    let mut estate = small();
    estate.domains[0] = via("a.test", 0, true);
    estate.systems[0].forwards = forwards("*", Node::Internet);
    // The system would send it on, so it does not refuse, and the mail comes back.
    assert_eq!(anyone(&estate, "x@a.test"), ["looped x@a.test via to-s 5.4.6"]);
    estate.systems[0].authoritative = strings(&["a.test"]);
    assert_eq!(anyone(&estate, "x@a.test"), ["rejected x@a.test via to-s 5.1.1"]);
    estate.mtas.push(mta("edge"));
    estate.domains[0].on = vec![0];
    estate.connectors[0].from = vec![0];
    estate.connectors.push(Connector { from: vec![1], ..connector("to-hub", Node::Mta(0), &["a.test"]) });
    estate.connectors[1].from = vec![0];
    let refused = asked(&estate, 1, Asker::Trusted, "x@a.test", false);
    assert_eq!(refused, ["rejected x@a.test via to-s 5.1.1"]);
}

#[test]
fn verify_with_one_equal_way_that_refuses() {
    let mut estate = small();
    estate.systems.push(open("t"));
    estate.domains = vec![declared(Kind::Relay { verify: true }, "b.test")];
    estate.connectors =
        vec![connector("to-s", Node::System(0), &["b.test"]), connector("to-t", Node::System(1), &["b.test"])];
    let expected = ["rejected x@b.test via to-s 5.1.1", "delivered x@b.test at t via to-t"];
    assert_eq!(anyone(&estate, "x@b.test"), expected);
    estate.mtas.push(mta("edge"));
    for connector in &mut estate.connectors {
        connector.from = vec![0];
    }
    estate.connectors.push(Connector { from: vec![1], ..connector("to-hub", Node::Mta(0), &["*"]) });
    let expected = ["bounced x@b.test via to-s 5.1.1", "delivered x@b.test at t via to-t"];
    assert_eq!(asked(&estate, 1, Asker::Trusted, "x@b.test", false), expected);
}

#[test]
fn an_mta_trusts_what_it_can_know() {
    let mut estate = edge_and_hub();
    estate.domains[1] = Declaration { on: vec![1], ..via("a.test", 1, false) };
    assert_eq!(trusted(&estate, "x%y@a.test"), ["rejected x%y@a.test via to-hub 5.7.1"]);
    estate.mtas[0].addresses = strings(&["10.0.0.1"]);
    estate.mtas[1].trust = strings(&["10.0.0.0/8"]);
    assert_eq!(trusted(&estate, "x%y@a.test"), ["bounced x%y@a.test at s via to-s 5.1.1"]);
    estate.mtas[0].addresses.push("192.0.2.1".to_owned());
    assert_eq!(trusted(&estate, "x%y@a.test"), ["rejected x%y@a.test via to-hub 5.7.1"]);
    // In foreign domains trust between nodes of ours is taken for granted.
    estate.connectors[0].spaces = vec![("*".to_owned(), None)];
    estate.connectors.push(Connector { from: vec![1], ..connector("out", Node::Internet, &["*"]) });
    assert_eq!(trusted(&estate, "x%y@b.test"), ["delivered x%y@b.test at internet via out"]);
}

#[test]
fn systems_hold_forward_or_bounce() {
    let mut estate = small();
    estate.domains[0] = via("a.test", 0, false);
    estate.systems.extend([open("t"), closed("c", &["w@a.test"])]);
    estate.systems[0].forwards = vec![("*".to_owned(), Node::System(1)), ("a.test".to_owned(), Node::System(2))];
    assert_eq!(anyone(&estate, "x@a.test"), ["bounced x@a.test at c via to-s 5.1.1"]);
    estate.systems[0].forwards.push(("a.test".to_owned(), Node::System(1)));
    let both = ["bounced x@a.test at c via to-s 5.1.1", "delivered x@a.test at t via to-s"];
    assert_eq!(anyone(&estate, "x@a.test"), both);
    estate.systems[0].accounts.clear();
    let all = [
        "bounced x@a.test at c via to-s 5.1.1",
        "delivered x@a.test at s via to-s",
        "delivered x@a.test at t via to-s",
    ];
    assert_eq!(anyone(&estate, "x@a.test"), all);
    estate.systems[0].authoritative = strings(&["*"]);
    assert_eq!(anyone(&estate, "x@a.test"), ["delivered x@a.test at s via to-s"]);
    estate.systems[0].authoritative.clear();
    estate.systems[0].forwards = forwards("a.test", Node::Mta(0));
    assert_eq!(anyone(&estate, "x@a.test"), ["looped x@a.test via to-s 5.4.6", "delivered x@a.test at s via to-s"]);
}

#[test]
fn a_system_that_is_forwarded_to_knows_the_last_mtas_details() {
    let mut estate = small();
    estate.domains[0] = declared(Kind::Relay { verify: false }, "a.test");
    estate.connectors[0].spaces = vec![("a.test".to_owned(), None)];
    estate.systems.push(closed("c", &["w@a.test"]));
    estate.systems[0].forwards = forwards("*.a.test", Node::System(1));
    assert_eq!(anyone(&estate, "w+t@a.test"), ["bounced w+t@a.test at s via to-s 5.1.1"]);
    estate.systems[0].forwards = forwards("*", Node::System(1));
    assert_eq!(anyone(&estate, "w+t@a.test"), ["delivered w+t@a.test at c via to-s"]);
}

#[test]
fn what_an_mta_refuses_after_a_system_is_bounced() {
    let mut estate = edge_and_hub();
    estate.systems.push(System { forwards: forwards("*", Node::Mta(1)), ..closed("t", &["w@b.test"]) });
    estate.connectors[0].to = Node::System(1);
    estate.connectors[0].spaces = vec![("*".to_owned(), None)];
    estate.connectors[0].from = vec![0];
    assert_eq!(trusted(&estate, "x@a.test"), ["bounced x@a.test via to-hub 5.1.1"]);
    assert_eq!(trusted(&estate, "x@b.test"), ["unroutable x@b.test via to-hub 5.4.4"]);
}

#[test]
fn the_internet_brings_back_what_is_ours() {
    let mut estate = edge_and_hub();
    estate.connectors[0] = Connector { from: vec![0], ..connector("out", Node::Internet, &["*"]) };
    estate.systems[0].domains = strings(&["s.test", "*.s.test"]);
    assert_eq!(trusted(&estate, "u@a.test"), ["delivered u@a.test at s via to-s"]);
    assert_eq!(trusted(&estate, "x@a.test"), ["bounced x@a.test via out 5.1.1"]);
    assert_eq!(trusted(&estate, "x@hub.test"), ["bounced x@hub.test via out 5.1.1"]);
    assert_eq!(trusted(&estate, "x@s.test"), ["bounced x@s.test at s via out 5.1.1"]);
    assert_eq!(trusted(&estate, "x@b.test"), ["delivered x@b.test at internet via out"]);
    estate.domains[1].mx = vec![Node::Internet, Node::System(0)];
    let expected = ["bounced x@a.test at s via out 5.1.1", "delivered x@a.test at internet via out"];
    assert_eq!(trusted(&estate, "x@a.test"), expected);
    // A relay domain's mail is other people's: it is delivered there.
    estate.domains.truncate(1);
    assert_eq!(trusted(&estate, "x@a.test"), ["delivered x@a.test at internet via out"]);
}

#[test]
fn an_mta_behind_the_internet_is_asked_by_anyone() {
    let mut estate = edge_and_hub();
    estate.connectors[0] = Connector { from: vec![0], ..connector("out", Node::Internet, &["*"]) };
    estate.domains.push(Declaration { on: vec![0], mx: vec![Node::Mta(1)], ..via("b.test", 0, false) });
    assert_eq!(trusted(&estate, "x@b.test"), ["bounced x@b.test via out 5.7.1"]);
    estate.domains[2].mx = vec![Node::Mta(0)];
    assert_eq!(trusted(&estate, "x@b.test"), ["looped x@b.test via out 5.4.6"]);
}

#[test]
fn the_last_mta_says_what_a_detail_is() {
    let mut estate = edge_and_hub();
    estate.mtas[0].subaddress = Some('+');
    estate.connectors[1].spaces = vec![("a.test".to_owned(), None)];
    estate.domains[1] = Declaration { on: vec![1], ..declared(Kind::Relay { verify: false }, "a.test") };
    assert_eq!(trusted(&estate, "u+t@a.test"), ["bounced u+t@a.test at s via to-s 5.1.1"]);
    estate.mtas[1].subaddress = Some('+');
    assert_eq!(trusted(&estate, "u+t@a.test"), ["delivered u+t@a.test at s via to-s"]);
}

#[test]
fn an_address_that_grows_for_ever_loops() {
    let mut estate = Estate {
        mtas: vec![Mta { subaddress: Some('+'), ..mta("plus") }, Mta { subaddress: Some('-'), ..mta("minus") }],
        connectors: vec![
            connector("to-minus", Node::Mta(1), &["a.test"]),
            connector("to-plus", Node::Mta(0), &["a.test"]),
        ],
        contacts: vec![contact("v-x@a.test", &["u@a.test"]), contact("u+y@a.test", &["v@a.test"])],
        ..Estate::default()
    };
    let found = trusted(&estate, "u@a.test");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("looped ") && found[0].ends_with(" 5.4.6"), "{}", found[0]);
    estate.mtas[1].subaddress = None;
    assert_eq!(trusted(&estate, "u@a.test"), ["looped v-x@a.test via to-minus 5.4.6"]);
}
