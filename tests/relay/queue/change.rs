//! What operators and new routes do to messages that wait.

use std::sync::Arc;
use std::time::Duration;

use mailswitch::relay::envelope::{Notify, QueueId};
use mailswitch::relay::queue::{Action, State};

use super::hosts::ESTATE;
use super::house::{House, Mode};
use crate::relay::route::Site;

fn act(house: &House, id: QueueId, action: Action) -> bool {
    let slots = house.queue.slots(id);
    assert!(!slots.is_empty());
    slots.into_iter().filter(|slot| house.queue.act(id, *slot, action)).count() > 0
}

fn state(house: &House, id: QueueId) -> State {
    house.queue.view(id, house.queue.slots(id)[0]).unwrap().state
}

/// A house with a message for a host that is down.
async fn waiting() -> (House, QueueId) {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    let id = house.send("eve@near.example", &["joe@far.example"]).await;
    house.sees(&["mx.far.example is down"]).await;
    (house, id)
}

#[tokio::test(start_paused = true)]
async fn a_held_message_stays_until_it_is_released_also_after_a_restart() {
    let (house, id) = waiting().await;
    assert!(act(&house, id, Action::Hold) && !act(&house, id, Action::Hold));
    let mut house = house.restart(Duration::from_secs(60)).await;
    assert_eq!(state(&house, id), State::Held);
    house.host("mx.far.example", Mode::Good);
    house.send("eve@near.example", &["next@far.example"]).await;
    house.sees(&["mx.far.example next@far.example"]).await;
    assert!(act(&house, id, Action::Release) && !act(&house, id, Action::Release));
    house.sees(&["mx.far.example joe@far.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn retry_tries_a_sleeping_lane_at_once() {
    let (mut house, id) = waiting().await;
    assert!(act(&house, id, Action::Retry));
    house.sees(&["mx.far.example is down"]).await;
    house.host("mx.far.example", Mode::Good);
    assert!(act(&house, id, Action::Retry));
    house.sees(&["mx.far.example joe@far.example"]).await;
}

#[tokio::test(start_paused = true)]
async fn retry_tries_a_message_that_waits_for_its_own_time() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Says(vec![("joe", 450)]));
    let id = house.send("eve@near.example", &["joe@far.example"]).await;
    house.sees(&["mx.far.example joe@far.example"]).await;
    while state(&house, id) != State::Waiting {
        tokio::task::yield_now().await;
    }
    let view = house.queue.view(id, house.queue.slots(id)[0]).unwrap();
    assert_eq!((view.attempts, view.next.is_some()), (1, true));
    assert_eq!(view.recipients[0].1.as_ref().unwrap().reply.as_ref().unwrap().code, 450);
    assert!(act(&house, id, Action::Retry));
    house.sees(&["mx.far.example joe@far.example"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_is_gone_and_nobody_is_told() {
    let (mut house, id) = waiting().await;
    assert!(act(&house, id, Action::Remove));
    assert!(house.queue.is_empty());
    assert_eq!(house.rest().await, [""; 0]);
    let house = house.restart(Duration::from_secs(1)).await;
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_returned_by_hand_tells_its_sender() {
    let (mut house, id) = waiting().await;
    assert!(act(&house, id, Action::Bounce));
    house.sees(&["mx.near.example eve@near.example"]).await;
    assert!(house.letter().contains("\r\nAction: failed\r\n"));
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn new_routes_move_what_waits_and_try_it_at_once() {
    let (mut house, id) = waiting().await;
    let other = ESTATE.replace("domain three.example }", "domain three.example, far.example }");
    let other = other.replace("address-space three.example;", "address-space three.example, far.example;");
    house.router.store(Arc::new(Site::new(&other).router));
    house.queue.reroute();
    house.sees(&["three.example.net joe@far.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.slots(id).is_empty());
    let (lanes, count) = house.queue.lanes(10);
    assert_eq!((lanes.len(), count), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_came_in_during_a_reload_goes_by_the_new_routes() {
    let mut house = House::new(ESTATE);
    let old = house.router.load_full();
    house.router.store(Arc::new(Site::new(&ESTATE.replace("three.example.net", "four.example.net")).router));
    house.queue.reroute();
    house.send_by(&old, "eve@near.example", &["joe@three.example"], Notify::default(), b"\r\n").await;
    house.sees(&["four.example.net joe@three.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_for_very_long_is_tried_when_it_is_released() {
    let (mut house, id) = waiting().await;
    assert!(act(&house, id, Action::Hold));
    house.later(Duration::from_secs(6 * 24 * 3600)).await;
    house.host("mx.far.example", Mode::Good);
    assert!(act(&house, id, Action::Release));
    house.sees(&["mx.far.example joe@far.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_host_of_the_same_connector_is_tried_at_once() {
    let mut house = House::new(ESTATE);
    house.host("three.example.net", Mode::Down);
    house.send("eve@near.example", &["joe@three.example"]).await;
    house.sees(&["three.example.net is down"]).await;
    house.router.store(Arc::new(Site::new(&ESTATE.replace("three.example.net", "four.example.net")).router));
    house.queue.reroute();
    house.sees(&["four.example.net joe@three.example"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_new_routes_refuse_goes_back_and_the_rest_stays() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Down);
    house.host("b.example.net", Mode::Down);
    let id = house.send("eve@near.example", &["eve@one.example", "bob@one.example"]).await;
    house.sees(&["a.example.net is down", "b.example.net is down"]).await;
    house.router.store(Arc::new(Site::new(&ESTATE.replace("account eve@one.example;", "")).router));
    house.queue.reroute();
    house.sees(&["mx.near.example eve@near.example"]).await;
    assert!(house.letter().contains("Final-Recipient: rfc822; eve@one.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"));
    while state(&house, id) == State::Ending {
        tokio::task::yield_now().await;
    }
    let view = house.queue.view(id, house.queue.slots(id)[0]).unwrap();
    assert_eq!(view.recipients.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1]);
}

#[tokio::test(start_paused = true)]
async fn new_routes_leave_a_message_alone_whose_sender_is_being_told() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Says(vec![("bob", 550), ("eve", 450)]));
    house.host("b.example.net", Mode::Down);
    let id = house.send("joe@far.example", &["bob@one.example", "eve@one.example"]).await;
    house.sees(&["a.example.net bob@one.example eve@one.example"]).await;
    assert_eq!(state(&house, id), State::Ending);
    house.queue.reroute();
    assert_eq!(state(&house, id), State::Ending);
    house.router.store(Arc::new(Site::new(&ESTATE.replace("account eve@one.example;", "")).router));
    house.queue.reroute();
    assert_eq!(state(&house, id), State::Ending);
    // One letter for each, and what the new routes refuse is not tried again.
    let mut seen = [house.next().await, house.next().await];
    seen.sort();
    assert_eq!(seen, ["mx.far.example joe@far.example"; 2]);
    assert!(house.rest().await.iter().all(|seen| seen == "b.example.net is down"));
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_delivered_any_more_once_the_spool_cannot_note_it() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    let id = house.send("eve@near.example", &["joe@far.example"]).await;
    house.sees(&["mx.far.example is down"]).await;
    house.send("eve@near.example", &["bob@one.example"]).await;
    house.disk.breaks();
    house.sees(&["a.example.net bob@one.example"]).await;
    while !house.spool.is_failed() {
        tokio::task::yield_now().await;
    }
    house.host("mx.far.example", Mode::Good);
    house.later(Duration::from_secs(3600)).await;
    assert_eq!(house.rest().await, [""; 0]);
    assert_eq!(house.queue.slots(id).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_takes_up_what_is_left_of_a_message_on_all_its_ways() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    house.host("three.example.net", Mode::Down);
    house.send("eve@near.example", &["joe@far.example", "bob@one.example", "joe@three.example"]).await;
    let mut seen = [house.next().await, house.next().await, house.next().await];
    seen.sort();
    assert_eq!(seen, ["a.example.net bob@one.example", "mx.far.example is down", "three.example.net is down"]);
    house.host("mx.far.example", Mode::Good);
    house.host("three.example.net", Mode::Good);
    let mut house = house.restart(Duration::from_secs(10)).await;
    let mut seen = [house.next().await, house.next().await];
    seen.sort();
    assert_eq!(seen, ["mx.far.example joe@far.example", "three.example.net joe@three.example"]);
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.restart(Duration::from_secs(20)).await.queue.is_empty());
}
