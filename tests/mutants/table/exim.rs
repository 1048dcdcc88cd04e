//! Mistakes of the emitter for Exim.

use super::super::passes::Pass::{self, Calm, NoTls, OtherAuthority, OtherName, TooLarge};
use super::{EXIM, Folder, Mutant};

const CONF: &str = "exim.conf";

const fn files(name: &'static str, pass: Pass, bend: fn(&mut Folder)) -> Mutant {
    Mutant::of_files(name, EXIM, pass, bend)
}

pub(super) const MUTANTS: &[Mutant] = &[
    files("the check who may relay is missing", Calm, |f| {
        f.replace(CONF, "acl_may_relay:\n  accept\n    hosts = +trusted\n  deny", "acl_may_relay:\n  accept");
    }),
    files("the check whether anybody has a recipient is missing", Calm, |f| {
        f.replace(CONF, "    verify = recipient\n", "");
    }),
    files("case is not folded", Calm, |f| {
        f.replace(CONF, "set = r_local = ${lc:$local_part}", "set = r_local = $local_part");
    }),
    files("subdomains are lost", Calm, |f| f.rekey("domains.cdb", "*.branch.example", "*branch.example")),
    files("`*.d` matches d too", Calm, |f| f.drop("domains.cdb", "wide.example")),
    files("an unknown recipient gets another status", Calm, |f| {
        f.set("domains.cdb", "own.example", "own=yes no=5.7.1")
    }),
    files("a refusal has another code", Calm, |f| {
        f.replace(CONF, "550 5.7.1 domain literals", "554 5.7.1 domain literals")
    }),
    files("domain literals are taken", Calm, |f| f.replace(CONF, "{$domain}{\\N^\\[\\N}", "{$domain}{\\N^nowhere\\N}")),
    files("the bare postmaster is refused", Calm, |f| {
        f.replace(CONF, "!eqi{$local_part}{postmaster}", "!eqi{$local_part}{nobody}")
    }),
    files("SMTPUTF8 is not asked for", Calm, |f| {
        f.replace(CONF, "match{$local_part}{\\N[\\x80-\\xff]", "match{$local_part}{\\N[\\x01]")
    }),
    files("local parts may route past us", Calm, |f| f.replace(CONF, "{$local_part}{[@%!]}", "{$local_part}{[@!]}")),
    files("a detail is not carried over to what a contact leads to", Calm, |f| {
        f.replace(CONF, "$\\N}{\\$1}}$r_detail", "$\\N}{\\$1}}");
    }),
    files("a sub-address is cut at the last separator", Calm, |f| {
        f.replace(
            CONF,
            "set = r_base = ${if eq{$r_row}{}{${if match{$r_local}{\\N(?i)^(.(?:(?!\\x2b).)*)",
            "set = r_base = ${if eq{$r_row}{}{${if match{$r_local}{\\N(?i)^(.*)",
        );
    }),
    files("duplicates are not merged", Calm, |f| {
        f.replace(CONF, "${if inlist{${extract{id}", "${if inlist{x${extract{id}")
    }),
    files("a contact's local part ends at its blank", Calm, |f| {
        f.set("addresses.cdb", "\"c d\"@own.example", ">other.example \"night\"")
    }),
    files("the next system is not asked", Calm, |f| {
        f.replace(CONF, "    !verify = recipient/callout=30s\n", "    condition = false\n")
    }),
    files("too large for a connector is not refused", TooLarge, |f| {
        f.replace(CONF, "to_c_small=20480", "to_c_small=99999999")
    }),
    files("TLS is not required", NoTls, |f| f.replace(CONF, "hosts_require_tls = *\n", "")),
    files("a certificate's name is not looked at", OtherName, |f| {
        f.replace(CONF, "{}{the certificate is not for mail.named.example}", "{}{}");
    }),
    files("a certificate is not verified", OtherAuthority, |f| {
        f.replace(CONF, "tls_verify_hosts = *\n  tls_sni = $host", "tls_try_verify_hosts = *\n  tls_sni = $host");
    }),
    files("hosts in order are taken at random", Calm, |f| {
        f.replace(CONF, "[10.0.1.9]:2424, +, [10", "[10.0.1.9]:2424, [10")
    }),
    files("what a later MTA refuses is taken", Calm, |f| {
        f.replace(CONF, "{$local_part}{[@%!]}{${extract{odd}", "{$local_part}{[@!]}{${extract{odd}")
    })
    .in_pair(),
    files("an unknown recipient of a later MTA is taken", Calm, |f| {
        f.set("domains.cdb", "own.example", "own=yes relay=yes to=c_inward odd=5.7.1");
    })
    .in_pair(),
    files("what the other MTA hands on is refused", Calm, |f| f.set("domains.cdb", "*", "to=c_internet")).in_pair(),
];
