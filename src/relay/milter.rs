//! A filter that sees each message before it is taken, over the milter protocol (version 6, as libmilter speaks it).
//!
//! One connection a transaction, opened with its first recipient: a filter's word on the client or the sender is then the
//! answer to RCPT. A filter that cannot be asked makes the answer temporary: no mail passes it by. It may refuse, hold and
//! change what it sees, but not say who gets it; that stands in `relay.yaml` alone.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::reply::{Reply, Status};
use crate::name::{Host, HostName};
use edit::{Edits, FieldEdit};
use packet::{Answer, Protocol, action, command, push, text};

mod edit;
mod packet;

const VERSION: u32 = 6;

/// Where nothing is said: what IANA knows no port for, most filters use.
const PORT: u16 = 8891;

/// As Postfix has them (`milter_connect_timeout`, `milter_command_timeout`, `milter_content_timeout`).
const CONNECT: Duration = Duration::from_secs(30);
const COMMAND: Duration = Duration::from_secs(30);
const CONTENT: Duration = Duration::from_secs(300);

/// Octets of an answer, at most: a whole body may be replaced in parts of 64 KiB.
const LARGEST: u32 = 1 << 20;
const CHUNK: usize = 65_535;

/// A conversation about one transaction.
#[derive(Debug)]
pub struct Filter {
    stream: BufReader<TcpStream>,
    protocol: Protocol,
    /// The filter has taken the message, whatever may come.
    accepted: bool,
}

/// Who sends, as a filter is told.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    pub ip: IpAddr,
    pub port: u16,
    pub helo: &'a str,
    /// The relay's own name.
    pub hostname: &'a str,
}

/// What a filter says of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Continue,
    Refused(Reply),
    /// The client is told that it is taken, and it is thrown away.
    Discard,
}

/// What a filter says of a whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    Taken(Changes),
    Refused(Reply),
    Discard,
}

/// A message as the filter wants it: as on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The header without the empty line behind it, where it is another one now.
    pub header: Option<Vec<u8>>,
    /// The body, where it is another one now.
    pub body: Option<Vec<u8>>,
    /// Why the message waits in the queue for a human.
    pub held: Option<String>,
}

impl Filter {
    /// Connects, and tells who sends: the verdict is about the client and the sender.
    pub async fn open(host: &Host, client: Client<'_>, sender: &str) -> io::Result<(Filter, Verdict)> {
        let stream = within(CONNECT, connect(host)).await?;
        stream.set_nodelay(true)?;
        let mut filter = Filter { stream: BufReader::new(stream), protocol: Protocol::default(), accepted: false };
        within(COMMAND, filter.negotiate()).await?;
        let verdict = filter.introduce(client, sender).await?;
        Ok((filter, verdict))
    }

    async fn negotiate(&mut self) -> io::Result<()> {
        let offer = [VERSION, action::OFFERED, Protocol::OFFERED].map(u32::to_be_bytes).concat();
        self.say(command::NEGOTIATE, &[&offer]).await?;
        match self.answer().await? {
            // What else a filter could do is refused when it does it.
            Answer::Negotiated { protocol, .. } => self.protocol = protocol,
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }

    async fn introduce(&mut self, client: Client<'_>, sender: &str) -> io::Result<Verdict> {
        let (family, ip) = match client.ip {
            IpAddr::V4(ip) => (b'4', ip.to_string()),
            IpAddr::V6(ip) => (b'6', format!("IPv6:{ip}")),
        };
        let mut connect = Vec::new();
        text(&mut connect, format!("[{}]", client.ip).as_bytes());
        connect.push(family);
        connect.extend_from_slice(&client.port.to_be_bytes());
        text(&mut connect, ip.as_bytes());
        self.macros(command::CONNECT, &[("j", client.hostname), ("{client_addr}", &client.ip.to_string())]).await?;
        let steps = [
            (command::CONNECT, connect),
            (command::HELO, ended(client.helo)),
            (command::MAIL, ended(&format!("<{sender}>"))),
        ];
        for (letter, data) in steps {
            let verdict = self.ask(letter, &[&data]).await?;
            if verdict != Verdict::Continue {
                return Ok(verdict);
            }
        }
        Ok(Verdict::Continue)
    }

    /// Asks about a recipient, as the client named it.
    pub async fn recipient(&mut self, recipient: &str) -> io::Result<Verdict> {
        self.ask(command::RCPT, &[&ended(&format!("<{recipient}>"))]).await
    }

    /// Shows a whole message, as on the wire: its header with the empty line behind it, and its body in parts.
    pub async fn message(
        mut self,
        id: &str,
        header: &[u8],
        mut body: impl Iterator<Item = io::Result<Vec<u8>>>,
    ) -> io::Result<Judgement> {
        self.macros(command::DATA, &[("i", id)]).await?;
        let mut verdict = self.begin(header).await?;
        if verdict == Verdict::Continue && !self.accepted {
            verdict = self.show(&mut body).await?;
        }
        if verdict != Verdict::Continue || self.accepted {
            return Ok(Judgement::from(verdict));
        }
        self.macros(command::END_OF_BODY, &[("i", id)]).await?;
        self.say(command::END_OF_BODY, &[]).await?;
        let judgement = within(CONTENT, self.judgement(header)).await?;
        let _ = self.say(command::QUIT, &[]).await;
        Ok(judgement)
    }

    async fn begin(&mut self, header: &[u8]) -> io::Result<Verdict> {
        let mut verdict = self.ask(command::DATA, &[]).await?;
        for field in edit::fields(header) {
            if verdict != Verdict::Continue {
                return Ok(verdict);
            }
            if let Some((name, value)) = self.field(field) {
                verdict = self.ask(command::HEADER, &[&ended_bytes(&name), &ended_bytes(&value)]).await?;
            }
        }
        if verdict == Verdict::Continue { self.ask(command::END_OF_HEADER, &[]).await } else { Ok(verdict) }
    }

    /// A header field as a filter wants it: lines end with LF.
    fn field(&self, field: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let name = edit::name_of(field)?;
        let colon = memchr::memchr(b':', field)?;
        let mut value: Vec<u8> = field[colon + 1..].iter().copied().filter(|byte| *byte != b'\r').collect();
        if value.last() == Some(&b'\n') {
            value.pop();
        }
        if !self.protocol.keeps_leading_space() && value.first() == Some(&b' ') {
            value.remove(0);
        }
        Some((name.to_vec(), value))
    }

    async fn show(&mut self, body: &mut impl Iterator<Item = io::Result<Vec<u8>>>) -> io::Result<Verdict> {
        if self.protocol.leaves_out(command::BODY) {
            return Ok(Verdict::Continue);
        }
        let mut at_start = true;
        let mut plain = Vec::with_capacity(CHUNK);
        for part in body {
            plain.clear();
            edit::unstuffed(&part?, &mut at_start, &mut plain);
            for chunk in plain.chunks(CHUNK) {
                self.say(command::BODY, &[chunk]).await?;
                if self.protocol.is_silent(command::BODY) {
                    continue;
                }
                let answer = within(CONTENT, self.at_last()).await?;
                self.accepted |= answer == Answer::Accept;
                let verdict = verdict(&answer).ok_or_else(|| unexpected(&answer))?;
                if answer != Answer::Continue {
                    return Ok(verdict);
                }
            }
        }
        Ok(Verdict::Continue)
    }

    /// What the filter makes of the whole message.
    async fn judgement(&mut self, header: &[u8]) -> io::Result<Judgement> {
        let mut edits = Edits::default();
        let mut held = None;
        loop {
            match self.at_last().await? {
                Answer::AddHeader { name, value } => edits.field(FieldEdit::Add(name, value)),
                Answer::InsertHeader { at, name, value } => edits.field(FieldEdit::Insert(at as usize, name, value)),
                Answer::ChangeHeader { number, name, value } => {
                    let value = Some(value).filter(|value| !value.is_empty());
                    edits.field(FieldEdit::Change(number as usize, name, value));
                }
                Answer::ReplaceBody(part) => edits.body(&part),
                Answer::Quarantine(reason) => held = Some(reason),
                Answer::Continue | Answer::Accept => {
                    let changes = self.changes(header, &edits, held);
                    return Ok(Judgement::Taken(changes));
                }
                other => return verdict(&other).map(Judgement::from).ok_or_else(|| unexpected(&other)),
            }
        }
    }

    fn changes(&self, header: &[u8], edits: &Edits, held: Option<String>) -> Changes {
        if edits.is_empty() {
            return Changes { held, ..Changes::default() };
        }
        let header = edits.header(header, self.protocol.keeps_leading_space());
        Changes { header: Some(header), body: edits.new_body(), held }
    }

    /// Says one thing, and gives what the filter says to it.
    async fn ask(&mut self, letter: u8, parts: &[&[u8]]) -> io::Result<Verdict> {
        if self.accepted || self.protocol.leaves_out(letter) {
            return Ok(Verdict::Continue);
        }
        self.say(letter, parts).await?;
        if self.protocol.is_silent(letter) {
            return Ok(Verdict::Continue);
        }
        let answer = within(COMMAND, self.at_last()).await?;
        self.accepted |= answer == Answer::Accept && letter != command::RCPT;
        verdict(&answer).ok_or_else(|| unexpected(&answer))
    }

    async fn macros(&mut self, letter: u8, values: &[(&str, &str)]) -> io::Result<()> {
        let mut data = vec![letter];
        for (name, value) in values {
            text(&mut data, name.as_bytes());
            text(&mut data, value.as_bytes());
        }
        self.say(command::MACROS, &[&data]).await
    }

    async fn say(&mut self, letter: u8, parts: &[&[u8]]) -> io::Result<()> {
        let mut packet = Vec::new();
        push(&mut packet, letter, parts);
        within(COMMAND, self.stream.write_all(&packet)).await
    }

    /// The next answer that is more than a sign of life.
    async fn at_last(&mut self) -> io::Result<Answer> {
        loop {
            match self.answer().await? {
                Answer::Progress => {}
                answer => return Ok(answer),
            }
        }
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let length = self.stream.read_u32().await?;
        if length == 0 || length > LARGEST {
            return Err(io::Error::other(format!("the filter's answer has {length} octets")));
        }
        let letter = self.stream.read_u8().await?;
        let mut data = vec![0; length as usize - 1];
        self.stream.read_exact(&mut data).await?;
        let named = || io::Error::other(format!("the filter's answer `{}` is not known", letter.escape_ascii()));
        Answer::read(letter, &data).ok_or_else(named)
    }
}

impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Judgement {
        match verdict {
            Verdict::Continue => Judgement::Taken(Changes::default()),
            Verdict::Refused(reply) => Judgement::Refused(reply),
            Verdict::Discard => Judgement::Discard,
        }
    }
}

fn verdict(answer: &Answer) -> Option<Verdict> {
    let refused = |code, class, text: &str| {
        Some(Verdict::Refused(Reply { code, status: Some(Status(class, 7, 1)), text: text.to_owned() }))
    };
    match answer {
        Answer::Continue | Answer::Accept | Answer::Skip => Some(Verdict::Continue),
        Answer::Discard => Some(Verdict::Discard),
        Answer::Reject => refused(550, 5, "the content filter refuses this"),
        Answer::TemporaryFailure => refused(451, 4, "the content filter asks to try again later"),
        Answer::Reply(text) => replied(text).map(Verdict::Refused),
        _ => None,
    }
}

/// A filter's own reply: a code of a refusal, an enhanced status code of the same class, and text without line breaks.
fn replied(text: &str) -> Option<Reply> {
    let (code, rest) = text.split_at_checked(3)?;
    let code: u16 = code.parse().ok().filter(|code| (400..600).contains(code))?;
    let rest = rest.trim_start();
    let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = first.parse::<Status>().ok().filter(|status| u16::from(status.0) == code / 100);
    let said = if status.is_some() { more } else { rest };
    let printable = |c: char| if c.is_ascii() && !c.is_ascii_control() { c } else { ' ' };
    // 421 would say that the relay ends the session, which it does not.
    let code = if code == 421 { 451 } else { code };
    Some(Reply { code, status, text: said.chars().take(400).map(printable).collect() })
}

fn ended(string: &str) -> Vec<u8> {
    ended_bytes(string.as_bytes())
}

fn ended_bytes(string: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(string.len() + 1);
    text(&mut data, string);
    data
}

fn unexpected(answer: &Answer) -> io::Error {
    io::Error::other(format!("the filter answers {answer:?} where it cannot"))
}

async fn connect(host: &Host) -> io::Result<TcpStream> {
    let port = host.port.unwrap_or(PORT);
    match &host.name {
        HostName::Ip(ip) => TcpStream::connect((*ip, port)).await,
        HostName::Domain(name) => TcpStream::connect((name.as_str(), port)).await,
    }
}

async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(time, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
