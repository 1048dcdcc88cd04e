//! A sink's side of one connection.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::lab::inbox::{Inbox, Login, Mail, Visit};
use crate::lab::sink::{Auth, Protocol, Sink};
use crate::lab::trouble::{How, Step};
use crate::lab::wire::Wire;

/// An MTA may keep a connection for the next message, so sinks wait longer than clients do.
const PATIENCE: Duration = Duration::from_secs(120);

struct Session<'a> {
    wire: Wire,
    sink: &'a Sink,
    inbox: &'a Inbox,
    visit: usize,
    encrypted: bool,
    envelope: Option<Envelope>,
}

#[derive(Clone, Copy)]
struct Answer<'a> {
    reply: &'a str,
    how: Option<How>,
}

impl Answer<'_> {
    fn is_positive(&self) -> bool {
        self.reply.starts_with('2') && self.how != Some(How::HangsUp)
    }
}

#[derive(Default)]
struct Envelope {
    sender: String,
    parameters: Vec<String>,
    recipients: Vec<String>,
}

impl Envelope {
    fn is_announced_utf8(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.eq_ignore_ascii_case("SMTPUTF8"))
    }
}

pub(crate) fn serve(stream: TcpStream, client: SocketAddr, sink: &Sink, inbox: &Inbox) {
    let visit = inbox.opened(Visit {
        sink: sink.label.clone(),
        client: Some(client.ip()),
        server: stream.local_addr().ok(),
        ..Visit::default()
    });
    if let Ok(wire) = Wire::new(stream, PATIENCE) {
        let mut session = Session { wire, sink, inbox, visit, encrypted: false, envelope: None };
        // A client that hangs up is no fault of the sink.
        let _ = session.run();
        let _ = session.wire.tcp().shutdown(std::net::Shutdown::Both);
    }
    inbox.changed(visit, |visit| visit.over = true);
}

impl Session<'_> {
    fn run(&mut self) -> io::Result<()> {
        if self.sink.protocol == Protocol::Smtps {
            self.encrypt()?;
        }
        self.step(Step::Greeting, &self.sink.greeting)?;
        if !self.sink.greeting.starts_with('2') {
            return Ok(());
        }
        while let Some(line) = self.wire.line()? {
            self.inbox.changed(self.visit, |visit| visit.commands.push(line.clone()));
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            if verb.eq_ignore_ascii_case("QUIT") {
                return self.step(Step::Quit, "221 2.0.0 bye");
            }
            self.command(&verb.to_ascii_uppercase(), rest)?;
        }
        Ok(())
    }

    fn command(&mut self, verb: &str, rest: &str) -> io::Result<()> {
        match verb {
            "LHLO" if self.sink.protocol == Protocol::Lmtp => self.hello(rest),
            "EHLO" if let Some(reply) = &self.sink.ehlo => self.reply(reply),
            "EHLO" | "HELO" if self.sink.protocol != Protocol::Lmtp => self.hello(rest),
            "STARTTLS" if self.sink.identity.is_some() && !self.encrypted => {
                self.step(Step::Tls, "220 2.0.0 go ahead")?;
                self.encrypt()
            }
            "AUTH" if self.sink.auth != Auth::Absent => self.log_in(rest),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" => self.data(),
            "RSET" => {
                self.envelope = None;
                self.reply("250 2.0.0 forgotten")
            }
            "NOOP" => self.reply("250 2.0.0 still here"),
            _ => self.reply("502 5.5.1 no such command here"),
        }
    }

    fn hello(&mut self, name: &str) -> io::Result<()> {
        self.envelope = None;
        self.inbox.changed(self.visit, |visit| visit.hello = name.to_owned());
        let mut lines = vec![format!("{}.sink.invalid", self.sink.label)];
        lines.extend(["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"].map(str::to_owned));
        if let Some(bytes) = self.sink.max_size {
            lines.push(format!("SIZE {bytes}"));
        }
        if self.sink.identity.is_some() && !self.encrypted {
            lines.push("STARTTLS".to_owned());
        }
        if self.sink.auth != Auth::Absent {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        if self.sink.smtputf8 {
            lines.push("SMTPUTF8".to_owned());
        }
        let last = lines.len() - 1;
        let text: String = lines
            .iter()
            .enumerate()
            .map(|(at, line)| format!("250{}{line}\r\n", if at == last { ' ' } else { '-' }))
            .collect();
        self.step(Step::Hello, text.trim_end())
    }

    fn encrypt(&mut self) -> io::Result<()> {
        let identity = self.sink.identity.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let result = self.wire.accept_tls(identity.server_config().map_err(io::Error::other)?);
        self.inbox.changed(self.visit, |visit| match &result {
            Ok(tls) => visit.tls = Some(tls.clone()),
            Err(error) => visit.tls_error = Some(error.to_string()),
        });
        self.encrypted = true;
        result.map(|_| ())
    }

    fn log_in(&mut self, rest: &str) -> io::Result<()> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let login = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let response = if initial.is_empty() { self.challenge("")? } else { initial.to_owned() };
                let text = decode(&response);
                let mut parts = text.split('\0').skip(1);
                let mut part = || parts.next().unwrap_or_default().to_owned();
                Login { mechanism: "PLAIN".to_owned(), user: part(), password: part() }
            }
            "LOGIN" => {
                let user = if initial.is_empty() { self.challenge("VXNlcm5hbWU6")? } else { initial.to_owned() };
                let password = self.challenge("UGFzc3dvcmQ6")?;
                let (user, password) = (decode(&user), decode(&password));
                Login { mechanism: "LOGIN".to_owned(), user, password }
            }
            _ => return self.reply("504 5.5.4 no such mechanism"),
        };
        self.inbox.changed(self.visit, |visit| visit.login = Some(login));
        self.reply(if self.sink.auth == Auth::Accepts { "235 2.7.0 welcome" } else { "535 5.7.8 wrong" })
    }

    fn challenge(&mut self, text: &str) -> io::Result<String> {
        self.reply(&format!("334 {text}"))?;
        self.wire.line()?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn mail(&mut self, rest: &str) -> io::Result<()> {
        let Some((sender, parameters)) = path(rest, "FROM:") else {
            return self.reply("501 5.5.4 MAIL FROM:<address>");
        };
        if let Some(reply) = &self.sink.mail {
            return self.reply(reply);
        }
        let answer = self.answer(Step::Mail, "250 2.1.0 sender");
        if answer.is_positive() {
            self.envelope = Some(Envelope { sender, parameters, recipients: Vec::new() });
        }
        self.give(answer)
    }

    fn rcpt(&mut self, rest: &str) -> io::Result<()> {
        let Some((recipient, _)) = path(rest, "TO:") else { return self.reply("501 5.5.4 RCPT TO:<address>") };
        let refusal = self.sink.rcpt_for.get(&recipient).or(self.sink.rcpt.as_ref());
        let usual = match (&self.envelope, refusal) {
            (None, _) => "503 5.5.1 MAIL first",
            (_, Some(reply)) if !reply.starts_with('2') => reply,
            // RFC 6531 3.4: such an address is for a message that was announced so.
            (Some(envelope), _) if !recipient.is_ascii() && !envelope.is_announced_utf8() => {
                "553 5.6.7 without SMTPUTF8 an address is ASCII"
            }
            _ => "250 2.1.5 recipient",
        };
        let answer = self.answer(Step::Rcpt, usual);
        if let Some(envelope) = self.envelope.as_mut().filter(|_| answer.is_positive()) {
            envelope.recipients.push(recipient);
        }
        self.give(answer)
    }

    fn data(&mut self) -> io::Result<()> {
        if self.envelope.as_ref().is_none_or(|envelope| envelope.recipients.is_empty()) {
            return self.reply("554 5.5.1 no valid recipients");
        }
        if let Some(reply) = &self.sink.data {
            return self.reply(reply);
        }
        let go = self.answer(Step::Data, "354 end with a dot");
        self.give(go)?;
        if !go.reply.starts_with('3') {
            return Ok(());
        }
        let data = self.content()?;
        let Envelope { sender, parameters, recipients } = self.envelope.take().unwrap_or_default();
        let answer = self.answer(Step::Dot, self.sink.dot.as_deref().unwrap_or("250 2.0.0 taken"));
        // LMTP answers for each recipient, SMTP once.
        let replies = if self.sink.protocol == Protocol::Lmtp { recipients.len() } else { 1 };
        if answer.is_positive() {
            let mail = Mail { visit: Visit::default(), sender, sender_parameters: parameters, recipients, data };
            self.inbox.delivered(self.visit, mail);
        }
        (0..replies).try_for_each(|_| self.give(answer))
    }

    /// The message up to the lone dot, its dots unstuffed.
    fn content(&mut self) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        loop {
            let line = self.wire.raw_line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line == b".\r\n" {
                return Ok(data);
            }
            if self.answer(Step::Content, "").how == Some(How::HangsUp) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            data.extend(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    fn step(&mut self, step: Step, usual: &str) -> io::Result<()> {
        self.give(self.answer(step, usual))
    }

    /// The usual answer, or what a sink in trouble does instead.
    fn answer<'t>(&self, step: Step, usual: &'t str) -> Answer<'t> {
        let how = self.sink.trouble.as_ref().and_then(|trouble| trouble.now(step));
        Answer { reply: if let Some(How::Says(reply)) = how { reply } else { usual }, how }
    }

    fn give(&mut self, answer: Answer<'_>) -> io::Result<()> {
        match answer.how {
            None | Some(How::Says(_)) => self.reply(answer.reply),
            Some(How::HangsUp) => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(How::Late(pause)) => {
                std::thread::sleep(pause);
                self.reply(answer.reply)
            }
            Some(How::Dribbles(pause)) => format!("{}\r\n", answer.reply).bytes().try_for_each(|byte| {
                std::thread::sleep(pause);
                self.wire.send(&[byte])
            }),
        }
    }

    fn reply(&mut self, line: &str) -> io::Result<()> {
        self.wire.send(format!("{line}\r\n").as_bytes())
    }
}

/// What is no base64 is no text either.
fn decode(text: &str) -> String {
    String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned()
}

/// `FROM:<a@b> SIZE=1` as address and parameters. A quoted local part may hold blanks and brackets.
fn path(text: &str, keyword: &str) -> Option<(String, Vec<String>)> {
    let head = text.get(..keyword.len())?;
    let path = text[keyword.len()..].trim_start().strip_prefix('<')?;
    let mut quoted = false;
    let mut escaped = false;
    let end = path.find(|letter| {
        let end = letter == '>' && !quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        end
    })?;
    let parameters = path[end + 1..].split_whitespace().map(str::to_owned).collect();
    head.eq_ignore_ascii_case(keyword).then(|| (path[..end].to_owned(), parameters))
}
