//! What may go wrong on the relay's own host: a full disk, tables and configurations that are garbage.

use std::time::Duration;

use mailswitch::lab::client::Sent;
use mailswitch::lab::relay::SPOOL;
use mailswitch::lab::{Node, Relay, Sink, World};

use super::estate::{self, LOCAL, build};
use super::load::wait_until;
use crate::support::{program, world};

const CLIENT: &str = "10.0.0.5";

/// Above the spool's own needs, and full soon.
const DISK: &str = "size=256m,mode=755";
const SMALL_RESERVE: &str = "limits:\n  free-disk: 16777216\n";

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let built = build(estate::TWO_SYSTEMS, "relay");
    let relay = Relay::install(&hub, &built.path("hub"), program()).unwrap();
    let mounted = hub.command("mount", &["-t", "tmpfs", "-o", DISK, "spool", SPOOL], "").unwrap();
    assert!(mounted.success, "{}", mounted.text());
    relay.local(&format!("{LOCAL}{SMALL_RESERVE}")).unwrap();
    relay.start(&[25]).unwrap();

    let (taken, refused) = fill(&world, &hub);
    let last = refused.data.as_ref().unwrap_or(&refused.mail);
    assert_eq!((last.code, last.enhanced.as_deref()), (452, Some("4.3.1")), "{refused:?}");

    world.sink("100.64.1.1:25", Sink::smtp("unix")).unwrap();
    let seen =
        world.wait_until(Duration::from_secs(60), "all that was taken", |seen| seen.mails.len() >= taken).unwrap();
    wait_until(Duration::from_secs(20), "an empty queue", || relay.queue().unwrap().trim().is_empty());
    assert_eq!(world.seen().mails.len(), taken, "{:?}", seen.mails.last().map(|mail| mail.header("Subject")));
    wait_until(Duration::from_secs(20), "room again", || send(&world, &hub, 0).is_accepted());
}

/// Sends large messages for a host that is down until one is put off.
fn fill(world: &World, hub: &Node) -> (usize, Sent) {
    for number in 0..1000 {
        let sent = send(world, hub, number);
        if !sent.is_accepted() {
            return (number, sent);
        }
    }
    panic!("a disk of 256 MB has taken 1000 MB");
}

fn send(world: &World, hub: &Node, number: usize) -> Sent {
    let body = "a line of a large message, which is as long as such lines are in real mail\n".repeat(14_000);
    let text = format!("Subject: {number}\n\n{body}");
    world.client(CLIENT).unwrap().send(hub.smtp(), "s@sender.example", &["r@unix.contoso.com"], &text).unwrap()
}

const CONTACTS: &str = "
shared domain contoso.com
contact \"Ann\" {
    primary   ann@unix.contoso.com
    secondary ann@contoso.com
}
";

/// What the hub says to Ann, to nobody, and to Bob who comes later.
fn verdicts(world: &World, hub: &Node) -> [u16; 3] {
    let asked = ["ann@contoso.com", "nobody@contoso.com", "bob@contoso.com"];
    let replies = world.client("203.0.113.9").unwrap().probe(hub.smtp(), "x@example.net", &asked).unwrap();
    [replies[0].code, replies[1].code, replies[2].code]
}

/// How often the log speaks of the table.
fn told(hub: &Node) -> usize {
    hub.log().matches("contacts.cdb").count()
}

#[test]
fn garbage_in_place_of_tables_leaves_the_old_ones_in_force() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let source = format!("{}{CONTACTS}", estate::TWO_SYSTEMS);
    let relay = build(&source, "relay").relay(&hub, LOCAL);
    assert_eq!(verdicts(&world, &hub), [250, 550, 550]);

    let table = "/etc/mailswitch/contacts.cdb";
    assert!(hub.read(table).is_some(), "{table} is there to be damaged");
    for garbage in [&b"this is no table"[..], &[0xff; 4096], b""] {
        let before = told(&hub);
        hub.write(table, garbage, 0o644).unwrap();
        relay.reload().unwrap();
        wait_until(Duration::from_secs(20), "an error about the table", || told(&hub) > before);
        assert_eq!(verdicts(&world, &hub), [250, 550, 550], "with {} octets of garbage", garbage.len());
    }
    // In place, as `cp` does: the file that the relay has open changes below it.
    let output = hub.command("truncate", &["-s", "7", table], "").unwrap();
    assert!(output.success, "{}", output.text());
    assert_eq!(verdicts(&world, &hub), [250, 550, 550], "truncated below it");

    let source = source.replace("secondary ann@contoso.com", "secondary ann@contoso.com, bob@contoso.com");
    relay.replace(&build(&source, "relay").path("hub")).unwrap();
    relay.reload().unwrap();
    wait_until(Duration::from_secs(20), "the new contact", || verdicts(&world, &hub) == [250, 550, 250]);
}

#[test]
fn a_broken_configuration_leaves_the_old_one_in_force() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let relay = build(&format!("{}{CONTACTS}", estate::TWO_SYSTEMS), "relay").relay(&hub, LOCAL);
    hub.write("/etc/mailswitch/relay.yaml", b"version: 1\nserver: {hostname: broken", 0o644).unwrap();
    relay.reload().unwrap();
    hub.wait_for_log("relay.yaml").unwrap();
    assert_eq!(verdicts(&world, &hub), [250, 550, 550]);
    assert!(relay.runs());
}
