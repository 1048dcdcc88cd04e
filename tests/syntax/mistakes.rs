//! What is said of text that is not the language: one report a mistake, at its place, and reading goes on.

use mailswitch::diagnostic::Diagnostics;
use mailswitch::source::Sources;
use mailswitch::syntax::ast::ItemKind;
use mailswitch::syntax::parse;

use super::parsed;

/// Each mistake as `code | text of its first place | message`.
#[track_caller]
fn told(text: &str, expected: &[&str]) {
    let (_, ast, told) = parsed(text);
    assert_eq!(told, expected, "in {text:?}");
    assert!(ast.broken);
}

#[test]
fn missing_arguments() {
    told("mta", &["syntax::unexpected | mta | expected the name of the mta after `mta`"]);
    told("include\nmta x", &["syntax::unexpected | include | expected a file after `include`"]);
    told(
        "connector c {\n smart-host\n to\n cost 3 4\n tls required,\n}\n",
        &[
            "syntax::unexpected | smart-host | expected a host after `smart-host`",
            "syntax::unexpected | to | expected the name of a system or mta, or `internet` after `to`",
            "syntax::unexpected | 4 | unexpected `4` after `3`",
            "syntax::unexpected | , | unexpected `,` after `required`",
        ],
    );
    told(
        "domain x { unresolved }\ndomain y { unresolved maybe; unresolved via }",
        &[
            "syntax::unexpected | } | expected `reject` or `via` after `unresolved`",
            "syntax::unexpected | maybe | expected `reject` or `via` after `unresolved`",
            "syntax::unexpected | } | expected the name of a connector after `via`",
        ],
    );
}

#[test]
fn missing_braces() {
    let hub = "syntax::nesting | { | expected `}` after the last field of `mta hub`";
    told("mta hub {\n    hostname x\n\nsystem y {\n    account a@b\n}\n", &[hub]);
    told("mta hub {\n    hostname x\n", &[hub]);
    told("mta hub\n{\n    hostname x\n}\n", &["syntax::nesting | { | `{` stands on a line of its own after `mta hub`"]);
    told("mta hub\n    hostname x\n}\nsystem y\n", &["syntax::nesting | hostname | expected `{` after `mta hub`"]);
    told("contact \"Ann\" primary a@b }\nmta z", &["syntax::nesting | primary | expected `{` after `contact \"Ann\"`"]);
    // `domain` is a field of a system and a statement too: its block tells which.
    told(
        "system s {\n    account a@b\n\ndomain x.org {\n    unresolved reject\n}\n",
        &["syntax::nesting | { | expected `}` after the last field of `system s`"],
    );
    told(
        "system s {\n    accounts from y.csv {\n        primary \"z\"\n    account b@c\n}\n",
        &["syntax::nesting | { | expected `}` after the last field of `accounts from y.csv`"],
    );
    told("mta {\n hostname x\n}\nsystem y\n", &["syntax::unexpected | { | expected the name of the mta after `mta`"]);
}

#[test]
fn braces_too_many() {
    told("mta x }\n", &["syntax::nesting | } | `}` closes nothing"]);
    told("}\nmta x\n}", &["syntax::nesting | } | `}` closes nothing"; 2]);
    told("{\n mta x\n}\n", &["syntax::nesting | { | expected a statement, found `{`"]);
    let nested = "syntax::nesting | { | a block cannot begin inside `mta x`";
    told("mta x { { { {\n hostname y\n } } } }\nmta z", &[nested]);
    told("mta x {\n    hostname y {\n    trust 10.0.0.0/8\n}\nsystem y\n", &[nested]);
    told(
        "mta x {\n    hostname {\n    trust 10.0.0.0/8\n}\nsystem y\n",
        &["syntax::unexpected | { | expected a domain after `hostname`"],
    );
    told(
        "mta s {\n}\n    hostname x\n    trust y\n}\nmta z\n",
        &["syntax::unexpected | hostname | `hostname` is a field of `mta`, not a statement"],
    );
    told(
        "mta hub {\n    contact \"Ann\" {\n        primary a@b\n    }\n    trust x\n}\n",
        &["syntax::unexpected | contact | `contact` begins a statement and cannot stand inside `mta hub`"],
    );
}

#[test]
fn commas() {
    let between = "syntax::unexpected | c@d | expected `,` between `a@b` and `c@d`";
    told("system s {\n    account a@b c@d e@f\n}", &[between]);
    told("system s {\n    account a@b c@d,\n  e@f\n address 1.2.3.4 }", &[between]);
    let after = "syntax::unexpected | , | expected an address after `,`";
    told("system s {\n account a@b,\n domain x.org\n}", &[after]);
    told("system s {\n account a@b,\n}\nmta x", &[after]);
    told("system s {\n account a@b,,c@d\n}\nmta x", &[after]);
    told(
        "system s {\n account a@b\n , c@d\n}\nmta x",
        &["syntax::unexpected | , | expected a field of `system`, found `,`"],
    );
    told("mta hub,\nmta x", &["syntax::unexpected | , | expected `{` or the end of the line after `hub`"]);
}

#[test]
fn unknown_fields_and_statements() {
    told(
        "mta hub {\n    hostnam x\n  smart-host y\n foo bar {\n a b\n { c } }\n}\nmta hub 2",
        &[
            "syntax::unexpected | hostnam | unknown field `hostnam` of `mta`",
            "syntax::unexpected | smart-host | `smart-host` is a field of `connector`, not of `mta`",
            "syntax::unexpected | foo | unknown field `foo` of `mta`",
            "syntax::unexpected | 2 | expected `{` or the end of the line after `hub`",
        ],
    );
    told(
        "conector x {\n to y, z\n}\nfrobnicate z\nMta hub\nmta x { Hostname y; max_size 5 6 }",
        &[
            "syntax::unexpected | conector | unknown statement `conector`",
            "syntax::unexpected | , | unexpected `,` after `y`",
            "syntax::unexpected | frobnicate | unknown statement `frobnicate`",
            "syntax::unexpected | Mta | unknown statement `Mta`",
            "syntax::unexpected | Hostname | unknown field `Hostname` of `mta`",
            "syntax::unexpected | max_size | unknown field `max_size` of `mta`",
        ],
    );
    told(
        "domain d { verify }\nrelay domain e { unresolved reject }\nrelay x\nshared y\nunresolved",
        &[
            "syntax::unexpected | verify | `verify` is a field of `relay domain`, not of `domain`",
            "syntax::unexpected | unresolved | `unresolved` is a field of `domain`, not of `relay domain`",
            "syntax::unexpected | x | expected `domain` after `relay`",
            "syntax::unexpected | y | expected `domain` after `shared`",
            "syntax::unexpected | unresolved | `unresolved` is a field of `domain`, not a statement",
        ],
    );
    told(
        "contacts from \"x.csv\" {\n primary \"Mail\"\n secondry \"X\"\n}\ncontacts x\n",
        &[
            "syntax::unexpected | secondry | unknown field `secondry` of `contacts from`",
            "syntax::unexpected | x | expected `from` after `contacts`",
        ],
    );
}

#[test]
fn what_was_meant_is_suggested_and_read() {
    let (sources, ast, _) = parsed("conector x {\n smrt-host y\n}");
    let ItemKind::Connector(connector) = &ast.items[0].kind else { panic!("not a connector") };
    assert_eq!(sources.text(connector.fields[0].span), "smrt-host y");
    assert_eq!(help("conector x"), "did you mean `connector`?");
    assert_eq!(help("mta x { hostnam y }"), "did you mean `hostname`?");
    assert_eq!(help("mta x { hostname \"y\" }"), "write `y` without quotes");
    assert_eq!(help("contact"), "write the name of the contact, such as `\"Ann Lee\"`");
    assert_eq!(help("mta x { max-size }"), "write a size, such as `50MB`");
    assert_eq!(help("contact Ann.Lee"), "write `\"Ann.Lee\"`");
    assert_eq!(help("contact x { foo y }"), "`contact` has the fields `primary` and `secondary`");
}

fn help(text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("routing.dsl", String::from(text)).unwrap();
    let mut diagnostics = Diagnostics::default();
    parse(&sources, file, &mut diagnostics);
    diagnostics.iter().next().unwrap().help.clone().unwrap()
}

#[test]
fn strings_and_names() {
    let open = |text: &str| format!("syntax::string | {text} | the quoted string is not closed");
    told("contact \"Ann Lee {\n    primary a@b\n}\n", &[&open("\"Ann Lee")]);
    told("contact \"Ann { primary a@b }\nmta x", &[&open("\"Ann { primary a@b }")]);
    told(
        "contact { primary a@b; secondary \"a@c }\nmta x",
        &["syntax::unexpected | { | expected the name of the contact after `contact`", &open("\"a@c")],
    );
    told(
        "mta \"hub\" {\n hostname \"x\"\n}",
        &[
            "syntax::unexpected | \"hub\" | expected the name of the mta after `mta`, not a quoted string",
            "syntax::unexpected | \"x\" | expected a domain after `hostname`, not a quoted string",
        ],
    );
    told(
        "mta 3x {\n}\ncontact 3x\n",
        &["syntax::value | 3x | `3x` is not a name", "syntax::value | 3x | `3x` is not a label"],
    );
}

#[test]
fn expectations() {
    told(
        "expect a@b via c at d\nexpect a@b rejected 5.1.1 via c\nexpect a@b ->\nexpect a@b from c\nexpect a@b foo",
        &[
            "syntax::unexpected | at | `at` cannot stand here",
            "syntax::unexpected | via | `via` cannot stand here",
            "syntax::unexpected | -> | expected an address after `->`",
            "syntax::unexpected | c | expected `anyone` after `from`",
            "syntax::unexpected | foo | unexpected `foo` after `a@b`",
        ],
    );
}

#[test]
fn characters_that_no_source_holds() {
    told(
        "mta h\0ub {\n hostname x\n}\n# com\u{7}ment\ncontact \"a\u{1}b\"\nmta a\rmta b",
        &[
            "syntax::encoding | \0 | the control character U+0000 stands in the text",
            "syntax::encoding | \u{7} | the control character U+0007 stands in the text",
            "syntax::encoding | \u{1} | the control character U+0001 stands in the text",
            "syntax::encoding | \r | the control character U+000D stands in the text",
        ],
    );
    told(
        "mta hub {\n\u{a0}\u{a0}hostname x\n}\n",
        &["syntax::encoding | \u{a0} | the character U+00A0 looks like a blank and is none"],
    );
}
