//! Which commands there are, and in which order they may come (RFC 5321 4.1.4, 4.3.2).

use super::{conversation, greeted};

#[test]
fn a_message() {
    conversation(
        r"
        S: 220 mail.example.org ESMTP
        C: EHLO client.example
        S: 250-mail.example.org
        S: 250-PIPELINING
        S: 250-SIZE 2000
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-DSN
        S: 250-STARTTLS
        S: 250-LIMITS RCPTMAX=5
        S: 250 HELP
        C: MAIL FROM:<ann@a.example>
        S: 250 2.1.0 Sender ok
        C: RCPT TO:<bob@b.example>
        S: 250 2.1.5 Recipient ok
        C: DATA
        S: 354 End it with a dot on a line of its own
        C: Subject: hello
        C:
        C: ..a dot
        C: .
        -- message from <ann@a.example> to <bob@b.example>
        -- | Subject: hello
        -- |
        -- | ..a dot
        S: 250 2.0.0 Accepted as 0000000000001
        C: QUIT
        S: 221 2.0.0 Bye
        -- closed
        ",
    );
}

#[test]
fn a_client_of_1982() {
    conversation(
        r"
        S: 220 mail.example.org ESMTP
        C: HELO client.example
        S: 250 mail.example.org
        C: mail from:<>
        S: 250 2.1.0 Sender ok
        C: rcpt to:<Postmaster>
        S: 250 2.1.5 Recipient ok
        C: data
        S: 354 End it with a dot on a line of its own
        C: .
        -- message from <> to <postmaster@example.org>
        S: 250 2.0.0 Accepted as 0000000000001
        C: quit
        S: 221 2.0.0 Bye
        -- closed
        ",
    );
}

#[test]
fn pipelined_commands_are_answered_in_one_go() {
    greeted(
        r"
        C: MAIL FROM:<ann@a.example>
        C: RCPT TO:<nobody@nobody.example>
        C: RCPT TO:<bob@b.example>
        C: RCPT TO:<bob@later.example>
        C: DATA
        S: 250 2.1.0 Sender ok
        S: 550 5.1.1 User unknown
        S: 250 2.1.5 Recipient ok
        S: 451 4.3.0 Table damaged
        S: 354 End it with a dot on a line of its own
        C: one
        C: .
        C: MAIL FROM:<ann@a.example>
        C: RCPT TO:<carl@c.example>
        C: DATA
        -- message from <ann@a.example> to <bob@b.example>
        -- | one
        S: 250 2.0.0 Accepted as 0000000000001
        S: 250 2.1.0 Sender ok
        S: 250 2.1.5 Recipient ok
        S: 354 End it with a dot on a line of its own
        C: two
        C: .
        C: QUIT
        -- message from <ann@a.example> to <carl@c.example>
        -- | two
        S: 250 2.0.0 Accepted as 0000000000002
        S: 221 2.0.0 Bye
        -- closed
        ",
    );
}

#[test]
fn nothing_comes_before_hello() {
    for command in ["MAIL FROM:<a@a.example>", "RCPT TO:<a@a.example>", "DATA", "STARTTLS"] {
        let script = format!("S: 220 mail.example.org ESMTP\nC: {command}\nS: 503 5.5.1 EHLO or HELO comes first");
        conversation(&script);
    }
    conversation(
        r"
        S: 220 mail.example.org ESMTP
        C: NOOP
        S: 250 2.0.0 Ok
        C: RSET
        S: 250 2.0.0 Ok
        C: QUIT
        S: 221 2.0.0 Bye
        -- closed
        ",
    );
}

#[test]
fn each_command_has_its_place() {
    greeted(
        r"
        C: RCPT TO:<bob@b.example>
        S: 503 5.5.1 MAIL comes first
        C: DATA
        S: 503 5.5.1 No valid recipients
        C: MAIL FROM:<ann@a.example>
        S: 250 2.1.0 Sender ok
        C: MAIL FROM:<eve@e.example>
        S: 503 5.5.1 There is a sender already
        C: DATA
        S: 503 5.5.1 No valid recipients
        ",
    );
}

#[test]
fn rset_and_a_second_hello_forget_the_message() {
    for (command, reply) in [("RSET", "250 2.0.0 Ok"), ("HELO c.example", "250 mail.example.org")] {
        greeted(&format!(
            r"
            C: MAIL FROM:<ann@a.example>
            C: RCPT TO:<bob@b.example>
            S: 250 2.1.0 Sender ok
            S: 250 2.1.5 Recipient ok
            C: {command}
            S: {reply}
            C: RCPT TO:<bob@b.example>
            S: 503 5.5.1 MAIL comes first
            "
        ));
    }
}

#[test]
fn recipients_that_are_one_address_get_the_message_once() {
    greeted(
        r"
        C: MAIL FROM:<ann@a.example>
        C: RCPT TO:<alias@b.example>
        C: RCPT TO:<bob@b.example>
        C: RCPT TO:<ann@b.example>
        C: DATA
        S: 250 2.1.0 Sender ok
        S: 250 2.1.5 Recipient ok
        S: 250 2.1.5 Recipient ok
        S: 250 2.1.5 Recipient ok
        S: 354 End it with a dot on a line of its own
        C: .
        -- message from <ann@a.example> to <ann@b.example>, <bob@b.example>
        S: 250 2.0.0 Accepted as 0000000000001
        ",
    );
}

#[test]
fn commands_beside_the_message() {
    greeted(
        r"
        C: VRFY bob
        S: 252 2.1.5 Cannot say; send a message and see
        C: HELP MAIL
        S: 214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT STARTTLS: see RFC 5321
        C: NOOP whatever
        S: 250 2.0.0 Ok
        C: EXPN list
        C: ETRN b.example
        C: AUTH PLAIN AGEAYg==
        C: XCLIENT ADDR=127.0.0.1
        S: 502 5.5.1 Command not implemented
        S: 502 5.5.1 Command not implemented
        S: 502 5.5.1 Command not implemented
        S: 500 5.5.2 No such command
        ",
    );
}

#[test]
fn arguments_where_none_belong() {
    for command in ["RSET now", "QUIT now", "STARTTLS now"] {
        greeted(&format!("C: {command}\nS: 501 5.5.4 This command has no argument"));
    }
    for command in ["EHLO", "HELO", "EHLO two words", "HELO a;b", "EHLO <script>", "HELO b\u{fc}ro.example"] {
        greeted(&format!("C: {command}\nS: 501 5.5.4 A domain or an address literal belongs here"));
    }
}

#[test]
fn what_follows_bdat_or_a_browsers_request_is_not_read() {
    greeted(
        r"
        C: BDAT 25 LAST
        C: MAIL FROM:<eve@e.example>
        S: 502 5.5.1 Command not implemented
        -- closed
        ",
    );
    conversation(
        r"
        S: 220 mail.example.org ESMTP
        C: POST / HTTP/1.1
        C: HELO eve.example
        S: 421 4.7.0 This is a mail server
        -- closed
        ",
    );
}
