//! Parameters of MAIL and RCPT, and that the envelope keeps them (RFC 1870, RFC 3461, RFC 6152, RFC 6531, RFC 6533).

use mailswitch::relay::envelope::{Body, Envelope, Notify, Recipient, Ret};
use mailswitch::relay::smtp::params::{Fault, mail, rcpt};

use super::{Event, Talk, settings};

#[test]
fn the_envelope_keeps_what_was_asked_for() {
    let mut talk = Talk::new(settings());
    talk.feed(
        b"EHLO c.example\r\n\
          MAIL FROM:<ann@a.example> BODY=8BITMIME SIZE=10 RET=HDRS ENVID=QQ+2B1 SMTPUTF8\r\n\
          RCPT TO:<Alias@B.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Alias+2Bx@B.example\r\n\
          RCPT TO:<alias@b.example> NOTIFY=NEVER\r\n\
          RCPT TO:<postmaster> notify=never\r\n\
          DATA\r\n.\r\n",
    );
    let recipient = |address: &str, asked: &str, notify, orcpt: Option<&str>| {
        let (address, asked, orcpt) = (address.to_owned(), asked.to_owned(), orcpt.map(str::to_owned));
        Recipient { address, asked, notify, orcpt }
    };
    let expected = Envelope {
        sender: "ann@a.example".to_owned(),
        body: Body::EightBitMime,
        smtputf8: true,
        ret: Some(Ret::Headers),
        envid: Some("QQ+2B1".to_owned()),
        recipients: vec![
            recipient("Alias@b.example", "Alias@b.example", Notify(2 | 8), Some("rfc822;Alias+2Bx@B.example")),
            recipient("ann@b.example", "alias@b.example", Notify::NEVER, None),
            recipient("postmaster@example.org", "postmaster", Notify::NEVER, None),
        ],
    };
    let Some(Event::Message { envelope, .. }) = talk.events.iter().find(|e| matches!(e, Event::Message { .. })) else {
        panic!("no message: {:?}", talk.events);
    };
    assert_eq!(*envelope, expected);
}

#[test]
fn parameters_of_mail() {
    let long = format!("ENVID={}", "x".repeat(101));
    let rows = [
        ("SIZE=0 BODY=7bit RET=full ENVID=x", Ok(())),
        (" SIZE=18446744073709551616", Ok(())),
        ("SIZE", Err(Fault::Value)),
        ("SIZE=", Err(Fault::Value)),
        ("SIZE=1x", Err(Fault::Value)),
        ("SIZE=-1", Err(Fault::Value)),
        ("SIZE=+1", Err(Fault::Value)),
        ("SIZE=100000000000000000000", Err(Fault::Value)),
        ("SIZE=1 BODY=7BIT size=2", Err(Fault::Twice)),
        ("BODY=BINARYMIME", Err(Fault::Value)),
        ("BODY", Err(Fault::Value)),
        ("SMTPUTF8=yes", Err(Fault::Value)),
        ("RET=ALL", Err(Fault::Value)),
        ("ENVID=", Err(Fault::Value)),
        ("ENVID=a+b", Err(Fault::Value)),
        ("ENVID=a+2b", Err(Fault::Value)),
        ("ENVID=a+2", Err(Fault::Value)),
        ("ENVID=a=b", Err(Fault::Value)),
        ("ENVID=\u{e4}", Err(Fault::Value)),
        (long.as_str(), Err(Fault::Value)),
        ("AUTH=<>", Err(Fault::Unknown)),
        ("NOTIFY=NEVER", Err(Fault::Unknown)),
        ("=", Err(Fault::Unknown)),
    ];
    for (text, expected) in rows {
        assert_eq!(mail(text).map(drop), expected, "{text}");
    }
}

#[test]
fn parameters_of_rcpt() {
    let long = format!("ORCPT=rfc822;{}", "x".repeat(500));
    let rows = [
        ("NOTIFY=NEVER", Ok(())),
        ("NOTIFY=failure,Success", Ok(())),
        ("ORCPT=utf-8;j\u{fc}rgen@a.example", Ok(())),
        ("ORCPT=x-400;C=de", Err(Fault::Value)),
        ("ORCPT=x-400;C+3Dde", Ok(())),
        ("NOTIFY=NEVER,DELAY", Err(Fault::Value)),
        ("NOTIFY=DELAY,DELAY", Err(Fault::Value)),
        ("NOTIFY=DELAY,", Err(Fault::Value)),
        ("NOTIFY=", Err(Fault::Value)),
        ("NOTIFY", Err(Fault::Value)),
        ("ORCPT=ann@a.example", Err(Fault::Value)),
        ("ORCPT=;ann@a.example", Err(Fault::Value)),
        ("ORCPT=rfc822;", Err(Fault::Value)),
        ("ORCPT=rfc822;a+0", Err(Fault::Value)),
        ("ORCPT=rfc822;\u{e4}", Err(Fault::Value)),
        ("ORCPT=rfc822;a ORCPT=rfc822;a", Err(Fault::Twice)),
        (long.as_str(), Err(Fault::Value)),
        ("SIZE=1", Err(Fault::Unknown)),
    ];
    for (text, expected) in rows {
        assert_eq!(rcpt(text).map(drop), expected, "{text}");
    }
}

#[test]
fn parameters_that_are_refused() {
    super::greeted(
        r"
        C: MAIL FROM:<ann@a.example> AUTH=<>
        C: MAIL FROM:<ann@a.example> SIZE=1 SIZE=1
        C: MAIL FROM:<ann@a.example> BODY=BINARYMIME
        C: MAIL FROM:<ann@a.example>SIZE=1
        S: 555 5.5.4 No such parameter
        S: 555 5.5.4 The same parameter twice
        S: 501 5.5.4 Wrong value of a parameter
        S: 501 5.1.7 Not a sender address
        ",
    );
    let mut settings = settings();
    settings.smtputf8 = false;
    super::with(
        settings,
        r"
        S: 220 mail.example.org ESMTP
        C: HELO c.example
        S: 250 mail.example.org
        C: MAIL FROM:<ann@a.example> SMTPUTF8
        S: 555 5.5.4 No such parameter
        ",
    );
}
