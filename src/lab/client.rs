//! SMTP clients: probes of many recipients, whole messages, and conversations word by word.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use rustls::pki_types::ServerName;

use crate::lab::error::{Error, Explain, Result};
use crate::lab::space::Space;
use crate::lab::tls;
use crate::lab::wire::{Tls, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

/// Postfix slows a client down after ten errors in a session, so a probe never makes more than that.
const ERRORS: usize = 9;
/// Both MTAs limit the recipients of a message.
const RECIPIENTS: usize = 90;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// Such as `5.1.1`.
    pub enhanced: Option<String>,
    /// What follows code and status, its lines joined by newlines.
    pub text: String,
}

impl Reply {
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }
}

/// What became of a message. Where no recipient was accepted, `data` is not asked for.
#[derive(Debug)]
pub struct Sent {
    pub mail: Reply,
    pub recipients: Vec<Reply>,
    /// To the end of the message, or to DATA where that was refused.
    pub data: Option<Reply>,
}

impl Sent {
    pub fn is_accepted(&self) -> bool {
        self.recipients.iter().all(Reply::is_positive) && self.data.as_ref().is_some_and(Reply::is_positive)
    }
}

pub struct Client {
    space: Space,
    source: IpAddr,
}

impl Client {
    pub(crate) fn new(space: &Space, source: IpAddr) -> Client {
        Client { space: space.clone(), source }
    }

    /// Connects and reads the greeting, which `greeting` then holds.
    pub fn connect(&self, server: SocketAddr) -> Result<Conversation> {
        let stream = self.space.run(|| connect_from(self.source, server))?;
        let wire = stream.and_then(|stream| Wire::new(stream, PATIENCE));
        let wire = wire.explain(format_args!("no connection from {} to {server}", self.source))?;
        let mut conversation = Conversation { wire, greeting: None, extensions: Vec::new(), last: String::new() };
        conversation.greeting = Some(conversation.reply()?);
        Ok(conversation)
    }

    /// Connects and says EHLO.
    pub fn greet(&self, server: SocketAddr) -> Result<Conversation> {
        let mut conversation = self.connect(server)?;
        conversation.ehlo()?;
        Ok(conversation)
    }

    /// Asks for each recipient whether it would be taken, without sending anything. A recipient stands as it
    /// would between the angle brackets.
    pub fn probe(&self, server: SocketAddr, sender: &str, recipients: &[&str]) -> Result<Vec<Reply>> {
        let mut replies = Vec::new();
        while replies.len() < recipients.len() {
            let before = replies.len();
            let mut conversation = self.greet(server)?;
            conversation.probe(sender, &recipients[before..], &mut replies)?;
            if replies.len() == before {
                let recipient = recipients[before];
                return Err(Error::new(format!("{server} answers nothing about {recipient:?}: {conversation:?}")));
            }
        }
        Ok(replies)
    }

    /// Sends a message; lines of the text may end in LF or CR LF.
    pub fn send(&self, server: SocketAddr, sender: &str, recipients: &[&str], text: &str) -> Result<Sent> {
        let mut conversation = self.greet(server)?;
        let sent = conversation.message(sender, recipients, text)?;
        conversation.write("QUIT\r\n");
        Ok(sent)
    }
}

fn connect_from(source: IpAddr, server: SocketAddr) -> io::Result<TcpStream> {
    let family = if server.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::SendTimeout, &TimeVal::new(10, 0))?;
    bind(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(source, 0)))?;
    connect(socket.as_raw_fd(), &SockaddrStorage::from(server))?;
    Ok(TcpStream::from(socket))
}

pub struct Conversation {
    wire: Wire,
    pub greeting: Option<Reply>,
    /// The lines of the last answer to EHLO, such as `SIZE 10240000`.
    pub extensions: Vec<String>,
    /// What was written last.
    last: String,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "greeted with {:?}, offered {:?}", self.greeting, self.extensions)
    }
}

impl Conversation {
    /// Says a command and returns its answer.
    pub fn command(&mut self, line: &str) -> Result<Reply> {
        self.write(&format!("{line}\r\n"));
        self.reply()
    }

    /// Writes whatever it is told to, as it is. A server that has hung up shows at the next reply.
    pub fn write(&mut self, text: &str) {
        text.trim_end().clone_into(&mut self.last);
        let _ = self.wire.send(text.as_bytes());
    }

    /// The next answer; an error where the server hung up or waits too long.
    pub fn reply(&mut self) -> Result<Reply> {
        let begin = Instant::now();
        self.try_reply().ok_or_else(|| {
            let silent = begin.elapsed() >= PATIENCE;
            let what = if silent { format!("says nothing for {PATIENCE:?}") } else { "hung up".to_owned() };
            Error::new(format!("the server {what} after {:?} ({self:?})", self.last))
        })
    }

    /// The next answer; none where the server hung up.
    pub fn try_reply(&mut self) -> Option<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.wire.line().ok()??;
            let (code, rest) = line.split_at_checked(3)?;
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Some(reply(code.parse().ok()?, &lines));
            }
        }
    }

    pub fn ehlo(&mut self) -> Result<Reply> {
        let reply = self.command("EHLO client.lab.invalid")?;
        self.extensions = reply.text.lines().skip(1).map(str::to_owned).collect();
        Ok(reply)
    }

    pub fn offers(&self, extension: &str) -> bool {
        let keyword = |line: &String| line.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case(extension));
        self.extensions.iter().any(keyword)
    }

    /// STARTTLS, trusting the lab's authority alone, and EHLO again.
    pub fn starttls(&mut self, name: &str) -> Result<Tls> {
        self.starttls_then("", name)
    }

    /// STARTTLS with more in clear behind it, in one packet.
    pub fn starttls_then(&mut self, injected: &str, name: &str) -> Result<Tls> {
        self.write(&format!("STARTTLS\r\n{injected}"));
        let reply = self.reply()?;
        if reply.code != 220 {
            return Err(Error::new(format!("STARTTLS: {reply:?}")));
        }
        let server = ServerName::try_from(name.to_owned()).explain(format_args!("{name:?} names no server"))?;
        let tls = self.wire.start_tls(tls::client_config()?, server).explain("STARTTLS")?;
        self.ehlo()?;
        Ok(tls)
    }

    /// A whole message in this session.
    pub fn message(&mut self, sender: &str, recipients: &[&str], text: &str) -> Result<Sent> {
        let mail = self.mail(sender, recipients)?;
        let replies = self.rcpts(recipients);
        let mut sent = Sent { mail, recipients: replies, data: None };
        if sent.recipients.iter().any(Reply::is_positive) {
            sent.data = Some(self.data(text)?);
        }
        Ok(sent)
    }

    /// DATA and the text, its dots stuffed and its lines ended as SMTP wants it.
    pub fn data(&mut self, text: &str) -> Result<Reply> {
        let go = self.command("DATA")?;
        if go.code != 354 {
            return Ok(go);
        }
        let stuffed = |line: &str| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" });
        self.write(&text.lines().map(stuffed).collect::<String>());
        self.command(".")
    }

    fn mail(&mut self, sender: &str, recipients: &[&str]) -> Result<Reply> {
        let foreign = !sender.is_ascii() || recipients.iter().any(|recipient| !recipient.is_ascii());
        let parameter = if foreign && self.offers("SMTPUTF8") { " SMTPUTF8" } else { "" };
        self.command(&format!("MAIL FROM:<{sender}>{parameter}"))
    }

    fn rcpts(&mut self, recipients: &[&str]) -> Vec<Reply> {
        let commands: String = recipients.iter().map(|recipient| format!("RCPT TO:<{recipient}>\r\n")).collect();
        self.write(&commands);
        recipients.iter().map_while(|_| self.try_reply()).collect()
    }

    /// Asks for as many recipients as this session is good for.
    fn probe(&mut self, sender: &str, recipients: &[&str], replies: &mut Vec<Reply>) -> Result<()> {
        let mail = self.mail(sender, recipients)?;
        if !mail.is_positive() {
            return Err(Error::new(format!("MAIL FROM:<{sender}>: {mail:?}")));
        }
        let (mut errors, mut done) = (0, 0);
        while errors < ERRORS && done < recipients.len().min(RECIPIENTS) {
            let end = (done + ERRORS - errors).min(recipients.len());
            // 421 ends a session and says nothing about the recipient.
            let batch: Vec<_> =
                self.rcpts(&recipients[done..end]).into_iter().take_while(|reply| reply.code != 421).collect();
            let short = batch.len() < end - done;
            errors += batch.iter().filter(|reply| !reply.is_positive()).count();
            done += batch.len();
            replies.extend(batch);
            if short {
                return Ok(());
            }
        }
        self.write("RSET\r\nQUIT\r\n");
        Ok(())
    }
}

fn reply(code: u16, lines: &[String]) -> Reply {
    let status = |line: &str| {
        let word = line.split(' ').next()?;
        let parts = word.split('.').filter(|part| part.parse::<u16>().is_ok()).count();
        (parts == 3 && word.split('.').count() == 3).then(|| word.to_owned())
    };
    let enhanced = lines.first().and_then(|line| status(line));
    let plain = |line: &String| match &enhanced {
        Some(status) => line.strip_prefix(status.as_str()).unwrap_or(line).trim_start().to_owned(),
        None => line.clone(),
    };
    Reply { code, text: lines.iter().map(plain).collect::<Vec<_>>().join("\n"), enhanced }
}
