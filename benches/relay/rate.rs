//! A generator that does not wait for answers: each message is due at its moment, whatever became of those before.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mailswitch::lab::Node;

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 25);
/// A message that begins later than this after its moment shows that the generator is too slow.
const LATE: Duration = Duration::from_millis(20);

pub(crate) struct Outcome {
    /// From the end of each message to its 250.
    pub(crate) waits: Vec<Duration>,
    /// How many messages began late.
    pub(crate) late: u64,
}

/// So many messages a second for so long, to so many recipients in turn, by the sessions that are free.
pub(crate) fn open_loop(
    node: &Node,
    rate: f64,
    lasts: Duration,
    sessions: usize,
    recipients: u64,
) -> io::Result<Outcome> {
    let (next, late, waits) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(Vec::new()));
    let begin = Instant::now();
    let work = || -> io::Result<()> {
        let mut client = Client::open(SERVER)?;
        let mut own = Vec::new();
        loop {
            let slot = next.fetch_add(1, Ordering::Relaxed);
            let due = begin + Duration::from_secs_f64(slot as f64 / rate);
            if due > begin + lasts {
                waits.lock().expect("no one panicked with the waits").append(&mut own);
                return Ok(());
            }
            let now = Instant::now();
            std::thread::sleep(due.saturating_duration_since(now));
            late.fetch_add(u64::from(now.saturating_duration_since(due) > LATE), Ordering::Relaxed);
            own.push(client.message(slot % recipients)?);
        }
    };
    let results: Vec<io::Result<()>> = std::thread::scope(|scope| {
        let start = |_| {
            let (space, work) = (node.space().clone(), &work);
            scope.spawn(move || {
                space.enter()?;
                work()
            })
        };
        let threads: Vec<_> = (0..sessions).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("no session panicked")).collect()
    });
    results.into_iter().collect::<io::Result<()>>()?;
    Ok(Outcome { waits: waits.into_inner().expect("no one panicked with the waits"), late: late.into_inner() })
}

/// One SMTP client that pipelines.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    content: Vec<u8>,
}

impl Client {
    pub(crate) fn open(server: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        let line = "a line of the message that is as long as such lines are in mail\r\n";
        let content = format!("Subject: rate\r\n\r\n{}.\r\n", line.repeat(62)).into_bytes();
        // A small buffer: the row of idle connections has thousands of these.
        let mut client = Client { stream: BufReader::with_capacity(512, stream), content };
        client.expect("220")?;
        client.say(b"EHLO rate.lab.invalid\r\n")?;
        client.expect("250")?;
        Ok(client)
    }

    fn message(&mut self, number: u64) -> io::Result<Duration> {
        self.say(format!("MAIL FROM:<s@sender.example>\r\nRCPT TO:<{number}ann@contoso.com>\r\nDATA\r\n").as_bytes())?;
        self.expect("250")?;
        self.expect("250")?;
        self.expect("354")?;
        let content = std::mem::take(&mut self.content);
        let begin = Instant::now();
        self.say(&content)?;
        self.expect("250")?;
        let took = begin.elapsed();
        self.content = content;
        Ok(took)
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads a reply to its last line.
    fn expect(&mut self, code: &str) -> io::Result<()> {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            if !line.starts_with(code) {
                return Err(io::Error::other(format!("{code} expected, not {line:?}")));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
