//! Sinks that count: which numbered message came, for whom, how often and when, and whether it was whole.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use mailswitch::lab::World;

use super::load::{Ledger, body};

/// When each copy of a message came, by its number and recipient.
type Arrivals = BTreeMap<(u64, String), Vec<Instant>>;

#[derive(Clone, Default)]
pub(crate) struct Tally {
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    arrivals: Arrivals,
    /// Messages that are not what was sent.
    damaged: Vec<String>,
}

impl Tally {
    /// Serves on an address of the world until the test run ends.
    pub(crate) fn serve(&self, world: &World, address: &str) {
        let listener = world.space().run(|| TcpListener::bind(address)).expect("the world has every address").unwrap();
        let tally = self.clone();
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let tally = tally.clone();
                // A client that is killed breaks off in the middle: no fault of the sink.
                std::thread::spawn(move || drop(converse(stream, &tally)));
            }
        });
    }

    /// Waits until all that was promised has come, and returns what came more than once.
    pub(crate) fn wait_for(
        &self,
        ledger: &Ledger,
        recipients: fn(u64) -> Vec<String>,
        patience: Duration,
    ) -> Vec<Vec<Instant>> {
        let missing = |state: &State| -> Vec<(u64, String)> {
            let due = ledger.promised.iter().flat_map(|n| recipients(*n).into_iter().map(move |to| (*n, to)));
            due.filter(|copy| !state.arrivals.contains_key(copy)).collect()
        };
        let end = Instant::now() + patience;
        let mut state = self.state.0.lock().unwrap();
        let mut left = missing(&state);
        while !left.is_empty() {
            let now = Instant::now();
            assert!(now < end, "{} promised copies never came, such as {:?}", left.len(), left[0]);
            // It is looked at now and then, since each look takes its time.
            state = self.state.1.wait_timeout(state, Duration::from_millis(200)).unwrap().0;
            left = missing(&state);
        }
        assert!(state.damaged.is_empty(), "not what was sent: {}", state.damaged[0]);
        let stray = state.arrivals.keys().find(|(n, _)| !ledger.promised.contains(n) && !ledger.unsure.contains(n));
        assert!(stray.is_none(), "{stray:?} came, but was refused or never sent");
        state.arrivals.values().filter(|times| times.len() > 1).cloned().collect()
    }

    pub(crate) fn copies(&self) -> usize {
        self.state.0.lock().unwrap().arrivals.values().map(Vec::len).sum()
    }

    fn took(&self, recipients: Vec<String>, content: &[u8]) {
        let mut state = self.state.0.lock().unwrap();
        match number(content) {
            Some(number) if content.ends_with(format!("\r\n\r\n{}", body(number)).as_bytes()) => {
                for recipient in recipients {
                    state.arrivals.entry((number, recipient)).or_default().push(Instant::now());
                }
            }
            _ => state.damaged.push(String::from_utf8_lossy(content).chars().take(600).collect()),
        }
        self.state.1.notify_all();
    }
}

fn number(content: &[u8]) -> Option<u64> {
    let head = String::from_utf8_lossy(&content[..content.len().min(4096)]);
    head.lines().find_map(|line| line.strip_prefix("X-Number: ")?.trim().parse().ok())
}

/// An SMTP server that offers PIPELINING and answers a whole batch at once.
fn converse(stream: TcpStream, tally: &Tally) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    let mut replies = b"220 tally.sink.invalid ESMTP\r\n".to_vec();
    let mut recipients = Vec::new();
    loop {
        if reader.buffer().is_empty() {
            writer.write_all(&std::mem::take(&mut replies))?;
        }
        let line = line(&mut reader)?;
        let text = String::from_utf8_lossy(&line).to_ascii_uppercase();
        let reply: &[u8] = match text.get(..4).unwrap_or_default() {
            "EHLO" => b"250-tally.sink.invalid\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            "RCPT" => {
                let line = String::from_utf8_lossy(&line);
                let path = line.split(['<', '>']).nth(1).unwrap_or_default();
                recipients.push(path.to_owned());
                b"250 2.1.5 recipient\r\n"
            }
            "DATA" => {
                replies.extend_from_slice(b"354 go\r\n");
                writer.write_all(&std::mem::take(&mut replies))?;
                let content = content(&mut reader)?;
                tally.took(std::mem::take(&mut recipients), &content);
                b"250 2.0.0 taken\r\n"
            }
            "RSET" => {
                recipients.clear();
                b"250 2.0.0 forgotten\r\n"
            }
            "QUIT" => return writer.write_all(b"221 2.0.0 bye\r\n"),
            _ => b"250 2.0.0 yes\r\n",
        };
        replies.extend_from_slice(reply);
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
}

fn content(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let start = content.len();
        reader.read_until(b'\n', &mut content)?;
        match &content[start..] {
            b"" => return Err(io::ErrorKind::UnexpectedEof.into()),
            b".\r\n" => {
                content.truncate(start);
                return Ok(content);
            }
            _ => {}
        }
    }
}
