//! Hosts that answer at random: whatever they say, each recipient has one outcome, and it is what the host knows.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use mailswitch::relay::config::{Protocol, TlsLevel};
use mailswitch::relay::deliver::{Client, Dial, Io, Outcome, Pending, Settings, Target, connect};
use proptest::prelude::{Strategy, any};
use proptest::test_runner::TestCaseError;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

use super::peer::{Mails, Names, connector, mail, target};
use crate::syntax::grammar::runner;

/// How a host is, and what it answers: one number a command, over again.
#[derive(Debug, Clone)]
struct Manner {
    lmtp: bool,
    pipelining: bool,
    room: usize,
    most_recipients: usize,
    answers: Vec<u8>,
}

/// What a host has taken responsibility for, by recipient.
type Taken = Arc<Mutex<BTreeSet<String>>>;

struct Host {
    manner: Manner,
    taken: Taken,
}

impl Dial for Host {
    fn dial<'a>(&'a self, _: &'a Target, _: Option<IpAddr>) -> Pending<'a, io::Result<Box<dyn Io>>> {
        let (ours, theirs) = duplex(self.manner.room);
        let session = Session {
            io: BufReader::new(theirs),
            manner: self.manner.clone(),
            at: 0,
            sender: false,
            recipients: Vec::new(),
            taken: Arc::clone(&self.taken),
        };
        // One that was left in the middle of something has an error.
        tokio::spawn(async move { drop(session.serve().await) });
        Box::pin(async { Ok(Box::new(ours) as Box<dyn Io>) })
    }
}

struct Session {
    io: BufReader<DuplexStream>,
    manner: Manner,
    at: usize,
    sender: bool,
    recipients: Vec<String>,
    taken: Taken,
}

impl Session {
    async fn serve(mut self) -> io::Result<()> {
        self.say("220 host").await?;
        loop {
            let line = self.line().await?;
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb {
                "EHLO" | "LHLO" if self.manner.pipelining => self.say("250-host\r\n250 PIPELINING").await?,
                "EHLO" | "LHLO" => self.say("250 host").await?,
                "MAIL" => self.mail().await?,
                "RCPT" => self.rcpt(rest).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    (self.sender, self.recipients) = (false, Vec::new());
                    self.say("250 forgotten").await?;
                }
                "QUIT" => return self.say("221 bye").await,
                _ => panic!("{line:?}"),
            }
        }
    }

    async fn mail(&mut self) -> io::Result<()> {
        assert!(!self.sender, "a transaction in another");
        match self.answer() {
            Some(refusal) => self.say(refusal).await,
            None => {
                self.sender = true;
                self.say("250 sender").await
            }
        }
    }

    async fn rcpt(&mut self, rest: &str) -> io::Result<()> {
        if !self.sender {
            return self.say("503 5.5.1 no sender").await;
        }
        if self.recipients.len() == self.manner.most_recipients {
            return self.say("452 4.5.3 too many").await;
        }
        match self.answer() {
            Some(refusal) => self.say(refusal).await,
            None => {
                self.recipients.push(rest.trim_start_matches("TO:<").trim_end_matches('>').to_owned());
                self.say("250 recipient").await
            }
        }
    }

    async fn data(&mut self) -> io::Result<()> {
        // Some hosts take content for nobody.
        let nobody = self.recipients.is_empty() && (self.manner.lmtp || self.number().is_multiple_of(2));
        if nobody {
            return self.say("503 5.5.1 nobody").await;
        }
        if let Some(refusal) = self.answer() {
            return self.say(refusal).await;
        }
        self.say("354 go on").await?;
        let mut content = Vec::new();
        loop {
            match self.line().await?.as_str() {
                "." => break,
                line => content.push(line.to_owned()),
            }
        }
        let recipients = std::mem::take(&mut self.recipients);
        assert!(recipients.is_empty() == content.is_empty(), "{recipients:?} {content:?}");
        self.sender = false;
        self.end(recipients).await
    }

    async fn end(&mut self, recipients: Vec<String>) -> io::Result<()> {
        let answers = if self.manner.lmtp { recipients.len() } else { 1 };
        for number in 0..answers {
            let answer = self.answer();
            if answer.is_none() {
                let its = if self.manner.lmtp { &recipients[number..=number] } else { &recipients[..] };
                for recipient in its {
                    assert!(self.taken.lock().unwrap().insert(recipient.clone()), "{recipient} has it twice");
                }
            }
            self.say(answer.unwrap_or("250-yes\r\n250 indeed")).await?;
        }
        Ok(())
    }

    fn number(&mut self) -> u8 {
        self.at += 1;
        self.manner.answers[self.at % self.manner.answers.len()]
    }

    /// A refusal, or consent.
    fn answer(&mut self) -> Option<&'static str> {
        match self.number() {
            0..20 => Some("450 4.2.0 later"),
            20..40 => Some("550-5.1.1 not\r\n550 5.1.1 here"),
            40..50 => Some("452 full"),
            50..54 => Some("421 4.3.2 good night"),
            54..57 => Some("CLOSE"),
            _ => None,
        }
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        if reply == "CLOSE" {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.io.write_all(format!("{reply}\r\n").as_bytes()).await?;
        self.io.flush().await?;
        if reply.starts_with("421") { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.io.read_line(&mut line).await?;
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(line.to_owned())
    }
}

/// Sends messages with so many recipients each, and compares what both sides know.
async fn agree(manner: Manner, messages: Vec<usize>) {
    let taken = Taken::default();
    let protocol = if manner.lmtp { Protocol::Lmtp } else { Protocol::Smtp };
    let host = Host { manner, taken: Arc::clone(&taken) };
    let client = Client::new(Settings::new("us.example"), Arc::new(Names::default()), Arc::new(host));
    let mut connection = connect(&client, &connector(protocol, TlsLevel::Off), &target()).await.unwrap();
    let transactions = messages.iter().enumerate().map(|(id, count)| {
        let addresses: Vec<String> = (0..*count).map(|place| format!("r{id}-{place}@x.example")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        mail(id as u64, &addresses, &"line\r\n".repeat(1 + id * 100))
    });
    let mut mails = Mails::of(transactions);
    let result = connection.run(&mut mails).await;
    assert!(result.is_err() || mails.waiting.is_empty());
    drop(connection);
    let mut told = BTreeMap::new();
    for (transaction, outcomes) in mails.told {
        assert_eq!(outcomes.len(), transaction.recipients.len());
        for (place, outcome) in transaction.recipients.iter().zip(outcomes) {
            let address = transaction.envelope.recipients[*place as usize].address.clone();
            assert!(told.insert(address, outcome).is_none(), "a recipient is told twice");
        }
    }
    let open: usize = mails.waiting.iter().map(|transaction| transaction.recipients.len()).sum();
    assert_eq!(told.len() + open, messages.iter().sum::<usize>(), "everybody is told");
    let taken = taken.lock().unwrap();
    for (address, outcome) in &told {
        match outcome {
            Outcome::Delivered { .. } => assert!(taken.contains(address), "{address} has nothing"),
            Outcome::Refused { .. } => assert!(!taken.contains(address), "{address} has it"),
            Outcome::Lost { sent } => assert!(*sent || !taken.contains(address), "{address} has it"),
        }
    }
    assert!(taken.iter().all(|address| told.contains_key(address)));
    assert!(result.is_err() || told.values().all(|outcome| !matches!(outcome, Outcome::Lost { .. })));
}

#[test]
fn both_sides_know_the_same() {
    let manner =
        (any::<bool>(), any::<bool>(), 1..300_usize, 1..8_usize, proptest::collection::vec(any::<u8>(), 1..60))
            .prop_map(|(lmtp, pipelining, room, most_recipients, answers)| Manner {
                lmtp,
                pipelining,
                room,
                most_recipients,
                answers,
            });
    let messages = proptest::collection::vec(1..12_usize, 1..8);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let result = runner(500).run(&(manner, messages), |(manner, messages)| {
        runtime.block_on(agree(manner, messages));
        Ok::<(), TestCaseError>(())
    });
    result.unwrap();
}

/// Neither side reads before it has written: both have more to say than the other holds.
#[test]
fn many_recipients_fit_through_a_narrow_pipe() {
    let manner = Manner { lmtp: false, pipelining: true, room: 1, most_recipients: 1000, answers: vec![255] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(agree(manner, vec![250; 3]));
}
