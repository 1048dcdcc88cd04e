//! The running relay, from outside: its binary, its sockets and its signals.

mod filter;
mod host;
mod share;

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;

use host::{Client, Host};

#[test]
fn a_session_that_is_idle_is_told_at_the_end_and_one_that_is_not_may_finish() {
    let mut relay = Host::new("").start();
    let mut idle = relay.client();
    idle.hello();
    let mut busy = relay.client();
    busy.hello();
    busy.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    busy.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    busy.says("DATA", "354");
    relay.signal(Signal::SIGTERM);
    relay.log("draining");
    idle.hears("421 4.3.2");
    idle.ends();
    busy.says("Subject: late\r\n\r\nbut in time\r\n.", "250 2.0.0 Accepted as");
    busy.hears("421 4.3.2");
    busy.ends();
    let stopped = relay.log("stopped");
    assert!(stopped.contains("messages=1"), "{stopped}");
    assert_eq!(relay.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once_and_what_was_acknowledged_is_there_again() {
    let host = Host::new("");
    let mut relay = host.start();
    let mut client = relay.client();
    client.hello();
    client.message("bob@own.example");
    client.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    relay.signal(Signal::SIGTERM);
    relay.log("draining");
    relay.signal(Signal::SIGINT);
    relay.log("stopped");
    let status = relay.wait();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    let mut relay = host.start();
    let recovered = relay.log_of_the_start("recovered");
    assert!(recovered.contains("messages=1"), "{recovered}");
}

#[test]
fn a_changed_file_takes_effect_by_itself_and_a_broken_one_does_not() {
    let host = Host::new("");
    let mut relay = host.start();
    let mut client = relay.client();
    client.hello();
    client.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    client.says("RCPT TO:<carol@own.example>", "550 5.1.1");
    host.build("account carol@own.example");
    relay.log("reloaded");
    // The same session, in the same transaction.
    client.says("RCPT TO:<carol@own.example>", "250 2.1.5");
    host.write("relay.yaml", "version: 1\nserver: 5\n");
    let failed = relay.log("reload-failed");
    assert!(failed.contains("relay.yaml:2:"), "{failed}");
    client.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    host.build("");
    relay.log("reloaded");
    host.write("contacts.cdb", "garbage");
    relay.signal(Signal::SIGHUP);
    let failed = relay.log("reload-failed");
    assert!(failed.contains("contacts.cdb"), "{failed}");
    let mut other = relay.client();
    other.hello();
    other.message("bob@own.example");
}

#[test]
fn a_change_that_needs_a_new_start_is_told() {
    let host = Host::new("");
    let mut relay = host.start();
    host.write("local.yaml", "metrics: 127.0.0.1:9\nlimits: {errors: 7}\n");
    let told = relay.log("error");
    assert!(told.contains("`metrics` in local.yaml counts from the next start on"), "{told}");
    relay.log("reloaded");
}

#[test]
fn behind_a_load_balancer_the_client_is_whom_it_names() {
    let host = Host::new("");
    host.write("local.yaml", &format!("listeners: [{{address: '{}', proxy: [127.0.0.1/32]}}]\n", host.address));
    let mut relay = host.start();
    let mut client = Client::connect(&host.address);
    client.send(b"PROXY TCP4 192.0.2.7 198.51.100.1 4000 25\r\n");
    client.hears("220 ");
    client.says("EHLO client.example", "250");
    client.message("bob@own.example");
    let accepted = relay.log("accepted");
    assert!(accepted.contains("client=192.0.2.7:"), "{accepted}");

    let mut early = Client::connect(&host.address);
    early.send(b"PROXY TCP4 192.0.2.7 198.51.100.1 4000 25\r\nEHLO client.example\r\n");
    early.hears("554 5.5.1");
    early.ends();

    let mut plain = Client::connect(&host.address);
    plain.send(b"EHLO client.example\r\n");
    plain.ends();
}

#[test]
fn who_comes_through_a_load_balancer_without_a_name_is_trusted_as_nobody() {
    let host = Host::new("");
    host.edit("relay.yaml", "routing:\n", "routing:\n  trust: [127.0.0.0/8]\n");
    let mut relay = host.start();
    assert_eq!(relay.starts_with("the relay runs as root"), nix::unistd::geteuid().is_root());
    let mut near = relay.client();
    near.hello();
    near.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    near.says("RCPT TO:<eve@foreign.example>", "250 2.1.5");
    host.write("local.yaml", &format!("listeners: [{{address: '{}', proxy: [127.0.0.1/32]}}]\n", host.address));
    relay.log("reloaded");
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let mut far = Client::connect(&host.address);
        far.send(header);
        far.hello();
        far.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
        far.says("RCPT TO:<eve@foreign.example>", "550 5.7.1");
        far.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    }
}

#[test]
fn only_load_balancers_may_name_a_client() {
    let host = Host::new("");
    host.write("local.yaml", &format!("listeners: [{{address: '{}', proxy: [192.0.2.0/24]}}]\n", host.address));
    let _relay = host.start();
    let mut client = Client::connect(&host.address);
    client.ends();
}

#[test]
fn who_talks_before_the_greeting_is_turned_away() {
    let host = Host::new("");
    host.write("local.yaml", "timeouts: {greeting: 50}\n");
    let mut relay = host.start();
    let mut client = Client::connect(&host.address);
    client.send(b"EHLO client.example\r\n");
    client.hears("554 5.5.1");
    client.ends();
    let refused = relay.log("refused");
    assert!(refused.contains("verb=connect"), "{refused}");
}

#[test]
fn sessions_are_limited_in_all_and_by_network() {
    let host = Host::new("");
    host.write("local.yaml", "limits: {sessions: 3, sessions-per-network: 2}\n");
    let relay = host.start();
    let mut first = relay.client();
    first.hears_greeting();
    let mut second = relay.client();
    second.hears_greeting();
    let mut third = relay.client();
    third.hears("421 4.7.0");
    third.ends();
    first.says("QUIT", "221");
    first.ends();
    // The place is free once the relay has seen the end.
    let mut fourth = relay.client_as_soon_as_there_is_room();
    fourth.says("NOOP", "250");
    second.says("NOOP", "250");
}

#[test]
fn clients_leave_files_for_the_rest() {
    let mut host = Host::new("");
    host.files = 100;
    host.write("local.yaml", "limits: {sessions: 1000, sessions-per-network: 1000}\n");
    let mut relay = host.start();
    assert!(relay.starts_with("there will be 50 sessions at most, not 1000"));
    let mut first = relay.client();
    first.hello();
    let _others: Vec<Client> = (0..49).map(|_| relay.greeted()).collect();
    relay.client().hears("421 4.3.2");
    relay.client().hears("421 4.3.2");
    // The first one's message still finds a way out, as far as the next hop that is not there.
    first.message("bob@own.example");
    let deferred = relay.log("host-dead");
    assert!(deferred.contains("refused"), "{deferred}");
}

#[test]
fn what_a_client_says_of_its_message_raises_no_alarm() {
    let mut relay = Host::new("").start();
    let mut client = relay.client();
    client.hello();
    client.says("MAIL FROM:<ann@else.example> SIZE=99999999999999999999", "452 4.3.1");
    client.message("bob@own.example");
    assert_eq!(relay.events_until("accepted"), ["refused", "accepted"]);
}

#[test]
fn a_message_that_grows_while_the_disk_gets_low_is_refused() {
    let host = Host::new("");
    let mut relay = host.start();
    let mut client = relay.client();
    client.hello();
    client.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    client.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    client.says("DATA", "354");
    host.write("local.yaml", &format!("limits: {{free-disk: {}}}\n", u64::MAX));
    relay.log("reloaded");
    client.send("0123456789abcde\r\n".repeat(10_000).as_bytes());
    client.says(".", "452 4.3.1");
    assert_eq!(std::fs::read_dir(host.spool().join("bodies")).unwrap().count(), 0);
}

#[test]
fn the_time_of_a_message_that_was_refused_is_not_its_sessions() {
    let host = Host::new("");
    host.write("local.yaml", "timeouts: {message: 1, command: 4}\n");
    let relay = host.start();
    let mut client = relay.client();
    client.hello();
    client.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    client.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    client.says("DATA", "354");
    client.says(&format!("{}\r\n.", "x".repeat(2000)), "554 5.6.0");
    let since = std::time::Instant::now();
    client.hears("421 4.4.2");
    assert!(since.elapsed() >= std::time::Duration::from_secs(3), "{:?}", since.elapsed());
}

#[test]
fn who_takes_too_long_is_left() {
    let host = Host::new("");
    host.write("local.yaml", "timeouts: {command: 1}\n");
    let relay = host.start();
    let mut client = relay.client();
    client.hears_greeting();
    client.hears("421 4.4.2");
    client.ends();
}

#[test]
fn a_large_message_goes_to_a_file_and_comes_back_whole() {
    let host = Host::new("");
    let mut relay = host.start();
    let mut client = relay.client();
    client.hello();
    client.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    client.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    client.says("DATA", "354");
    let body = "0123456789abcdef".repeat(50) + "\r\n";
    client.send(body.repeat(1000).as_bytes());
    client.says(".", "250 2.0.0");
    let accepted = relay.log("accepted");
    let size: u64 = accepted.split("size=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((802_000..802_500).contains(&size), "{accepted}");
    let bodies: Vec<u64> = std::fs::read_dir(host.spool().join("bodies"))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(bodies, [size]);
}

#[test]
fn all_that_keeps_it_from_starting_is_told_at_once() {
    let host = Host::new("");
    host.write("local.yaml", "limits: {sessions: 0, errors: 0}\n");
    let (code, text) = host.fails();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("limits.sessions: 0 is too little") && text.contains("limits.errors: 0"), "{text}");
    assert!(text.ends_with("the relay has not started: 2 problems\n"), "{text}");
    host.write("local.yaml", "");
    let _other = std::net::TcpListener::bind(host.address).unwrap();
    let (code, text) = host.fails();
    assert_eq!(code, 2, "{text}");
    assert!(text.contains(&format!("cannot listen on {}", host.address)), "{text}");
}

#[test]
fn a_spool_has_one_relay() {
    let host = Host::new("");
    let _relay = host.start();
    let other = Host::with_spool(&host.spool());
    let (code, text) = other.fails();
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("in use by another process"), "{text}");
}

/// Short form of ten thousand connections in 200 MB.
#[test]
fn idle_connections_cost_little() {
    const CONNECTIONS: usize = 500;
    let host = Host::new("");
    host.write("local.yaml", "limits: {sessions-per-network: 100000}\n");
    let relay = host.start();
    let warm: Vec<Client> = (0..20).map(|_| relay.greeted()).collect();
    let before = relay.resident();
    let idle: Vec<TcpStream> = (0..CONNECTIONS).map(|_| relay.greeted().into_stream()).collect();
    let each = relay.resident().saturating_sub(before) / idle.len() as u64;
    assert!(each <= 16 << 10, "{each} octets for an idle connection");
    drop(warm);
}
