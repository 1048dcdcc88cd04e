//! Mail goes through real MTAs to sinks, and the sinks do as they are told.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use mailswitch::lab::{Auth, Identity, PATIENCE, Sink};

use super::{MESSAGE, STRANGER, TRUSTED, codes, exim, exim_folder, postfix, postfix_folder};
use crate::support::world;

#[test]
fn postfix_relays_with_tls_and_a_password() {
    let world = world();
    world.host("exchange.contoso.com", "192.0.2.10").unwrap();
    let identity = Identity::trusted(&["exchange.contoso.com"]).unwrap();
    world
        .sink("192.0.2.10:587", Sink::smtp("exchange").starttls(identity).auth(Auth::Accepts).max_size(1_000_000))
        .unwrap();
    let hub = world.node("hub", &["198.51.100.1", "198.51.100.2"]).unwrap();
    hub.write("/etc/mailswitch/passwords", b"exchange.contoso.com hub:secret\n", 0o600).unwrap();
    let settings = "smtp_tls_security_level = verify\n\
         smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n\
         smtp_sasl_auth_enable = yes\n\
         smtp_sasl_password_maps = texthash:/etc/mailswitch/passwords\n\
         smtp_sasl_security_options = noanonymous\n\
         smtp_bind_address = 198.51.100.2\n";
    let folder = postfix_folder("relay:[exchange.contoso.com]:587", settings);
    let _postfix = postfix(&hub, &folder);

    let sent = world
        .client(STRANGER)
        .unwrap()
        .send(hub.smtp(), "a@example.net", &["Bob@contoso.com", "ann@contoso.com"], MESSAGE)
        .unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1).unwrap();
    let mail = &seen.mails[0];
    assert_eq!(mail.sink(), "exchange");
    assert_eq!(mail.sender, "a@example.net");
    assert!(mail.sender_parameters.iter().any(|parameter| parameter.starts_with("SIZE=")), "{mail:?}");
    assert_eq!(mail.recipients, ["Bob@contoso.com", "ann@contoso.com"]);
    assert_eq!(mail.header("subject").as_deref(), Some("hello"));
    assert_eq!(mail.body(), "First line.\r\n.dotted\r\n");
    assert_eq!(mail.visit.hello, "hub.contoso.com");
    assert_eq!(mail.visit.client.unwrap().to_string(), "198.51.100.2");
    let tls = mail.visit.tls.as_ref().expect("TLS was used");
    assert_eq!(tls.version, "TLSv1_3");
    let login = mail.visit.login.as_ref().expect("AUTH was used");
    assert_eq!((login.user.as_str(), login.password.as_str()), ("hub", "secret"));
    assert!(hub.log().contains("postfix/smtp"), "{}", hub.log());
}

#[test]
fn exim_relays_with_tls_and_a_password() {
    let world = world();
    world.host("exchange.contoso.com", "192.0.2.10").unwrap();
    let identity = Identity::trusted(&["exchange.contoso.com"]).unwrap();
    world.sink("192.0.2.10:587", Sink::smtp("exchange").starttls(identity).auth(Auth::Accepts)).unwrap();
    let edge = world.node("edge", &["198.51.100.1", "198.51.100.2"]).unwrap();
    edge.write("/etc/mailswitch/edge.password", b"secret", 0o640).unwrap();
    edge.give("/etc/mailswitch/edge.password", "Debian-exim").unwrap();
    let options = "  port = 587\n  hosts_require_tls = *\n  tls_verify_certificates = system\n  tls_verify_hosts = *\n  \
         tls_sni = $host\n  hosts_require_auth = *\n  interface = 198.51.100.2\n";
    let folder = exim_folder("exchange.contoso.com", options);
    let exim = exim(&edge, &folder);
    assert!(exim.bv().unwrap().success, "{}", exim.bv().unwrap().text());
    assert!(
        exim.bt(&["bob@contoso.com"]).unwrap().stdout.contains("192.0.2.10"),
        "{}",
        exim.bt(&["bob@contoso.com"]).unwrap().text()
    );
    assert_eq!(exim.be(&["${lc:ABC}", "> x"]).unwrap(), ["abc", "> x"]);
    assert_eq!(exim.bp(&["primary_hostname"]).unwrap().stdout, "primary_hostname = edge.contoso.com\n");

    let sent =
        world.client(STRANGER).unwrap().send(edge.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let mail = &world.wait_for(1).unwrap().mails[0];
    assert_eq!(mail.recipients, ["bob@contoso.com"]);
    assert_eq!(mail.visit.hello, "edge.contoso.com");
    assert_eq!(mail.visit.client.unwrap().to_string(), "198.51.100.2");
    assert_eq!(mail.visit.tls.as_ref().unwrap().sni.as_deref(), Some("exchange.contoso.com"));
    let login = mail.visit.login.as_ref().expect("AUTH was used");
    assert_eq!((login.user.as_str(), login.password.as_str()), ("edge", "secret"));
    edge.wait_for_log("=> bob@contoso.com").unwrap();
}

#[test]
fn both_deliver_by_mx_and_refuse_at_rcpt() {
    let world = world();
    world.mx("example.org", 10, "dead.example.org");
    world.mx("example.org", 20, "MX.example.org");
    world.host("dead.example.org", "192.0.2.66").unwrap();
    world.host("mx.Example.org", "2001:db8::25").unwrap();
    world.sink("[2001:db8::25]:25", Sink::smtp("mx")).unwrap();
    let (hub, edge) = (world.node("hub", &[]).unwrap(), world.node("edge", &[]).unwrap());
    let hub_folder = postfix_folder("relay:[192.0.2.10]", "");
    let edge_folder = exim_folder("192.0.2.10", "");
    let _postfix = postfix(&hub, &hub_folder);
    let _exim = exim(&edge, &edge_folder);
    for (count, server) in [(1, hub.smtp()), (2, edge.smtp())] {
        let sent = world.client(TRUSTED).unwrap().send(server, "a@contoso.com", &["you@EXAMPLE.org"], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
        assert_eq!(world.wait_for(count).unwrap().mails[count - 1].sink(), "mx");

        let recipients = ["bob@contoso.com", "nobody@contoso.com", "you@example.org"];
        let replies = world.client(STRANGER).unwrap().probe(server, "", &recipients).unwrap();
        let expected: &[&str] =
            if count == 1 { &["250 2.1.5", "550 5.1.1", "554 5.7.1"] } else { &["250 -", "550 5.1.1", "550 5.7.1"] };
        assert_eq!(codes(&replies), expected);
    }
}

#[test]
fn many_recipients_are_probed_quickly() {
    let world = world();
    let (hub, edge) = (world.node("hub", &[]).unwrap(), world.node("edge", &[]).unwrap());
    let hub_folder = postfix_folder("relay:[192.0.2.10]", "");
    let edge_folder = exim_folder("192.0.2.10", "");
    let _postfix = postfix(&hub, &hub_folder);
    let _exim = exim(&edge, &edge_folder);
    let recipients: Vec<String> = (0..200)
        .map(|number| if number % 2 == 0 { "bob@contoso.com".to_owned() } else { format!("no{number}@contoso.com") })
        .collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    for server in [hub.smtp(), edge.smtp()] {
        let begin = std::time::Instant::now();
        let replies = world.client(STRANGER).unwrap().probe(server, "a@example.net", &recipients).unwrap();
        let expected: Vec<u16> = (0..200).map(|number| if number % 2 == 0 { 250 } else { 550 }).collect();
        assert_eq!(replies.iter().map(|reply| reply.code).collect::<Vec<_>>(), expected);
        assert!(begin.elapsed() < Duration::from_secs(10), "200 probes took {:?}", begin.elapsed());
    }
}

#[test]
fn an_mta_relays_to_another_on_the_same_port() {
    let world = world();
    world.sink("192.0.2.10:25", Sink::smtp("mailbox").smtputf8()).unwrap();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let edge = world.node("edge", &["198.51.100.9"]).unwrap();
    let hub_folder = postfix_folder("relay:[198.51.100.9]", "");
    let edge_folder = exim_folder("192.0.2.10", "");
    let _postfix = postfix(&hub, &hub_folder);
    let _exim = exim(&edge, &edge_folder);
    let sent = world.client(STRANGER).unwrap().send(hub.smtp(), "", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1).unwrap();
    let mail = &seen.mails[0];
    assert_eq!((mail.sender.as_str(), mail.visit.client), ("", Some(edge.addresses()[0])));
    let received = mail.text();
    assert!(received.contains("by hub.contoso.com") && received.contains("by edge.contoso.com"), "{received}");
    assert!(received.contains("[198.51.100.1]"), "the hub speaks from its own address: {received}");
}

#[test]
fn sinks_fail_as_they_are_told() {
    let world = world();
    let wrong = Identity::trusted(&["other.contoso.com"]).unwrap();
    world.host("a.contoso.com", "192.0.2.1").unwrap();
    for (address, sink) in [
        ("192.0.2.2:25", Sink::smtp("busy").greeting("421 4.3.2 busy")),
        ("192.0.2.3:25", Sink::smtp("closed").greeting("554 5.3.2 closed")),
        ("192.0.2.4:25", Sink::smtp("later").rcpt("450 4.2.0 later")),
        ("192.0.2.5:25", Sink::smtp("full").dot("452 4.3.1 full")),
        ("192.0.2.6:25", Sink::smtp("unsure").data("451 4.3.0 unsure")),
        ("192.0.2.7:25", Sink::smtp("wrong").starttls(wrong)),
        ("192.0.2.8:25", Sink::smtp("own").starttls(Identity::self_signed(&["own.contoso.com"]).unwrap())),
        ("192.0.2.9:25", Sink::smtp("last").rcpt_for("ann@contoso.com", "550 5.1.1 not here")),
    ] {
        world.sink(address, sink).unwrap();
    }
    let hosts: Vec<String> = (1..=9).map(|number| format!("relay:[192.0.2.{number}]")).collect();
    let folder = postfix_folder(
        &hosts.join(", ").replace("relay:[192.0.2.1], relay:", "relay:[192.0.2.1], ").replace(", relay:", ", "),
        "",
    );
    let hub = world.node("hub", &[]).unwrap();
    // A list of next hops holds commas, which `inline` would take for the end of the entry.
    let main = fs::read_to_string(folder.path().join("main.cf")).unwrap();
    let main = main
        .replace("transport_maps = inline:{contoso.com=", "transport_maps = inline:{{contoso.com=")
        .replace("]}\n", "]}}\n");
    fs::write(folder.path().join("main.cf"), main + "smtp_tls_policy_maps = inline:{[192.0.2.7]=secure, [192.0.2.8]=secure}\nsmtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\nsmtp_sasl_security_options =\n").unwrap();
    let postfix = postfix(&hub, &folder);
    let sent = world
        .client(STRANGER)
        .unwrap()
        .send(hub.smtp(), "a@example.net", &["bob@contoso.com", "ann@contoso.com"], MESSAGE)
        .unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1).unwrap();
    assert_eq!(
        (seen.mails[0].sink(), &seen.mails[0].recipients[..]),
        ("last", &["bob@contoso.com".to_owned()][..]),
        "{}",
        postfix.log()
    );
    let visited: Vec<&str> = seen.visits.iter().map(|visit| visit.sink.as_str()).collect();
    assert_eq!(visited, ["busy", "closed", "later", "full", "unsure", "wrong", "own", "last"]);
}

#[test]
fn lmtp_and_tls_from_the_first_byte_are_spoken() {
    let world = world();
    let edge = world.node("edge", &[]).unwrap();
    world.sink_at(&edge, "127.0.0.1:2424", Sink::lmtp("store")).unwrap();
    world.sink("192.0.2.20:465", Sink::smtps("wrapped", Identity::trusted(&["192.0.2.20"]).unwrap())).unwrap();
    let folder = exim_folder("127.0.0.1", "  protocol = lmtp\n  port = 2424\n  allow_localhost\n");
    let text = fs::read_to_string(folder.path().join("exim.conf")).unwrap();
    let text = text.replace("  transport = to_contoso\n", "  transport = to_contoso\n  self = send\n");
    fs::write(folder.path().join("exim.conf"), text).unwrap();
    let exim = exim(&edge, &folder);
    let sent =
        world.client(STRANGER).unwrap().send(edge.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1).unwrap();
    assert_eq!((seen.mails[0].sink(), &seen.visits[0].commands[0][..4]), ("store", "LHLO"));

    exim.stop();
    let wrapped = exim_folder("192.0.2.20", "  protocol = smtps\n  port = 465\n");
    exim.replace(wrapped.path()).unwrap();
    exim.start(&[25]).unwrap();
    let sent =
        world.client(STRANGER).unwrap().send(edge.smtp(), "a@example.net", &["ann@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    let mail = &world.wait_for(2).unwrap().mails[1];
    assert_eq!(mail.sink(), "wrapped");
    assert!(mail.visit.tls.is_some());
}

#[test]
fn a_message_waits_in_the_queue_until_its_host_is_there() {
    let world = world();
    let (hub, edge) = (world.node("hub", &[]).unwrap(), world.node("edge", &[]).unwrap());
    let postfix = postfix(&hub, &postfix_folder("relay:[192.0.2.10]", ""));
    let exim = exim(&edge, &exim_folder("192.0.2.10", ""));
    for server in [hub.smtp(), edge.smtp()] {
        let sent =
            world.client(STRANGER).unwrap().send(server, "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
        assert!(sent.is_accepted(), "{sent:?}");
    }
    hub.wait_for_log("status=deferred").unwrap();
    edge.wait_for_log("Connection refused").unwrap();
    assert!(postfix.queue().unwrap().contains("bob@contoso.com"), "{}", postfix.log());
    assert!(exim.queue().unwrap().contains("bob@contoso.com"), "{}", exim.log());
    assert!(world.seen().mails.is_empty());
    world.sink("192.0.2.10:25", Sink::smtp("late")).unwrap();
    assert!(postfix.flush().unwrap().success && exim.flush().unwrap().success);
    let clients: BTreeSet<_> = world.wait_for(2).unwrap().mails.iter().filter_map(|mail| mail.visit.client).collect();
    let expected = [postfix.node(), exim.node()].map(|node| node.addresses()[0]);
    assert_eq!(clients, BTreeSet::from(expected));
    world.forget_mails();
    assert!(world.seen().mails.is_empty());
}

#[test]
fn a_refused_password_and_a_refused_sender_are_seen() {
    let world = world();
    world.sink("192.0.2.10:25", Sink::smtp("strict").auth(Auth::Refuses)).unwrap();
    world.sink("192.0.2.11:25", Sink::smtp("picky").mail("550 5.7.1 not you")).unwrap();
    let edge = world.node("edge", &[]).unwrap();
    edge.write("/etc/mailswitch/edge.password", b"wrong", 0o644).unwrap();
    let exim = exim(&edge, &exim_folder("192.0.2.10", "  hosts_require_auth = *\n"));
    assert!(
        world.client(STRANGER).unwrap().send(edge.smtp(), "", &["bob@contoso.com"], MESSAGE).unwrap().is_accepted()
    );
    let seen =
        world.wait_until(PATIENCE, "a login", |seen| seen.visits.iter().any(|visit| visit.login.is_some())).unwrap();
    assert_eq!(seen.visits[0].server, Some("192.0.2.10:25".parse().unwrap()));
    let sent = world
        .client(TRUSTED)
        .unwrap()
        .send("192.0.2.11:25".parse().unwrap(), "a@example.net", &["b@c"], MESSAGE)
        .unwrap();
    assert_eq!((sent.mail.code, sent.data.is_none()), (550, true));
    assert!(world.seen().mails.is_empty());
    drop(exim);
    assert!(edge.listening().unwrap().is_empty());
}
