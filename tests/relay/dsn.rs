//! Notifications: they are what they say whatever a host, a sender or a message says.

use mailswitch::relay::dsn::{Fate, Kind, Report, write};
use mailswitch::relay::envelope::{Envelope, QueueId, Recipient, Ret};
use mailswitch::relay::queue::failure::Failure;
use mailswitch::relay::reply::{Reply, Status};
use mailswitch::relay::spool::Content;
use proptest::prelude::*;

/// What is common to the notifications here.
struct Case {
    envelope: Envelope,
    content: Content,
    failure: Failure,
    kind: Kind,
}

impl Case {
    fn new(content: &[u8]) -> Case {
        let recipient = Recipient {
            address: "bob@inside.example".into(),
            asked: "robert@example.com".into(),
            orcpt: Some("rfc822;robert+40example.com".into()),
            ..Recipient::default()
        };
        let envelope = Envelope {
            sender: "ann@example.org".into(),
            envid: Some("QQ+2B31".into()),
            recipients: vec![recipient],
            ..Envelope::default()
        };
        let reply = Reply { code: 550, status: Some(Status(5, 1, 1)), text: "no such user\ntry again never".into() };
        let failure = Failure::said(reply).at("out", "mx.example.com", "192.0.2.1:25".parse().unwrap());
        Case { envelope, content: Content::Bytes(content.into()), failure, kind: Kind::Failure }
    }

    fn write(&self) -> Vec<u8> {
        let fates = [Fate::failed(0, &self.failure)];
        let report = Report {
            hostname: "hub.example.net",
            id: QueueId(7),
            about: QueueId(3),
            envelope: &self.envelope,
            content: &self.content,
            arrived: 1_700_000_000_000,
            until: 1_700_432_000_000,
            now: 1_700_000_060_000,
            kind: self.kind,
            fates: &fates,
        };
        write(&report).unwrap().octets
    }
}

/// A message in its parts: header and, of each part, header and body.
#[derive(Debug)]
struct Parsed {
    header: Vec<(String, String)>,
    parts: Vec<(Vec<(String, String)>, String)>,
}

/// Reads a report as a mail program would. Every line must be one that SMTP and the format allow.
fn parse(octets: &[u8]) -> Parsed {
    let text = String::from_utf8_lossy(octets).into_owned();
    assert!(octets.ends_with(b"\r\n"));
    for line in octets.strip_suffix(b"\r\n").unwrap().split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 999, "{} octets", line.len());
        assert!(!line.iter().any(|b| matches!(b, b'\r' | 0)), "{line:?}");
        assert!(!line.starts_with(b".") || line.starts_with(b".."), "{line:?}");
    }
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    let (header, body) = text.split_once("\r\n\r\n").unwrap();
    let header = fields(header);
    let kind = &value(&header, "Content-Type")[..];
    let boundary = kind.split_once("boundary=\"").unwrap().1.trim_end_matches('"');
    let body = body.strip_suffix(&format!("\r\n--{boundary}--\r\n")).expect("it ends");
    let between = format!("\r\n--{boundary}\r\n");
    let mut parts = body.split(&between[..]);
    parts.next();
    let parts = parts.map(|part| {
        let (header, body) = part.split_once("\r\n\r\n").unwrap();
        (fields(header), body.to_owned())
    });
    Parsed { parts: parts.collect(), header }
}

fn fields(header: &str) -> Vec<(String, String)> {
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{line:?}"));
            assert!(name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'), "{line:?}");
            (name.to_owned(), value.trim().to_owned())
        })
        .collect()
}

fn value(fields: &[(String, String)], name: &str) -> String {
    let found: Vec<&str> = fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
    let [found] = found[..] else { panic!("{name}: {found:?}") };
    found.to_owned()
}

const MESSAGE: &[u8] = b"From: ann@example.org\r\nSubject: hello\r\n\r\n..\r\nhello\r\n";

#[test]
fn a_failure_reads_as_a_report() {
    let case = Case::new(MESSAGE);
    let octets = case.write();
    let parsed = parse(&octets);
    assert_eq!(value(&parsed.header, "From"), "Mail Delivery System <mailer-daemon@hub.example.net>");
    assert_eq!(value(&parsed.header, "To"), "<ann@example.org>");
    assert_eq!(value(&parsed.header, "Auto-Submitted"), "auto-replied");
    assert_eq!(value(&parsed.header, "Date"), "Tue, 14 Nov 2023 22:14:20 +0000");
    assert!(value(&parsed.header, "Content-Type").starts_with("multipart/report; report-type=delivery-status;"));
    let [(human, words), (status, report), (returned, message)] = &parsed.parts[..] else { panic!("{parsed:#?}") };
    assert_eq!(value(human, "Content-Type"), "text/plain; charset=us-ascii");
    assert_eq!(
        words,
        "This is the mail system at hub.example.net.\r\n\
         \r\n\
         Your message (its name here is 0000000000003) could not be delivered to the\r\n\
         recipients below. It is not tried again. The message, or its header, comes\r\n\
         with this report.\r\n\
         \r\n\
         <robert@example.com>:\r\n    \
             The host mx.example.com said:\r\n      \
               550 5.1.1 no such user try again never\r\n"
    );
    assert_eq!(value(status, "Content-Type"), "message/delivery-status");
    assert_eq!(
        report,
        "Original-Envelope-Id: QQ+31\r\n\
         Reporting-MTA: dns; hub.example.net\r\n\
         Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\
         \r\n\
         Original-Recipient: rfc822; robert@example.com\r\n\
         Final-Recipient: rfc822; bob@inside.example\r\n\
         Action: failed\r\n\
         Status: 5.1.1\r\n\
         Remote-MTA: dns; mx.example.com\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user try again never\r\n\
         Last-Attempt-Date: Tue, 14 Nov 2023 22:14:20 +0000\r\n"
    );
    assert_eq!(value(returned, "Content-Type"), "message/rfc822");
    assert_eq!(message.as_bytes(), MESSAGE);
}

#[test]
fn ret_and_kind_and_size_decide_what_comes_back() {
    let returned = |case: &Case| {
        let mut parsed = parse(&case.write());
        let (header, body) = parsed.parts.pop().unwrap();
        (value(&header, "Content-Type"), body)
    };
    let headers = ("text/rfc822-headers".to_owned(), "From: ann@example.org\r\nSubject: hello\r\n".to_owned());
    let mut case = Case::new(MESSAGE);
    case.envelope.ret = Some(Ret::Headers);
    assert_eq!(returned(&case), headers);
    case.envelope.ret = Some(Ret::Full);
    case.kind = Kind::Delay;
    assert_eq!(returned(&case), headers);
    let large = [MESSAGE, &b"some words\r\n".repeat(10_000)].concat();
    assert_eq!(returned(&Case::new(&large)), headers);
}

#[test]
fn an_address_that_is_not_ascii_needs_no_smtputf8_in_the_report() {
    let mut case = Case::new(MESSAGE);
    case.envelope.smtputf8 = true;
    case.envelope.recipients[0] =
        Recipient {
            address: "jürgen@example.com".into(), asked: "jürgen@example.com".into(), ..Recipient::default()
        };
    let parsed = parse(&case.write());
    assert!(parsed.parts[1].1.contains("Final-Recipient: utf-8; j\\x{FC}rgen@example.com\r\n"), "{parsed:#?}");
    assert!(parsed.parts[1].1.is_ascii());
    assert!(parsed.parts[0].1.contains("<jürgen@example.com>:\r\n"));
    assert_eq!(value(&parsed.parts[2].0, "Content-Type"), "message/global");
}

#[test]
fn an_orcpt_that_is_not_ascii_comes_back_as_it_was_given() {
    let mut case = Case::new(MESSAGE);
    for given in ["utf-8;j\u{fc}rgen@a.example", "utf-8;j\\x{FC}rgen@a.example"] {
        case.envelope.recipients[0].orcpt = Some(given.into());
        let parsed = parse(&case.write());
        let line = "Original-Recipient: utf-8; j\\x{FC}rgen@a.example\r\n";
        assert!(parsed.parts[1].1.contains(line), "{parsed:#?}");
    }
}

#[test]
fn a_message_cannot_end_its_part() {
    let mut case = Case::new(MESSAGE);
    let boundary = "=0000000000007/1700000060000";
    case.content = Content::Bytes(format!("Subject: x\r\n\r\n--{boundary}--\r\n").into_bytes().into());
    let parsed = parse(&case.write());
    assert_eq!(parsed.parts.len(), 3);
    assert!(parsed.parts[2].1.ends_with(&format!("--{boundary}--\r\n")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_anybody_says_it_is_one_report(
        words in prop_oneof!["\\PC{0,3000}", "(?s).{0,300}", "[a\r\n.:\u{0} -]{0,200}", "[x]{0,5000}"],
        own in "(?s).{0,200}",
        sender in "[^\r\n\u{0}]{1,200}@example[.]org",
        asked in "(?s).{1,80}",
        envid in "[!-~]{0,100}",
        orcpt in "[a-z0-9]{1,8};[!-~]{0,100}",
        content in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'-'), any::<u8>()], 0..400),
        lines in "([ -~]{0,80}\r\n){0,20}",
        kind in prop::sample::select(vec![Kind::Failure, Kind::Delay, Kind::Relayed]),
    ) {
        let mut case = Case::new(&[lines.as_bytes(), &content].concat());
        case.envelope.sender = sender;
        case.envelope.envid = Some(envid);
        case.envelope.recipients[0].address = asked.clone();
        case.envelope.recipients[0].asked = asked;
        case.envelope.recipients[0].orcpt = Some(orcpt);
        case.failure.text = own;
        case.failure.host = Some(words.clone());
        case.failure.reply = Some(Reply { code: 550, status: None, text: words });
        case.kind = kind;
        let octets = case.write();
        let parsed = parse(&octets);
        prop_assert_eq!(parsed.parts.len(), 3);
        let (message, recipient) = parsed.parts[1].1.split_once("\r\n\r\n").unwrap();
        prop_assert_eq!(value(&fields(message), "Reporting-MTA"), "dns; hub.example.net");
        prop_assert_eq!(value(&fields(recipient), "Status"), "5.1.1");
        prop_assert!(parsed.parts[1].1.is_ascii());
        let eight = value(&parsed.header, "Content-Transfer-Encoding") == "8bit";
        prop_assert_eq!(eight, !octets[octets.windows(4).position(|w| w == b"\r\n\r\n").unwrap()..].is_ascii());
    }
}
