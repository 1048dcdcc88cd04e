//! What a session may cost (RFC 5321 4.5.3).

use std::sync::Arc;
use std::time::Duration;

use mailswitch::relay::session::{Action, Session, Settings, replies};

use super::{greeted, settings, with};

#[test]
fn too_many_errors() {
    greeted(
        r"
        C: X1
        C: X2
        C: MAIL FROM:ann
        C: DATA
        S: 500 5.5.2 No such command
        S: 500 5.5.2 No such command
        S: 501 5.1.7 Not a sender address
        S: 503 5.5.1 No valid recipients
        C: X5
        C: NOOP
        S: 500 5.5.2 No such command
        S: 421 4.7.0 Too many errors
        -- closed
        ",
    );
}

#[test]
fn unknown_recipients_are_errors_and_a_message_that_is_taken_makes_up_for_them() {
    let guess = "C: RCPT TO:<x@nobody.example>\n".repeat(4);
    let unknown = "S: 550 5.1.1 User unknown\n".repeat(4);
    greeted(&format!(
        r"
        C: MAIL FROM:<ann@a.example>
        {guess}
        C: RCPT TO:<bob@b.example>
        C: DATA
        S: 250 2.1.0 Sender ok
        {unknown}
        S: 250 2.1.5 Recipient ok
        S: 354 End it with a dot on a line of its own
        C: .
        C: MAIL FROM:<ann@a.example>
        {guess}
        C: RCPT TO:<x@nobody.example>
        -- message from <ann@a.example> to <bob@b.example>
        S: 250 2.0.0 Accepted as 0000000000001
        S: 250 2.1.0 Sender ok
        {unknown}
        S: 550 5.1.1 User unknown
        S: 421 4.7.0 Too many errors
        -- closed
        "
    ));
}

#[test]
fn too_many_recipients() {
    greeted(
        r"
        C: MAIL FROM:<ann@a.example>
        C: RCPT TO:<1@b.example>
        C: RCPT TO:<2@b.example>
        C: RCPT TO:<3@b.example>
        C: RCPT TO:<4@b.example>
        C: RCPT TO:<5@b.example>
        C: RCPT TO:<6@b.example>
        C: DATA
        S: 250 2.1.0 Sender ok
        S: 250 2.1.5 Recipient ok
        S: 250 2.1.5 Recipient ok
        S: 250 2.1.5 Recipient ok
        S: 250 2.1.5 Recipient ok
        S: 250 2.1.5 Recipient ok
        S: 452 4.5.3 Too many recipients
        S: 354 End it with a dot on a line of its own
        ",
    );
}

#[test]
fn too_many_messages() {
    let mut settings = settings();
    settings.max_messages = Some(1);
    with(
        settings,
        r"
        S: 220 mail.example.org ESMTP
        C: HELO c.example
        S: 250 mail.example.org
        C: MAIL FROM:<ann@a.example>
        C: RCPT TO:<bob@b.example>
        C: DATA
        S: 250 2.1.0 Sender ok
        S: 250 2.1.5 Recipient ok
        S: 354 End it with a dot on a line of its own
        C: .
        -- message from <ann@a.example> to <bob@b.example>
        S: 250 2.0.0 Accepted as 0000000000001
        C: MAIL FROM:<ann@a.example>
        S: 421 4.7.0 Too many messages in one session
        -- closed
        ",
    );
}

#[test]
fn lines_of_commands() {
    let long = |length: usize| "x".repeat(length);
    greeted(&format!("C: NOOP {}\nS: 250 2.0.0 Ok", long(505)));
    greeted(&format!("C: NOOP {}\nS: 500 5.5.2 Line too long\nC: NOOP\nS: 250 2.0.0 Ok", long(506)));
    greeted(&format!("C: {}\nC: NOOP\nS: 500 5.5.2 Line too long\nS: 250 2.0.0 Ok", long(100_000)));
    greeted(
        r"
        C: NOOP\nRSET
        S: 500 5.5.2 Lines end in CRLF, not in LF alone
        S: 250 2.0.0 Ok
        C: NOOP\rRSET
        S: 500 5.5.2 CR stands only before LF
        C: NO\0OP
        S: 500 5.5.2 NUL in a command
        ",
    );
}

#[test]
fn a_session_that_waits_is_small() {
    let mut session = Session::new(Arc::new(Settings::new("mail.example.org")), None);
    session.greet();
    let mut feed = |input: &[u8]| {
        assert_eq!(session.feed(input), (input.len(), Action::More));
        session.output().clear();
        session.rest();
        session.memory()
    };
    feed(b"EHLO client.example\r\n");
    // As much as 10,000 of them may have in 200 MB, thirty times over.
    assert!(feed(b"NOOP\r\n") < 660);
    assert!(feed(b"NOOP") < 660);
    (0..10_000).for_each(|_| assert!(feed(b"0123456789") < 9000));
    assert!(feed(b"\r\n") < 660);
}

#[test]
fn a_client_that_asks_and_does_not_read_makes_no_replies() {
    let settings = Settings::new("mail.example.org");
    let mut session = Session::new(Arc::new(settings.clone()), None);
    let asked = b"EHLO a\r\n".repeat(8192);
    let (mut rest, mut written) = (&asked[..], 0);
    loop {
        let (used, action) = session.feed(rest);
        assert!(session.memory() <= Session::most_memory(&settings), "{}", session.memory());
        assert!(session.output().len() < 20_000, "{}", session.output().len());
        written += session.output().len();
        session.output().clear();
        rest = &rest[used..];
        match action {
            Action::Write => assert!(!rest.is_empty()),
            action => break assert_eq!((action, rest), (Action::More, &b""[..])),
        }
    }
    assert!(written > 1_000_000, "{written}");
    // What is one command too much for now is not lost.
    assert_eq!(session.feed(b"NOOP\r\n"), (6, Action::More));
}

#[test]
fn octets_that_come_one_by_one_make_no_time() {
    let mut settings = settings();
    (settings.max_size, settings.command_timeout) = (None, Duration::from_secs(7));
    let mut talk = super::Talk::new(settings);
    let before = talk.session.progress();
    b"NOOP".iter().for_each(|&octet| _ = talk.feed(&[octet]));
    assert_eq!((talk.session.progress(), talk.session.deadline()), (before, Duration::from_secs(7)));
    talk.feed(b"\r\nHELO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n");
    let before = talk.session.progress();
    talk.feed(&b"0123456\r\n".repeat(400));
    assert_eq!((talk.session.progress(), talk.session.deadline()), (before, Duration::from_secs(180)));
    talk.feed(&b"0123456\r\n".repeat(400));
    assert_ne!(talk.session.progress(), before);
}

#[test]
fn the_last_word_of_a_session_that_is_ended() {
    let mut talk = super::Talk::new(settings());
    assert_eq!(talk.session.hang_up(replies::TIMEOUT), Action::Close);
    assert_eq!(talk.session.output(), b"421 4.4.2 You took too long\r\n");
    assert_eq!(talk.session.feed(b"NOOP\r\n"), (6, Action::Close));
}

#[test]
fn every_reply_is_what_its_code_says() {
    for (name, row) in replies::ALL {
        let status = row.status.unwrap();
        assert_eq!(row.code / 100, u16::from(status.0), "{name}");
        assert!(matches!(row.code, 200..600) && row.text.is_ascii() && row.text.len() < 100, "{name}");
    }
}

#[test]
fn what_is_turned_down_is_there_for_the_log() {
    let mut session = Session::new(Arc::new(settings()), None);
    let lines = b"MAIL FROM:<a>\r\nHELO c.example\r\nMAIL FROM:<a>\r\nWHAT\r\nNOOP\nDATA\r\n";
    assert_eq!(session.feed(lines), (lines.len(), Action::Close));
    let refusals: Vec<_> = session.refusals().map(|refusal| (refusal.verb, refusal.reply)).collect();
    let expected = [
        ("MAIL", replies::HELLO_FIRST),
        ("MAIL", replies::SENDER_SYNTAX),
        ("", replies::UNKNOWN),
        ("", replies::LINE_BARE_LF),
        ("DATA", replies::RECIPIENT_FIRST),
        ("DATA", replies::TOO_MANY_ERRORS),
    ];
    assert_eq!(refusals, expected);
    assert_eq!(session.refusals().count(), 0);
}
