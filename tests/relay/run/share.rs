//! A real relay before real hosts that share its load.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::host::Host;

const MANY: usize = 400;

/// A next hop that takes everything and counts it.
struct Sink {
    address: String,
    got: Arc<AtomicUsize>,
}

impl Sink {
    fn new() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, got) =
            (format!("[127.0.0.1]:{}", listener.local_addr().unwrap().port()), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || serve(&stream, &counter));
            }
        });
        Sink { address, got }
    }
}

/// Ends with the connection.
fn serve(mut stream: &TcpStream, got: &AtomicUsize) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let mut say = |words: &str| stream.write_all(format!("{words}\r\n").as_bytes()).ok();
    say("220 sink.example ESMTP")?;
    loop {
        match lines.next()?.split(' ').next()? {
            "DATA" => {
                say("354 go on")?;
                lines.find(|line| line == ".")?;
                got.fetch_add(1, Ordering::Relaxed);
                say("250 taken")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 fine")?,
        }
    }
}

#[test]
fn balanced_hosts_share_what_comes_one_by_one_and_over_many_sessions_at_once() {
    let (one, two, host) = (Sink::new(), Sink::new(), Host::new(""));
    let both = format!("    hosts:\n    - '{}'\n    - '{}'\n    balanced: true\n", one.address, two.address);
    host.edit("relay.yaml", "    hosts:\n    - '[127.0.0.1]:9'\n", &both);
    let mut relay = host.start();
    let mut client = relay.client();
    client.hello();
    for _ in 0..MANY {
        client.message("bob@own.example");
        relay.log("delivered");
    }
    let got = [&one, &two].map(|sink| sink.got.swap(0, Ordering::Relaxed));
    assert!(
        got.iter().sum::<usize>() == MANY && got.iter().all(|got| (MANY * 2 / 5..=MANY * 3 / 5).contains(got)),
        "{got:?}"
    );
    std::thread::scope(|scope| {
        for _ in 0..10 {
            let mut client = relay.client();
            scope.spawn(move || {
                client.hello();
                (0..MANY / 10).for_each(|_| client.message("bob@own.example"));
            });
        }
    });
    (0..MANY).for_each(|_| drop(relay.log("delivered")));
    let got = [&one, &two].map(|sink| sink.got.swap(0, Ordering::Relaxed));
    assert!(
        got.iter().sum::<usize>() == MANY && got.iter().all(|got| (MANY * 2 / 5..=MANY * 3 / 5).contains(got)),
        "{got:?}"
    );
}
