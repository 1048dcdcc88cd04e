//! What senders are told: of failures, delays and messages that are too old; and who is told nothing.

use std::time::Duration;

use mailswitch::relay::envelope::Notify;
use mailswitch::relay::queue::State;
use mailswitch::relay::queue::retry::Schedule;

use super::hosts::ESTATE;
use super::house::{House, Mode};

const HOURS: fn(u64) -> Duration = |hours| Duration::from_secs(3600 * hours);

#[test]
fn the_longest_lifetime_can_be_counted_from_any_time_on() {
    let longest = Schedule::new(&[60], 1, Some(u64::MAX)).lifetime;
    let millis = u64::try_from(longest.as_millis()).unwrap();
    assert!(millis.checked_add(u64::from(u32::MAX) * 1000).is_some() && longest > HOURS(24 * 365 * 99), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn one_report_tells_of_all_recipients_that_failed_together() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Says(vec![("robert", 550), ("eve", 552)]));
    house.send("joe@far.example", &["robert@home.example", "eve@one.example", "ann@one.example"]).await;
    house.sees(&["a.example.net robert@home.example eve@one.example ann@one.example"]).await;
    house.sees(&["mx.far.example joe@far.example"]).await;
    let report = house.letter();
    assert!(report.contains("To: <joe@far.example>\r\n"), "{report}");
    assert!(report.contains("Final-Recipient: rfc822; robert@home.example\r\nAction: failed\r\nStatus: 5.0.0\r\n"));
    assert!(report.contains("Diagnostic-Code: smtp; 552 eve here\r\n"), "{report}");
    assert!(!report.contains("ann@one.example"), "{report}");
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_report_that_fails_is_dropped_and_so_is_what_nobody_wants_to_hear_of() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Says(vec![("bob", 550)]));
    house.send("", &["bob@one.example"]).await;
    house.sees(&["a.example.net bob@one.example"]).await;
    house.send_with("joe@two.example", &["bob@one.example"], Notify::NEVER, b"\r\n").await;
    house.sees(&["a.example.net bob@one.example"]).await;
    house.send("bob@one.example", &["bob@one.example"]).await;
    house.sees(&["a.example.net bob@one.example", "a.example.net bob@one.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_sender_without_a_way_is_not_told_and_nothing_stays() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Says(vec![("bob", 550)]));
    house.send("nobody@one.example", &["bob@one.example"]).await;
    house.sees(&["a.example.net bob@one.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_hear_of_success_is_told_where_the_next_hop_tells_nobody() {
    let mut house = House::new(ESTATE);
    house.send_with("joe@two.example", &["bob@one.example"], Notify::SUCCESS, b"Subject: x\r\n\r\nsecret\r\n").await;
    house.sees(&["a.example.net bob@one.example"]).await;
    assert!(house.next().await.ends_with(" joe@two.example"));
    let report = house.letter();
    assert!(report.contains("\r\nAction: relayed\r\nStatus: 2.0.0\r\n"), "{report}");
    assert!(report.contains("\r\nSubject: x\r\n") && !report.contains("secret"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_goes_back_once_whatever_its_lane_does() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    for _ in 0..200 {
        house.send("joe@two.example", &["x@far.example"]).await;
    }
    house.sees(&["mx.far.example is down"]).await;
    house.later(HOURS(5 * 24)).await;
    let mut told = 0;
    while told < 200 {
        told += usize::from(house.next().await.ends_with(" joe@two.example"));
    }
    let report = house.letter();
    assert!(report.contains("\r\nStatus: 4.4.7\r\n"), "{report}");
    assert!(report.contains("could not be delivered in time: connection refused\r\n"), "{report}");
    assert!(house.rest().await.iter().all(|seen| seen == "mx.far.example is down"));
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_grew_too_old_while_the_relay_was_off_has_one_attempt_before_it_goes_back() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    house.host("mx.near.example", Mode::Down);
    house.send("joe@two.example", &["x@far.example"]).await;
    house.sees(&["mx.far.example is down"]).await;
    house.send("joe@two.example", &["y@near.example"]).await;
    house.sees(&["mx.near.example is down"]).await;
    house.host("mx.far.example", Mode::Good);
    let mut house = house.restart(HOURS(6 * 24)).await;
    let seen = [house.next().await, house.next().await, house.next().await];
    assert!(seen[..2].contains(&"mx.far.example x@far.example".to_owned()), "{seen:?}");
    assert!(seen[..2].contains(&"mx.near.example is down".to_owned()), "{seen:?}");
    assert!(seen[2].ends_with(" joe@two.example"), "{seen:?}");
    assert!(house.letter().contains("Final-Recipient: rfc822; y@near.example\r\nAction: failed\r\n"));
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_ahead_makes_no_message_live_longer() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    house.later(HOURS(240)).await;
    house.send("joe@two.example", &["x@far.example"]).await;
    house.sees(&["mx.far.example is down"]).await;
    let mut house = house.restart(HOURS(0)).await;
    house.send("joe@two.example", &["y@far.example"]).await;
    house.sees(&["mx.far.example is down"]).await;
    house.later(HOURS(120)).await;
    let mut told = 0;
    while told < 2 {
        told += usize::from(house.next().await.ends_with(" joe@two.example"));
    }
    assert!(house.queue.is_empty() || house.rest().await.iter().all(|seen| seen == "mx.far.example is down"));
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_hear_of_a_delay_is_told_once_across_restarts() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    house.send_with("joe@two.example", &["x@far.example"], Notify::DELAY, b"Subject: x\r\n\r\n").await;
    house.send("eve@two.example", &["y@far.example"]).await;
    house.later(HOURS(4)).await;
    while !house.next().await.ends_with(" joe@two.example") {}
    let report = house.letter();
    assert!(report.contains("\r\nAction: delayed\r\nStatus: 4.4.1\r\n"), "{report}");
    assert!(report.contains("\r\nWill-Retry-Until: "), "{report}");
    let mut house = house.restart(HOURS(5)).await;
    house.sees(&["mx.far.example is down"]).await;
    house.host("mx.far.example", Mode::Good);
    house.later(HOURS(1)).await;
    let mut taken = [house.next().await, house.next().await];
    taken.sort();
    assert_eq!(taken, ["mx.far.example x@far.example", "mx.far.example y@far.example"]);
    assert_eq!(house.rest().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_once_of_every_message_that_waits_for_a_dead_host() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    house.send("joe@two.example", &["first@far.example"]).await;
    house.sees(&["mx.far.example is down"]).await;
    let second = house.send("joe@two.example", &["second@far.example"]).await;
    house.fill(second, 200);
    house.later(HOURS(1)).await;
    house.sees(&["mx.far.example is down"]).await;
    let told = house.logged(" deferred ");
    let of = |local: &str| told.iter().filter(|line| line.contains(&format!("recipient={local}@far.example"))).count();
    assert_eq!((of("first"), of("second"), told.len()), (1, 201, 202), "{:?}", told.first());
    assert!(told.iter().all(|line| line.contains("connection refused") && line.contains(" next=")), "{:?}", told[0]);
    assert_eq!(house.metrics.connector("out").deferred.get(), 202);
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_how_a_message_was_sent_and_what_was_odd_about_the_connection() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Says(vec![("bad", 550)]));
    house.send("", &["joe@far.example", "bad@far.example"]).await;
    house.sees(&["mx.far.example joe@far.example bad@far.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
    let counters = house.metrics.connector("out");
    assert_eq!((counters.tls.get(), counters.delivered.get(), counters.bounced.get()), (1, 1, 1));
    let delivered = house.logged(" delivered ");
    assert!(delivered[0].contains(" tls=TLSv1.3 cipher=some verified=true "), "{delivered:?}");
    assert_eq!(house.logged("it went oddly").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_a_message_does_not_get_it_again_though_its_sender_cannot_be_told_of_others() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Says(vec![("bob", 550)]));
    let id = house.send("joe@two.example", &["bob@one.example", "eve@one.example"]).await;
    house.disk.breaks();
    house.sees(&["a.example.net bob@one.example eve@one.example"]).await;
    let view = loop {
        let view = house.queue.view(id, house.queue.slots(id)[0]).unwrap();
        if view.state == State::Waiting {
            break view;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(view.recipients.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_for_its_way_goes_back() {
    let mut house = House::new(ESTATE);
    house.send_with("eve@far.example", &["joe@three.example"], Notify::default(), &[b'x'; 2000]).await;
    house.sees(&["mx.far.example eve@far.example"]).await;
    let report = house.letter();
    assert!(report.contains("\r\nStatus: 5.3.4\r\n"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_takes_no_mail_returns_all_that_waits_for_it() {
    let mut house = House::new(ESTATE);
    house.send("eve@far.example", &["joe@null.example"]).await;
    house.sees(&["mx.far.example eve@far.example"]).await;
    assert!(house.letter().contains("\r\nStatus: 5.1.10\r\n"), "{}", house.letter());
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}
