//! Peers that play a written conversation, and what a test needs around them.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use mailswitch::relay::config::{ClientTls, Connector, Protocol, TlsLevel};
use mailswitch::relay::deliver::resolve::{Missing, Mx};
use mailswitch::relay::deliver::{
    Client, Dial, Io, Outcome, Pending, Resolve, Settings, Source, Target, Transaction, Trouble, connect,
};
use mailswitch::relay::envelope::{Envelope, QueueId, Recipient};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, duplex};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What one peer says and hears: `S` lines are said, at once where `|` parts them, `C` lines must come, `TLS` is a handshake, `BREAK` one that fails, and
/// `WAIT` an endless silence. At the end it closes, once nothing more comes.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) text: String,
    pub(crate) tls: Option<TlsAcceptor>,
    /// Octets that either direction holds.
    pub(crate) room: usize,
}

impl From<&str> for Script {
    fn from(text: &str) -> Script {
        Script { text: text.to_owned(), tls: None, room: 16 * 1024 }
    }
}

/// Peers, one a connection, in this order. Where there is none left the connection is refused.
#[derive(Default)]
pub(crate) struct Peers {
    scripts: Mutex<VecDeque<Script>>,
    playing: Mutex<Vec<JoinHandle<()>>>,
    /// Where connections went to.
    pub(crate) met: Mutex<Vec<String>>,
}

impl Peers {
    pub(crate) fn new<S: Into<Script>>(scripts: impl IntoIterator<Item = S>) -> Arc<Peers> {
        let scripts = scripts.into_iter().map(Into::into).collect();
        Arc::new(Peers { scripts: Mutex::new(scripts), ..Peers::default() })
    }

    pub(crate) fn push(&self, script: Script) {
        self.scripts.lock().unwrap().push_back(script);
    }

    /// Everything that was written was also said and heard.
    pub(crate) async fn done(&self) {
        assert_eq!(self.scripts.lock().unwrap().len(), 0, "peers that nobody connected to");
        let playing = std::mem::take(&mut *self.playing.lock().unwrap());
        for peer in playing {
            peer.await.unwrap();
        }
    }
}

impl Dial for Peers {
    fn dial<'a>(&'a self, target: &'a Target, _: Option<IpAddr>) -> Pending<'a, io::Result<Box<dyn Io>>> {
        self.met.lock().unwrap().push(format!("{} {}", target.name, target.addr));
        let Some(script) = self.scripts.lock().unwrap().pop_front() else {
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        };
        let (ours, theirs) = duplex(script.room);
        self.playing.lock().unwrap().push(tokio::spawn(play(Box::new(theirs), script)));
        Box::pin(async { Ok(Box::new(ours) as Box<dyn Io>) })
    }
}

async fn play(io: Box<dyn Io>, script: Script) {
    let mut io = BufReader::new(io);
    for line in script.text.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        match line.split_once(": ").unwrap_or((line, "")) {
            ("S", said) => io.write_all(format!("{}\r\n", said.replace('|', "\r\n")).as_bytes()).await.unwrap(),
            ("C", heard) => {
                let mut got = String::new();
                io.read_line(&mut got).await.unwrap();
                assert_eq!(got, format!("{heard}\r\n"), "instead of {line:?}");
            }
            ("TLS", _) => io = accept(io, &script).await,
            ("BREAK", _) => {
                assert!(io.read(&mut [0; 16]).await.unwrap() > 0);
                return io.write_all(b"500 what?\r\n").await.unwrap();
            }
            ("WAIT", _) => {
                // Until the other side has enough.
                let _ = io.read_to_end(&mut Vec::new()).await;
                return;
            }
            _ => panic!("{line}"),
        }
        io.flush().await.unwrap();
    }
    let mut rest = String::new();
    drop(io.shutdown().await);
    // One that broke off is gone.
    drop(io.read_to_string(&mut rest).await);
    assert!(["", "QUIT\r\n"].contains(&rest.as_str()), "{rest:?}");
}

async fn accept(io: BufReader<Box<dyn Io>>, script: &Script) -> BufReader<Box<dyn Io>> {
    let acceptor = script.tls.clone().unwrap();
    match acceptor.accept(io).await {
        Ok(stream) => BufReader::new(Box::new(stream)),
        // The other side did not like the certificate, and hears nothing more.
        Err(_) => BufReader::new(Box::new(tokio::io::join(tokio::io::empty(), tokio::io::sink()))),
    }
}

/// A DNS of a few names.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) mx: Vec<(&'static str, Result<Vec<Mx>, Missing>)>,
    pub(crate) addresses: Vec<(&'static str, Result<Vec<IpAddr>, Missing>)>,
}

fn find<T: Clone>(list: &[(&str, Result<T, Missing>)], name: &str) -> Result<T, Missing> {
    list.iter().find(|(known, _)| *known == name).map_or(Err(Missing::Name), |(_, answer)| answer.clone())
}

impl Resolve for Names {
    fn mx<'a>(&'a self, domain: &'a str) -> Pending<'a, Result<Vec<Mx>, Missing>> {
        Box::pin(async move { find(&self.mx, domain) })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Pending<'a, Result<Vec<IpAddr>, Missing>> {
        Box::pin(async move { find(&self.addresses, host) })
    }
}

pub(crate) fn client(peers: &Arc<Peers>) -> Client {
    Client::new(Settings::new("us.example"), Arc::new(Names::default()), Arc::<Peers>::clone(peers))
}

pub(crate) fn connector(protocol: Protocol, level: TlsLevel) -> Connector {
    Connector {
        name: "out".to_owned(),
        to: "internet".to_owned(),
        hosts: Vec::new(),
        balanced: false,
        dns: false,
        protocol,
        tls: ClientTls { level, name: None, ca: None },
        auth: None,
        source_address: None,
        concurrency: None,
        max_size: None,
    }
}

pub(crate) fn target() -> Target {
    Target { name: "mx.example".to_owned(), addr: "192.0.2.1:25".parse().unwrap() }
}

/// Messages to send, and what came of them, a line a recipient.
#[derive(Default)]
pub(crate) struct Mails {
    pub(crate) waiting: VecDeque<Transaction>,
    pub(crate) told: Vec<(Transaction, Vec<Outcome>)>,
}

impl Source for Mails {
    fn next(&mut self) -> Option<Transaction> {
        self.waiting.pop_front()
    }

    fn done(&mut self, transaction: Transaction, outcomes: Vec<Outcome>) {
        self.told.push((transaction, outcomes));
    }
}

impl Mails {
    pub(crate) fn of(transactions: impl IntoIterator<Item = Transaction>) -> Mails {
        Mails { waiting: transactions.into_iter().collect(), told: Vec::new() }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.told.iter().flat_map(|(transaction, outcomes)| {
            assert_eq!(transaction.recipients.len(), outcomes.len());
            let recipients = transaction.recipients.iter();
            recipients.zip(outcomes).map(|(place, outcome)| {
                let recipient = &transaction.envelope.recipients[*place as usize].address;
                format!("{} {recipient} {}", transaction.id.0, shown(outcome))
            })
        });
        lines.collect()
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered { reply, dsn } => format!("delivered{} {reply}", if *dsn { " with DSN" } else { "" }),
        Outcome::Refused { reply, stage } => format!("refused at {stage:?} {reply}"),
        Outcome::Lost { sent } => if *sent { "lost when sent" } else { "lost" }.to_owned(),
    }
}

/// A message from `s@us.example`.
pub(crate) fn mail(id: u64, recipients: &[&str], content: &str) -> Transaction {
    let recipient = |address: &&str| Recipient { address: (*address).to_owned(), ..Recipient::default() };
    let envelope = Envelope {
        sender: "s@us.example".to_owned(),
        recipients: recipients.iter().map(recipient).collect(),
        ..Envelope::default()
    };
    Transaction {
        id: QueueId(id),
        recipients: (0..recipients.len() as u32).collect(),
        envelope: Arc::new(envelope),
        content: Arc::new(content.as_bytes().to_vec()),
    }
}

/// A message with another envelope.
pub(crate) fn with(mut transaction: Transaction, change: impl FnOnce(&mut Envelope)) -> Transaction {
    change(Arc::get_mut(&mut transaction.envelope).unwrap());
    transaction
}

/// Sends the messages to a peer that plays `script`; what became of them, and of the connection.
pub(crate) async fn send(protocol: Protocol, script: &str, mails: Vec<Transaction>) -> Vec<String> {
    let peers = Peers::new([script]);
    let connector = connector(protocol, TlsLevel::Off);
    let mut connection = connect(&client(&peers), &connector, &target()).await.unwrap();
    let mut mails = Mails::of(mails);
    let result = connection.run(&mut mails).await;
    assert!(result.is_ok() || !connection.is_open());
    connection.quit().await;
    peers.done().await;
    let mut lines = mails.lines();
    lines.extend(result.err().map(|trouble| said(&trouble)));
    lines
}

pub(crate) fn said(trouble: &Trouble) -> String {
    format!("{:?} {} {trouble}", trouble.kind, trouble.status)
}

/// A greeting and what EHLO is answered.
pub(crate) fn opening(offered: &[&str]) -> String {
    let mut text = "S: 220 mx.example\nC: EHLO us.example\n".to_owned();
    offered.iter().for_each(|line| text.push_str(&format!("S: 250-{line}\n")));
    text.replacen("S: 250-", "S: 250-mx.example\nS: 250-", 1) + "S: 250 HELP\n"
}
