//! `relay check`: a built folder is good, and every kind of damage to it is told.

use super::run::{Folder, Ran};

/// The contoso estate, built for the relay into `out/hub`.
fn built() -> Folder {
    let folder = Folder::contoso();
    let ran = folder.run(&["build", "-o", "out", "--target", "relay"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    folder
}

fn yaml(folder: &Folder) -> String {
    std::fs::read_to_string(folder.path("out/hub/relay.yaml")).unwrap()
}

/// With each first occurrence of a text replaced by another.
fn changed(changes: &[(&str, &str)]) -> Ran {
    let folder = built();
    let mut text = yaml(&folder);
    for (from, to) in changes {
        assert!(text.contains(from), "{from} in {text}");
        text = text.replacen(from, to, 1);
    }
    std::fs::write(folder.path("out/hub/relay.yaml"), text).unwrap();
    folder.run(&["relay", "check", "out/hub/relay.yaml"])
}

#[test]
fn a_built_folder_is_good() {
    let ran = built().run(&["relay", "check", "out/hub/relay.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.contains("good: 2 domains, 3 connectors"), "{}", ran.stderr);
}

#[test]
fn a_mistake_of_form_has_its_line_and_column() {
    let cases = [
        ("server:", "sevrer:", ":3:1: error: unknown field `sevrer`"),
        ("version: 1", "version: 1\nversion: 1", ":2:1: error: duplicate field `version`"),
        (
            "  hostname: mail.contoso.com",
            "  hostname: mail.contoso.com\n  hostname: b.test",
            "duplicate field `hostname`",
        ),
        ("version: 1", "version: one", ":2:10: error: version: invalid type"),
        ("  hostname: mail.contoso.com", "  hostname: under_score", "`under_score` is not a domain"),
        ("  - 0.0.0.0:25", "  - 0.0.0.0", "invalid socket address"),
        ("    protocol: smtp", "    protocol: http", "unknown variant `http`"),
        ("routing:", "routing: [", "error: "),
    ];
    for (from, to, expected) in cases {
        let ran = changed(&[(from, to)]);
        assert_eq!(ran.code, 1, "{from}: {}", ran.stdout);
        assert!(ran.stdout.starts_with("out/hub/relay.yaml:"), "{}", ran.stdout);
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
}

#[test]
fn a_file_that_is_no_configuration_is_not_shown_whole() {
    let folder = built();
    std::fs::write(folder.path("notes.txt"), "word ".repeat(10_000)).unwrap();
    let ran = folder.run(&["relay", "check", "notes.txt"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("notes.txt:1:1: error: "), "{}", ran.stdout);
    assert!(ran.stdout.len() < 400, "{}", ran.stdout.len());
}

#[test]
fn every_other_problem_is_told_in_one_run() {
    let ran = changed(&[
        ("version: 1", "version: 7"),
        ("  - 10.0.0.0/8", "  - 0.0.0.0/0"),
        ("    reject: 5.1.1", "    reject: 2.1.1"),
        ("    - - to-exchange", "    - - to-exchnage"),
        (
            "      level: required",
            "      level: required\n    auth:\n      user: a\n      password-file: /nonexistent/p",
        ),
        ("    dns: true\n", ""),
        ("contacts.cdb", "../contacts.cdb"),
        ("accounts.cdb", "missing.cdb"),
        ("  listen:\n", "  max-size: 0\n  tls:\n    certificate: /nonexistent/c\n    key: /nonexistent/k\n  listen:\n"),
    ]);
    assert_eq!(ran.code, 1);
    for expected in [
        "error: version: 7 is not a version",
        "error: routing.trust[0]: `0.0.0.0/0` is everybody",
        "error: routing.domains[0].reject: `2.1.1` is not a status code",
        "error: routing.systems[0].tiers: no connector is called `to-exchnage`",
        "error: routing.connectors[1].auth: `to-unix` would send its password without",
        "warning: routing.connectors[1].auth.password-file: cannot find /nonexistent/p",
        "error: routing.connectors[2]: `internet` needs either `hosts` or `dns`",
        "error: routing.tables.contacts: `../contacts.cdb` is not the name of a file beside this one",
        "error: routing.tables.accounts: cannot use missing.cdb: No such file",
        "error: server.max-size: 0 is too little",
        "warning: server.tls.key: cannot find /nonexistent/k",
    ] {
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
}

#[test]
fn a_damaged_table_is_told() {
    let folder = built();
    let path = folder.path("out/hub/accounts.cdb");
    let good = std::fs::read(&path).unwrap();
    let last = good.len() - 4;
    let mut wrong_slot = good.clone();
    wrong_slot[last..].copy_from_slice(&[0xff; 4]);
    for damaged in [&good[..good.len() - 1], &good[..100], &wrong_slot, b""] {
        std::fs::write(&path, damaged).unwrap();
        let ran = folder.run(&["relay", "check", "out/hub/relay.yaml"]);
        assert_eq!(ran.code, 1, "{} octets", damaged.len());
        assert!(ran.stdout.contains("routing.tables.accounts: cannot use accounts.cdb: it is "), "{}", ran.stdout);
    }
}

#[test]
fn what_cannot_be_read_gives_2() {
    let ran = Folder::with(&[]).run(&["relay", "check"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot read relay.yaml"), "{}", ran.stderr);
}

#[test]
fn settings_are_copied_and_may_not_say_what_the_compiler_says() {
    let text = include_str!("contoso.dsl").replace("target     postfix", "target relay; settings own.yaml #");
    let folder = Folder::with(&[("routing.dsl", text.as_bytes()), ("own.yaml", b"log: {level: debug}\n")]);
    let ran = folder.run(&["build", "-o", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(yaml(&folder).ends_with("settings:\n  log:\n    level: debug\n"), "{}", yaml(&folder));
    for (content, message) in
        [("routing: {}\n", "`routing` in `own.yaml` is set by the compiler too"), ("- a\n", "no mapping of settings")]
    {
        std::fs::write(folder.path("own.yaml"), content).unwrap();
        let ran = folder.run(&["check", "--format", "plain"]);
        assert_eq!(ran.code, 1, "{content}");
        assert!(ran.stdout.contains("target::unsupported") && ran.stdout.contains(message), "{}", ran.stdout);
    }
}
