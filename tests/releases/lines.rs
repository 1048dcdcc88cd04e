//! For every supported release, the lines that are there for it and those that it does not know.

use mailswitch::plan::TargetKind::{self, Exim, Postfix};

use crate::cli::run::Folder;

/// It asks for everything whose emitted form depends on the release.
const RICH: &str = "mta hub {
    target TARGET
    hostname hub.own.example; trust 10.0.0.0/8; postmaster bob@own.example; smtputf8 yes; subaddress \"+\"
    tls certificate /etc/hub.crt key /etc/hub.key
}
system store { account bob@own.example }
domain own.example
connector to-store {
    to store; smart-host store.own.example; source-address 198.51.100.1; tls verified
    auth hub password file /etc/hub.password
}
connector smart { address-space *.example; smart-host [192.0.2.7]; tls required }
connector internet { address-space *; dns; tls opportunistic }
";

/// A release that is named, what it gets, and what it does not get.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const BEFORE_3_6: &[&str] =
    &["compatibility_level = 2\n", "_tls_mandatory_protocols = !SSLv2, !SSLv3, !TLSv1, !TLSv1.1\n"];
const FROM_3_6: &[&str] = &["compatibility_level = 3.6\n", "_tls_mandatory_protocols = >=TLSv1.2\n"];
const BINDS: &str = "smtp_bind_address_enforce=yes";
const NORMALIZES: &[&str] = &["smtpd_forbid_unauth_pipelining = yes\n", "smtpd_forbid_bare_newline = normalize\n"];
const UNPROTECTED: &str = "smtpd_forbid_bare_newline";
const WAIVE: &str = "tls_required_enable";
const REQUIRE: &str = "requiretls_enable";

const POSTFIX: &[Row] = &[
    ("3.5", BEFORE_3_6, &[BINDS, WAIVE, REQUIRE]),
    ("3.5", NORMALIZES, &[]),
    ("3.5.19", &["smtpd_data_restrictions = reject_unauth_pipelining\n"], &["smtpd_forbid"]),
    ("3.5.20", &["smtpd_forbid_unauth_pipelining = yes\n"], &["smtpd_data_restrictions", UNPROTECTED]),
    ("3.5.23", &["smtpd_forbid_bare_newline = yes\n"], &["normalize"]),
    ("3.5.24", NORMALIZES, &["smtpd_data_restrictions"]),
    ("3.6", FROM_3_6, &[BINDS, WAIVE, REQUIRE]),
    ("3.6", NORMALIZES, &[]),
    ("3.6.9", &["smtpd_data_restrictions"], &["smtpd_forbid"]),
    ("3.6.13", &["smtpd_forbid_bare_newline = yes\n"], &["normalize"]),
    ("3.7", FROM_3_6, &[WAIVE, REQUIRE]),
    ("3.7", NORMALIZES, &[]),
    ("3.7", &[BINDS], &[]),
    ("3.7.5", &["smtpd_data_restrictions", BINDS], &["smtpd_forbid"]),
    ("3.7.9", &["smtpd_forbid_bare_newline = yes\n"], &["normalize"]),
    ("3.8", NORMALIZES, &[WAIVE, REQUIRE]),
    ("3.8.0", &["smtpd_data_restrictions"], &["smtpd_forbid"]),
    ("3.8.4", &["smtpd_forbid_bare_newline = yes\n"], &["normalize"]),
    ("3.9", NORMALIZES, &[WAIVE, REQUIRE]),
    ("3.9", FROM_3_6, &[]),
    ("3.10", NORMALIZES, &[REQUIRE]),
    ("3.10", &["tls_required_enable = no\n", "compatibility_level = 3.6\n"], &[]),
    ("3.11", NORMALIZES, &[]),
    ("3.11", &["tls_required_enable = no\n", "requiretls_enable = no\n", "compatibility_level = 3.11\n"], &[]),
];

const LONG_LINES: &str = "  message_linelength_limit = 1000000000\n";
const NO_PIPELINING: &str = "pipelining_advertise_hosts =\nsmtp_enforce_sync = true\n";

const FRESH_NUMBERS: &str = "    domains = *\n    set acl_m_local";

const EXIM: &[Row] = &[
    ("4.94", &[NO_PIPELINING, FRESH_NUMBERS], &["message_linelength_limit"]),
    ("4.94.2", &[NO_PIPELINING, FRESH_NUMBERS], &["message_linelength_limit"]),
    ("4.95", &[NO_PIPELINING, LONG_LINES, FRESH_NUMBERS], &[]),
    ("4.96", &[NO_PIPELINING, LONG_LINES, FRESH_NUMBERS], &[]),
    ("4.97.0", &[NO_PIPELINING, LONG_LINES, FRESH_NUMBERS], &[]),
    ("4.97", &[LONG_LINES, FRESH_NUMBERS], &[NO_PIPELINING]),
    ("4.98", &[LONG_LINES], &[NO_PIPELINING, FRESH_NUMBERS]),
    ("4.99", &[LONG_LINES], &[NO_PIPELINING, FRESH_NUMBERS]),
    ("4.100", &[LONG_LINES], &[NO_PIPELINING, FRESH_NUMBERS]),
    ("", &[LONG_LINES, FRESH_NUMBERS], &[NO_PIPELINING]),
];

fn emitted(target: TargetKind, version: &str) -> String {
    let dsl = RICH.replace("TARGET", &format!("{} {version}", target.as_str()));
    let folder = Folder::with(&[("routing.dsl", dsl.as_bytes())]);
    let ran = folder.run(&["build", "--format", "plain", "-o", "out"]);
    assert_eq!(ran.code, 0, "{target:?} {version}: {}", ran.stderr);
    let read = |name: &&str| std::fs::read_to_string(folder.path(&format!("out/hub/{name}"))).unwrap();
    let names: &[&str] = if target == Postfix { &["main.cf", "master.cf"] } else { &["exim.conf"] };
    names.iter().map(read).collect()
}

fn hold(target: TargetKind, rows: &[Row]) {
    for (version, there, absent) in rows {
        let text = emitted(target, version);
        for line in *there {
            assert!(text.contains(line), "{target:?} {version} lacks {line:?}");
        }
        for line in *absent {
            assert!(!text.contains(line), "{target:?} {version} has {line:?}");
        }
    }
}

#[test]
fn a_release_of_postfix_gets_what_it_knows() {
    hold(Postfix, POSTFIX);
    assert_eq!(emitted(Postfix, ""), emitted(Postfix, "3.7"));
}

#[test]
fn a_release_of_exim_gets_what_it_knows() {
    hold(Exim, EXIM);
}

/// From 4.99 on a list with `$domain` in it is split at colons, whatever it says of its separator.
#[test]
fn a_list_of_hosts_with_some_from_the_dns_is_split_at_colons() {
    let dns = "connector internet { address-space *; dns; tls opportunistic }";
    let both = "connector first { address-space *; smart-host [2001:db8::7]:26, b.example }
connector internet { address-space *; cost 9; dns }";
    let dsl = RICH.replace("TARGET", "exim").replace(dns, both);
    let folder = Folder::with(&[("routing.dsl", dsl.as_bytes())]);
    let ran = folder.run(&["build", "--format", "plain", "-o", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = std::fs::read_to_string(folder.path("out/hub/exim.conf")).unwrap();
    let list = "route_list = * \"[2001::db8::::7]::26 : + : b.example::25 : + : ${lookup dnsdb";
    assert!(text.contains(list), "{text}");
    assert!(text.contains("route_list = * \"<, [192.0.2.7]:25\" randomize"), "{text}");
}

#[test]
fn a_release_that_nobody_wrote_for_is_refused_where_it_is_named() {
    let unknown = [(Postfix, ["3.4", "3.12", "2.11", "4.96"]), (Exim, ["4.93", "4.101", "3.36", "5.0"])];
    for (target, versions) in unknown {
        for version in versions {
            let dsl = RICH.replace("TARGET", &format!("{} {version}", target.as_str()));
            let folder = Folder::with(&[("routing.dsl", dsl.as_bytes())]);
            let ran = folder.run(&["build", "--format", "plain", "-o", "out"]);
            let told = ran.stderr.contains("target::unsupported") && ran.stderr.contains("help: name one from");
            assert!(ran.code == 1 && told && ran.stderr.contains("routing.dsl:2:5"), "{version}: {}", ran.stderr);
        }
    }
}

#[test]
fn an_exim_that_cannot_read_the_names_of_a_certificate_is_not_asked_to() {
    for (version, code) in [("4.94", 1), ("4.95", 1), ("4.96", 0), ("", 0)] {
        let dsl = RICH.replace("TARGET", &format!("exim {version}"));
        let dsl = dsl.replace("tls verified", "tls verified name mx.own.example");
        let folder = Folder::with(&[("routing.dsl", dsl.as_bytes())]);
        let ran = folder.run(&["build", "--format", "plain", "-o", "out"]);
        let told = ran.stderr.contains("routing.dsl:9:92: error[target::unsupported]");
        assert_eq!((ran.code, told), (code, code == 1), "{version}: {}", ran.stderr);
    }
}
