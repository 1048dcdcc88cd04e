//! `relay queue` and `relay trace`: what is meant, what is done to it, and what is shown.

use mailswitch::relay::admin::filter::matches;
use mailswitch::relay::admin::protocol::State;

use super::fake::{Row, Served, row};

const CONNECTION_REFUSED: &str = "mail.contoso.com [192.0.2.1:25]: connect: Connection refused";

fn rows() -> Vec<Row> {
    vec![
        row(3, 30, "", &["postmaster@contoso.com"], "to-unix"),
        row(1, 7500, "ann@contoso.com", &["bob@mail.contoso.com", "b@x", "c@x", "d@x", "e@x"], "to-unix;backup")
            .deferred(CONNECTION_REFUSED, 3, 750),
        row(2, 90, "news@example.org", &["carl@example.org"], "internet").deferred("451 4.7.1 later", 1, 60),
    ]
}

fn name(id: u64) -> String {
    format!("{id:013}")
}

/// The names of the messages that a filter means.
fn meant(served: &Served, filter: &[&str]) -> Vec<u64> {
    let ran = served.run(&[&["queue", "list", "--json"], filter].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let id = |line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["id"].as_str().unwrap().trim_start_matches('0').parse().unwrap()
    };
    ran.stdout.lines().map(id).collect()
}

#[test]
fn filters_mean_what_they_say() {
    let served = Served::with(rows());
    for (filter, expected) in [
        (&[][..], &[1, 2, 3][..]),
        (&["--sender", "ann@contoso.com"], &[1]),
        (&["--sender", "ANN@*"], &[1]),
        (&["--sender", "ann"], &[]),
        (&["--sender", "<>"], &[3]),
        (&["--sender", "*@*"], &[1, 2]),
        (&["--recipient", "?@x"], &[1]),
        (&["--recipient", "bob@contoso.com"], &[1]),
        (&["--recipient", "bob@mail.*"], &[1]),
        (&["--recipient", "*.org"], &[2]),
        (&["--connector", "backup"], &[1]),
        (&["--connector", "to-*"], &[1, 3]),
        (&["--connector", "to-unix;backup"], &[]),
        (&["--reason", "connection REFUSED"], &[1]),
        (&["--reason", "*"], &[]),
        (&["--state", "deferred"], &[1, 2]),
        (&["--older", "1m"], &[1, 2]),
        (&["--older", "2h"], &[1]),
        (&["--newer", "60"], &[3]),
        (&["--older", "60s", "--newer", "1h"], &[2]),
        (&["--state", "deferred", "--sender", "<>"], &[]),
        (&["0000000000002", "0000000000001", "0000000000002"], &[1, 2]),
        (&["0000000000002", "--sender", "ann*"], &[]),
    ] {
        assert_eq!(meant(&served, filter), expected, "{filter:?}");
    }
}

#[test]
fn a_pattern_is_compared_with_the_whole_text() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcd", false),
        ("*a*a*a*a*b", &"a".repeat(200), false),
        ("*ab?", "ababx", true),
        ("?", "é", true),
        ("ÄB*", "äbc", true),
        ("a[b]", "a[b]", true),
        ("**x", "x", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn the_list_is_for_people_too() {
    let served = Served::with(rows());
    let ran = served.run(&["queue", "list"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "3 messages\n"));
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "0000000000001  deferred    2h 5m    4.0 KiB  from ann@contoso.com");
    let to = "    to bob@mail.contoso.com, b@x, c@x and 2 more, by to-unix;backup, tried 3 times, next in 12m ";
    assert!(lines[1].starts_with(to), "{}", lines[1]);
    assert_eq!(lines[2], format!("    {CONNECTION_REFUSED}"));
    assert_eq!(lines[6], "0000000000003  active        30s    4.0 KiB  from <>");
    assert_eq!(lines[7], "    to postmaster@contoso.com, by to-unix, not tried yet");
}

#[test]
fn a_message_is_shown_in_full_without_what_a_terminal_obeys() {
    let served = Served::with(rows());
    let ran = served.run(&["queue", "show", &name(1)]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let reason = CONNECTION_REFUSED;
    for line in [
        format!("    to bob@mail.contoso.com (asked for as bob@contoso.com): {reason}\n"),
        format!("    to e@x: {reason}\n"),
        "    Subject: message 1\u{fffd}[2J\n    From: ann@contoso.com\n".to_owned(),
    ] {
        assert!(ran.stdout.contains(&line), "{line}: {}", ran.stdout);
    }
    let json = served.run(&["queue", "show", &name(3), "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((shown["sender"].as_str(), shown["size"].as_u64()), (Some(""), Some(4096)));
    assert!(shown["header"].as_str().unwrap().starts_with("Subject: message 3"));
}

#[test]
fn what_is_not_there_or_cannot_be_read_is_said() {
    let served = Served::with([rows(), vec![row(9, 1, "damaged@spool", &["a@b"], "to-unix")]].concat());
    let ran = served.run(&["queue", "show", &name(1), &name(7)]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "0000000000007: no such message in the queue\n"));
    let ran = served.run(&["queue", "list"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stderr, "0000000000009: its record is damaged\n3 messages\n");
    let ran = served.run(&["queue", "show", "nonsense"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`nonsense` is no message's name"), "{}", ran.stderr);
    let ran = served.run(&["queue", "list", "--older", "soon"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("a duration is a number with s, m, h or d"), "{}", ran.stderr);
}

#[test]
fn messages_are_held_released_and_retried() {
    let served = Served::with(rows());
    let ran = served.run(&["queue", "hold", "--connector", "to-unix"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "2 messages: held\n"), "{}", ran.stderr);
    assert_eq!(served.left(), [(3, State::Held), (1, State::Held), (2, State::Deferred)]);
    let ran = served.run(&["queue", "release", &name(3), "--json"]);
    assert_eq!(ran.stdout, "{\"action\":\"release\",\"count\":1}\n");
    let ran = served.run(&["queue", "retry", "--all"]);
    assert_eq!(ran.stdout, "3 messages: tried now\n");
    assert_eq!(served.left(), [(3, State::Active), (1, State::Active), (2, State::Active)]);
    let ran = served.run(&["queue", "hold"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("say which messages to hold: their names, filters, or --all"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_taken_back_needs_a_yes() {
    let served = Served::with(rows());
    for (arguments, message) in [
        (&["queue", "remove", "--state", "deferred"][..], "this would remove 2 messages: say --yes"),
        (&["queue", "bounce", "--all"], "this would bounce 3 messages: say --yes"),
        (&["queue", "remove", "0000000000001", "--older", "1m"], "this would remove 1 message: say --yes"),
    ] {
        let ran = served.run(arguments);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
    assert_eq!(served.left().len(), 3);
    let ran = served.run(&["queue", "remove", "--sender", "nobody@*"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "0 messages: removed\n"));
    let ran = served.run(&["queue", "remove", &name(1), &name(7)]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "1 message: removed\n"));
    assert_eq!(ran.stderr, "0000000000007: no such message in the queue\n");
    let ran = served.run(&["queue", "bounce", "--all", "--yes"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "2 messages: returned to their senders\n"));
    assert_eq!(served.left(), []);
}

#[test]
fn a_running_relay_says_where_an_address_goes() {
    let served = Served::with(Vec::new());
    let ran = served.run(&["trace", "<bob@contoso.com>"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        "bob@contoso.com\n    1. contact: becomes bob@mail.contoso.com\n    2. account of unix\n  \
         sent as bob@mail.contoso.com by to-unix, to-other, or else by backup, if its next hop takes it\n  \
         host 192.0.2.1:25 of to-unix: does not answer, tried again in 1m 1s (connect: connection refused)\n"
    );
    let ran = served.run(&["trace", "x@y", "--from", "192.0.2.7"]);
    assert!(ran.stdout.ends_with("  refused 5.7.1 relaying denied\n"), "{}", ran.stdout);
    let ran = served.run(&["trace", "x@y", "--from", "192.0.2.7", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((json["fate"].as_str(), json["steps"][0]["step"].as_str()), (Some("refused"), Some("contact")));
    let ran = served.run(&["trace", "broken"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("the table contacts.cdb is damaged"), "{}", ran.stderr);
}
