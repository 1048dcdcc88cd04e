//! What is said of text that is not the language: one report a mistake, at its place, and reading goes on.

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
