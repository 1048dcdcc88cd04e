//! Lines of the log: what they look like, that nobody can forge one, and that logging never waits.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailswitch::relay::envelope::{QueueId, Recipient};
use mailswitch::relay::event::time::Utc;
use mailswitch::relay::event::{Answer, Attempt, Event, Format, Log, Tls, To};
use mailswitch::relay::reply::Status;

const NOW: u64 = 1_795_352_429_123;

fn line(event: &Event<'_>, format: Format) -> String {
    let mut line = Vec::new();
    event.line(format, NOW, &mut line);
    String::from_utf8(line).unwrap()
}

fn delivered() -> Attempt<'static> {
    Attempt {
        id: QueueId(1000),
        sender: "ann@contoso.com",
        recipient: "bob@mail.contoso.com",
        asked: "bob@contoso.com",
        connector: "to-unix",
        host: "mail.contoso.com",
        address: Some("192.0.2.1:25".parse().unwrap()),
        tls: Some(Tls { version: "TLSv1.3", cipher: "TLS13_AES_256_GCM_SHA384", verified: true }),
        size: 4096,
        attempts: 1,
        queued: Duration::from_micros(12_345),
        transaction: Some(Duration::from_millis(3)),
        answer: Some(Answer { code: 250, status: Some(Status(2, 0, 0)), text: "Ok: queued as 4\nbye" }),
        why: "",
    }
}

#[test]
fn a_line_for_programs() {
    assert_eq!(
        line(&Event::Delivered(delivered()), Format::Json),
        concat!(
            r#"{"time":"2026-11-22T13:00:29.123Z","event":"delivered","id":"00000000000z8","sender":"ann@contoso.com","#,
            r#""recipient":"bob@mail.contoso.com","asked":"bob@contoso.com","connector":"to-unix","#,
            r#""host":"mail.contoso.com","address":"192.0.2.1:25","tls":"TLSv1.3","#,
            r#""cipher":"TLS13_AES_256_GCM_SHA384","verified":true,"size":4096,"attempts":1,"queued_ms":12.345,"#,
            r#""transaction_ms":3.000,"code":250,"status":"2.0.0","reply":"Ok: queued as 4\nbye"}"#
        )
    );
}

#[test]
fn a_line_for_people() {
    let attempt = Attempt { tls: None, asked: "bob@mail.contoso.com", ..delivered() };
    assert_eq!(
        line(&Event::Deferred { attempt, next: NOW + 1000 }, Format::Human),
        "2026-11-22T13:00:29.123Z deferred id=00000000000z8 sender=ann@contoso.com recipient=bob@mail.contoso.com \
         connector=to-unix host=mail.contoso.com address=192.0.2.1:25 size=4096 attempts=1 queued_ms=12.345 \
         transaction_ms=3.000 code=250 status=2.0.0 reply=\"Ok: queued as 4\\nbye\" next=2026-11-22T13:00:30.123Z"
    );
}

#[test]
fn an_accepted_message_names_twenty_of_its_recipients() {
    let recipient = |i| Recipient { asked: format!("r{i}@contoso.com"), ..Recipient::default() };
    let recipients: Vec<Recipient> = (0..1000).map(recipient).collect();
    let event = Event::Accepted {
        id: QueueId(1),
        client: "[2001:db8::1]:4711".parse().unwrap(),
        helo: "client.test",
        tls: None,
        sender: "",
        recipients: &recipients,
        size: 10,
        took: Duration::from_micros(250),
    };
    let json: serde_json::Value = serde_json::from_str(&line(&event, Format::Json)).unwrap();
    assert_eq!(json["recipients"], 1000);
    assert_eq!(json["to"].as_array().unwrap().len(), 20);
    assert_eq!(json["to"][19], "r19@contoso.com");
    assert_eq!((json["sender"].as_str(), json["client"].as_str()), (Some(""), Some("[2001:db8::1]:4711")));
    assert_eq!(json["accept_ms"], 0.25);
    assert!(line(&event, Format::Human).contains(r#" sender="" recipients=1000 to=r0@contoso.com "#));
}

#[test]
fn what_a_peer_says_cannot_forge_a_line_or_reach_a_terminal() {
    let hostile = "ok\r\n2026-11-22T13:00:29.123Z delivered id=1 \" } \\ \u{1b}[2J \u{9b}2J \u{7f} \u{2028} \u{202e} é";
    for format in [Format::Json, Format::Human] {
        let line = line(&Event::Error { part: hostile, why: hostile }, format);
        let hidden = |c: char| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c);
        assert!(!line.contains(hidden), "{line:?}");
        assert!(line.contains("\\u001b[2J \\u009b2J \\u007f \\u2028 \\u202e é"), "{line}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&line(&Event::Error { part: "x", why: hostile }, Format::Json)).unwrap();
    assert_eq!(json["why"], hostile);
    // A value with a blank is quoted, so that none looks like the field after it.
    let human = line(&Event::SpoolFailed { why: "x id=1" }, Format::Human);
    assert!(human.ends_with(r#" why="x id=1""#), "{human}");
}

#[test]
fn times_are_those_of_the_calendar() {
    for (millis, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (1_798_761_599_001, "2026-12-31T23:59:59.001Z"),
    ] {
        assert_eq!(Utc(millis).to_string(), expected);
    }
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn everything_logged_before_the_end_is_written() {
    let kept = Kept::default();
    let log = Log::start(Format::Json, To::Stream(Box::new(kept.clone()))).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let log = log.clone();
            std::thread::spawn(move || (0..500).for_each(|messages| log.write(&Event::Stopped { messages })))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    log.close();
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert_eq!((text.lines().count(), log.lost()), (2000, 0));
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

/// Takes nothing until it is told to.
struct Stuck {
    begun: SyncSender<()>,
    go: Receiver<()>,
    kept: Kept,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begun.try_send(());
        // An error is what comes once the other end is gone: everything is taken then.
        let _ = self.go.recv();
        self.kept.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_disk_costs_lines_and_the_log_says_how_many() {
    let (begun, has_begun) = sync_channel(1);
    let (go_on, go) = channel();
    let kept = Kept::default();
    let log = Log::start(Format::Json, To::Stream(Box::new(Stuck { begun, go, kept: kept.clone() }))).unwrap();
    let why = "x".repeat(100_000);
    log.write(&Event::SpoolFailed { why: "first" });
    has_begun.recv().unwrap();
    // 4 MiB wait, at most.
    (0..100).for_each(|_| log.write(&Event::SpoolFailed { why: &why }));
    let lost = log.lost();
    assert!((55..=65).contains(&lost), "{lost}");
    drop(go_on);
    log.close();
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains(&format!(r#""event":"lines-lost","lines":{lost}"#)));
    assert_eq!(text.lines().count() as u64, 101 - lost + 1);
}

#[test]
fn a_rotated_file_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.log");
    let log = Log::start(Format::Human, To::File(path.clone())).unwrap();
    std::fs::rename(&path, folder.path().join("relay.log.1")).unwrap();
    log.reopen();
    log.write(&Event::Stopped { messages: 7 });
    log.close();
    assert!(std::fs::read_to_string(&path).unwrap().ends_with(" stopped messages=7\n"));
}
