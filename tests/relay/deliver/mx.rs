//! Where mail is tried, by smart hosts and by the DNS.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use mailswitch::name::Host;
use mailswitch::relay::config::{Connector, Protocol, TlsLevel};
use mailswitch::relay::deliver::resolve::{Missing, Mx, merged};
use mailswitch::relay::deliver::{Client, Settings, own_addresses, targets};

use super::peer::{Names, Peers, connector};

fn mx(list: &[(u16, &str)]) -> Result<Vec<Mx>, Missing> {
    Ok(list.iter().map(|(preference, host)| Mx { preference: *preference, host: (*host).to_owned() }).collect())
}

fn addresses(list: &[&str]) -> Result<Vec<IpAddr>, Missing> {
    Ok(list.iter().map(|address| address.parse().unwrap()).collect())
}

fn failed<T>() -> Result<T, Missing> {
    Err(Missing::Answer("no answer".to_owned()))
}

/// The last of very many exchangers is the one that can be found.
fn many() -> Result<Vec<Mx>, Missing> {
    let gone = (0..100).map(|n| Mx { preference: 1, host: format!("gone{n}.example") });
    Ok(gone.chain([Mx { preference: 2, host: "a.x.example".to_owned() }]).collect())
}

fn names() -> Names {
    Names {
        mx: vec![
            ("x.example", mx(&[(20, "b.x.example"), (10, "a.x.example")])),
            ("null.example", mx(&[(0, "")])),
            ("plain.example", Err(Missing::Records)),
            ("empty.example", Err(Missing::Records)),
            ("unsure.example", Err(Missing::Records)),
            ("late.example", failed()),
            (
                "backup.example",
                mx(&[(10, "a.x.example"), (20, "US.example"), (20, "b.x.example"), (30, "b.x.example")]),
            ),
            (
                "address.example",
                mx(&[(10, "a.x.example"), (20, "alias.example"), (20, "b.x.example"), (30, "b.x.example")]),
            ),
            ("ours.example", mx(&[(10, "us.example"), (20, "a.x.example")])),
            ("unsure-ours.example", mx(&[(5, "late.x.example"), (10, "us.example")])),
            ("implicit-ours.example", Err(Missing::Records)),
            ("strange.example", mx(&[(1, "192.0.2.9"), (2, ""), (3, "gone.example"), (4, "a.x.example")])),
            ("dangling.example", mx(&[(1, "192.0.2.9"), (2, ""), (3, "gone.example"), (4, "empty.example")])),
            ("doubtful.example", mx(&[(1, "gone.example"), (2, "late.x.example")])),
            ("unspecified.example", mx(&[(1, "zero.example"), (2, "a.x.example")])),
            ("mapped.example", mx(&[(1, "mapped.x.example")])),
            ("loopback.example", mx(&[(1, "loopback.x.example")])),
            ("many.example", many()),
            ("equal.example", mx(&[(1, "a.x.example"), (1, "b.x.example")])),
        ],
        addresses: vec![
            ("a.x.example", addresses(&["192.0.2.1", "2001:db8::1"])),
            ("b.x.example", addresses(&["192.0.2.2"])),
            ("plain.example", addresses(&["192.0.2.3"])),
            ("empty.example", Err(Missing::Records)),
            ("unsure.example", failed()),
            ("late.x.example", failed()),
            ("zero.example", addresses(&["::", "0.0.0.0"])),
            ("mapped.x.example", addresses(&["::ffff:192.0.2.100"])),
            ("loopback.x.example", addresses(&["127.0.0.2"])),
            ("alias.example", addresses(&["192.0.2.100"])),
            ("implicit-ours.example", addresses(&["192.0.2.100"])),
        ],
    }
}

fn client() -> Client {
    let mut settings = Settings::new("us.example");
    settings.addresses = BTreeSet::from(["192.0.2.100".parse().unwrap()]);
    Client::new(settings, Arc::new(names()), Peers::new([""; 0]))
}

async fn shown(connector: &Connector, domain: &str) -> String {
    shown_by(&client(), connector, domain).await
}

async fn shown_by(client: &Client, connector: &Connector, domain: &str) -> String {
    match targets(client, connector, domain).await {
        Ok(targets) => {
            let list: Vec<_> = targets.iter().map(|target| format!("{}={}", target.name, target.addr)).collect();
            list.join(" ")
        }
        Err(trouble) => format!("{}{}", if trouble.permanent { "permanent " } else { "" }, trouble.status),
    }
}

#[tokio::test]
async fn exchangers_of_a_domain() {
    let mut out = connector(Protocol::Smtp, TlsLevel::Opportunistic);
    out.dns = true;
    let a = "a.x.example=192.0.2.1:25 a.x.example=[2001:db8::1]:25";
    for (domain, expected) in [
        ("x.example", &*format!("{a} b.x.example=192.0.2.2:25")),
        ("null.example", "permanent 5.1.10"),
        ("plain.example", "plain.example=192.0.2.3:25"),
        ("empty.example", "permanent 5.1.2"),
        ("nowhere.example", "permanent 5.1.2"),
        ("[192.0.2.1]", "permanent 5.1.2"),
        ("unsure.example", "4.4.3"),
        ("late.example", "4.4.3"),
        // This relay, by its name or address, ends the list.
        ("backup.example", a),
        ("address.example", a),
        ("ours.example", "permanent 5.4.6"),
        ("us.example", "permanent 5.1.2"),
        ("implicit-ours.example", "permanent 5.4.6"),
        ("unsure-ours.example", "4.4.3"),
        ("strange.example", a),
        ("dangling.example", "permanent 5.4.4"),
        ("doubtful.example", "4.4.3"),
        // This relay, by what leads to any machine itself, or by another spelling of its address.
        ("unspecified.example", "permanent 5.4.6"),
        ("mapped.example", "permanent 5.4.6"),
        ("many.example", "permanent 5.4.4"),
    ] {
        assert_eq!(shown(&out, domain).await, expected, "{domain}");
    }
}

#[tokio::test]
async fn a_relay_that_listens_everywhere_is_at_every_loopback_address() {
    let mut out = connector(Protocol::Smtp, TlsLevel::Opportunistic);
    out.dns = true;
    assert_eq!(shown(&out, "loopback.example").await, "loopback.x.example=127.0.0.2:25");
    let mut settings = Settings::new("us.example");
    settings.addresses = ["192.0.2.100", "127.0.0.1"].map(|ip| ip.parse().unwrap()).into();
    let client = Client::new(settings, Arc::new(names()), Peers::new([""; 0]));
    assert_eq!(shown_by(&client, &out, "loopback.example").await, "permanent 5.4.6");
}

#[tokio::test]
async fn equal_exchangers_share_the_load() {
    let mut out = connector(Protocol::Smtp, TlsLevel::Opportunistic);
    out.dns = true;
    let mut seen = BTreeSet::new();
    // One order alone is as likely as a coin that falls a hundred times on one side.
    for _ in 0..100 {
        seen.insert(shown(&out, "equal.example").await);
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[tokio::test]
async fn one_family_where_the_source_address_is_of_one() {
    let mut out = connector(Protocol::Smtp, TlsLevel::Opportunistic);
    out.dns = true;
    out.source_address = Some("2001:db8::99".parse().unwrap());
    assert_eq!(shown(&out, "x.example").await, "a.x.example=[2001:db8::1]:25");
    assert_eq!(shown(&out, "plain.example").await, "4.4.4");
}

#[tokio::test]
async fn smart_hosts() {
    let hosts = |list: &[&str]| list.iter().map(|host| Host::parse(host).unwrap()).collect::<Vec<_>>();
    let mut out = connector(Protocol::Smtp, TlsLevel::Off);
    out.hosts = hosts(&["[192.0.2.7]:2525", "gone.example", "b.x.example:587", "late.x.example", "a.x.example"]);
    let all =
        "192.0.2.7=192.0.2.7:2525 b.x.example=192.0.2.2:587 a.x.example=192.0.2.1:25 a.x.example=[2001:db8::1]:25";
    assert_eq!(shown(&out, "whatever.example").await, all);
    for (protocol, port) in [(Protocol::Smtps, 465), (Protocol::Lmtp, 24)] {
        let mut out = connector(protocol, TlsLevel::Off);
        out.hosts = hosts(&["[2001:db8::7]"]);
        assert_eq!(shown(&out, "").await, format!("2001:db8::7=[2001:db8::7]:{port}"));
    }
    // Nobody's message is returned for a smart host that is not found.
    out.hosts = hosts(&["gone.example"]);
    assert_eq!(shown(&out, "x.example").await, "4.4.3");
    out.hosts = hosts(&["192.0.2.1", "192.0.2.2"]);
    out.balanced = true;
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        seen.insert(shown(&out, "").await);
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[tokio::test]
async fn a_list_has_an_end() {
    let long: Vec<Host> = (0..=255).map(|n| Host::parse(&format!("192.0.2.{n}")).unwrap()).collect();
    let mut out = connector(Protocol::Smtp, TlsLevel::Off);
    out.hosts = long;
    assert_eq!(targets(&client(), &out, "").await.unwrap().len(), Settings::new("").most_targets);
}

#[test]
fn addresses_that_are_this_relays_own() {
    let own = |listen: &[&str]| {
        let listen: Vec<_> = listen.iter().map(|address| address.parse().unwrap()).collect();
        own_addresses(&listen, 25)
    };
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(
        own(&["192.0.2.1:25", "192.0.2.2:2525", "[2001:db8::1]:25"]),
        [ip("192.0.2.1"), ip("2001:db8::1")].into()
    );
    let everywhere = own(&["0.0.0.0:25"]);
    assert!(everywhere.contains(&ip("127.0.0.1")) && everywhere.iter().all(IpAddr::is_ipv4), "{everywhere:?}");
    assert!(own(&["[::]:25"]).contains(&ip("127.0.0.1")));
    assert_eq!(own(&["[::]:587"]), BTreeSet::new());
}

#[test]
fn a_host_has_no_address_only_if_both_families_say_so() {
    let one = || addresses(&["192.0.2.1"]);
    let six = || addresses(&["2001:db8::1"]);
    let both = addresses(&["192.0.2.1", "2001:db8::1"]);
    for (first, second, expected) in [
        (one(), six(), both),
        (one(), failed(), one()),
        (Err(Missing::Records), six(), six()),
        (Err(Missing::Records), failed(), failed()),
        (failed(), Err(Missing::Name), failed()),
        (Err(Missing::Records), Err(Missing::Name), Err(Missing::Name)),
        (Ok(Vec::new()), Err(Missing::Records), Err(Missing::Records)),
    ] {
        assert_eq!(merged(first, second), expected);
    }
}
