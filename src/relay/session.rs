//! One client's session (RFC 5321), without a socket or a clock: octets go in, replies and actions come out.
//!
//! The driver feeds what it reads, does what the [`Action`] asks for, writes what [`Session::output`] holds before it
//! waits for anything, and [`answer`](Session::answer)s where an answer is due. Commands are `verbs`, one row each; what
//! is said is in [`replies`], one row each. See also RFC 1870, 2034, 2920, 3207, 3461, 6152, 6531, 9422.

use std::sync::Arc;
use std::time::Duration;

use memchr::memchr;

use super::envelope::{Envelope, QueueId};
use super::reply::Reply;
use super::smtp::command::{self, Fault};
use super::smtp::data::{Limits, Scanner};
use super::smtp::path::RcptPath;

mod announce;
mod commands;
mod content;
mod memory;
pub mod replies;
mod settings;
mod verbs;

use replies::Row;
pub use settings::Settings;

/// What the driver does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'i> {
    /// All input is used up: write the output and read on.
    More,
    /// Write the output before the rest of the input is fed: a client that does not read its replies gets no more of them.
    Write,
    /// Is there room for a message, of the octets that its sender speaks of? Answer [`Answer::Yes`] or a refusal.
    Mail { size: Option<u64> },
    /// What does this recipient get? Answer [`Answer::Recipient`] or a refusal.
    Rcpt(RcptPath),
    /// Write the output, start TLS and answer [`Answer::Tls`]. Input that was read before is void.
    StartTls,
    /// Octets of the message, as they stand on the wire: keep them, behind those that came before.
    Content(&'i [u8]),
    /// The message will be refused when its end is met: what was kept of it is void.
    Discard,
    /// The message is complete: store it and answer [`Answer::Stored`] or a refusal.
    Message(Envelope),
    /// Write the output, then close. Closing the way out first and reading on for a moment lets a client that is
    /// still sending see the reply.
    Close,
}

/// What the driver answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Yes,
    /// The recipient is taken, and is this on the wire.
    Recipient(String),
    /// The recipient is one that the message has already: both led to one address.
    Known,
    Stored(QueueId),
    /// The name of the cipher.
    Tls(&'static str),
    Refused(Reply),
}

/// A command or a message that the session turned down by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Empty where the line was none.
    pub verb: &'static str,
    pub reply: Row,
}

/// Octets of output from which on it is written before another command is read.
const OUTPUT: usize = 16 << 10;

/// Refusals that are kept until the driver asks for them.
const REMEMBERED: usize = 32;

/// States between two commands, and those in which none is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No EHLO yet.
    Start,
    Ready,
    /// There is a sender.
    Mail,
    /// There is a recipient.
    Rcpt,
    Data,
    Closed,
}

/// What answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Nothing,
    Mail,
    Rcpt,
    Message,
    Tls,
}

/// A session: a few hundred octets, and what is left of an incomplete line.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    tls: Option<&'static str>,
    helo: Option<Box<str>>,
    /// It began with EHLO.
    extended: bool,
    state: State,
    wait: Wait,
    /// The line that is being read is too long already.
    overlong: bool,
    errors: u32,
    messages: u32,
    commands: u32,
    envelope: Envelope,
    scanner: Scanner,
    /// The command that is being answered.
    verb: &'static str,
    refusals: Vec<Refusal>,
    kept: Vec<u8>,
    out: Vec<u8>,
}

impl Session {
    /// A session of a client that is inside of TLS already where a cipher is named.
    pub fn new(settings: Arc<Settings>, cipher: Option<&'static str>) -> Session {
        let limits = Limits { size: settings.max_size.unwrap_or(u64::MAX), line: settings.line, received: 50 };
        Session {
            settings,
            tls: cipher,
            helo: None,
            extended: false,
            state: State::Start,
            wait: Wait::Nothing,
            overlong: false,
            errors: 0,
            messages: 0,
            commands: 0,
            envelope: Envelope::default(),
            scanner: Scanner::new(limits),
            verb: "",
            refusals: Vec::new(),
            kept: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Says who is here.
    pub fn greet(&mut self) {
        let text = format!("{} ESMTP", self.settings.hostname);
        replies::write(220, None, &text, &mut self.out);
    }

    /// Takes what it can of the input: how much, and what to do next. After an answer the rest is fed again, though it
    /// be empty.
    pub fn feed<'i>(&mut self, input: &'i [u8]) -> (usize, Action<'i>) {
        let mut used = 0;
        while used < input.len() && self.state != State::Closed && self.wait == Wait::Nothing {
            if self.out.len() >= OUTPUT {
                return (used, Action::Write);
            }
            let rest = &input[used..];
            let (length, action) = if self.state == State::Data { self.content(rest) } else { self.line(rest) };
            used += length;
            if let Some(action) = action {
                return (used, action);
            }
        }
        match self.state {
            State::Closed => (input.len(), Action::Close),
            _ => (used, Action::More),
        }
    }

    /// Replies to write: whoever writes them takes them out.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// What was turned down since this was asked last: for the log.
    pub fn refusals(&mut self) -> impl Iterator<Item = Refusal> {
        self.refusals.drain(..)
    }

    /// Takes the answer to the last action.
    pub fn answer(&mut self, answer: Answer) {
        match (std::mem::replace(&mut self.wait, Wait::Nothing), answer) {
            (Wait::Mail, Answer::Yes) => {
                self.state = State::Mail;
                self.say(replies::SENDER_OK);
            }
            (Wait::Rcpt, Answer::Recipient(address)) => self.recipient(Some(address)),
            (Wait::Rcpt, Answer::Known) => self.recipient(None),
            (Wait::Message, Answer::Stored(id)) => self.stored(id),
            (Wait::Tls, Answer::Tls(cipher)) => self.secured(cipher),
            (wait, Answer::Refused(reply)) => self.refused(wait, &reply),
            (wait, _) => self.refused(wait, &replies::LOCAL_ERROR.reply()),
        }
    }

    /// How long the driver waits for input, from the last change of [`progress`](Session::progress) on.
    pub fn deadline(&self) -> Duration {
        match self.state {
            State::Data => self.settings.data_timeout,
            _ => self.settings.command_timeout,
        }
    }

    /// Changes with every command and every 4 KiB of a message: octets that come one by one do not make time.
    pub fn progress(&self) -> u64 {
        u64::from(self.commands) << 32 | (self.scanner.size() >> 12 & 0xffff_ffff)
    }

    /// Says something last, of the session's own accord: for a client that is too slow, too early, or one too many.
    pub fn hang_up(&mut self, row: Row) -> Action<'static> {
        row.write(&mut self.out);
        self.state = State::Closed;
        self.forget();
        Action::Close
    }

    /// What the client called itself.
    pub fn helo(&self) -> Option<&str> {
        self.helo.as_deref()
    }

    /// It began with EHLO, not with HELO.
    pub fn is_extended(&self) -> bool {
        self.extended
    }

    /// The name of the cipher, inside of TLS.
    pub fn cipher(&self) -> Option<&'static str> {
        self.tls
    }

    /// Nothing has been begun that would be lost if the session ended now.
    pub fn is_idle(&self) -> bool {
        self.wait == Wait::Nothing && matches!(self.state, State::Start | State::Ready | State::Closed)
    }

    /// The client has said QUIT, and will say nothing more.
    pub fn has_quit(&self) -> bool {
        self.state == State::Closed && self.verb == "QUIT"
    }

    /// The message that is being sent, as far as it is known.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The sender of the message that is being sent.
    pub fn sender(&self) -> &str {
        &self.envelope.sender
    }

    /// Reads a command line, or keeps the beginning of one.
    fn line(&mut self, input: &[u8]) -> (usize, Option<Action<'static>>) {
        let Some(end) = memchr(b'\n', input) else {
            self.keep(input);
            return (input.len(), None);
        };
        let (line, kept) = (&input[..=end], std::mem::take(&mut self.kept));
        let action = if std::mem::take(&mut self.overlong) {
            self.command(Err(Fault::TooLong))
        } else if kept.is_empty() {
            self.command(command::text(line))
        } else {
            self.command(command::text(&[&kept, line].concat()))
        };
        // What came in plain text behind STARTTLS is nobody's word (RFC 3207 4.2).
        let used = if action == Some(Action::StartTls) { input.len() } else { end + 1 };
        (used, action)
    }

    fn keep(&mut self, input: &[u8]) {
        self.overlong |= self.kept.len() + input.len() >= command::LONGEST;
        if self.overlong {
            self.kept = Vec::new();
        } else {
            self.kept.extend_from_slice(input);
        }
    }

    fn command(&mut self, text: Result<&str, Fault>) -> Option<Action<'static>> {
        (self.commands, self.verb) = (self.commands.wrapping_add(1), "");
        let text = match text {
            Ok(text) => text,
            Err(fault) => return self.refuse(of_line(fault)),
        };
        let (name, argument) = command::split(text);
        let Some(verb) = verbs::find(name) else { return self.refuse(replies::UNKNOWN) };
        self.verb = verb.name;
        if text.len() + 2 > verb.longest {
            return self.refuse(replies::LINE_TOO_LONG);
        }
        if !verb.states.contains(&self.state) {
            return self.refuse(if self.state == State::Start { replies::HELLO_FIRST } else { verb.otherwise });
        }
        (verb.run)(self, argument)
    }

    fn say(&mut self, row: Row) -> Option<Action<'static>> {
        row.write(&mut self.out);
        None
    }

    /// Says that a command was wrong. Who makes too many mistakes is told so, and left.
    fn refuse(&mut self, row: Row) -> Option<Action<'static>> {
        self.turn_down(row);
        self.mistake()
    }

    fn turn_down(&mut self, reply: Row) {
        reply.write(&mut self.out);
        self.remember(reply);
    }

    fn remember(&mut self, reply: Row) {
        if self.refusals.len() < REMEMBERED {
            self.refusals.push(Refusal { verb: self.verb, reply });
        }
    }

    /// Turns the client down for good.
    fn turn_away(&mut self, row: Row) -> Action<'static> {
        self.remember(row);
        self.hang_up(row)
    }

    fn mistake(&mut self) -> Option<Action<'static>> {
        self.errors += 1;
        (self.errors >= self.settings.max_errors).then(|| self.turn_away(replies::TOO_MANY_ERRORS))
    }

    /// The driver's refusal. One that is for now only is no mistake of the client's.
    fn refused(&mut self, wait: Wait, reply: &Reply) {
        match wait {
            Wait::Rcpt => drop(self.envelope.recipients.pop()),
            _ => self.forget(),
        }
        replies::write(reply.code, reply.status, &reply.text, &mut self.out);
        if reply.code == 421 || wait == Wait::Tls {
            self.state = State::Closed;
        } else if reply.is_permanent() {
            self.mistake();
        }
    }

    /// A recipient is taken, unless the message has it already.
    fn recipient(&mut self, address: Option<String>) {
        match (self.envelope.recipients.last_mut(), address) {
            (Some(last), Some(address)) => last.address = address,
            _ => drop(self.envelope.recipients.pop()),
        }
        if !self.envelope.recipients.is_empty() {
            self.state = State::Rcpt;
        }
        self.say(replies::RECIPIENT_OK);
    }

    fn stored(&mut self, id: QueueId) {
        self.messages = self.messages.saturating_add(1);
        self.errors = 0;
        let text = format!("Accepted as {id}");
        replies::write(250, replies::OK.status, &text, &mut self.out);
    }

    /// TLS is on: whatever was said in plain text is forgotten (RFC 3207 4.2).
    fn secured(&mut self, cipher: &'static str) {
        self.forget();
        (self.state, self.tls, self.helo, self.extended) = (State::Start, Some(cipher), None, false);
    }

    /// Forgets the message that was begun.
    fn forget(&mut self) {
        self.envelope = Envelope::default();
        if matches!(self.state, State::Mail | State::Rcpt | State::Data) {
            self.state = State::Ready;
        }
    }
}

fn of_line(fault: Fault) -> Row {
    match fault {
        Fault::TooLong => replies::LINE_TOO_LONG,
        Fault::BareLf => replies::LINE_BARE_LF,
        Fault::BareCr => replies::LINE_BARE_CR,
        Fault::Nul => replies::LINE_NUL,
        Fault::NotUtf8 => replies::LINE_NOT_UTF8,
    }
}
