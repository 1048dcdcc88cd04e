//! Which addresses MAIL and RCPT take, and how they are read (RFC 5321 4.1.2, RFC 6531).

use mailswitch::relay::smtp::path::{RcptPath, recipient, sender, split};

use super::greeted;

/// How a recipient is read: `mailbox | on the wire`, `postmaster`, or what belongs to nobody, behind `-`.
fn read(path: &str) -> Option<String> {
    let (inside, rest) = split(path)?;
    assert_eq!(rest, "");
    Some(match recipient(inside)? {
        RcptPath::Postmaster => "postmaster".to_owned(),
        RcptPath::Address { mailbox, wire } => format!("{mailbox} | {wire}"),
        RcptPath::Unroutable(text) => format!("- {text}"),
    })
}

#[test]
fn recipients() {
    let local = "x".repeat(64);
    let rows = [
        ("<Bob@B.Example>", "bob@b.example | Bob@b.example"),
        ("<bob@b.example.>", "bob@b.example | bob@b.example"),
        ("<\"bob\"@b.example>", "bob@b.example | bob@b.example"),
        ("<\"b\\ob\"@b.example>", "bob@b.example | bob@b.example"),
        ("<\"a b\"@b.example>", "\"a b\"@b.example | \"a b\"@b.example"),
        ("<\"a>b\"@b.example>", "\"a>b\"@b.example | \"a>b\"@b.example"),
        ("<\"a@c.example\"@b.example>", "\"a@c.example\"@b.example | \"a@c.example\"@b.example"),
        ("<\"\\\"\"@b.example>", "\"\\\"\"@b.example | \"\\\"\"@b.example"),
        ("<@a.example,@b.example:carl@c.example>", "carl@c.example | carl@c.example"),
        ("<user%other@b.example>", "user%other@b.example | user%other@b.example"),
        ("<other!user@b.example>", "other!user@b.example | other!user@b.example"),
        ("<J\u{fc}rgen@B\u{fc}ro.example>", "j\u{fc}rgen@xn--bro-hoa.example | J\u{fc}rgen@xn--bro-hoa.example"),
        ("<postMASTER>", "postmaster"),
        ("<postmaster@B.example>", "postmaster@b.example | postmaster@b.example"),
        ("<bob>", "- bob"),
        ("<a!b>", "- a!b"),
        ("<\"bob@b.example\">", "- \"bob@b.example\""),
        ("<bob@[192.0.2.1]>", "- bob@[192.0.2.1]"),
        ("<bob@[IPv6:2001:db8::1]>", "- bob@[IPv6:2001:db8::1]"),
    ];
    for (path, meant) in rows {
        assert_eq!(read(path).as_deref(), Some(meant), "{path}");
    }
    assert!(read(&format!("<{local}@b.example>")).is_some());
    assert_eq!(read(&format!("<x{local}@b.example>")), None);
}

#[test]
fn no_recipients() {
    let long = format!("<x@{}example>", "xxxxxxxxx.".repeat(25));
    let rows = [
        "<>",
        "<",
        "bob@b.example",
        "<bob@b.example",
        "bob@b.example>",
        "<bob@b.example>x",
        "<<bob@b.example>>",
        "<bob@>",
        "<@b.example>",
        "<@>",
        "<.bob@b.example>",
        "<bob.@b.example>",
        "<b..ob@b.example>",
        "<bob@b..example>",
        "<bob@.b.example>",
        "<bob@b.example..>",
        "<bob@-b.example>",
        "<bob@b_b.example>",
        "<bob@192.0.2.1>",
        "<bob @b.example>",
        "< bob@b.example>",
        "<bob@b.example >",
        "<bob@a@b.example>",
        "<\"bob@b.example>",
        "<\"bob\"x@b.example>",
        "<bo\"b@b.example>",
        "<\"b\tb\"@b.example>",
        "<b(c)@b.example>",
        "<bob@[300.0.2.1]>",
        "<bob@[192.0.2.1>",
        "<bob@[x-tag:1]>",
        "<@a.example:>",
        "<@a.example bob@b.example>",
        "<@a.example,b.example:bob@c.example>",
        "<@a.example,@:bob@c.example>",
        "<:bob@b.example>",
        &long,
    ];
    for path in rows {
        assert_eq!(read(path), None, "{path}");
    }
}

#[test]
fn senders() {
    let read = |path: &str| sender(split(path)?.0);
    let rows = [
        ("<>", ""),
        ("<Ann@A.example>", "Ann@A.example"),
        ("<\"a b\"@a.example>", "\"a b\"@a.example"),
        ("<ann@[192.0.2.1]>", "ann@[192.0.2.1]"),
        ("<root@web_1.a.example>", "root@web_1.a.example"),
        ("<@r.example:ann@a.example>", "ann@a.example"),
        ("<\u{e4}nn@\u{e4}.example>", "\u{e4}nn@\u{e4}.example"),
    ];
    for (path, meant) in rows {
        assert_eq!(read(path).as_deref(), Some(meant), "{path}");
    }
    for path in
        ["<ann>", "<postmaster>", "<ann@>", "<@a.example>", "<a..b@a.example>", "<ann@a..example>", "<a b@a.example>"]
    {
        assert_eq!(read(path), None, "{path}");
    }
}

#[test]
fn utf8_needs_to_be_asked_for() {
    greeted(
        "
        C: MAIL FROM:<j\u{fc}rgen@a.example>
        S: 553 5.6.7 An address that is not ASCII needs SMTPUTF8
        C: MAIL FROM:<ann@a.example>
        S: 250 2.1.0 Sender ok
        C: RCPT TO:<j\u{fc}rgen@b.example>
        C: RCPT TO:<bob@b\u{fc}ro.example>
        C: RSET
        S: 553 5.6.7 An address that is not ASCII needs SMTPUTF8
        S: 553 5.6.7 An address that is not ASCII needs SMTPUTF8
        S: 250 2.0.0 Ok
        C: MAIL FROM:<j\u{fc}rgen@a.example> SMTPUTF8
        C: RCPT TO:<j\u{fc}rgen@b\u{fc}ro.example>
        C: DATA
        S: 250 2.1.0 Sender ok
        S: 250 2.1.5 Recipient ok
        S: 354 End it with a dot on a line of its own
        C: .
        -- message from <j\u{fc}rgen@a.example> to <j\u{fc}rgen@xn--bro-hoa.example>
        S: 250 2.0.0 Accepted as 0000000000001
        ",
    );
}

#[test]
fn relaying_in_every_spelling_is_asked_for_as_it_is() {
    greeted(
        r"
        C: MAIL FROM:<ann@a.example>
        C: RCPT TO:<bob@[127.0.0.1]>
        C: RCPT TO:<bob>
        C: RCPT TO:<@a.example,@b.example:bob@nobody.example>
        C: RCPT TO:bob@b.example
        S: 250 2.1.0 Sender ok
        S: 550 5.7.1 Relaying denied
        S: 550 5.7.1 Relaying denied
        S: 550 5.1.1 User unknown
        S: 501 5.1.3 Not a recipient address
        ",
    );
}
