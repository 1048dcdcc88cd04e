//! Which host gets a message: costs, dead hosts, refusals for now.

use std::time::Duration;

use mailswitch::relay::queue::{Limits, State};

use super::house::{House, Mode, schedule};

/// Two cheap connectors that share the load, a dearer one with two hosts, and the Internet.
pub(crate) const ESTATE: &str = r#"
mta edge {
    target     relay
    hostname   edge.example.net
    trust      10.0.0.0/8
    postmaster bob@one.example
}
system one { account bob@one.example, robert@home.example; account eve@one.example; account ann@one.example }
system two { domain two.example }
system three { domain three.example }
shared domain one.example
domain home.example
connector to-one  { to one; smart-host a.example.net, b.example.net }
connector left    { to two; address-space two.example cost 1; smart-host left.example.net }
connector right   { to two; address-space two.example cost 1; smart-host right.example.net }
connector dear    { to two; address-space two.example cost 2; smart-host dear.example.net }
connector narrow  { to three; address-space three.example; smart-host three.example.net; concurrency 2; max-size 1KB }
connector out     { address-space *; dns }
"#;

const MINUTES: fn(u64) -> Duration = |minutes| Duration::from_secs(60 * minutes);

#[tokio::test(start_paused = true)]
async fn equal_costs_share_the_load_and_a_dearer_one_is_left_alone() {
    let mut house = House::new(ESTATE);
    let mut met = std::collections::BTreeSet::new();
    for _ in 0..40 {
        house.send("ann@one.example", &["joe@two.example"]).await;
        met.insert(house.next().await);
        // The connection is not kept for so long.
        house.later(Duration::from_secs(3)).await;
    }
    let met: Vec<&str> = met.iter().map(String::as_str).collect();
    assert_eq!(met, ["left.example.net joe@two.example", "right.example.net joe@two.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_dearer_way_takes_over_when_every_cheaper_host_is_down() {
    let mut house = House::new(ESTATE);
    house.host("left.example.net", Mode::Down);
    house.host("right.example.net", Mode::Down);
    house.send("ann@one.example", &["joe@two.example"]).await;
    let mut down = [house.next().await, house.next().await];
    down.sort();
    assert_eq!(down, ["left.example.net is down", "right.example.net is down"]);
    house.sees(&["dear.example.net joe@two.example"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_now_goes_on_to_the_next_host_and_then_waits() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Says(vec![("bob", 450)]));
    house.host("b.example.net", Mode::Says(vec![("bob", 451)]));
    house.send("joe@two.example", &["bob@one.example", "eve@one.example"]).await;
    house.sees(&["a.example.net bob@one.example eve@one.example", "b.example.net bob@one.example"]).await;
    house.later(MINUTES(4)).await;
    house.send("joe@two.example", &["eve@one.example"]).await;
    house.sees(&["a.example.net eve@one.example"]).await;
    house.host("a.example.net", Mode::Good);
    house.later(MINUTES(1)).await;
    house.sees(&["a.example.net bob@one.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_found_out_once_and_one_message_finds_out_that_it_is_back() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Down);
    house.send("ann@one.example", &["first@far.example"]).await;
    house.sees(&["mx.far.example is down"]).await;
    for _ in 0..500 {
        house.send("ann@one.example", &["joe@far.example"]).await;
    }
    house.send("ann@one.example", &["joe@near.example"]).await;
    house.sees(&["mx.near.example joe@near.example"]).await;
    house.later(MINUTES(5)).await;
    house.sees(&["mx.far.example is down"]).await;
    house.host("mx.far.example", Mode::Good);
    house.later(MINUTES(9)).await;
    house.send("ann@one.example", &["joe@near.example"]).await;
    house.sees(&["mx.near.example joe@near.example"]).await;
    assert_eq!(house.queue.len(), 501);
    house.later(MINUTES(1)).await;
    house.sees(&["mx.far.example first@far.example"]).await;
    for _ in 0..500 {
        house.sees(&["mx.far.example joe@far.example"]).await;
    }
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_host_is_dead_for_its_connector_while_the_next_one_serves() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Down);
    for _ in 0..3 {
        house.send("joe@two.example", &["bob@one.example"]).await;
        house.later(Duration::from_secs(3)).await;
    }
    house.sees(&["a.example.net is down"]).await;
    house.sees(&["b.example.net bob@one.example"; 3]).await;
    house.host("a.example.net", Mode::Good);
    house.later(MINUTES(5)).await;
    house.send("joe@two.example", &["bob@one.example"]).await;
    house.sees(&["a.example.net bob@one.example"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_closes_after_some_messages_delays_none() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Closes(3));
    for _ in 0..8 {
        house.send("ann@one.example", &["joe@far.example"]).await;
    }
    let mut taken = 0;
    while taken < 8 {
        taken += usize::from(house.next().await == "mx.far.example joe@far.example");
    }
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_only_closes_is_as_good_as_dead() {
    let mut house = House::new(ESTATE);
    house.host("a.example.net", Mode::Closes(0));
    house.send("joe@two.example", &["bob@one.example"]).await;
    house.sees(&["a.example.net closes", "b.example.net bob@one.example"]).await;
    house.later(Duration::from_secs(3)).await;
    house.send("joe@two.example", &["bob@one.example"]).await;
    house.sees(&["b.example.net bob@one.example"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_connector_has_no_more_connections_than_it_says() {
    let limits = Limits { workers: 400, ..Limits::default() };
    let mut house = House::with(ESTATE, schedule(), limits);
    for _ in 0..300 {
        house.send("ann@one.example", &["joe@three.example"]).await;
    }
    house.sees(&["three.example.net joe@three.example"; 300]).await;
    assert!((1..=2).contains(&house.most_open()), "{}", house.most_open());
}

#[tokio::test(start_paused = true)]
async fn a_long_line_gets_more_connections_up_to_the_limit() {
    let limits = Limits { concurrency: 5, ..Limits::default() };
    let mut house = House::with(ESTATE, schedule(), limits);
    house.host("mx.far.example", Mode::Down);
    for _ in 0..300 {
        house.send("ann@one.example", &["joe@far.example"]).await;
    }
    house.sees(&["mx.far.example is down"]).await;
    house.host("mx.far.example", Mode::Good);
    house.later(MINUTES(5)).await;
    house.sees(&["mx.far.example joe@far.example"; 300]).await;
    assert_eq!(house.most_open(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_no_more_connections_is_left_alone_for_a_while() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Room(1));
    house.send("ann@one.example", &["joe@far.example"]).await;
    house.sees(&["mx.far.example joe@far.example"]).await;
    house.send("ann@one.example", &["joe@twin.example"]).await;
    house.sees(&["mx.far.example is full"]).await;
    // The other connection has nothing more to do.
    house.later(Duration::from_secs(3)).await;
    house.later(Duration::from_secs(57)).await;
    house.sees(&["mx.far.example joe@twin.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_long_line_does_not_keep_another_lane_from_its_turn() {
    let limits = Limits { workers: 1, ..Limits::default() };
    let mut house = House::with(ESTATE, schedule(), limits);
    for domain in ["far", "near"] {
        house.host(&format!("mx.{domain}.example"), Mode::Down);
        let id = house.send("ann@one.example", &[&format!("joe@{domain}.example")]).await;
        house.sees(&[&format!("mx.{domain}.example is down")]).await;
        house.fill(id, 300);
        house.host(&format!("mx.{domain}.example"), Mode::Good);
    }
    house.later(MINUTES(5)).await;
    let mut before = 0;
    while house.next().await != "mx.near.example joe@near.example" {
        before += 1;
    }
    assert!((50..=150).contains(&before), "{before} were sent before");
    while house.next().await != "mx.far.example joe@far.example" {}
}

#[tokio::test(start_paused = true)]
async fn lanes_that_wait_for_a_place_keep_no_others_from_working() {
    let limits = Limits { workers: 3, ..Limits::default() };
    let mut house =
        House::with(&ESTATE.replace("address-space *; dns", "address-space *; dns; concurrency 1"), schedule(), limits);
    house.host("mx.far.example", Mode::Hangs("joe"));
    house.send("ann@one.example", &["joe@far.example"]).await;
    house.sees(&["mx.far.example hangs"]).await;
    for domain in ["a", "b", "c", "d"] {
        house.send("ann@one.example", &[&format!("joe@{domain}.example")]).await;
    }
    house.send("ann@one.example", &["joe@two.example"]).await;
    assert!(house.next().await.ends_with(" joe@two.example"));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_slow_with_one_message_gets_the_next_on_another_connection() {
    let mut house = House::new(ESTATE);
    house.host("mx.far.example", Mode::Hangs("slow"));
    house.send("ann@one.example", &["slow@far.example"]).await;
    house.sees(&["mx.far.example hangs"]).await;
    house.send("ann@one.example", &["joe@far.example"]).await;
    house.later(Duration::from_secs(2)).await;
    house.later(Duration::from_secs(2)).await;
    house.sees(&["mx.far.example joe@far.example"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_mistake_over_one_message_stops_no_other() {
    let limits = Limits { concurrency: 1, ..Limits::default() };
    let mut house = House::with(ESTATE, schedule(), limits);
    house.host("mx.far.example", Mode::Panics("odd"));
    let odd = house.send("ann@one.example", &["odd@far.example"]).await;
    house.send("ann@one.example", &["joe@far.example"]).await;
    house.sees(&["mx.far.example joe@far.example"]).await;
    let view = house.queue.view(odd, house.queue.slots(odd)[0]).unwrap();
    assert_eq!((view.state, view.attempts), (State::Waiting, 1));
    house.host("mx.far.example", Mode::Good);
    house.later(MINUTES(5)).await;
    house.sees(&["mx.far.example odd@far.example"]).await;
    assert_eq!(house.rest().await, [""; 0]);
    assert!(house.queue.is_empty());
    assert_eq!(house.metrics.open_connections(), 0);
}
