//! STARTTLS (RFC 3207), and what somebody between may put before it.

use super::{conversation, greeted, settings, with};

const ANNOUNCED: &str = "S: 250-mail.example.org
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-8BITMIME
    S: 250-SMTPUTF8
    S: 250-ENHANCEDSTATUSCODES
    S: 250-DSN
    S: 250-LIMITS RCPTMAX=5
    S: 250 HELP";

#[test]
fn nothing_that_was_said_before_tls_counts() {
    greeted(&format!(
        r"
        C: MAIL FROM:<eve@e.example>
        S: 250 2.1.0 Sender ok
        C: STARTTLS
        S: 220 2.0.0 Ready to start TLS
        -- TLS
        C: RCPT TO:<bob@b.example>
        S: 503 5.5.1 EHLO or HELO comes first
        C: EHLO client.example
        {ANNOUNCED}
        C: RCPT TO:<bob@b.example>
        S: 503 5.5.1 MAIL comes first
        C: STARTTLS
        S: 503 5.5.1 TLS is on already
        "
    ));
}

#[test]
fn commands_behind_starttls_are_thrown_away() {
    greeted(&format!(
        r"
        C: STARTTLS
        C: HELO eve.example
        C: MAIL FROM:<eve@e.example>
        C: RCPT TO:\
        S: 220 2.0.0 Ready to start TLS
        -- TLS
        C: <bob@b.example>
        S: 500 5.5.2 No such command
        C: EHLO client.example
        {ANNOUNCED}
        "
    ));
}

#[test]
fn tls_where_there_is_none() {
    let mut settings = settings();
    settings.starttls = false;
    with(
        settings,
        r"
        S: 220 mail.example.org ESMTP
        C: HELO client.example
        S: 250 mail.example.org
        C: STARTTLS
        C: NOOP
        S: 502 5.5.1 Command not implemented
        S: 250 2.0.0 Ok
        ",
    );
    conversation("S: 220 mail.example.org ESMTP\nC: STARTTLS\nS: 503 5.5.1 EHLO or HELO comes first");
}
