//! The canonical layout.

use std::path::Path;

use mailswitch::diagnostic::Diagnostics;
use mailswitch::format::{Unformatted, format};
use mailswitch::source::Sources;
use proptest::test_runner::TestCaseError;

use crate::syntax::CONTOSO;
use crate::syntax::derive::{Choices, mutated, program};
use crate::syntax::ebnf::Grammar;
use crate::syntax::grammar::{decisions, runner};

fn formatted(text: &str) -> Result<String, Unformatted> {
    let mut sources = Sources::default();
    let file = sources.add("routing.dsl", String::from(text)).unwrap();
    format(&sources, file, &mut Diagnostics::default())
}

#[track_caller]
fn becomes(text: &str, expected: &str) {
    assert_eq!(formatted(text).unwrap(), expected);
    assert_eq!(formatted(expected).unwrap(), expected);
}

#[test]
fn the_example_is_in_the_canonical_layout() {
    assert_eq!(formatted(CONTOSO).unwrap(), CONTOSO);
}

#[test]
fn one_line_is_spread() {
    becomes(
        "shared domain D{unresolved via C verify;on hub,edge;mx hub}mta hub{}relay  domain P { verify }\nexpect a@b  ->  c@d  via e\n\n\n\nexpect x@y rejected",
        "shared domain D {\n    unresolved via C verify\n    on         hub, edge\n    mx         hub\n}\n\nmta hub\n\nrelay domain P {\n    verify\n}\n\nexpect a@b -> c@d via e\n\nexpect x@y rejected\n",
    );
}

#[test]
fn comments_stay_where_they_belong() {
    becomes(
        "\n\n# head\nmta a { # opening\n\n\n  # above\n  hostname x # x\n\n # free\n\n trust y; # y\n # below\n\n} # closing\n# near\n\n\n# on b\nmta b # b\nmta c {\n\n # only this\n}\n# end\n\n",
        "\
# head
mta a {                                      # opening
    # above
    hostname x                               # x

    # free

    trust    y                               # y
    # below
}                                            # closing

# near

# on b
mta b                                        # b

mta c {
    # only this
}

# end
",
    );
}

#[test]
fn comments_in_a_list() {
    becomes(
        "system s {\n account a@b, # first\n  # before c\n\n  c@d,e@f, \n g@h # last\n domain x}",
        "\
system s {
    account a@b,                             # first
            # before c
            c@d, e@f, g@h                    # last
    domain  x
}
",
    );
}

#[test]
fn long_lists_are_wrapped() {
    let items: Vec<String> = (0..12).map(|i| format!("mailbox{i}@example.org")).collect();
    becomes(
        &format!("contact x {{ secondary {} }}", items.join(",")),
        "\
contact x {
    secondary mailbox0@example.org, mailbox1@example.org, mailbox2@example.org,
              mailbox3@example.org, mailbox4@example.org, mailbox5@example.org,
              mailbox6@example.org, mailbox7@example.org, mailbox8@example.org,
              mailbox9@example.org, mailbox10@example.org, mailbox11@example.org
}
",
    );
}

#[test]
fn every_field_keeps_its_words() {
    becomes(
        "mta m { target exim 4.96; tls certificate \"a b\" key c; subaddress \"+\" }\n\
         system s { accounts from f.csv { primary \"Mail\"; secondary \"Al ias\" }; forwards *.x to internet }\n\
         connector c { smart-host balanced a,b; address-space * cost 3,x; tls verified name n ca f; auth \"u u\" password file g; dns }\n\
         contacts from x.ldif { name cn }\n\
         expect a@b from anyone at m -> c@d via e to f\nexpect a@b at m rejected 5.1.1\ninclude \"*.dsl\"",
        "\
mta m {
    target     exim 4.96
    tls        certificate \"a b\" key c
    subaddress \"+\"
}

system s {
    accounts from f.csv {
        primary   \"Mail\"
        secondary \"Al ias\"
    }
    forwards      *.x to internet
}

connector c {
    smart-host    balanced a, b
    address-space * cost 3, x
    tls           verified name n ca f
    auth          \"u u\" password file g
    dns
}

contacts from x.ldif {
    name cn
}

expect a@b from anyone at m -> c@d via e to f
expect a@b at m rejected 5.1.1
include \"*.dsl\"
",
    );
}

#[test]
fn a_file_with_errors_is_left_alone() {
    assert_eq!(formatted("mta {"), Err(Unformatted::Syntax));
    assert_eq!(formatted(""), Ok(String::new()));
    assert_eq!(formatted("\r\n# c \r\nmta x\r\n"), Ok(String::from("# c\nmta x\n")));
}

#[test]
fn any_program_keeps_its_meaning() {
    let grammar = Grammar::routing();
    let result = runner(1500).run(&(decisions(), decisions()), |(list, changes)| {
        let mut text = program(&grammar, &mut Choices::new(&list));
        if changes.len() % 2 == 0 {
            text = mutated(&text, &mut Choices::new(&changes));
        }
        holds(&text).map_err(TestCaseError::fail)
    });
    result.unwrap();
}

/// The layout has the meaning of the text (the formatter itself says so), is its own layout, and has no blank ends.
fn holds(text: &str) -> Result<(), String> {
    let once = match formatted(text) {
        Ok(once) => once,
        Err(Unformatted::Syntax) => return Ok(()),
        Err(Unformatted::Changed) => return Err(format!("changed: {text:?}")),
    };
    let twice = formatted(&once).map_err(|e| format!("{e:?} again: {text:?}\n{once}"))?;
    if once != twice {
        return Err(format!("not stable: {text:?}\n{once}\n{twice}"));
    }
    match once.lines().find(|l| l.ends_with([' ', '\t', '\r'])) {
        Some(line) => Err(format!("blanks at the end of {line:?}: {text:?}")),
        None if once.contains("\n\n\n") || once.starts_with('\n') || once.ends_with("\n\n") => {
            Err(format!("blank lines: {text:?}\n{once}"))
        }
        None => Ok(()),
    }
}

#[test]
fn every_source_in_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in ["examples", "tests", "src", "benches"] {
        let pattern = root.join(folder).join("**/*.dsl");
        for path in glob::glob(pattern.to_str().unwrap()).unwrap() {
            let path = path.unwrap();
            let Ok(text) = String::from_utf8(std::fs::read(&path).unwrap()) else { continue };
            holds(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            count += 1;
        }
    }
    assert!(count > 5, "{count} sources");
}

#[test]
fn the_examples_are_in_the_canonical_layout() {
    let pattern = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/**/*.dsl");
    for path in glob::glob(pattern.to_str().unwrap()).unwrap() {
        let path = path.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(formatted(&text).unwrap(), text, "{}", path.display());
    }
}
