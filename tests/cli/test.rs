//! `test`: expectations that hold and that do not.

use super::run::Folder;

/// The contoso estate with one more expectation.
fn expecting(expect: &str) -> Folder {
    let text = format!("{}{expect}\n", include_str!("contoso.dsl"));
    Folder::with(&[("routing.dsl", text.as_bytes())])
}

#[test]
fn expectations_that_hold_give_a_line_each_and_0() {
    let ran = Folder::contoso().run(&["test"]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.stdout.lines().filter(|l| l.starts_with("ok      routing.dsl:")).count(), 4, "{}", ran.stdout);
    assert_eq!(ran.stderr, "4 expectations, 0 failed\n");
}

#[test]
fn every_part_of_an_expectation_is_held_to() {
    let cases = [
        ("bob@contoso.com rejected", "`bob@contoso.com` at `hub` is delivered at `exchange`, but should be rejected"),
        (
            "nobody@contoso.com",
            "`nobody@contoso.com` at `hub` is rejected with 5.1.1 (nobody has it), but should be delivered",
        ),
        (
            "nobody@contoso.com rejected 5.7.1",
            "is rejected with 5.1.1 (nobody has it), but should be rejected with 5.7.1",
        ),
        ("bob@contoso.com -> carol@contoso.com", "as `bob@contoso.com`, but should become `carol@contoso.com`"),
        ("bob@contoso.com via to-unix", "is delivered at `exchange` by `to-exchange`, but should go by `to-unix`"),
        ("bob@contoso.com to unix", "is delivered at `exchange`, but should end at `unix`"),
        ("x@example.org from anyone", "and who asks is not in `trust`), but should be delivered"),
    ];
    for (expect, message) in cases {
        let ran = expecting(&format!("expect {expect}")).run(&["test"]);
        assert_eq!(ran.code, 1, "{expect}: {}", ran.stdout);
        assert!(ran.stdout.contains(&format!("FAILED  routing.dsl:46  expect {expect}\n")), "{}", ran.stdout);
        assert!(ran.stdout.contains(message), "{expect}: {}", ran.stdout);
        assert_eq!(ran.stderr, "5 expectations, 1 failed\n");
    }
}

#[test]
fn expectations_hold_in_every_form() {
    let held = [
        "x@example.org from anyone rejected 5.7.1",
        "x@example.org from anyone rejected",
        "ann@contoso.com at hub -> ann@unix.contoso.com via to-unix to unix",
        "postmaster@contoso.com to exchange",
        "X@Example.ORG to internet",
    ];
    for expect in held {
        let ran = expecting(&format!("expect {expect}")).run(&["test"]);
        assert_eq!(ran.code, 0, "{expect}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn junit_is_xml_with_everything_escaped() {
    let ran = expecting("expect \"<&\\\"'\"@contoso.com").run(&["test", "--format", "junit"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"5\" failures=\"1\">")
    );
    assert!(ran.stdout.contains("<failure message=\"`&quot;&lt;&amp;\\&quot;'&quot;@contoso.com`"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("</testsuite>\n</testsuites>\n"));
}

#[test]
fn an_estate_with_errors_fails_though_its_expectations_hold() {
    let ran = expecting("connector broken { to nowhere; smart-host h.test }").run(&["test"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("routing.dsl has 1 error"), "{}", ran.stderr);
}
