//! Three relays with the same bundle behind MX records; one is killed under load, and nothing is lost.
//!
//! The sender is a real Postfix, built from a source of its own: it follows the MX records as any sender does.

use std::time::Duration;

use mailswitch::lab::Postfix;

use super::estate::{LOCAL, build};
use super::load::{Load, wait_until};
use super::tally::Tally;
use crate::support::world;

/// Takes the domain from anyone, wherever it is asked.
const RELAYS: &str = "
mta hub {
    target     relay
    hostname   mx.contoso.com
    postmaster bob@unix.contoso.com
}
system unix {
    domain unix.contoso.com
}
relay domain unix.contoso.com
connector to-unix {
    to         unix
    smart-host [100.64.1.1]:25
}
connector internet {
    address-space *
    dns
}
";

const SENDER: &str = "
mta hub {
    target     postfix
    hostname   out.sender.example
    trust      10.0.0.0/8
    postmaster bob@sender.example
}
system own {
    domain sender.example
}
connector to-own {
    to         own
    smart-host [100.64.1.2]:25
}
connector internet {
    address-space *
    dns
}
";

const ADDRESSES: [&str; 3] = ["198.51.100.1", "198.51.100.2", "198.51.100.3"];

fn recipients(number: u64) -> Vec<String> {
    vec![format!("m{number}@unix.contoso.com")]
}

#[test]
fn one_of_three_is_killed_under_load_and_nothing_is_lost() {
    let (world, tally) = (world(), Tally::default());
    tally.serve(&world, "100.64.1.1:25");
    let bundle = build(RELAYS, "relay");
    let nodes = ADDRESSES.map(|address| world.node(&format!("mx-{address}"), &[address]).unwrap());
    let relays = nodes.each_ref().map(|node| bundle.relay(node, LOCAL));
    for (at, preference) in [10, 10, 20].into_iter().enumerate() {
        let name = format!("mx{at}.contoso.com");
        world.host(&name, ADDRESSES[at]).unwrap();
        world.mx("unix.contoso.com", preference, &name);
    }
    let sender = world.node("sender", &["198.51.100.9"]).unwrap();
    let postfix = Postfix::install(&sender, &build(SENDER, "postfix").path("hub")).unwrap();
    assert_eq!(postfix.check().unwrap().text(), "");
    postfix.start(&[25]).unwrap();

    let load = Load::start(&world, &[sender.smtp()], 10, recipients);
    load.wait_for(200);
    wait_until(Duration::from_secs(20), "mail by the first of them", || relays[0].log().contains("m1"));
    relays[0].kill();
    load.wait_for(load.promised() + 300);
    relays[0].start(&[25]).unwrap();
    load.wait_for(load.promised() + 200);
    let ledger = load.stop();
    postfix.flush().unwrap();
    let twice = tally.wait_for(&ledger, recipients, Duration::from_secs(60));
    println!("{} messages, {} of them twice (in flight at the kill)", ledger.promised.len(), twice.len());
    assert!(!relays[1].log().is_empty() && relays[1].runs(), "the second one has its share");
    for relay in &relays {
        wait_until(Duration::from_secs(20), "an empty queue", || relay.queue().unwrap().trim().is_empty());
    }
}
