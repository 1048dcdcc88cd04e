//! How a connection begins, as a state machine: greeting, EHLO, STARTTLS, EHLO again, AUTH (RFC 5321 3.1, 3207, 4954).

use crate::relay::config::{Protocol, TlsLevel};
use crate::relay::deliver::auth::Credentials;
use crate::relay::deliver::capabilities::Capabilities;
use crate::relay::deliver::reply::Raw;
use crate::relay::deliver::{Kind, Trouble};
use crate::relay::reply::Status;

/// What is wanted of the host.
#[derive(Debug)]
pub struct Terms {
    /// Our name.
    pub hostname: String,
    pub protocol: Protocol,
    pub level: TlsLevel,
    /// Who we are. Without a verified certificate nobody is told.
    pub credentials: Option<Credentials>,
}

/// What the last command was, or that there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Plain,
    Login,
    LoginUser,
    LoginPassword,
}

/// What the driver is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Write what there is and wait for a reply.
    Reply,
    /// Throw away what the host said beyond its reply, or rather, have none of it; then TLS, then [`Opening::secured`].
    StartTls,
    /// Transactions may begin.
    Ready,
}

#[derive(Debug)]
pub struct Opening {
    terms: Terms,
    state: State,
    secure: bool,
    offered: Capabilities,
    notes: Vec<String>,
}

impl Opening {
    /// A connection that has said nothing; `secure` where TLS came first.
    pub fn new(terms: Terms, secure: bool) -> Opening {
        Opening { terms, state: State::Greeting, secure, offered: Capabilities::default(), notes: Vec::new() }
    }

    /// What the host offers, and what is to be logged.
    pub fn into_offered(self) -> (Capabilities, Vec<String>) {
        (self.offered, self.notes)
    }

    /// TLS is there: what was said before is forgotten (RFC 3207 4.2).
    pub fn secured(&mut self, out: &mut Vec<u8>) {
        self.secure = true;
        self.offered = Capabilities::default();
        self.hello(out);
    }

    fn hello(&mut self, out: &mut Vec<u8>) {
        let verb = if self.terms.protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
        self.say(State::Ehlo, &format!("{verb} {}", self.terms.hostname), out);
    }

    fn say(&mut self, state: State, line: &str, out: &mut Vec<u8>) {
        self.state = state;
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    pub fn reply(&mut self, reply: Raw<'_>, out: &mut Vec<u8>) -> Result<Step, Trouble> {
        match (self.state, reply.code) {
            (State::Greeting, 220) => self.hello(out),
            (State::Greeting, 400..) => return Err(trouble(Kind::Greeting, "the host does not want us", reply)),
            (State::Ehlo, 200..300) => {
                self.offered = Capabilities::read(reply);
                return self.proceed(out);
            }
            (State::Ehlo, 500..) if self.may_be_plain() => {
                self.notes.push("the host does not know EHLO; it was greeted with HELO".to_owned());
                self.say(State::Helo, &format!("HELO {}", self.terms.hostname), out);
            }
            (State::Helo, 200..300) => return Ok(Step::Ready),
            (State::Ehlo | State::Helo, 400..) => {
                return Err(trouble(Kind::Greeting, "the host does not greet us", reply));
            }
            (State::StartTls, 220) => return Ok(Step::StartTls),
            (State::StartTls, 400..) => return self.without_tls(reply, out),
            (State::Plain | State::LoginPassword, 235) => return Ok(Step::Ready),
            (State::Login | State::LoginUser, 334) => self.go_on_with_login(out),
            (State::Plain | State::Login | State::LoginUser | State::LoginPassword, 400..) => {
                return Err(trouble(Kind::Auth, "the host does not take our password", reply));
            }
            _ => return Err(trouble(Kind::Protocol, "an answer that does not fit", reply)),
        }
        Ok(Step::Reply)
    }

    /// HELO has no extensions: it will do where none is needed.
    fn may_be_plain(&self) -> bool {
        let tls = self.secure || matches!(self.terms.level, TlsLevel::Off | TlsLevel::Opportunistic);
        tls && self.terms.credentials.is_none() && self.terms.protocol != Protocol::Lmtp
    }

    /// After EHLO: TLS, AUTH, or nothing more.
    fn proceed(&mut self, out: &mut Vec<u8>) -> Result<Step, Trouble> {
        if !self.secure && self.terms.level != TlsLevel::Off {
            if self.offered.starttls {
                self.say(State::StartTls, "STARTTLS", out);
                return Ok(Step::Reply);
            }
            if self.terms.level != TlsLevel::Opportunistic {
                return Err(Trouble::new(
                    Kind::Tls,
                    Status(4, 7, 4),
                    "TLS is required, and the host does not offer it",
                ));
            }
        }
        self.authenticate(out)
    }

    /// STARTTLS was refused.
    fn without_tls(&mut self, reply: Raw<'_>, out: &mut Vec<u8>) -> Result<Step, Trouble> {
        if reply.code == 421 {
            return Err(trouble(Kind::Closed, "the host ends the session", reply));
        }
        if self.terms.level != TlsLevel::Opportunistic {
            return Err(trouble(Kind::Tls, "TLS is required, and the host refuses it", reply));
        }
        self.notes.push(format!("the host refuses STARTTLS; the message goes in clear: {}", reply.to_reply()));
        self.authenticate(out)
    }

    fn authenticate(&mut self, out: &mut Vec<u8>) -> Result<Step, Trouble> {
        let Some(credentials) = &self.terms.credentials else { return Ok(Step::Ready) };
        if !self.secure || self.terms.level != TlsLevel::Verified {
            let text = "a password is told to a host with a verified certificate only";
            return Err(Trouble::new(Kind::Auth, Status(4, 7, 11), text));
        }
        if self.offered.auth_plain {
            let line = credentials.plain();
            self.say(State::Plain, &line, out);
        } else if self.offered.auth_login {
            self.say(State::Login, "AUTH LOGIN", out);
        } else {
            let text = "a login is wanted, and the host offers neither PLAIN nor LOGIN";
            return Err(Trouble::new(Kind::Auth, Status(4, 7, 0), text));
        }
        Ok(Step::Reply)
    }

    fn go_on_with_login(&mut self, out: &mut Vec<u8>) {
        let Some(credentials) = &self.terms.credentials else { return };
        let (state, line) = match self.state {
            State::Login => (State::LoginUser, credentials.login_user()),
            _ => (State::LoginPassword, credentials.login_password()),
        };
        self.say(state, &line, out);
    }
}

fn trouble(kind: Kind, text: &str, reply: Raw<'_>) -> Trouble {
    let reply = reply.to_reply();
    let status = match reply.status {
        // What becomes of the message is not for this host to say.
        Some(Status(_, subject, detail)) => Status(4, subject, detail),
        None => match kind {
            Kind::Auth | Kind::Tls => Status(4, 7, 0),
            Kind::Protocol => Status(4, 5, 0),
            _ => Status(4, 3, 2),
        },
    };
    Trouble::new(kind, status, text).said(reply)
}
