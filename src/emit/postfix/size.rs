//! `max-size` of a connector: the SMTP client is told that the next hop announces no more than that.
//!
//! smtp(8) has no limit of its own, but bounces with 5.3.4 what is larger than the server's SIZE (RFC 1870).
//! smtp_reply_filter rewrites replies line by line: a pattern finds lines of an EHLO reply, and a table has what comes
//! in their place. A value of a cdb table may hold a line end, so that a line can become two (measured on 3.7.11),
//! which is how SIZE gets into the reply of a server that announces none.

use super::tables::Table;

/// Keywords that stand alone on their line, and so can be put back as they were.
const KEYWORDS: &[&str] = &[
    "PIPELINING",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "STARTTLS",
    "SMTPUTF8",
    "DSN",
    "CHUNKING",
    "HELP",
    "ETRN",
    "VRFY",
];

/// regexp_table(5) lines: which line of a reply is which row of the table.
pub(super) fn patterns(hostname: &str) -> Vec<String> {
    let own = super::quote::pattern(hostname);
    let mut lines = vec![
        "/^250-SIZE( |$)/ size-".to_owned(),
        "/^250 SIZE( |$)/ size".to_owned(),
        // The client takes its own name here for a mail loop: that stays so.
        format!("/^250-{own}( |$)/ own-"),
        format!("/^250 {own}( |$)/ own"),
    ];
    for keyword in KEYWORDS {
        lines.push(format!("/^250-{keyword}$/ {}-", keyword.to_ascii_lowercase()));
        lines.push(format!("/^250 {keyword}$/ {}", keyword.to_ascii_lowercase()));
    }
    // The first line of the reply to EHLO names the server.
    lines.push("/^250-[^ ]*[.[][^ ]*( |$)/ host-".to_owned());
    lines.push("/^250 [^ ]*[.][a-z][^ ]*( |$)/ host".to_owned());
    lines
}

/// What comes in their place.
pub(super) fn replies(hostname: &str, size: u64) -> Table {
    let mut table = Table::default();
    table.insert("size-", format!("250-SIZE {size}"));
    table.insert("size", format!("250 SIZE {size}"));
    let mut after = |key: &str, line: &str| {
        table.insert(format!("{key}-"), format!("250-{line}\n250-SIZE {size}"));
        // Whether a reply goes on is read off the beginning of what comes in the place of its line.
        table.insert(key, format!("250 {line}\n250 SIZE {size}"));
    };
    after("own", hostname);
    after("host", "next-hop");
    for keyword in KEYWORDS {
        after(&keyword.to_ascii_lowercase(), keyword);
    }
    table
}
