//! A relay and its filter: no mail passes it by, however it fails.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::host::{Host, Relay};

/// A relay whose filter takes so many recipients of a connection, and hangs up at the next one.
fn filtered(recipients: usize) -> (Host, Relay, Receiver<(u8, Vec<u8>)>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let host = Host::new("account carol@own.example");
    let address = listener.local_addr().unwrap();
    host.edit("relay.yaml", "server:\n", &format!("server:\n  milter: '{address}'\n"));
    let relay = host.start();
    let (tell, heard) = channel();
    std::thread::spawn(move || while listener.accept().is_ok_and(|(stream, _)| answer(stream, recipients, &tell)) {});
    (host, relay, heard)
}

/// Says yes to everything; whether anybody still listens to what it is told.
fn answer(mut stream: TcpStream, mut recipients: usize, tell: &Sender<(u8, Vec<u8>)>) -> bool {
    while let Ok((letter, data)) = packet(&mut stream) {
        if tell.send((letter, data)).is_err() {
            return false;
        }
        let packet: &[u8] = match letter {
            b'O' => b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\0\0\0",
            b'R' if recipients == 0 => return true,
            b'D' | b'Q' => b"",
            _ => b"\0\0\0\x01c",
        };
        recipients -= usize::from(letter == b'R');
        if stream.write_all(packet).is_err() {
            return true;
        }
    }
    true
}

fn packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut data = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut data)?;
    Ok((data.remove(0), data))
}

#[test]
fn a_message_whose_filter_is_lost_between_two_recipients_does_not_pass_it_by() {
    let (_host, relay, _heard) = filtered(1);
    let mut client = relay.client();
    client.hello();
    client.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    client.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    client.says("RCPT TO:<carol@own.example>", "451 4.7.1");
    client.says("RCPT TO:<bob@own.example>", "451 4.7.1");
    client.says("DATA", "354");
    client.says("Subject: test\r\n\r\ntest\r\n.", "451 4.7.1");
    // The next message has a filter of its own.
    client.message("bob@own.example");
}

#[test]
fn a_message_that_came_before_a_filter_is_not_taken_without_it() {
    let host = Host::new("");
    let mut relay = host.start();
    let mut client = relay.client();
    client.hello();
    client.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    client.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    host.edit("relay.yaml", "server:\n", "server:\n  milter: 127.0.0.1:9\n");
    relay.log("reloaded");
    client.says("DATA", "354");
    client.says("Subject: test\r\n\r\ntest\r\n.", "451 4.7.1");
}

#[test]
fn a_header_that_goes_beyond_what_lies_in_memory_is_shown_whole() {
    const FIELDS: usize = 1000;
    let (_host, relay, heard) = filtered(1);
    let mut client = relay.client();
    client.hello();
    client.says("MAIL FROM:<ann@else.example>", "250 2.1.0");
    client.says("RCPT TO:<bob@own.example>", "250 2.1.5");
    client.says("DATA", "354");
    client.send(format!("X-Long: {}\r\n", "x".repeat(90)).repeat(FIELDS).as_bytes());
    client.says("\r\nbody\r\n.", "250 2.0.0");
    let heard: Vec<_> = heard.try_iter().collect();
    assert_eq!(heard.iter().filter(|(letter, _)| *letter == b'L').count(), FIELDS);
    let body: Vec<u8> = heard.iter().filter(|(letter, _)| *letter == b'B').flat_map(|(_, data)| data.clone()).collect();
    assert_eq!(body.escape_ascii().to_string(), r"body\r\n");
}
