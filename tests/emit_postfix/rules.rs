//! Who may ask for what, and what becomes of it: sub-addresses, odd local parts, verification, peers.

use mailswitch::lab::{Sink, World};

use super::{MESSAGE, STRANGER, TRUSTED, build, said, start};
use crate::support;

const ESTATE: &str = r##"
mta hub {
    target     postfix
    hostname   hub.contoso.com
    trust      10.0.0.0/8
    postmaster bob@contoso.com
    subaddress "+"
}
system exchange {
    account bob@contoso.com
    account +lead@contoso.com
    account a%b@contoso.com, "c@d"@contoso.com
    account user@contoso.com
}
system unix { domain unix.contoso.com }
system lists { domain lists.contoso.com }
system branch { domain *.branch.contoso.com }
domain contoso.com
domain lists.contoso.com { unresolved via to-lists verify }
relay domain *.branch.contoso.com { verify }
connector to-exchange { to exchange; smart-host [192.0.2.1] }
connector to-unix { to unix; smart-host [192.0.2.2] }
connector to-lists { to lists; smart-host [192.0.2.3] }
connector to-branch { to branch; smart-host [192.0.2.4] }
connector internet { address-space *; dns }
contact ann { primary ann@unix.contoso.com; secondary ann@contoso.com, +plus@contoso.com, ann@lists.contoso.com }
contact lit { primary lit@unix.contoso.com; secondary user+lit@contoso.com }
contact quoted { primary "x, y"@unix.contoso.com; secondary "q @ q"@contoso.com, "#hash"@contoso.com }
contact branch { primary chief@a.branch.contoso.com; secondary chief@contoso.com }
"##;

fn world() -> World {
    let world = support::world();
    world.sink("192.0.2.1:25", Sink::smtp("exchange")).unwrap();
    world.sink("192.0.2.2:25", Sink::smtp("unix")).unwrap();
    world
        .sink("192.0.2.3:25", Sink::smtp("lists").rcpt_for("nobody@lists.contoso.com", "550 5.1.1 no such list"))
        .unwrap();
    world
        .sink("192.0.2.4:25", Sink::smtp("branch").rcpt_for("nobody@a.branch.contoso.com", "550 5.1.1 not here"))
        .unwrap();
    world
}

#[test]
fn sub_addresses_and_odd_local_parts_go_as_the_language_says() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(ESTATE);
    let _postfix = start(&hub, &folder, "hub");
    let routes = [
        ("ann+a+b@contoso.com", "unix", "ann+a+b@unix.contoso.com"),
        ("user+other@contoso.com", "exchange", "user+other@contoso.com"),
        ("user+lit@contoso.com", "unix", "lit@unix.contoso.com"),
        ("user+lit+x@contoso.com", "exchange", "user+lit+x@contoso.com"),
        ("+lead@contoso.com", "exchange", "+lead@contoso.com"),
        ("+lead+x@contoso.com", "exchange", "+lead+x@contoso.com"),
        ("+plus+x@contoso.com", "unix", "ann+x@unix.contoso.com"),
        ("\"q @ q\"@contoso.com", "unix", "\"x, y\"@unix.contoso.com"),
        ("\"q @ q+d\"@contoso.com", "unix", "\"x, y+d\"@unix.contoso.com"),
        ("#hash@contoso.com", "unix", "\"x, y\"@unix.contoso.com"),
        ("postmaster+x@contoso.com", "exchange", "bob+x@contoso.com"),
        ("chief+x@contoso.com", "branch", "chief+x@a.branch.contoso.com"),
        ("deep@b.a.branch.contoso.com", "branch", "deep@b.a.branch.contoso.com"),
        ("a-list@lists.contoso.com", "lists", "a-list@lists.contoso.com"),
    ];
    for (count, (asked, sink, recipient)) in routes.iter().enumerate() {
        let sent = world.client(TRUSTED).unwrap().send(hub.smtp(), "a@example.net", &[asked], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{asked}: {sent:?}");
        let mail = &world.wait_for(count + 1).unwrap().mails[count];
        assert_eq!((mail.sink(), &mail.recipients[..]), (*sink, &[(*recipient).to_owned()][..]), "{asked}");
    }
}

#[test]
fn unknown_odd_ones_are_refused_and_known_ones_taken_from_anyone() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let folder = build(ESTATE);
    let _postfix = start(&hub, &folder, "hub");
    let asked = [
        ("a%b@contoso.com", "250", "250"),
        ("a%b+x@contoso.com", "250", "250"),
        ("\"c@d\"@contoso.com", "250", "250"),
        ("\"q @ q\"@contoso.com", "250", "250"),
        ("a!b@contoso.com", "550 5.7.1", "550 5.1.1"),
        ("a%b@a.branch.contoso.com", "550 5.7.1", "250"),
        ("a%b@lists.contoso.com", "550 5.7.1", "250"),
        ("nobody@lists.contoso.com", "550 5.1.1", "550 5.1.1"),
        ("nobody@a.branch.contoso.com", "550 5.1.1", "550 5.1.1"),
        ("someone@a.branch.contoso.com", "250", "250"),
        ("someone@branch.contoso.com", "550 5.7.1", "250"),
        ("+x@contoso.com", "550 5.1.1", "550 5.1.1"),
        ("ann@lists.contoso.com", "250", "250"),
    ];
    let recipients: Vec<&str> = asked.iter().map(|row| row.0).collect();
    let stranger = said(&world.client(STRANGER).unwrap().probe(hub.smtp(), "a@example.net", &recipients).unwrap());
    let trusted = said(&world.client(TRUSTED).unwrap().probe(hub.smtp(), "a@example.net", &recipients).unwrap());
    for (row, (stranger, trusted)) in asked.iter().zip(stranger.iter().zip(&trusted)) {
        assert_eq!((row.0, stranger.as_str(), trusted.as_str()), *row);
    }
    let asked_there: Vec<String> = world.seen().visits.iter().flat_map(|visit| visit.commands.clone()).collect();
    assert!(!asked_there.iter().any(|command| command.contains("ann@")), "known ones are not probed: {asked_there:?}");
}
