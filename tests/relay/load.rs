//! Load: clients that send numbered messages as fast as they are taken, and remember which ones were promised.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use mailswitch::lab::World;

const PATIENCE: Duration = Duration::from_secs(30);
/// The estates trust it.
const SOURCE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)), 0);

/// What was said about the messages: taken with 250, or nothing, since the connection broke.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) promised: BTreeSet<u64>,
    pub(crate) unsure: BTreeSet<u64>,
    /// Connections that broke.
    pub(crate) broken: u64,
}

/// Servers are tried in this order, as a client does that follows the preferences of MX records.
pub(crate) struct Load {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    servers: Vec<SocketAddr>,
    recipients: fn(u64) -> Vec<String>,
    next: AtomicU64,
    stop: AtomicBool,
    /// How often a server has come back.
    revivals: Mutex<u64>,
    revived: Condvar,
    ledger: Mutex<Ledger>,
    grown: Condvar,
}

impl Load {
    /// Begins; `recipients` tells who gets the message of a number.
    pub(crate) fn start(
        world: &World,
        servers: &[SocketAddr],
        sessions: usize,
        recipients: fn(u64) -> Vec<String>,
    ) -> Load {
        let shared = Arc::new(Shared {
            servers: servers.to_vec(),
            recipients,
            next: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            revivals: Mutex::new(0),
            revived: Condvar::new(),
            ledger: Mutex::default(),
            grown: Condvar::new(),
        });
        let worker = |_| {
            let (shared, space) = (shared.clone(), world.space());
            std::thread::spawn(move || {
                space.enter().unwrap();
                shared.work();
            })
        };
        Load { workers: (0..sessions).map(worker).collect(), shared }
    }

    /// Tells clients that found no server to try again.
    pub(crate) fn revived(&self) {
        *self.shared.revivals.lock().unwrap() += 1;
        self.shared.revived.notify_all();
    }

    pub(crate) fn promised(&self) -> usize {
        self.shared.ledger.lock().unwrap().promised.len()
    }

    /// Waits until so many messages have been taken in all.
    pub(crate) fn wait_for(&self, promised: usize) {
        let ledger = self.shared.ledger.lock().unwrap();
        let few = |ledger: &mut Ledger| ledger.promised.len() < promised;
        let (ledger, late) = self.shared.grown.wait_timeout_while(ledger, PATIENCE, few).unwrap();
        assert!(!late.timed_out(), "only {} messages were taken, not {promised}", ledger.promised.len());
    }

    /// Ends each session after its message.
    pub(crate) fn stop(self) -> Ledger {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.revived();
        for worker in self.workers {
            worker.join().expect("no client panicked");
        }
        self.shared.ledger.lock().unwrap().clone()
    }
}

impl Shared {
    fn work(&self) {
        while !self.stopped() {
            let revivals = *self.revivals.lock().unwrap();
            match self.servers.iter().find_map(|server| Session::open(*server).ok()) {
                Some(session) => self.send_all(session),
                None => self.wait_for_revival(revivals),
            }
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn wait_for_revival(&self, seen: u64) {
        let revivals = self.revivals.lock().unwrap();
        drop(self.revived.wait_while(revivals, |revivals| *revivals == seen && !self.stopped()).unwrap());
    }

    /// One message after another until the connection breaks or the load ends.
    fn send_all(&self, mut session: Session) {
        while !self.stopped() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let sent = session.message(number, &(self.recipients)(number));
            let mut ledger = self.ledger.lock().unwrap();
            match sent {
                Ok(true) => drop(ledger.promised.insert(number)),
                Ok(false) => {}
                Err(_) => {
                    ledger.unsure.insert(number);
                    ledger.broken += 1;
                    return;
                }
            }
            self.grown.notify_all();
        }
    }
}

/// What a message holds: lines of its number, few of them or, now and then, far more than are kept in memory.
pub(crate) fn body(number: u64) -> String {
    let lines = if number % 211 == 210 { 5000 } else { 20 + number % 200 };
    format!("{number:016}\r\n").repeat(usize::try_from(lines).expect("a small number"))
}

/// One SMTP client that pipelines.
pub(crate) struct Session {
    stream: BufReader<TcpStream>,
}

impl Session {
    pub(crate) fn open(server: SocketAddr) -> io::Result<Session> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SockAddr::from(SOURCE))?;
        socket.connect_timeout(&SockAddr::from(server), PATIENCE)?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut session = Session { stream: BufReader::new(stream) };
        session.expect(b'2')?;
        session.say("EHLO load.lab.invalid\r\n")?;
        session.expect(b'2')?;
        Ok(session)
    }

    /// Whether it was taken; an error where the server broke off.
    fn message(&mut self, number: u64, recipients: &[String]) -> io::Result<bool> {
        let rcpt: String = recipients.iter().map(|recipient| format!("RCPT TO:<{recipient}>\r\n")).collect();
        self.say(&format!("MAIL FROM:<load@sender.example>\r\n{rcpt}DATA\r\n"))?;
        for _ in 0..=recipients.len() {
            self.expect(b'2')?;
        }
        self.expect(b'3')?;
        self.say(&format!("Subject: load\r\nX-Number: {number}\r\n\r\n{}.\r\n", body(number)))?;
        Ok(self.reply()?[0] == b'2')
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes())
    }

    fn expect(&mut self, class: u8) -> io::Result<()> {
        let reply = self.reply()?;
        if reply[0] == class { Ok(()) } else { Err(io::Error::other(String::from_utf8_lossy(&reply).into_owned())) }
    }

    /// The last line of a reply.
    fn reply(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let mut line = Vec::new();
            self.stream.read_until(b'\n', &mut line)?;
            match line.get(3) {
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(b'-') => {}
                Some(_) => return Ok(line),
            }
        }
    }
}

/// Waits for what threads change.
pub(crate) fn wait_until(patience: Duration, what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < end, "{what}: not within {patience:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
