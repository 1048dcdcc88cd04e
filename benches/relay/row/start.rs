//! A million contacts: how soon the relay greets a client, how long a lookup takes, how much memory it has with nothing to do.

use std::fs;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mailswitch::lab::{Node, Relay};
use mailswitch::name::Mailbox;
use mailswitch::relay::config;
use mailswitch::relay::route::Router;
use mailswitch::relay::smtp::path::RcptPath;

use crate::Bench;
use crate::meter::{median, quantile, resident_kib};
use crate::site::{Estate, Kind, Mta};
use crate::support::world;

const CONTACTS: usize = 1_000_000;
const LOOKUPS: usize = 100_000;

pub(crate) fn run(bench: &Bench) -> io::Result<()> {
    let bundle = Estate::new(CONTACTS)?.keep(Kind::Relay)?;
    let folder = bundle.path().join("hub");
    println!("start: {CONTACTS} contacts; {} runs, median", bench.runs);
    let world = world();
    let mta = Mta::install(&world, Kind::Relay, &folder, bench.disk.path())?;
    let (mut starts, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let begin = Instant::now();
        let relay = Started::new(&mta.node)?;
        starts.push(begin.elapsed().as_secs_f64() * 1000.0);
        sizes.push(resident_kib(relay.child.id()) as f64 / 1024.0);
    }
    println!("until it greets   {:>10.1} ms    goal: < 100 ms", median(&mut starts));
    println!("resident, idle    {:>10.1} MB    goal: < 30 MB", median(&mut sizes));
    let mut times = lookups(&folder, bench.disk.path())?;
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    println!("a lookup          {mean:>10.2} µs    goal: < 2 µs (p99 {:.2} µs)", quantile(&mut times, 0.99));
    Ok(())
}

/// A relay started without the lab's help, which takes time itself. It ends with the value.
struct Started {
    child: Child,
}

impl Started {
    fn new(node: &Node) -> io::Result<Started> {
        let mut command = Command::new(Relay::COMMAND[0]);
        command.args(&Relay::COMMAND[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        node.space().run(|| {
            let mut started = Started { child: command.spawn()? };
            while !is_greeted() {
                if let Some(status) = started.child.try_wait()? {
                    return Err(io::Error::other(format!("the relay ended: {status}")));
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            Ok(started)
        })?
    }
}

/// Its sockets are open before it serves: only a greeting counts.
fn is_greeted() -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, 25)) else { return false };
    let mut code = [0; 3];
    stream.read_exact(&mut code).is_ok() && code == *b"220"
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The microseconds of a decision about one contact each, in an order that no cache knows.
fn lookups(folder: &Path, private: &Path) -> io::Result<Vec<f64>> {
    let text = fs::read_to_string(folder.join("relay.yaml"))?;
    let config = config::parse(&text).map_err(|malformed| io::Error::other(malformed.message))?;
    let wrong = |problems| io::Error::other(format!("{problems:?}"));
    let router = Router::load(config, folder).map_err(wrong)?;
    router.settle(private).map_err(wrong)?;
    let client = IpAddr::from([203, 0, 113, 9]);
    let mut random = fastrand::Rng::with_seed(20_080_317);
    let path = |number: usize| {
        let wire = format!("{number}ann@contoso.com");
        let mailbox = Mailbox::parse(&wire).map_err(|error| io::Error::other(format!("{error:?}")))?;
        Ok(RcptPath::Address { mailbox, wire })
    };
    let paths: Vec<RcptPath> = (0..LOOKUPS).map(|_| path(random.usize(..CONTACTS))).collect::<io::Result<_>>()?;
    let time = |path: &RcptPath| {
        let begin = Instant::now();
        let decision = router.rcpt(client, path);
        let took = begin.elapsed();
        assert!(matches!(decision, Ok(mailswitch::relay::route::Decision::Send(_))), "{path:?}: {decision:?}");
        took.as_secs_f64() * 1_000_000.0
    };
    // The first round brings the table into the page cache.
    let _warm: f64 = paths.iter().map(time).sum();
    Ok(paths.iter().map(time).collect())
}
