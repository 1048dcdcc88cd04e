//! Replies as hosts write them.

use mailswitch::relay::deliver::capabilities::Capabilities;
use mailswitch::relay::deliver::reply::{LONGEST, MOST_LINES, Malformed, parse};
use mailswitch::relay::reply::{Reply, Status};

fn reply(text: &str) -> Option<Reply> {
    parse(text.as_bytes()).unwrap().map(|raw| raw.to_reply())
}

#[test]
fn a_reply_is_a_code_a_status_and_lines() {
    let made = |code, status, text: &str| Some(Reply { code, status, text: text.to_owned() });
    for (text, expected) in [
        ("250 ok\r\n", made(250, None, "ok")),
        ("250\r\n", made(250, None, "")),
        ("250 2.1.5 fine\r\n", made(250, Some(Status(2, 1, 5)), "fine")),
        ("550-5.1.1 who\r\n550-5.1.1 is\r\n550 5.1.1 it\r\n", made(550, Some(Status(5, 1, 1)), "who\nis\nit")),
        ("550-one\r\n550 5.7.1 two\r\n", made(550, Some(Status(5, 7, 1)), "one\ntwo")),
        // Of another class, and so no status of this reply.
        ("550 2.1.5 text\r\n", made(550, None, "2.1.5 text")),
        // Tolerated, as old hosts write it.
        ("250-a\n250 b\n", made(250, None, "a\nb")),
        ("550 a\tb\u{1b}[1m\r\n", made(550, None, "a\u{fffd}b\u{fffd}[1m")),
        ("250 first\r\n550 second\r\n", made(250, None, "first")),
        ("", None),
        ("250", None),
        ("250-a\r\n", None),
        ("250-a\r\n250 b", None),
    ] {
        assert_eq!(reply(text), expected, "{text:?}");
    }
    assert_eq!(parse(b"550 \xff\r\n").unwrap().unwrap().to_reply().text, "\u{fffd}");
}

#[test]
fn other_lines_are_no_replies() {
    for text in [
        "25 ok\r\n",
        "2500 ok\r\n",
        "hello\r\n",
        "150 ok\r\n",
        "650 ok\r\n",
        "250_ok\r\n",
        "\r\n",
        "250-a\r\n251 b\r\n",
    ] {
        assert_eq!(parse(text.as_bytes()), Err(Malformed::Line), "{text:?}");
    }
}

#[test]
fn a_reply_has_an_end() {
    let lines = |count| "250-a\r\n".repeat(count);
    assert!(parse((lines(MOST_LINES - 1) + "250 b\r\n").as_bytes()).unwrap().is_some());
    assert_eq!(parse(lines(MOST_LINES).as_bytes()), Err(Malformed::TooLong));
    let long = format!("250 {}", "x".repeat(LONGEST));
    assert_eq!(parse(long.as_bytes()), Err(Malformed::TooLong));
    assert_eq!(parse((long + "\r\n").as_bytes()), Err(Malformed::TooLong));
}

#[test]
fn capabilities_are_read_as_hosts_write_them() {
    let text = "250-mx PIPELINING\r\n250-size 100\r\n250-8bitmime\r\n250-AUTH=LOGIN\r\n250-LIMITS RCPTMAX=5 MAILMAX=0 X=1\r\n250 STARTTLS\r\n";
    let read = Capabilities::read(parse(text.as_bytes()).unwrap().unwrap());
    let expected = Capabilities {
        eight_bit: true,
        starttls: true,
        auth_login: true,
        size: Some(Some(100)),
        most_recipients: Some(5),
        ..Capabilities::default()
    };
    assert_eq!(read, expected);
    let size = |text: &str| Capabilities::read(parse(text.as_bytes()).unwrap().unwrap()).size;
    assert_eq!(size("250-mx\r\n250 SIZE\r\n"), Some(None));
    assert_eq!(size("250-mx\r\n250 SIZE 0\r\n"), Some(None));
    assert_eq!(size("250 SIZE 10\r\n"), None);
}
