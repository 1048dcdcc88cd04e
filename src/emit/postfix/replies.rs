//! `max-size` and `auth` of a connector: what the SMTP client reads in the next hop's reply to EHLO.
//!
//! smtp(8) has no limit of its own, but bounces with 5.3.4 what is larger than the server's SIZE (RFC 1870). Where a
//! server announces no AUTH it sends without a login, and has no parameter against that (SASL_README, postconf(5)); but
//! where none of the announced mechanisms can be used, the login fails, and the next host takes over.
//!
//! So smtp_reply_filter rewrites replies line by line: a pattern finds lines of an EHLO reply, and a table has what comes
//! in their place. A value of a cdb table may hold a line end, so that a line can become two (measured on 3.7.11),
//! which is how SIZE or AUTH gets into the reply of a server that announces none.

use super::tables::Table;

/// What is added to the reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Additions {
    pub(super) size: Option<u64>,
    /// A mechanism that nobody has. Postfix puts the AUTH lines of a reply together to one list, so that a server that
    /// announces its own is logged in to with those.
    pub(super) auth: bool,
}

const NO_MECHANISM: &str = "AUTH NOT-OFFERED";

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

/// regexp_table(5) lines: which line of a reply is which row of the table. A row that a table lacks is no change.
pub(super) fn patterns(hostname: &str) -> Vec<String> {
    let own = super::quote::pattern(hostname);
    let mut lines = vec![
        // With these Postfix would go on with HELO, which has no AUTH; 421 sends it to the next host. A filter sees no
        // command: a status code of other than syntax (X.5.x, RFC 3463 3.6) speaks of a recipient or a message.
        "/^50[0234]([ -]5[.]5[.]|[ -][^0-9]|[ -]?$)/ no-ehlo".to_owned(),
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
    lines.push(format!("/^250[- ](AUTH|XFORWARD|LIMITS|REQUIRETLS|{})([ =]|$)/ as-it-is", KEYWORDS.join("|")));
    // The usual replies to other commands.
    lines.push("/^250[- ]2[.][0-9]+[.][0-9]+( |$)/ as-it-is".to_owned());
    lines.push("/^250 (ok|accepted)$/ ok".to_owned());
    lines.push("/^250 (ok|accepted)[^0-9a-z.-]/ as-it-is".to_owned());
    // The first line of the reply to EHLO names the server.
    lines.push("/^250-[^ ]*[.[][^ ]*( |$)/ host-".to_owned());
    lines.push("/^250 [^ ]*[.][a-z][^ ]*( |$)/ host".to_owned());
    // By a name without a dot, if it likes: what cannot be told from that is taken for it.
    lines.push("/^250-/ other-".to_owned());
    lines.push("/^250( |$)/ other".to_owned());
    lines
}

/// What comes in their place.
pub(super) fn replies(hostname: &str, add: Additions) -> Table<'static> {
    let mut table = Table::default();
    let size = add.size.map(|size| format!("SIZE {size}"));
    let auth = add.auth.then(|| NO_MECHANISM.to_owned());
    let first: Vec<String> = size.iter().chain(&auth).cloned().collect();
    if let Some(size) = &size {
        table.insert("size-", format!("250-{size}"));
        table.insert("size", format!("250 {size}"));
        for keyword in KEYWORDS {
            after(&mut table, &keyword.to_ascii_lowercase(), keyword, std::slice::from_ref(size));
        }
    }
    after(&mut table, "own", hostname, &first);
    after(&mut table, "host", "next-hop", &first);
    if add.auth {
        after(&mut table, "other", "next-hop", &first);
        // As the whole reply to EHLO it offers no login; as a reply to anything else, more lines say no more.
        table.insert("ok", format!("250 OK\n250 {NO_MECHANISM}"));
        table.insert("no-ehlo", "421 4.7.0 The next hop does not know this command");
    }
    table
}

/// A line and what is added behind it.
fn after(table: &mut Table<'static>, key: &str, line: &str, added: &[String]) {
    // Whether a reply goes on is read off the beginning of what comes in the place of its line.
    for (key, sign) in [(format!("{key}-"), '-'), (key.to_owned(), ' ')] {
        let mut reply = format!("250{sign}{line}");
        for added in added {
            reply.push_str(&format!("\n250{sign}{added}"));
        }
        table.insert(key, reply);
    }
}
