//! What is understood: the shape of the tree and the places in it.

use mailswitch::source::{Sources, Span};
use mailswitch::syntax::ast::{ConnectorField, DomainField, DomainKind, ItemKind, MtaField, SystemField};

use super::{CONTOSO, parsed};

fn texts(sources: &Sources, spans: &[Span]) -> Vec<String> {
    spans.iter().map(|s| String::from(sources.text(*s))).collect()
}

#[test]
fn the_example_parses_whole() {
    let (sources, ast, told) = parsed(CONTOSO);
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(ast.items.len(), 12);
    assert_eq!(ast.comments.len(), 8);
    let ItemKind::Mta(mta) = &ast.items[0].kind else { panic!("not an mta") };
    assert_eq!(sources.text(mta.name), "hub");
    let MtaField::Trust(networks) = &mta.fields[2].kind else { panic!("not trust") };
    assert_eq!(texts(&sources, networks), ["10.0.0.0/8"]);
    let ItemKind::Connector(unix) = &ast.items[5].kind else { panic!("not a connector") };
    let ConnectorField::SmartHost { balanced: None, hosts } = &unix.fields[2].kind else { panic!("no smart host") };
    assert_eq!(texts(&sources, hosts), ["[192.0.2.10]:25", "backup.unix.contoso.com"]);
    assert_eq!(sources.text(unix.fields[2].span), "smart-host    [192.0.2.10]:25, backup.unix.contoso.com");
    let ItemKind::Expect(expect) = &ast.items[8].kind else { panic!("not an expectation") };
    assert_eq!(sources.text(expect.becomes.unwrap()), "ann@unix.contoso.com");
    assert_eq!(sources.text(expect.via.unwrap()), "to-unix");
}

#[test]
fn one_line_is_enough() {
    let text = "shared domain D { unresolved via C verify; on hub, edge; mx hub } relay domain *.p.org { verify } mta a; mta b {};";
    let (sources, ast, told) = parsed(text);
    assert_eq!(told, Vec::<String>::new());
    let ItemKind::Domain(shared) = &ast.items[0].kind else { panic!("not a domain") };
    assert_eq!(shared.kind, DomainKind::Shared);
    assert!(matches!(shared.fields[0].kind, DomainField::UnresolvedVia { verify: Some(_), .. }));
    let DomainField::On(mtas) = &shared.fields[1].kind else { panic!("not on") };
    assert_eq!(texts(&sources, mtas), ["hub", "edge"]);
    assert_eq!(sources.text(ast.items[1].span), "relay domain *.p.org { verify }");
    assert_eq!(ast.items.len(), 4);
}

#[test]
fn names_may_be_spelled_like_keywords() {
    let text = "system to\nconnector to { to to; from from, to\n smart-host balanced; cost cost }\nexpect at@at at at via via to to\n\
                connector b { smart-host balanced a, b }\nconnector c { address-space cost cost 3, cost }";
    let (sources, ast, told) = parsed(text);
    assert_eq!(told, Vec::<String>::new());
    let ItemKind::Connector(to) = &ast.items[1].kind else { panic!("not a connector") };
    assert!(matches!(to.fields[2].kind, ConnectorField::SmartHost { balanced: None, .. }));
    let ItemKind::Expect(expect) = &ast.items[2].kind else { panic!("not an expectation") };
    assert_eq!(sources.text(expect.to.unwrap()), "to");
    let ItemKind::Connector(b) = &ast.items[3].kind else { panic!("not a connector") };
    assert!(matches!(b.fields[0].kind, ConnectorField::SmartHost { balanced: Some(_), .. }));
    let ItemKind::Connector(c) = &ast.items[4].kind else { panic!("not a connector") };
    let ConnectorField::AddressSpace(spaces) = &c.fields[0].kind else { panic!("no address space") };
    assert_eq!(sources.text(spaces[0].cost.unwrap()), "3");
}

#[test]
fn words_that_reach_an_at_sign_are_addresses() {
    let text = "system s {\n account {x}@d, a#b@d, \"a b\"@d, \"|/bin/sh\"@d,\n  # between\n  \"a\\\"{;,\"@d, ${run{x}}@d # why\n account a@d}\nmta m";
    let (sources, ast, told) = parsed(text);
    assert_eq!(told, Vec::<String>::new());
    let ItemKind::System(system) = &ast.items[0].kind else { panic!("not a system") };
    let SystemField::Account(addresses) = &system.fields[0].kind else { panic!("no account") };
    let expected = ["{x}@d", "a#b@d", "\"a b\"@d", "\"|/bin/sh\"@d", "\"a\\\"{;,\"@d", "${run{x}}@d"];
    assert_eq!(texts(&sources, addresses), expected);
    assert_eq!(texts(&sources, &ast.comments), ["# between", "# why"]);
    let SystemField::Account(last) = &system.fields[1].kind else { panic!("no account") };
    assert_eq!(texts(&sources, last), ["a@d"]);
}

#[test]
fn line_ends_of_both_kinds() {
    let (sources, ast, told) = parsed("mta hub {\r\n    trust a,\r\n          b # c\r\n}\r\n");
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(texts(&sources, &ast.comments), ["# c"]);
    let ItemKind::Mta(mta) = &ast.items[0].kind else { panic!("not an mta") };
    assert_eq!(sources.text(mta.fields[0].span), "trust a,\r\n          b");
}

#[test]
fn an_empty_file_is_a_program() {
    for text in ["", "\n", "# only this", ";;;\n;", "   "] {
        let (_, ast, told) = parsed(text);
        assert_eq!((ast.items.len(), told), (0, Vec::new()));
    }
}
