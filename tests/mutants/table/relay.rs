//! Mistakes of the emitter for the relay.

use super::super::passes::Pass::{self, Calm};
use super::{Folder, Mutant, RELAY};

const YAML: &str = "relay.yaml";

const fn files(name: &'static str, pass: Pass, bend: fn(&mut Folder)) -> Mutant {
    Mutant::of_files(name, RELAY, pass, bend)
}

pub(super) const MUTANTS: &[Mutant] = &[
    files("an unknown recipient gets another status", Calm, |f| f.replace(YAML, "reject: 5.1.1", "reject: 5.7.1")),
    files("the bare postmaster is somebody else", Calm, |f| {
        f.replace(YAML, "postmaster: postmaster@mx", "postmaster: nobody@mx");
    }),
    files("a relay domain is none", Calm, |f| {
        f.replace(YAML, "    relay: true\n    verify: true\n", "    reject: 5.1.1\n")
    }),
    files("a relay domain's subdomains are lost", Calm, |f| {
        f.replace(YAML, "domain: '*.branch.example'", "domain: branch.example")
    }),
    files("an account's system is lost", Calm, |f| f.replace(YAML, "- name: annex\n", "- name: attic\n")),
    files("the tiers are in the wrong order", Calm, |f| {
        f.replace(YAML, "    - - cheap\n    - - dear\n", "    - - dear\n    - - cheap\n")
    }),
    files("what the other MTA hands on is refused", Calm, |f| {
        f.replace(
            YAML,
            "  - name: hub\n    addresses:\n    - 10.2.0.25\n",
            "  - name: hub\n    addresses:\n    - 10.2.0.99\n",
        )
    })
    .in_pair(),
    files("what a later MTA refuses is taken", Calm, |f| f.replace(YAML, "    routes-past: 5.7.1\n", "")).in_pair(),
    files("an unknown recipient of a later MTA is taken", Calm, |f| f.replace(YAML, "    plain: 5.1.1\n", ""))
        .in_pair(),
    files("a known recipient of a later MTA is refused", Calm, |f| f.drop("recipients.cdb", "bob@own.example"))
        .in_pair(),
];
