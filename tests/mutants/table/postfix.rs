//! Mistakes of the emitter for Postfix.

use super::super::passes::Pass::{self, Calm, OtherAuthority};
use super::{Folder, Mutant, POSTFIX};

const fn files(name: &'static str, pass: Pass, bend: fn(&mut Folder)) -> Mutant {
    Mutant::of_files(name, POSTFIX, pass, bend)
}

pub(super) const MUTANTS: &[Mutant] = &[
    files("the check who may relay is missing", Calm, |f| {
        f.replace(
            "main.cf",
            "    reject_unauth_destination\n",
            "    check_client_access static:OK\n    reject_unauth_destination\n",
        );
    }),
    files("the check whether anybody has a recipient is missing", Calm, |f| {
        f.replace(
            "main.cf",
            "allow_untrusted_routing = yes",
            "smtpd_reject_unlisted_recipient = no\nallow_untrusted_routing = yes",
        );
    }),
    files("a client in trust is none", Calm, |f| f.replace("trust", "10.0.0.0/24 trusted", "10.0.0.0/24 DUNNO")),
    files("a domain's `.` for its subdomains is lost", Calm, |f| {
        f.rekey("spaces.cdb", ".branch.example", "branch.example");
    }),
    files("subdomains are not among the domains of its own", Calm, |f| {
        f.rekey("domains.cdb", ".branch.example", "branch.example");
    }),
    files("a domain matches its subdomains", Calm, |f| {
        f.replace(
            "main.cf",
            "parent_domain_matches_subdomains =",
            "parent_domain_matches_subdomains = relay_domains, smtpd_access_maps",
        );
    }),
    files("an unknown recipient gets another status", Calm, |f| {
        f.set("spaces.cdb", "own.example", "error:5.7.1 Nobody here has this address");
    }),
    files("a refusal has another code", Calm, |f| f.replace("forms", "550 5.7.1 No domain", "554 5.7.1 No domain")),
    files("domain literals are taken", Calm, |f| f.replace("forms", "/@\\[[^@]*$/ 550", "/@\\[[^@]*nowhere$/ 550")),
    files("SMTPUTF8 is not asked for", Calm, |f| f.replace("forms", "/[^ -~]/", "/[^ -~]nowhere/")),
    files("the bare postmaster is somebody else", Calm, |f| {
        f.replace("commands", "${1}postmaster@mx.own.example>", "${1}nobody@mx.own.example>");
    }),
    files("local parts may route past us", Calm, |f| f.replace_all("odd_ours", "[@%!]", "[@!]")),
    files("a detail is not carried over to what a contact leads to", Calm, |f| {
        f.replace("main.cf", "propagate_unmatched_extensions = virtual", "propagate_unmatched_extensions =");
    }),
    files("duplicates are not merged", Calm, |f| {
        f.replace("main.cf", "enable_original_recipient = no", "enable_original_recipient = yes");
    }),
    files("contacts are followed one step only", Calm, |f| {
        f.replace("main.cf", "virtual_alias_domains =", "virtual_alias_recursion_limit = 1\nvirtual_alias_domains =");
    }),
    files("the next system is not asked", Calm, |f| f.drop("verify.cdb", "via.example")),
    files("a certificate has to be valid, for no matter whom", OtherAuthority, |f| {
        f.replace("master.cf", "smtp_tls_security_level=secure", "smtp_tls_security_level=encrypt");
    }),
    files("an MX is looked up for a smart host", Calm, |f| {
        f.set("spaces.cdb", "must.example", "c_must:must.own.example:25");
    }),
    files("what a later MTA refuses is taken", Calm, |f| f.replace("odd", "[@%!]", "[@!]")).in_pair(),
    files("an unknown recipient of a later MTA is taken", Calm, |f| {
        f.set("spaces.cdb", "own.example", "c_inward:[hub.own.example]:25");
    })
    .in_pair(),
    files("what the other MTA hands on is not told from strangers' mail", Calm, |f| {
        f.replace("peers", "10.2.0.25 from_hub", "");
    })
    .in_pair(),
];
