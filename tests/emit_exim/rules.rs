//! Who may ask for what, and what becomes of it: sub-addresses, odd local parts, verification, peers, UTF-8.

use mailswitch::lab::{Reply, Sink, World};

use super::{MESSAGE, STRANGER, TRUSTED, build, start};
use crate::support;

const ESTATE: &str = r##"
mta hub {
    target     exim
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
    address 203.0.113.50
    forwards *.partner.example to hub
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
contact ann { primary Ann@unix.contoso.com; secondary ann@contoso.com, +plus@contoso.com, ann@lists.contoso.com }
contact lit { primary lit@unix.contoso.com; secondary user+lit@contoso.com }
contact quoted { primary "x, y"@unix.contoso.com; secondary "q @ q"@contoso.com, "#hash"@contoso.com }
contact chief { primary chief@a.branch.contoso.com; secondary chief@contoso.com }
contact chain { primary chief@contoso.com; secondary boss@contoso.com }
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

/// `550 5.1.1`, or `250`, for each.
fn said(replies: &[Reply]) -> Vec<String> {
    let said = |reply: &Reply| match (reply.is_positive(), &reply.enhanced) {
        (false, Some(status)) => format!("{} {status}", reply.code),
        _ => reply.code.to_string(),
    };
    replies.iter().map(said).collect()
}

fn assert_asked(world: &World, server: std::net::SocketAddr, asked: &[(&str, &str, &str)]) {
    let recipients: Vec<&str> = asked.iter().map(|row| row.0).collect();
    let stranger = said(&world.client(STRANGER).unwrap().probe(server, "a@example.net", &recipients).unwrap());
    let trusted = said(&world.client(TRUSTED).unwrap().probe(server, "a@example.net", &recipients).unwrap());
    for (row, (stranger, trusted)) in asked.iter().zip(stranger.iter().zip(&trusted)) {
        assert_eq!((row.0, stranger.as_str(), trusted.as_str()), *row);
    }
}

#[test]
fn sub_addresses_and_odd_local_parts_go_as_the_language_says() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let exim = start(&hub, &build(&[("routing.dsl", ESTATE.as_bytes())]), "hub");
    let routes = [
        ("ann+a+B@contoso.com", "unix", "Ann+a+B@unix.contoso.com"),
        ("User+Other@contoso.com", "exchange", "User+Other@contoso.com"),
        ("user+lit@contoso.com", "unix", "lit@unix.contoso.com"),
        ("user+lit+x@contoso.com", "exchange", "user+lit+x@contoso.com"),
        ("+lead@contoso.com", "exchange", "+lead@contoso.com"),
        ("+lead+x@contoso.com", "exchange", "+lead+x@contoso.com"),
        ("+plus+x@contoso.com", "unix", "Ann+x@unix.contoso.com"),
        ("\"q @ q\"@contoso.com", "unix", "\"x, y\"@unix.contoso.com"),
        ("\"q @ q+d\"@contoso.com", "unix", "\"x, y+d\"@unix.contoso.com"),
        ("#hash@contoso.com", "unix", "\"x, y\"@unix.contoso.com"),
        ("postmaster+x@contoso.com", "exchange", "bob+x@contoso.com"),
        ("boss+x@contoso.com", "branch", "chief+x@a.branch.contoso.com"),
        ("deep@b.a.branch.contoso.com", "branch", "deep@b.a.branch.contoso.com"),
        ("a-list@lists.contoso.com", "lists", "a-list@lists.contoso.com"),
    ];
    for (count, (asked, sink, recipient)) in routes.iter().enumerate() {
        let sent = world.client(TRUSTED).unwrap().send(hub.smtp(), "a@example.net", &[asked], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{asked}: {sent:?}\n{}", exim.log());
        let mail = &world.wait_for(count + 1).unwrap().mails[count];
        assert_eq!((mail.sink(), &mail.recipients[..]), (*sink, &[(*recipient).to_owned()][..]), "{asked}");
    }
}

#[test]
fn unknown_odd_ones_are_refused_and_known_ones_taken_from_anyone() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let _exim = start(&hub, &build(&[("routing.dsl", ESTATE.as_bytes())]), "hub");
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
        ("bob", "550 5.7.1", "550 5.7.1"),
        ("\"a@b\"", "550 5.7.1", "550 5.7.1"),
        ("PostMaster", "250", "250"),
        ("bob@[192.0.2.1]", "550 5.7.1", "550 5.7.1"),
        ("bob@[IPv6:::1]", "550 5.7.1", "550 5.7.1"),
        ("müller@contoso.com", "550 5.6.7", "550 5.6.7"),
        ("müller@example.org", "550 5.6.7", "550 5.6.7"),
        ("bob@contoso.com.", "250", "250"),
        ("someone@example.org", "550 5.7.1", "250"),
    ];
    assert_asked(&world, hub.smtp(), &asked);
    let asked_there: Vec<String> = world.seen().visits.iter().flat_map(|visit| visit.commands.clone()).collect();
    assert!(!asked_there.iter().any(|command| command.contains("nn@")), "known ones are not probed: {asked_there:?}");
}

#[test]
fn a_next_hop_that_cannot_be_asked_defers_and_one_that_was_asked_is_remembered() {
    let world = support::world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let _exim = start(&hub, &build(&[("routing.dsl", ESTATE.as_bytes())]), "hub");
    let replies =
        world.client(STRANGER).unwrap().probe(hub.smtp(), "a@example.net", &["a-list@lists.contoso.com"]).unwrap();
    assert_eq!(replies[0].code / 100, 4, "{replies:?}");
    world.sink("192.0.2.4:25", Sink::smtp("branch")).unwrap();
    for _ in 0..3 {
        let replies =
            world.client(STRANGER).unwrap().probe(hub.smtp(), "a@example.net", &["x@a.branch.contoso.com"]).unwrap();
        assert!(replies[0].is_positive(), "{replies:?}");
    }
    assert_eq!(world.seen().visits.len(), 1, "asked once, then remembered");
}

/// Exim before 4.98 reads `$1` also where it is skipped: there it was the name of a host, in the memory of the message
/// before, and the process died.
#[test]
fn a_session_goes_on_after_a_message_whose_recipients_were_asked_for() {
    let world = support::world();
    world.host("lists.corp.example", "192.0.2.3").unwrap();
    world.sink("192.0.2.3:25", Sink::smtp("lists")).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let by_name = ESTATE.replace("smart-host [192.0.2.3]", "smart-host lists.corp.example");
    let exim = start(&hub, &build(&[("routing.dsl", by_name.as_bytes())]), "hub");
    for end in ["DATA", "RSET"] {
        for count in [3, 6, 12, 24] {
            let mut client = world.client(STRANGER).unwrap().greet(hub.smtp()).unwrap();
            assert!(client.command("MAIL FROM:<a@example.net>").unwrap().is_positive());
            for number in 0..count {
                let reply = client.command(&format!("RCPT TO:<list{number}@lists.contoso.com>")).unwrap();
                assert!(reply.is_positive(), "{reply:?}\n{}", exim.log());
            }
            let ended = if end == "DATA" { client.data(MESSAGE) } else { client.command(end) };
            assert!(ended.unwrap().is_positive(), "{}", exim.log());
            assert!(client.command("MAIL FROM:<a@example.net>").unwrap().is_positive());
            for recipient in ["postmaster", "bob@contoso.com", "bob+x@contoso.com"] {
                let reply = client.command(&format!("RCPT TO:<{recipient}>"));
                let reply = reply.unwrap_or_else(|error| panic!("{count} recipients, {end}: {error}\n{}", exim.log()));
                assert!(reply.is_positive(), "{reply:?}");
            }
        }
    }
}

#[test]
fn a_system_that_forwards_may_relay_what_it_forwards_and_nothing_else() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let _exim = start(&hub, &build(&[("routing.dsl", ESTATE.as_bytes())]), "hub");
    let recipients =
        ["x@a.partner.example", "a%b@a.partner.example", "x@partner.example", "x@example.org", "a%c@contoso.com"];
    let replies = said(&world.client("203.0.113.50").unwrap().probe(hub.smtp(), "a@example.net", &recipients).unwrap());
    assert_eq!(replies, ["250", "250", "550 5.7.1", "550 5.7.1", "550 5.7.1"]);
}

#[test]
fn many_ways_to_one_recipient_are_one_copy_spelled_as_the_first() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let _exim = start(&hub, &build(&[("routing.dsl", ESTATE.as_bytes())]), "hub");
    let recipients =
        ["BOB@contoso.com", "bob@contoso.com", "\"bob\"@contoso.com", "postmaster", "abuse@hub.contoso.com"];
    assert!(world.client(STRANGER).unwrap().send(hub.smtp(), "", &recipients, MESSAGE).unwrap().is_accepted());
    let seen = world.wait_for(1).unwrap();
    assert_eq!(
        (seen.mails[0].sender.as_str(), &seen.mails[0].recipients[..]),
        ("", &["BOB@contoso.com".to_owned()][..])
    );
}

#[test]
fn utf8_local_parts_are_found_however_they_are_spelled() {
    let world = support::world();
    world.sink("192.0.2.1:25", Sink::smtp("exchange").smtputf8()).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let dsl = "mta hub { target exim; hostname hub.contoso.com; trust 10.0.0.0/8; postmaster bob@contoso.com; smtputf8 yes }\n\
               system exchange { account bob@contoso.com; account josé@contoso.com; account strasse@contoso.com\n\
               account ελλάς@contoso.com; account ann@bücher.example }\n\
               shared domain contoso.com\nshared domain bücher.example\n\
               connector to-exchange { to exchange; smart-host [192.0.2.1] }\nconnector internet { address-space *; dns }\n\
               contact secondary { primary josé@contoso.com; secondary asc@contoso.com, ÆØÅ@contoso.com }\n";
    let exim = start(&hub, &build(&[("routing.dsl", dsl.as_bytes())]), "hub");
    let mut client = world.client(STRANGER).unwrap().greet(hub.smtp()).unwrap();
    assert!(client.command("MAIL FROM:<a@example.net> SMTPUTF8").unwrap().is_positive());
    let known = [
        "josé@contoso.com",
        "JOSÉ@contoso.com",
        "jose\u{301}@contoso.com",
        "JOSE\u{301}@contoso.com",
        "straße@contoso.com",
        "STRAẞE@contoso.com",
        "ΕΛΛΆΣ@contoso.com",
        "ελλάσ@contoso.com",
        "asc@contoso.com",
        "æøå@contoso.com",
        "æøA\u{30a}@contoso.com",
        "ann@bücher.example",
        "ann@BÜCHER.example",
        "ann@xn--bcher-kva.example",
    ];
    for recipient in known {
        let reply = client.command(&format!("RCPT TO:<{recipient}>")).unwrap();
        assert!(reply.is_positive(), "{recipient}: {reply:?}\n{}", exim.log());
    }
    for recipient in ["jose@contoso.com", "josè@contoso.com", "straßé@contoso.com"] {
        let reply = client.command(&format!("RCPT TO:<{recipient}>")).unwrap();
        assert_eq!((reply.code, reply.enhanced.as_deref()), (550, Some("5.1.1")), "{recipient}");
    }
    assert!(client.command("RSET").unwrap().is_positive());
    assert!(client.command("MAIL FROM:<a@example.net>").unwrap().is_positive());
    let plain = client.command("RCPT TO:<josé@contoso.com>").unwrap();
    assert_eq!((plain.code, plain.enhanced.as_deref()), (550, Some("5.6.7")));
}

#[test]
fn utf8_local_parts_are_never_respelled_for_a_host_without_smtputf8() {
    let world = support::world();
    world.mx("example.net", 10, "mx.example.net");
    world.host("mx.example.net", "192.0.2.80").unwrap();
    world.sink("192.0.2.1:25", Sink::smtp("old")).unwrap();
    world.sink("192.0.2.2:25", Sink::smtp("new").smtputf8()).unwrap();
    world.sink("192.0.2.80:25", Sink::smtp("sender").smtputf8()).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let dsl = "mta hub { target exim; hostname hub.contoso.com; postmaster bob@contoso.com; smtputf8 yes }\n\
               system old { account bob@contoso.com, josé@contoso.com }\n\
               system new { account ann@contoso.com, år@contoso.com }\n\
               shared domain contoso.com\nconnector to-old { to old; smart-host [192.0.2.1] }\n\
               connector to-new { to new; smart-host [192.0.2.2] }\nconnector internet { address-space *; dns }\n\
               contact old { primary josé@contoso.com; secondary jose@contoso.com }\n\
               contact new { primary år@contoso.com; secondary year@contoso.com }\n";
    let exim = start(&hub, &build(&[("routing.dsl", dsl.as_bytes())]), "hub");
    for (count, (recipient, sink)) in [("jose@contoso.com", "sender"), ("year@contoso.com", "new")].iter().enumerate() {
        let sent = world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &[recipient], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        let seen = world.wait_for(count + 1).unwrap();
        assert_eq!(seen.mails[count].sink(), *sink, "{}", exim.log());
    }
    let seen = world.seen();
    assert_eq!(seen.mails[1].recipients, ["år@contoso.com"]);
    let commands: Vec<&String> = seen.visits.iter().flat_map(|visit| &visit.commands).collect();
    assert!(!commands.iter().any(|c| c.starts_with("RCPT TO:<xn--")), "{commands:?}");
    assert!(
        commands.iter().any(|c| c.starts_with("MAIL FROM:<a@example.net>") && c.contains("SMTPUTF8")),
        "{commands:?}"
    );
}

#[test]
fn only_crlf_dot_crlf_ends_a_message() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let exim = start(&hub, &build(&[("routing.dsl", ESTATE.as_bytes())]), "hub");
    for (count, end) in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"].iter().enumerate() {
        let mut client = world.client(STRANGER).unwrap().greet(hub.smtp()).unwrap();
        assert!(client.command("MAIL FROM:<a@example.net>").unwrap().is_positive());
        assert!(client.command("RCPT TO:<bob@contoso.com>").unwrap().is_positive());
        assert_eq!(client.command("DATA").unwrap().code, 354);
        client.write(&format!(
            "Subject: {count}\r\n\r\nlast{end}MAIL FROM:<x@example.net>\r\nRCPT TO:<ann@contoso.com>\r\n"
        ));
        client.write(&format!("DATA\r\nSubject: smuggled\r\n\r\n{count}\r\n.\r\n"));
        assert!(client.reply().unwrap().is_positive());
        // Were there two messages, there would be five more replies before this one.
        assert_eq!(client.command("QUIT").unwrap().code, 221, "{end:?} ended the message\n{}", exim.log());
        let seen = world.wait_for(count + 1).unwrap();
        assert_eq!((seen.mails.len(), seen.mails[count].sink()), (count + 1, "exchange"));
    }
}
