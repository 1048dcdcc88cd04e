//! Names and numbers that the estates are made of.
//!
//! All lie in what is set aside for documentation, and none in what the laboratory uses itself: 127/8, 198.18/15,
//! 100.64/16, fd98::/16, and 203.0.113.250, which must be in nobody's `trust`.

/// Domains of ours: overlapping, with U-labels, in upper case.
pub(super) const OURS: [&str; 9] = [
    "a.test",
    "b.test",
    "x.a.test",
    "y.x.a.test",
    "\u{fc}ber.test",
    "Big.Example",
    "c-d.example",
    "xn--bcher-kva.example",
    "z9.b.test",
];
/// Other people's domains.
pub(super) const FOREIGN: [&str; 7] = [
    "elsewhere.example",
    "partner.example",
    "in.partner.example",
    "deep.in.partner.example",
    "stra\u{df}e.example",
    "faraway.test",
    "Other.Example",
];
/// What special connectors are for.
pub(super) const SPACES: [&str; 6] =
    ["*.partner.example", "partner.example", "*.in.partner.example", "*.example", "*.test", "faraway.test"];
/// Where every recipient is taken.
pub(super) const RELAYED: [&str; 9] = [
    "relay.test",
    "*.relay.test",
    "*.sub.relay.test",
    "old.relay.test",
    "customer.example",
    "*.customer.example",
    "R\u{e9}lais.test",
    "*.x.a.test",
    "*.a.test",
];

pub(super) const TRUSTED: [&str; 9] = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.20.30.40",
    "192.0.2.0/24",
    "198.51.100.128/25",
    "203.0.113.0/25",
    "203.0.113.130",
    "2001:db8:10::/48",
    "2001:db8:9::9",
];

/// Local parts as they are written; the second part of an address makes them unique.
pub(super) const PLAIN: [&str; 10] = ["ann", "bob", "Carol", "d.e", "f-g", "h_i", "U", "x", "info", "SALES"];
/// What some MTA or table has a meaning of its own for. `N` is where a number goes.
pub(super) const ODD: [&str; 36] = [
    "aN+t",
    "+N",
    "aN+",
    "aN+t+u",
    "aN-t",
    "-N",
    "aN%b.test",
    "a!bN",
    "a/bN",
    "/etc/xN",
    "{xN}",
    "${xN}",
    "$aN",
    "a#bN",
    "\"#N\"",
    "=N=",
    "o'xN",
    "`xN`",
    "*N",
    "&N",
    "^N$",
    "~N",
    "|xN",
    "?N",
    "aN=b",
    "aN_b",
    "\"a bN\"",
    "\"a@bN\"",
    "\"a\\\"bN\"",
    "\"a\\\\bN\"",
    "\"a,bN\"",
    "\"a:bN\"",
    "\":N\"",
    "\"a;bN\"",
    "\"(aN)\"",
    "\"plN\"",
];
pub(super) const UTF8: [&str; 6] =
    ["j\u{f6}rgN", "\u{fc}N", "stra\u{df}eN", "\u{7528}\u{6237}N", "\u{c9}t\u{e9}N", "\"\u{e9} N\""];

/// A local part of a pool with its number.
pub(super) fn numbered(form: &str, number: usize) -> String {
    form.replace('N', &number.to_string())
}
