//! `trace`: every kind of outcome, in words and as JSON.

use serde_json::Value;

use super::run::{Folder, Ran};

fn trace(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut all = vec!["trace"];
    all.extend(arguments);
    folder.run(&all)
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    let ran = trace(folder, &all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn each_step_comes_with_the_line_that_decides_it() {
    let ran = trace(&Folder::contoso(), &["ann.lee@contoso.com"]);
    let expected = "\
ann.lee@contoso.com at hub
  delivered at unix as ann@unix.contoso.com, via to-unix
    1. hub: contact: becomes ann@unix.contoso.com
       routing.dsl:39  secondary ann@contoso.com, ann.lee@contoso.com
    2. hub: account: goes by to-unix to unix
       routing.dsl:15  account ann@contoso.com, ann@unix.contoso.com
";
    assert_eq!((ran.code, ran.stdout.as_str()), (0, expected));
}

#[test]
fn json_has_the_documented_shape() {
    let rows = json(&Folder::contoso(), &["Ann.Lee@contoso.com"]);
    let expected: Value = serde_json::from_str(
        r#"[{"address":"Ann.Lee@contoso.com","mta":"hub","fate":"delivered","recipient":"ann@unix.contoso.com",
             "system":"unix","connector":"to-unix","status":null,"path":[
             {"node":"hub","step":"contact","recipient":"ann@unix.contoso.com","connector":null,"file":"routing.dsl","line":39},
             {"node":"hub","step":"account","recipient":"ann@unix.contoso.com","connector":"to-unix","file":"routing.dsl","line":15}]}]"#,
    )
    .unwrap();
    assert_eq!(rows, expected);
}

/// Fate, system, connector, status of the first outcome.
fn first(rows: &Value) -> [&str; 4] {
    ["fate", "system", "connector", "status"].map(|key| rows[0][key].as_str().unwrap_or("-"))
}

#[test]
fn the_contoso_estate_delivers_rejects_and_bounces() {
    let folder = Folder::contoso();
    let cases: [(&[&str], [&str; 4]); 8] = [
        (&["bob@contoso.com"], ["delivered", "exchange", "to-exchange", "-"]),
        (&["postmaster"], ["delivered", "exchange", "to-exchange", "-"]),
        (&["<postmaster>"], ["delivered", "exchange", "to-exchange", "-"]),
        (&["x@example.org"], ["delivered", "internet", "internet", "-"]),
        (&["nobody@contoso.com"], ["rejected", "-", "-", "5.1.1"]),
        (&["x@example.org", "--untrusted"], ["rejected", "-", "-", "5.7.1"]),
        (&["bob@[192.0.2.1]"], ["rejected", "-", "-", "5.7.1"]),
        (&["other@unix.contoso.com"], ["bounced", "unix", "to-unix", "5.1.1"]),
    ];
    for (arguments, expected) in cases {
        assert_eq!(first(&json(&folder, arguments)), expected, "{arguments:?}");
    }
}

const CIRCLE: &[u8] = b"
mta a { target postfix; hostname a.test; address 192.0.2.1; trust 192.0.2.0/24 }
mta b { target exim; hostname b.test; address 192.0.2.2; trust 192.0.2.0/24 }
system old { forwards x.test to a }
connector ab { from a; to b; address-space x.test, y.test cost 2 }
connector ba { from b; to old; address-space x.test; smart-host h.test }
connector cheap { from a; to old; address-space y.test; smart-host h.test }
";

#[test]
fn loops_and_lost_ways_are_traced_though_the_estate_has_errors() {
    let folder = Folder::with(&[("routing.dsl", CIRCLE)]);
    let ran = trace(&folder, &["u@x.test", "--at", "a"]);
    assert_eq!(ran.code, 0);
    let fates: Vec<&str> =
        ran.stdout.lines().filter_map(|l| l.strip_prefix("  ")).filter(|l| !l.starts_with(' ')).collect();
    assert_eq!(fates.len(), 2, "{}", ran.stdout);
    assert!(fates[0].starts_with("looped 5.4.6 by "), "{}", ran.stdout);
    assert!(fates[1].starts_with("delivered at old"), "{}", ran.stdout);
    assert!(ran.stdout.contains("old: forwards it\n       routing.dsl:4  system old"), "{}", ran.stdout);

    assert_eq!(first(&json(&folder, &["u@z.test", "--at", "a"])), ["unroutable", "-", "-", "5.1.2"]);
    assert_eq!(json(&folder, &["u@z.test"]).as_array().unwrap().len(), 2, "one row for each MTA");
}

#[test]
fn dearer_ways_are_shown_where_all_are_asked_for() {
    let folder = Folder::with(&[("routing.dsl", CIRCLE)]);
    let rows = |arguments: &[&str]| json(&folder, arguments).as_array().unwrap().len();
    assert_eq!(rows(&["u@y.test", "--at", "a"]), 1);
    assert_eq!(rows(&["u@y.test", "--at", "a", "--all"]), 2);
}

#[test]
fn an_estate_with_errors_says_so_on_standard_error() {
    let mut text = include_bytes!("contoso.dsl").to_vec();
    text.extend_from_slice(b"\nconnector broken { to nowhere; smart-host h.test }\n");
    let ran = trace(&Folder::with(&[("routing.dsl", &text)]), &["bob@contoso.com"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("delivered at exchange"), "{}", ran.stdout);
    assert!(ran.stderr.contains("routing.dsl has 1 error"), "{}", ran.stderr);
}

#[test]
fn what_is_no_address_and_what_is_no_mta_gives_2() {
    let folder = Folder::contoso();
    let ran = trace(&folder, &["bob@contoso.com", "a b@contoso.com"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("`a b@contoso.com` is not an address"), "{}", ran.stderr);
    let ran = trace(&folder, &["bob@contoso.com", "--at", "hbu"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("did you mean `hub`?"), "{}", ran.stderr);
}

#[test]
fn what_is_no_address_is_its_own_recipient() {
    let rows = json(&Folder::contoso(), &["bob@[192.0.2.1]"]);
    assert_eq!(rows[0]["recipient"], "bob@[192.0.2.1]");
}

const BACKUP: &[u8] = b"
mta main { target postfix; hostname main.test; address 192.0.2.1 }
mta backup { target exim; hostname backup.test; address 192.0.2.2 }
system farm { authoritative x.test }
domain x.test { on main }
relay domain x.test { on backup; mx farm }
connector internet { address-space *; dns }
";

#[test]
fn mx_counts_in_whatever_declaration_it_stands() {
    let folder = Folder::with(&[("routing.dsl", BACKUP)]);
    assert_eq!(first(&json(&folder, &["x@x.test", "--at", "backup"])), ["delivered", "farm", "internet", "-"]);
}
