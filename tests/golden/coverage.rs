//! What must be covered by some case: every field of the language, every diagnostic, and every difference between real MTAs
//! that is known to matter.
//!
//! A case names what it covers in the comments at its head: `# covers: field:mta.listen, known:empty-local-part`.

use std::collections::{BTreeMap, BTreeSet};

use mailswitch::diagnostic::code::ALL;

use super::case::all;

/// Statements and fields.
const FIELDS: &[&str] = &[
    "include",
    "mta.target",
    "mta.maps",
    "mta.hostname",
    "mta.listen",
    "mta.address",
    "mta.trust",
    "mta.postmaster",
    "mta.tls",
    "mta.max-size",
    "mta.queue-lifetime",
    "mta.subaddress",
    "mta.smtputf8",
    "mta.milter",
    "mta.settings",
    "mta.emit",
    "system.domain",
    "system.account",
    "system.accounts-from",
    "system.address",
    "system.forwards",
    "system.authoritative",
    "domain.domain",
    "domain.shared",
    "domain.relay",
    "domain.unresolved-reject",
    "domain.unresolved-via",
    "domain.verify",
    "domain.on",
    "domain.mx",
    "connector.from",
    "connector.to",
    "connector.address-space",
    "connector.cost",
    "connector.smart-host",
    "connector.balanced",
    "connector.dns",
    "connector.protocol",
    "connector.tls",
    "connector.auth",
    "connector.source-address",
    "connector.concurrency",
    "connector.max-size",
    "contact.primary",
    "contact.secondary",
    "contacts.from",
    "contacts.columns",
    "expect.from-anyone",
    "expect.at",
    "expect.becomes",
    "expect.via",
    "expect.to",
    "expect.rejected",
];

/// Where Postfix and Exim, left to themselves, would do different things, or the wrong one.
const KNOWN: &[(&str, &str)] = &[
    ("cycle", "a circle of contacts defers a whole message, or is delivered unchanged"),
    ("self-alias", "a contact that is its own secondary"),
    ("dangling-target", "a contact's target in a domain of ours that nobody holds: backscatter, or a refusal"),
    ("three-aliases", "three addresses of one message that lead to one target: three copies, or one"),
    ("case-in-one-message", "BOB@ and bob@ in one message: one copy, or two"),
    ("needless-quotes", "\"bob\"@d and \"b\\ob\"@d are bob@d"),
    ("quoted-key", "\"a b\"@d is looked up with its quotes, or without"),
    ("at-in-local-part", "\"a@b\"@d from outside: refused, or taken"),
    ("percent", "a%b@d routes past us, or not"),
    ("bang-without-domain", "a!b without a domain: qualified and sent out, or refused"),
    ("domain-literal", "bob@[192.0.2.1] goes to the connector for everything, or is refused"),
    ("trailing-dot", "bob@d. is bob@d, or an error"),
    ("source-route", "@relay:bob@d"),
    ("bare-postmaster", "the postmaster without a domain, from outside"),
    ("postmaster-owned", "postmaster@ a domain of ours that nobody listed"),
    ("tag-without-delimiter", "user+tag where no separator is set"),
    ("relay-refusal-code", "554 or 550 for relaying that is denied"),
    ("domain-alias", "@d as the value of an alias"),
    ("strict-wildcard", "*.d and d itself"),
    ("map-precedence", "exact, parent and * across several tables"),
    ("size", "the size that is announced"),
    ("fallback", "the next host after a refused connection"),
    ("hosts-max-try", "a sixth host after five dead ones"),
    ("several-nexthops", "several next hops in one value"),
    ("load-balancing", "a shared load needs a random choice"),
    ("error-transport", "an unknown recipient refused at RCPT and not later"),
    ("null-sender", "a bounce through a contact"),
    ("letter-case-on-the-wire", "the local part goes out as it came in"),
    ("folded-keys", "lookups fold case, keys do not"),
    ("lsearch-keys", "keys with blanks and colons in text tables"),
    ("exim-session-limits", "the eleventh message of a session"),
    ("smuggling", "bare newlines"),
    ("dangerous-defaults", "defaults that must be overridden"),
    ("values", "a contact's target that looks like a pipe, a file or an expansion"),
    ("keys", "an address that looks like a comment"),
    ("config-text", "names and labels with an MTA's syntax in them"),
    ("one-transport", "one service or transport for each connector or group"),
    ("fallback-relay", "a smart host behind an MX lookup"),
    ("dearer-dns", "an MX lookup behind a smart host"),
    ("downgrade", "a fall-back that would send in clear"),
    ("auth", "a password where the server does not ask for one"),
    ("verified", "the name on a certificate"),
    ("known-at-sign", "a known \"a@b\"@d from outside"),
    ("utf8", "Unicode folding, or ASCII alone"),
    ("u-labels", "U-labels and A-labels of one domain"),
    ("empty-local-part", "+x@d split into nothing"),
    ("secondary-outside", "a contact's secondary that is not in a domain of this MTA"),
    ("names", "connectors called like an MTA's own services"),
    ("source-address", "one address to speak from, and one family"),
    ("wildcard-domains", "a relay domain with all its subdomains"),
    ("call-out", "asking the next hop at RCPT time"),
    ("lmtp-service", "LMTP has parameters of its own"),
    ("bare-newline", "a setting that a version does not know"),
];

/// What each tag is covered by.
fn covered() -> BTreeMap<String, Vec<String>> {
    let mut covered: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for case in all() {
        let text = String::from_utf8_lossy(&std::fs::read(case.folder.join("routing.dsl")).unwrap()).into_owned();
        for line in text.lines().filter_map(|line| line.strip_prefix("# covers: ")) {
            for tag in line.split(", ") {
                covered.entry(tag.to_owned()).or_default().push(case.name.clone());
            }
        }
    }
    covered
}

fn to_cover() -> BTreeSet<String> {
    let fields = FIELDS.iter().map(|field| format!("field:{field}"));
    let codes = ALL.iter().map(|code| format!("code:{}", code.name));
    let known = KNOWN.iter().map(|(name, _)| format!("known:{name}"));
    fields.chain(codes).chain(known).collect()
}

#[test]
fn everything_is_covered() {
    let covered = covered();
    let missing: Vec<String> = to_cover().into_iter().filter(|tag| !covered.contains_key(tag)).collect();
    assert!(missing.is_empty(), "no case covers {missing:#?}");
}

#[test]
fn every_tag_means_something() {
    let known = to_cover();
    let strange: Vec<_> = covered().into_iter().filter(|(tag, _)| !known.contains(tag)).collect();
    assert!(strange.is_empty(), "nobody knows {strange:#?}");
}

/// A case that claims a code shows it.
#[test]
fn claimed_codes_are_reported() {
    for case in all() {
        let text = String::from_utf8_lossy(&std::fs::read(case.folder.join("routing.dsl")).unwrap()).into_owned();
        let diagnostics = case.read("diagnostics.txt").unwrap_or_default();
        let claims = text.lines().filter_map(|line| line.strip_prefix("# covers: ")).flat_map(|line| line.split(", "));
        for code in claims.filter_map(|tag| tag.strip_prefix("code:")) {
            assert!(diagnostics.contains(&format!("[{code}]")), "{} does not show {code}", case.name);
        }
    }
}
