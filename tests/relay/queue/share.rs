//! Load that is shared: balanced hosts and connectors of equal cost take turns, however the messages come.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hosts::ESTATE;
use super::house::{House, Mode};

/// Systems behind two and three balanced hosts, and one behind two connectors of equal cost with two each.
const SHARED: &str = r"
mta edge {
    target     relay
    hostname   edge.example.net
    trust      10.0.0.0/8
    postmaster bob@one.example
}
system one { account bob@one.example; account joe@one.example }
system pair { domain pair.example }
system trio { domain trio.example }
system odd { domain odd.example }
system both { domain both.example }
system fall { domain fall.example }
domain one.example
connector to-one  { to one; smart-host one.example.net }
connector to-pair { to pair; address-space pair.example; smart-host balanced p1.example.net, p2.example.net }
connector to-trio { to trio; address-space trio.example; smart-host balanced t1.example.net, t2.example.net, t3.example.net }
connector to-odd  { to odd; address-space odd.example; smart-host balanced double.example.net, single.example.net }
connector left    { to both; address-space both.example cost 1; smart-host balanced l1.example.net, l2.example.net }
connector right   { to both; address-space both.example cost 1; smart-host balanced r1.example.net, r2.example.net }
connector cheap   { to fall; address-space fall.example cost 1; smart-host cheap.example.net }
connector dear    { to fall; address-space fall.example cost 2; smart-host balanced d1.example.net, d2.example.net }
connector out     { address-space *; dns }
";

const MANY: usize = 1000;

/// What each of the hosts got, in per cent.
type Shares = BTreeMap<String, usize>;

/// Takes note of what the hosts see until they have got so many messages.
async fn count(house: &mut House, hosts: &mut Shares, many: usize) {
    let mut left = many;
    while left > 0 {
        let seen = house.next().await;
        let (host, what) = seen.split_once(' ').unwrap();
        if what.contains('@') {
            *hosts.entry(host.to_owned()).or_default() += 1;
            left -= 1;
        }
    }
}

fn percent(hosts: Shares) -> Shares {
    let all: usize = hosts.values().sum();
    hosts.into_iter().map(|(host, got)| (host, got * 100 / all)).collect()
}

/// Each message is sent when the one before has arrived.
async fn one_by_one(house: &mut House, domain: &str) -> Shares {
    let mut hosts = Shares::new();
    for _ in 0..MANY {
        house.send("ann@one.example", &[&format!("joe@{domain}")]).await;
        count(house, &mut hosts, 1).await;
    }
    percent(hosts)
}

/// All are in line when the first host can be had.
async fn at_once(house: &mut House, domain: &str, hosts: &[&str], dead: &[&str]) -> Shares {
    hosts.iter().for_each(|host| house.host(host, Mode::Down));
    let id = house.send("ann@one.example", &[&format!("joe@{domain}")]).await;
    house.fill(id, MANY - 1);
    for host in hosts.iter().filter(|host| !dead.contains(host)) {
        house.host(host, Mode::Good);
    }
    let mut seen = Shares::new();
    house.later(Duration::from_secs(301)).await;
    count(house, &mut seen, MANY).await;
    percent(seen)
}

fn assert_even(shares: &Shares, hosts: &[&str]) {
    let even = 100 / hosts.len();
    assert_eq!(shares.keys().collect::<Vec<_>>(), hosts, "{shares:?}");
    assert!(shares.values().all(|share| (even - even / 5..=even + even / 5).contains(share)), "{shares:?}");
}

const PAIR: [&str; 2] = ["p1.example.net", "p2.example.net"];
const TRIO: [&str; 3] = ["t1.example.net", "t2.example.net", "t3.example.net"];
const BOTH: [&str; 4] = ["l1.example.net", "l2.example.net", "r1.example.net", "r2.example.net"];

#[tokio::test(start_paused = true)]
async fn balanced_hosts_share_what_comes_one_by_one() {
    let mut house = House::new(SHARED);
    assert_even(&one_by_one(&mut house, "pair.example").await, &PAIR);
    assert_even(&one_by_one(&mut house, "trio.example").await, &TRIO);
    // Each host counts once, whatever the number of its addresses.
    assert_even(&one_by_one(&mut house, "odd.example").await, &["double.example.net", "single.example.net"]);
}

#[tokio::test(start_paused = true)]
async fn balanced_hosts_share_what_comes_at_once() {
    let mut house = House::new(SHARED);
    assert_even(&at_once(&mut house, "pair.example", &PAIR, &[]).await, &PAIR);
    assert_even(&at_once(&mut house, "trio.example", &TRIO, &[]).await, &TRIO);
}

#[tokio::test(start_paused = true)]
async fn connectors_of_equal_cost_share_the_load_and_so_do_the_hosts_of_each() {
    let mut house = House::new(SHARED);
    assert_even(&one_by_one(&mut house, "both.example").await, &BOTH);
    assert_even(&at_once(&mut house, "both.example", &BOTH, &[]).await, &BOTH);
    let mut house = House::new(ESTATE);
    let two = ["left.example.net", "right.example.net"];
    assert_even(&one_by_one(&mut house, "two.example").await, &two);
    assert_even(&at_once(&mut house, "two.example", &two, &[]).await, &two);
}

#[tokio::test(start_paused = true)]
async fn the_share_of_a_dead_host_goes_to_all_others() {
    for dead in TRIO {
        let alive: Vec<&str> = TRIO.into_iter().filter(|host| *host != dead).collect();
        let mut house = House::new(SHARED);
        house.host(dead, Mode::Down);
        assert_even(&one_by_one(&mut house, "trio.example").await, &alive);
        assert_even(&at_once(&mut house, "trio.example", &TRIO, &[dead]).await, &alive);
    }
}

#[tokio::test(start_paused = true)]
async fn the_share_of_a_dead_connector_goes_to_the_others() {
    let mut house = House::new(SHARED);
    BOTH[..2].iter().for_each(|host| house.host(host, Mode::Down));
    assert_even(&one_by_one(&mut house, "both.example").await, &BOTH[2..]);
}

/// Each connection waits a moment for the hosts of the others, and not until their name server has been given up.
#[tokio::test(start_paused = true)]
async fn a_name_server_that_says_nothing_holds_up_its_own_connector_alone() {
    let mut house = House::new(SHARED);
    let moment = Duration::from_millis(300);
    BOTH[..2].iter().for_each(|host| house.host(host, Mode::Nameless(Duration::from_secs(10))));
    let mut hosts = Shares::new();
    for _ in 0..20 {
        house.send("ann@one.example", &["joe@both.example"]).await;
        house.later(moment).await;
        count(&mut house, &mut hosts, 1).await;
    }
    assert!(hosts.keys().all(|host| host.starts_with('r')), "{hosts:?}");
    assert!(house.elapsed() < 10_000, "{}", house.elapsed());
    // What it says in the end counts where the others cannot be had.
    BOTH[2..].iter().for_each(|host| house.host(host, Mode::Down));
    house.later(Duration::from_secs(60)).await;
    house.send("ann@one.example", &["joe@both.example"]).await;
    house.later(moment).await;
    BOTH[..2].iter().for_each(|host| house.host(host, Mode::Good));
    house.later(Duration::from_secs(10)).await;
    let mut hosts = Shares::new();
    count(&mut house, &mut hosts, 1).await;
    assert!(hosts.keys().all(|host| host.starts_with('l')), "{hosts:?}");
}

#[tokio::test(start_paused = true)]
async fn bursts_with_pauses_are_shared() {
    // As many messages as a connection carries, and one more.
    for burst in [10, 11] {
        let (mut house, mut hosts) = (House::new(SHARED), Shares::new());
        for _ in 0..MANY / burst {
            for _ in 0..burst {
                house.send("ann@one.example", &["joe@pair.example"]).await;
                count(&mut house, &mut hosts, 1).await;
            }
            house.later(Duration::from_secs(3)).await;
        }
        assert_even(&percent(hosts), &PAIR);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_host_refuses_for_now_goes_to_all_others_and_takes_no_turn_from_it() {
    let mut house = House::new(SHARED);
    house.host("t2.example.net", Mode::Says(vec![("joe", 450)]));
    let mut hosts = Shares::new();
    let mut arrived = 0;
    while arrived < MANY {
        house.send("ann@one.example", &["joe@trio.example"]).await;
        loop {
            let mut one = Shares::new();
            count(&mut house, &mut one, 1).await;
            let host = one.into_keys().next().unwrap();
            *hosts.entry(host.clone()).or_default() += 1;
            if host != "t2.example.net" {
                break;
            }
        }
        arrived += 1;
    }
    let refused = hosts.remove("t2.example.net").unwrap();
    assert!((MANY / 4..=MANY * 2 / 5).contains(&refused), "{refused}");
    assert_even(&percent(hosts), &["t1.example.net", "t3.example.net"]);
}

#[tokio::test(start_paused = true)]
async fn a_dearer_way_shares_what_it_takes_over() {
    let mut house = House::new(SHARED);
    house.host("cheap.example.net", Mode::Down);
    assert_even(&one_by_one(&mut house, "fall.example").await, &["d1.example.net", "d2.example.net"]);
}

#[tokio::test(start_paused = true)]
async fn who_shares_nothing_keeps_the_connection() {
    let mut house = House::new(SHARED);
    assert_even(&one_by_one(&mut house, "one.example").await, &["one.example.net"]);
    assert_even(&one_by_one(&mut house, "far.example").await, &["mx.far.example"]);
    assert_eq!(house.connections(), 2);
    one_by_one(&mut house, "pair.example").await;
    assert!((90..=110).contains(&(house.connections() - 2)), "{}", house.connections());
}
