//! The lab tested on itself, with the smallest configurations that relay.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::lab::{Auth, Exim, Identity, Node, PATIENCE, Postfix, Reply, Sink, World, authority_pem};

const TRUSTED: &str = "10.0.0.5";
const STRANGER: &str = "203.0.113.9";
const MESSAGE: &str = "From: a@example.net\nTo: b@contoso.com\nSubject: hello\n\nFirst line.\n.dotted\n";

/// Relays contoso.com to a smart host, with more `main.cf` lines as given, and the rest by MX.
fn postfix_folder(next_hop: &str, settings: &str) -> TempDir {
    let main = format!(
        "compatibility_level = 3.6\n\
         myhostname = hub.contoso.com\n\
         mynetworks = 10.0.0.0/8\n\
         mydestination =\n\
         alias_maps =\n\
         alias_database =\n\
         local_transport = error:5.1.1 no local delivery\n\
         relay_domains = contoso.com\n\
         relay_recipient_maps = inline:{{bob@contoso.com=OK, ann@contoso.com=OK}}\n\
         transport_maps = inline:{{contoso.com={next_hop}}}\n\
         smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n\
         {settings}"
    );
    folder(&[("main.cf", &main), ("master.cf", MASTER)])
}

const MASTER: &str = "\
smtp      inet  n       -       y       -       -       smtpd
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
rewrite   unix  -       -       y       -       -       trivial-rewrite
bounce    unix  -       -       y       -       0       bounce
defer     unix  -       -       y       -       0       bounce
trace     unix  -       -       y       -       0       bounce
verify    unix  -       -       y       -       1       verify
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       y       -       -       smtp
showq     unix  n       -       y       -       -       showq
error     unix  -       -       y       -       -       error
retry     unix  -       -       y       -       -       error
discard   unix  -       -       y       -       -       discard
anvil     unix  -       -       y       -       1       anvil
scache    unix  -       -       y       -       1       scache
";

/// Relays contoso.com to a smart host by a transport with these options, and the rest by MX.
fn exim_folder(next_hop: &str, options: &str) -> TempDir {
    let config = format!(
        "primary_hostname = edge.contoso.com\n\
         keep_environment =\n\
         log_selector = +smtp_protocol_error\n\
         hostlist trusted = 10.0.0.0/8\n\
         acl_smtp_rcpt = acl_rcpt\n\
         begin acl\n\
         acl_rcpt:\n\
         \x20 deny !domains = contoso.com\n\
         \x20      !hosts = +trusted\n\
         \x20      message = 5.7.1 relay not permitted\n\
         \x20 deny domains = contoso.com\n\
         \x20      !local_parts = bob : ann\n\
         \x20      message = 5.1.1 User unknown\n\
         \x20 accept\n\
         begin routers\n\
         contoso:\n\
         \x20 driver = manualroute\n\
         \x20 domains = contoso.com\n\
         \x20 route_list = * {next_hop}\n\
         \x20 transport = to_contoso\n\
         internet:\n\
         \x20 driver = dnslookup\n\
         \x20 transport = by_mx\n\
         begin transports\n\
         to_contoso:\n\
         \x20 driver = smtp\n\
         {options}\
         by_mx:\n\
         \x20 driver = smtp\n\
         begin retry\n\
         * * F,1h,1s\n\
         begin authenticators\n\
         plain:\n\
         \x20 driver = plaintext\n\
         \x20 public_name = PLAIN\n\
         \x20 client_send = ^edge^${{readfile{{/etc/mailswitch/edge.password}}{{}}}}\n"
    );
    folder(&[("exim.conf", &config)])
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn postfix(node: &Node, folder: &TempDir) -> Postfix {
    let postfix = Postfix::install(node, folder.path());
    assert_eq!(postfix.check().text(), "");
    postfix.start(&[25]);
    postfix
}

fn exim(node: &Node, folder: &TempDir) -> Exim {
    let exim = Exim::install(node, folder.path());
    exim.start(&[25]);
    exim
}

fn codes(replies: &[Reply]) -> Vec<String> {
    replies.iter().map(|reply| format!("{} {}", reply.code, reply.enhanced.as_deref().unwrap_or("-"))).collect()
}

#[test]
fn postfix_relays_with_tls_and_a_password() {
    let world = World::new();
    world.host("exchange.contoso.com", "192.0.2.10");
    let identity = Identity::trusted(&["exchange.contoso.com"]);
    world.sink("192.0.2.10:587", Sink::smtp("exchange").starttls(identity).auth(Auth::Accepts).max_size(1_000_000));
    let hub = world.node("hub", &["198.51.100.1", "198.51.100.2"]);
    hub.write("/etc/mailswitch/passwords", b"exchange.contoso.com hub:secret\n", 0o600);
    let settings = "smtp_tls_security_level = verify\n\
         smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n\
         smtp_sasl_auth_enable = yes\n\
         smtp_sasl_password_maps = texthash:/etc/mailswitch/passwords\n\
         smtp_sasl_security_options = noanonymous\n\
         smtp_bind_address = 198.51.100.2\n";
    let folder = postfix_folder("relay:[exchange.contoso.com]:587", settings);
    let _postfix = postfix(&hub, &folder);

    let sent =
        world.client(STRANGER).send(hub.smtp(), "a@example.net", &["Bob@contoso.com", "ann@contoso.com"], MESSAGE);
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1);
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
    let world = World::new();
    world.host("exchange.contoso.com", "192.0.2.10");
    let identity = Identity::trusted(&["exchange.contoso.com"]);
    world.sink("192.0.2.10:587", Sink::smtp("exchange").starttls(identity).auth(Auth::Accepts));
    let edge = world.node("edge", &["198.51.100.1", "198.51.100.2"]);
    edge.write("/etc/mailswitch/edge.password", b"secret", 0o640);
    edge.give("/etc/mailswitch/edge.password", "Debian-exim");
    let options = "  port = 587\n  hosts_require_tls = *\n  tls_verify_certificates = system\n  tls_verify_hosts = *\n  \
         tls_sni = $host\n  hosts_require_auth = *\n  interface = 198.51.100.2\n";
    let folder = exim_folder("exchange.contoso.com", options);
    let exim = exim(&edge, &folder);
    assert!(exim.bv().success, "{}", exim.bv().text());
    assert!(exim.bt(&["bob@contoso.com"]).stdout.contains("192.0.2.10"), "{}", exim.bt(&["bob@contoso.com"]).text());
    assert_eq!(exim.be(&["${lc:ABC}", "> x"]), ["abc", "> x"]);
    assert_eq!(exim.bp(&["primary_hostname"]).stdout, "primary_hostname = edge.contoso.com\n");

    let sent = world.client(STRANGER).send(edge.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE);
    assert!(sent.is_accepted(), "{sent:?}");
    let mail = &world.wait_for(1).mails[0];
    assert_eq!(mail.recipients, ["bob@contoso.com"]);
    assert_eq!(mail.visit.hello, "edge.contoso.com");
    assert_eq!(mail.visit.client.unwrap().to_string(), "198.51.100.2");
    assert_eq!(mail.visit.tls.as_ref().unwrap().sni.as_deref(), Some("exchange.contoso.com"));
    let login = mail.visit.login.as_ref().expect("AUTH was used");
    assert_eq!((login.user.as_str(), login.password.as_str()), ("edge", "secret"));
    edge.wait_for_log("=> bob@contoso.com");
}

#[test]
fn both_deliver_by_mx_and_refuse_at_rcpt() {
    let world = World::new();
    world.mx("example.org", 10, "dead.example.org");
    world.mx("example.org", 20, "MX.example.org");
    world.host("dead.example.org", "192.0.2.66");
    world.host("mx.Example.org", "2001:db8::25");
    world.sink("[2001:db8::25]:25", Sink::smtp("mx"));
    let (hub, edge) = (world.node("hub", &[]), world.node("edge", &[]));
    let hub_folder = postfix_folder("relay:[192.0.2.10]", "");
    let edge_folder = exim_folder("192.0.2.10", "");
    let _postfix = postfix(&hub, &hub_folder);
    let _exim = exim(&edge, &edge_folder);
    for (count, server) in [(1, hub.smtp()), (2, edge.smtp())] {
        let sent = world.client(TRUSTED).send(server, "a@contoso.com", &["you@EXAMPLE.org"], MESSAGE);
        assert!(sent.is_accepted(), "{sent:?}");
        assert_eq!(world.wait_for(count).mails[count - 1].sink(), "mx");

        let recipients = ["bob@contoso.com", "nobody@contoso.com", "you@example.org"];
        let replies = world.client(STRANGER).probe(server, "", &recipients);
        let expected: &[&str] =
            if count == 1 { &["250 2.1.5", "550 5.1.1", "554 5.7.1"] } else { &["250 -", "550 5.1.1", "550 5.7.1"] };
        assert_eq!(codes(&replies), expected);
    }
}

#[test]
fn many_recipients_are_probed_quickly() {
    let world = World::new();
    let (hub, edge) = (world.node("hub", &[]), world.node("edge", &[]));
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
        let replies = world.client(STRANGER).probe(server, "a@example.net", &recipients);
        let expected: Vec<u16> = (0..200).map(|number| if number % 2 == 0 { 250 } else { 550 }).collect();
        assert_eq!(replies.iter().map(|reply| reply.code).collect::<Vec<_>>(), expected);
        assert!(begin.elapsed() < Duration::from_secs(10), "200 probes took {:?}", begin.elapsed());
    }
}

#[test]
fn an_mta_relays_to_another_on_the_same_port() {
    let world = World::new();
    world.sink("192.0.2.10:25", Sink::smtp("mailbox").smtputf8());
    let hub = world.node("hub", &["198.51.100.1"]);
    let edge = world.node("edge", &["198.51.100.9"]);
    let hub_folder = postfix_folder("relay:[198.51.100.9]", "");
    let edge_folder = exim_folder("192.0.2.10", "");
    let _postfix = postfix(&hub, &hub_folder);
    let _exim = exim(&edge, &edge_folder);
    let sent = world.client(STRANGER).send(hub.smtp(), "", &["bob@contoso.com"], MESSAGE);
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1);
    let mail = &seen.mails[0];
    assert_eq!((mail.sender.as_str(), mail.visit.client), ("", Some(edge.addresses()[0])));
    let received = mail.text();
    assert!(received.contains("by hub.contoso.com") && received.contains("by edge.contoso.com"), "{received}");
    assert!(received.contains("[198.51.100.1]"), "the hub speaks from its own address: {received}");
}

#[test]
fn sinks_fail_as_they_are_told() {
    let world = World::new();
    let wrong = Identity::trusted(&["other.contoso.com"]);
    world.host("a.contoso.com", "192.0.2.1");
    for (address, sink) in [
        ("192.0.2.2:25", Sink::smtp("busy").greeting("421 4.3.2 busy")),
        ("192.0.2.3:25", Sink::smtp("closed").greeting("554 5.3.2 closed")),
        ("192.0.2.4:25", Sink::smtp("later").rcpt("450 4.2.0 later")),
        ("192.0.2.5:25", Sink::smtp("full").dot("452 4.3.1 full")),
        ("192.0.2.6:25", Sink::smtp("unsure").data("451 4.3.0 unsure")),
        ("192.0.2.7:25", Sink::smtp("wrong").starttls(wrong)),
        ("192.0.2.8:25", Sink::smtp("own").starttls(Identity::self_signed(&["own.contoso.com"]))),
        ("192.0.2.9:25", Sink::smtp("last").rcpt_for("ann@contoso.com", "550 5.1.1 not here")),
    ] {
        world.sink(address, sink);
    }
    let hosts: Vec<String> = (1..=9).map(|number| format!("relay:[192.0.2.{number}]")).collect();
    let folder = postfix_folder(
        &hosts.join(", ").replace("relay:[192.0.2.1], relay:", "relay:[192.0.2.1], ").replace(", relay:", ", "),
        "",
    );
    let hub = world.node("hub", &[]);
    // A list of next hops holds commas, which `inline` would take for the end of the entry.
    let main = fs::read_to_string(folder.path().join("main.cf")).unwrap();
    let main = main
        .replace("transport_maps = inline:{contoso.com=", "transport_maps = inline:{{contoso.com=")
        .replace("]}\n", "]}}\n");
    fs::write(folder.path().join("main.cf"), main + "smtp_tls_policy_maps = inline:{[192.0.2.7]=secure, [192.0.2.8]=secure}\nsmtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\nsmtp_sasl_security_options =\n").unwrap();
    let postfix = postfix(&hub, &folder);
    let sent =
        world.client(STRANGER).send(hub.smtp(), "a@example.net", &["bob@contoso.com", "ann@contoso.com"], MESSAGE);
    assert!(sent.is_accepted(), "{sent:?}");
    let seen = world.wait_for(1);
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
    let world = World::new();
    let edge = world.node("edge", &[]);
    world.sink_at(&edge, "127.0.0.1:2424", Sink::lmtp("store"));
    world.sink("192.0.2.20:465", Sink::smtps("wrapped", Identity::trusted(&["192.0.2.20"])));
    let folder = exim_folder("127.0.0.1", "  protocol = lmtp\n  port = 2424\n  allow_localhost\n");
    let text = fs::read_to_string(folder.path().join("exim.conf")).unwrap();
    let text = text.replace("  transport = to_contoso\n", "  transport = to_contoso\n  self = send\n");
    fs::write(folder.path().join("exim.conf"), text).unwrap();
    let exim = exim(&edge, &folder);
    assert!(world.client(STRANGER).send(edge.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).is_accepted());
    let seen = world.wait_for(1);
    assert_eq!((seen.mails[0].sink(), &seen.visits[0].commands[0][..4]), ("store", "LHLO"));

    exim.stop();
    let wrapped = exim_folder("192.0.2.20", "  protocol = smtps\n  port = 465\n");
    exim.replace(wrapped.path());
    exim.start(&[25]);
    assert!(world.client(STRANGER).send(edge.smtp(), "a@example.net", &["ann@contoso.com"], MESSAGE).is_accepted());
    let mail = &world.wait_for(2).mails[1];
    assert_eq!(mail.sink(), "wrapped");
    assert!(mail.visit.tls.is_some());
}

#[test]
fn a_machine_is_thrown_away_and_the_host_stays_as_it_is() {
    let host = || ["/etc/hosts", "/etc/resolv.conf", "/etc/postfix/main.cf"].map(|path| fs::read(path).ok());
    let before = host();
    {
        let world = World::new();
        let hub = world.node("hub", &[]);
        let folder = postfix_folder("relay:[192.0.2.10]", "");
        let postfix = postfix(&hub, &folder);
        hub.write("/etc/mailswitch-selftest/file", b"text", 0o600);
        assert_eq!(hub.read("/etc/mailswitch-selftest/file").as_deref(), Some("text"));
        assert_eq!(hub.listening().into_iter().collect::<Vec<_>>(), [25]);
        assert_eq!(postfix.postconf("myhostname"), "hub.contoso.com");
        assert_eq!(postfix.postconf_n().stderr, "");
        let answers = postfix.postmap_q("inline:{{a@b=c d}}", &["a@b", "x@b"]);
        assert_eq!(answers, [Some("c d".to_owned()), None]);
        assert_eq!(postfix.queue(), "");
        postfix.stop();
        assert!(hub.listening().is_empty(), "nothing of Postfix is left");
    }
    assert!(!Path::new("/etc/mailswitch-selftest").exists());
    assert_eq!(before, host());
}

#[test]
fn the_client_speaks_tls_and_raw_bytes() {
    let world = World::new();
    let hub = world.node("hub", &["198.51.100.1"]);
    let identity = Identity::trusted(&["hub.contoso.com"]);
    hub.write("/etc/mailswitch/hub.pem", identity.certificate_pem.as_bytes(), 0o644);
    hub.write("/etc/mailswitch/hub.key", identity.key_pem.as_bytes(), 0o600);
    hub.write("/etc/mailswitch/ca.pem", authority_pem().as_bytes(), 0o644);
    let settings = "smtpd_tls_security_level = may\n\
         smtpd_tls_cert_file = /etc/mailswitch/hub.pem\n\
         smtpd_tls_key_file = /etc/mailswitch/hub.key\n";
    let folder = postfix_folder("relay:[192.0.2.10]", settings);
    let postfix = postfix(&hub, &folder);
    let mut conversation = world.client(STRANGER).greet(hub.smtp());
    assert!(conversation.offers("starttls"));
    let tls = conversation.starttls("hub.contoso.com").unwrap();
    assert_eq!(tls.version, "TLSv1_3", "{}", postfix.log());
    assert!(!conversation.offers("STARTTLS"));
    conversation.write("NOOP\r\nHELP\r\n");
    assert_eq!(conversation.reply().code, 250);
    assert_eq!(conversation.command("QUIT").code, 500);
    let mut wrong = world.client(STRANGER).greet(hub.smtp());
    assert!(wrong.starttls("other.contoso.com").is_err());
    let mut inside = hub.client().connect("127.0.0.1:25".parse().unwrap());
    assert_eq!(inside.ehlo().code, 250);
}

#[test]
fn a_message_waits_in_the_queue_until_its_host_is_there() {
    let world = World::new();
    let (hub, edge) = (world.node("hub", &[]), world.node("edge", &[]));
    let postfix = postfix(&hub, &postfix_folder("relay:[192.0.2.10]", ""));
    let exim = exim(&edge, &exim_folder("192.0.2.10", ""));
    for server in [hub.smtp(), edge.smtp()] {
        assert!(world.client(STRANGER).send(server, "a@example.net", &["bob@contoso.com"], MESSAGE).is_accepted());
    }
    hub.wait_for_log("status=deferred");
    edge.wait_for_log("Connection refused");
    assert!(postfix.queue().contains("bob@contoso.com"), "{}", postfix.log());
    assert!(exim.queue().contains("bob@contoso.com"), "{}", exim.log());
    assert!(world.seen().mails.is_empty());
    world.sink("192.0.2.10:25", Sink::smtp("late"));
    assert!(postfix.flush().success && exim.flush().success);
    let clients: BTreeSet<_> = world.wait_for(2).mails.iter().filter_map(|mail| mail.visit.client).collect();
    let expected = [postfix.node(), exim.node()].map(|node| node.addresses()[0]);
    assert_eq!(clients, BTreeSet::from(expected));
    world.forget_mails();
    assert!(world.seen().mails.is_empty());
}

#[test]
fn a_refused_password_and_a_refused_sender_are_seen() {
    let world = World::new();
    world.sink("192.0.2.10:25", Sink::smtp("strict").auth(Auth::Refuses));
    world.sink("192.0.2.11:25", Sink::smtp("picky").mail("550 5.7.1 not you"));
    let edge = world.node("edge", &[]);
    edge.write("/etc/mailswitch/edge.password", b"wrong", 0o644);
    let exim = exim(&edge, &exim_folder("192.0.2.10", "  hosts_require_auth = *\n"));
    assert!(world.client(STRANGER).send(edge.smtp(), "", &["bob@contoso.com"], MESSAGE).is_accepted());
    let seen = world.wait_until(PATIENCE, "a login", |seen| seen.visits.iter().any(|visit| visit.login.is_some()));
    assert_eq!(seen.visits[0].server, Some("192.0.2.10:25".parse().unwrap()));
    let sent = world.client(TRUSTED).send("192.0.2.11:25".parse().unwrap(), "a@example.net", &["b@c"], MESSAGE);
    assert_eq!((sent.mail.code, sent.data.is_none()), (550, true));
    assert!(world.seen().mails.is_empty());
    drop(exim);
    assert!(edge.listening().is_empty());
}

#[test]
fn a_running_postfix_takes_another_folder() {
    let world = World::new();
    let hub = world.node("hub", &[]);
    let postfix = postfix(&hub, &postfix_folder("relay:[192.0.2.10]", ""));
    let greeting = || world.client(STRANGER).connect(hub.smtp()).greeting.unwrap().text;
    assert!(greeting().starts_with("hub.contoso.com"));
    let other = postfix_folder("relay:[192.0.2.10]", "smtpd_banner = $myhostname again\n");
    postfix.replace(other.path());
    postfix.reload();
    hub.wait_for_log("reload -- version");
    // A server process that was waiting for a client may still take the first ones.
    assert!((0..100).any(|_| greeting().ends_with("again")), "{}", postfix.log());
}

#[test]
fn a_milter_is_asked() {
    let world = World::new();
    world.sink("192.0.2.10:25", Sink::smtp("exchange"));
    let milter = world.milter("192.0.2.99:8891");
    let hub = world.node("hub", &[]);
    let _postfix = postfix(&hub, &postfix_folder("relay:[192.0.2.10]", "smtpd_milters = inet:192.0.2.99:8891\n"));
    assert!(world.client(STRANGER).send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).is_accepted());
    assert_eq!(
        (milter.senders(), milter.recipients()),
        (vec!["<a@example.net>".to_owned()], vec!["<bob@contoso.com>".to_owned()])
    );
    world.wait_for(1);
}
