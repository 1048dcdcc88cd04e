//! 100,000 messages for a dead host: what each costs in memory, how soon the relay is back after `kill -9`, and what mail
//! for a healthy host suffers meanwhile.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mailswitch::lab::Node;

use crate::Bench;
use crate::meter::{median, processes, resident_kib};
use crate::site::{Estate, Kind, METRICS, Mta};
use crate::support::world;
use crate::traffic::{Traffic, source_to, through};

const QUEUED: usize = 100_000;

pub(crate) fn run(bench: &Bench) -> io::Result<()> {
    let estate = Estate::new(4 * bench.count)?;
    let world = world();
    let mut mta = Mta::start(&world, Kind::Relay, &estate.build(Kind::Relay)?, bench.disk.path())?;
    let traffic = Traffic { count: 4 * bench.count, sessions: bench.sessions, size: 4096, reuse: true };
    println!("queue: {QUEUED} messages for a host that is down; {} runs, median", bench.runs);
    let healthy = |mta: &Mta| -> io::Result<f64> {
        let mut rates = (0..bench.runs).map(|_| Ok(through(mta, traffic)?.rate)).collect::<io::Result<Vec<f64>>>()?;
        Ok(median(&mut rates))
    };
    let alone = healthy(&mta)?;
    let before = memory(&mta);
    source_to(&mta.node, "127.0.0.1:25", Traffic { count: QUEUED, ..traffic }, "ann@dead.contoso.com")?;
    let each = (memory(&mta) - before) * 1024.0 / QUEUED as f64;
    let beside = healthy(&mta)?;
    mta.kill();
    let begin = Instant::now();
    mta.run()?;
    ready(&mta.node)?;
    let back = begin.elapsed().as_secs_f64();
    println!("memory each       {each:>10.0} B     goal: ≤ 200 B");
    println!("restart to ready  {back:>10.2} s     goal: < 1 s");
    println!("memory after it   {:>10.0} MB", memory(&mta) / 1024.0);
    println!(
        "mail for others   {beside:>10.0} msg/s, {alone:.0} without the queue: {:+.1} %    goal: no more than 5 % slower",
        100.0 * (beside / alone - 1.0)
    );
    Ok(())
}

/// In KiB, of the relay's one process.
fn memory(mta: &Mta) -> f64 {
    processes(&mta.namespace()).into_iter().map(resident_kib).max().unwrap_or_default() as f64
}

/// Waits until `/readyz` says so.
fn ready(node: &Node) -> io::Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = node.space().run(|| -> io::Result<String> {
            let mut stream = TcpStream::connect(METRICS)?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        })?;
        match answer {
            Ok(text) if text.starts_with("HTTP/1.1 200") => return Ok(()),
            _ if Instant::now() > end => return Err(io::Error::other(format!("not ready: {answer:?}"))),
            _ => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}
