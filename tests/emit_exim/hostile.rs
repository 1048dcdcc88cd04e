//! Whatever a source says is data for Exim: in the text of the configuration, in the tables, in a redirection.

use std::fmt::Write as _;

use mailswitch::emit::exim::quote;
use mailswitch::lab::Exim;
use mailswitch::name::Mailbox;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{build, install};
use crate::support::world;

/// The same samples on every run.
fn samples<T>(strategy: impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// What means something to one of Exim's readers, and some of the rest.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "$",
        "{",
        "}",
        "\\",
        "\"",
        "#",
        ":",
        ";",
        ",",
        "|",
        "/",
        "!",
        "%",
        "@",
        "+",
        "^",
        "<",
        ">",
        "(",
        ")",
        " ",
        "  ",
        "${run{/bin/touch /tmp/x}}",
        "\\N",
        "\\n",
        "$0",
        "$1",
        ":include:/etc/passwd",
        ":fail:",
        ":blackhole:",
        "_HAVE_TLS",
        ".include",
        "*",
        "~",
        "=",
        "'",
        "`",
        "a",
        "Z",
        "0",
        "é",
        "ß",
        "日",
        "..",
        "<;",
    ]);
    prop::collection::vec(pieces, 1..8).prop_map(|pieces| pieces.concat())
}

/// A local part of such text, quoted as it may have to be.
fn quoted_local(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[test]
fn quoted_values_expand_to_themselves() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("exim.conf"), "keep_environment =\n").unwrap();
    let exim = Exim::install(&hub, folder.path()).unwrap();
    let texts = samples(hostile_text(), 400);
    let quoted: Vec<String> = texts.iter().map(|text| quote::expanded(text)).collect();
    // A line that looks like a macro's definition would be one for `-be`.
    let asked: Vec<String> = quoted.iter().map(|quoted| format!("-{quoted}-")).collect();
    let expanded = exim.be(&asked.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    assert_eq!(expanded, texts.iter().map(|text| format!("-{text}-")).collect::<Vec<_>>());
    for quoted in &quoted {
        assert!(!quoted.contains([' ', '$', '{', '}', '#', '"', ':', ';', ',', '\n']), "{quoted}");
    }

    let mailboxes: Vec<Mailbox> =
        texts.iter().filter_map(|text| Mailbox::parse(&format!("{}@example.org", quoted_local(text))).ok()).collect();
    assert!(mailboxes.len() > 300);
    let asked: Vec<String> = mailboxes
        .iter()
        .map(|m| format!("${{quote_local_part:{}}}@{}", quote::expanded(&m.content()), m.domain()))
        .collect();
    let keys: Vec<String> = mailboxes.iter().map(|m| quote::key(m.as_str()).into_owned()).collect();
    assert_eq!(exim.be(&asked.iter().map(String::as_str).collect::<Vec<_>>()).unwrap(), keys);
}

#[test]
fn every_address_is_found_and_every_rewriting_is_to_that_address_alone() {
    let texts = samples(hostile_text(), 150);
    let mut pairs: Vec<(String, String)> = Vec::new();
    for text in
        texts.iter().chain(&["|/bin/sh".to_owned(), "/etc/passwd".to_owned(), "#x".to_owned(), "a..b".to_owned()])
    {
        let from = format!("{}@contoso.com", quoted_local(text));
        let to = format!("{}@unix.contoso.com", quoted_local(text));
        let known =
            |pairs: &[(String, String)], m: &Mailbox| pairs.iter().any(|(f, _)| Mailbox::parse(f).unwrap() == *m);
        match Mailbox::parse(&from) {
            Ok(mailbox) if !known(&pairs, &mailbox) => pairs.push((from, to)),
            _ => {}
        }
    }
    for maps in ["cdb", "lsearch"] {
        let mut dsl = format!(
            "mta hub {{ target exim; maps {maps}; hostname hub.contoso.com; postmaster p@unix.contoso.com; smtputf8 yes }}\n\
             system unix {{ domain unix.contoso.com }}\nshared domain contoso.com\n\
             connector to-unix {{ to unix; smart-host [192.0.2.1] }}\nconnector internet {{ address-space *; dns }}\n"
        );
        for (number, (from, to)) in pairs.iter().enumerate() {
            writeln!(dsl, "contact \"{number}\" {{ primary {to}; secondary {from} }}").unwrap();
        }
        let world = world();
        let hub = world.node("hub", &["198.51.100.1"]).unwrap();
        let exim = install(&hub, &build(&[("routing.dsl", dsl.as_bytes())]), "hub");
        for (from, to) in &pairs {
            let output = exim.bt(&[from]).unwrap();
            let shown = output.stdout.lines().next().unwrap_or_default().trim_start_matches("> ").trim();
            let found = Mailbox::parse(shown.split("    [").next().unwrap_or_default());
            assert_eq!(found.ok(), Mailbox::parse(to).ok(), "{maps} {from}: {}", output.text());
            assert!(output.stdout.contains("router = c_to_unix, transport = c_to_unix"), "{}", output.text());
        }
        assert_eq!(hub.read("/tmp/x"), None, "nothing was run");
    }
}

#[test]
fn hostile_paths_and_users_are_data() {
    // Paths and users are held to fewer characters by the language itself; what is left must still be data.
    let path = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && !"/._-+@=".contains(c), "_");
    let texts = samples(hostile_text(), 60);
    let users: Vec<&String> = texts.iter().filter(|t| !t.contains([':', '"', '\\']) && t.trim() == *t).collect();
    assert!(users.len() > 15);
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    for chunk in users.chunks(20) {
        let mut dsl = "mta hub { target exim; hostname hub.contoso.com; postmaster p@contoso.com\n".to_owned();
        writeln!(dsl, "tls certificate \"/c/_HAVE_TLS{0}\" key \"/k/{0}\" }}", path(chunk[0])).unwrap();
        dsl.push_str("system s { account p@contoso.com }\nshared domain contoso.com\n");
        dsl.push_str("connector to-s { to s; smart-host [192.0.2.1] }\nconnector internet { address-space *; dns }\n");
        for (number, text) in chunk.iter().enumerate() {
            writeln!(
                dsl,
                "connector c{number} {{ address-space d{number}.example; smart-host h{number}.example\n\
                 tls verified ca \"/ca/{0}\"; auth \"u{text}\" password file \"/pw/{0}\" }}",
                path(text)
            )
            .unwrap();
        }
        let exim = install(&hub, &build(&[("routing.dsl", dsl.as_bytes())]), "hub");
        let value = |items: &[&str], option: &str| {
            let shown = exim.bp(items).unwrap().stdout;
            let start = format!("{option} = ");
            shown.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default().to_owned()
        };
        let main = [value(&["tls_certificate"], "tls_certificate"), value(&["tls_privatekey"], "tls_privatekey")];
        let expected = [format!("/c/_HAVE_TLS{}", path(chunk[0])), format!("/k/{}", path(chunk[0]))];
        assert_eq!(exim.be(&[&main[0], &main[1]]).unwrap(), expected);
        let sent = value(&["authenticator", "send_login"], "client_send");
        for (number, text) in chunk.iter().enumerate() {
            let ca = value(&["transport", &format!("c_c{number}")], "tls_verify_certificates");
            assert_eq!(exim.be(&[&ca]).unwrap(), [format!("/ca/{}", path(text))]);
            assert!(sent.contains(&format!("{{{}}}", quote::sent(&format!("u{text}")))), "{sent}");
            assert!(
                sent.contains(&format!("${{readfile{{{}}}", quote::expanded(&format!("/pw/{}", path(text))))),
                "{sent}"
            );
        }
    }
}
