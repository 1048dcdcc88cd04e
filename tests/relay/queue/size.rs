//! What messages that wait cost.

use std::time::Duration;

use mailswitch::relay::queue::Limits;

use super::hosts::ESTATE;
use super::house::{House, Mode, schedule};

const MANY: usize = 100_000;

#[tokio::test(start_paused = true)]
async fn a_message_for_a_dead_host_takes_200_octets_at_most() {
    let mut house = House::with(ESTATE, schedule(), Limits::default());
    house.host("mx.far.example", Mode::Down);
    let id = house.send("ann@one.example", &["joe@far.example"]).await;
    house.sees(&["mx.far.example is down"]).await;
    house.fill(id, MANY);
    assert_eq!(house.queue.len(), MANY + 1);
    let each = house.queue.memory() / MANY;
    assert!((64..=200).contains(&each), "{each} octets");
    // None of them is looked at before its lane has found a host.
    house.later(Duration::from_secs(300)).await;
    house.sees(&["mx.far.example is down"]).await;
    assert_eq!(house.queue.len(), MANY + 1);
}
