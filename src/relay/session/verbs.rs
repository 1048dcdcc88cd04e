//! The table of verbs: what each is called, when it may come, what is said when it may not, and what it does.

use super::replies::{self, Row};
use super::{Action, Session, State, commands};

/// One row of the table.
pub(super) struct Verb {
    pub(super) name: &'static str,
    /// States in which it may come.
    pub(super) states: &'static [State],
    /// What is said in any other.
    pub(super) otherwise: Row,
    /// Octets that its line may have, CRLF included (RFC 5321 4.5.3.1.4, and what extensions add to it).
    pub(super) longest: usize,
    pub(super) run: Run,
}

/// What a command does with its argument; an action, where the driver has to act before the next command.
pub(super) type Run = fn(&mut Session, &str) -> Option<Action<'static>>;

const ANY: &[State] = &[State::Start, State::Ready, State::Mail, State::Rcpt];
const GREETED: &[State] = &[State::Ready, State::Mail, State::Rcpt];
const READY: &[State] = &[State::Ready];
const SENDER: &[State] = &[State::Mail, State::Rcpt];
const RCPT: &[State] = &[State::Rcpt];

#[rustfmt::skip]
pub(super) const VERBS: &[Verb] = &[
    //    verb        allowed   otherwise                  longest  function
    verb("MAIL",      READY,    replies::NESTED_MAIL,      2048,    commands::mail),
    verb("RCPT",      SENDER,   replies::MAIL_FIRST,       2048,    commands::rcpt),
    verb("DATA",      RCPT,     replies::RECIPIENT_FIRST,  512,     commands::data),
    verb("QUIT",      ANY,      replies::UNKNOWN,          512,     commands::quit),
    verb("EHLO",      ANY,      replies::UNKNOWN,          512,     commands::ehlo),
    verb("HELO",      ANY,      replies::UNKNOWN,          512,     commands::helo),
    verb("RSET",      ANY,      replies::UNKNOWN,          512,     commands::rset),
    verb("NOOP",      ANY,      replies::UNKNOWN,          512,     commands::noop),
    verb("STARTTLS",  GREETED,  replies::HELLO_FIRST,      512,     commands::starttls),
    verb("VRFY",      ANY,      replies::UNKNOWN,          2048,    commands::vrfy),
    verb("HELP",      ANY,      replies::UNKNOWN,          512,     commands::help),
    verb("EXPN",      ANY,      replies::UNKNOWN,          2048,    commands::not_implemented),
    verb("ETRN",      ANY,      replies::UNKNOWN,          512,     commands::not_implemented),
    verb("AUTH",      ANY,      replies::UNKNOWN,          4096,    commands::not_implemented),
    verb("BDAT",      ANY,      replies::UNKNOWN,          512,     commands::bdat),
    verb("GET",       ANY,      replies::UNKNOWN,          4096,    commands::not_smtp),
    verb("POST",      ANY,      replies::UNKNOWN,          4096,    commands::not_smtp),
    verb("PUT",       ANY,      replies::UNKNOWN,          4096,    commands::not_smtp),
    verb("CONNECT",   ANY,      replies::UNKNOWN,          4096,    commands::not_smtp),
];

const fn verb(name: &'static str, states: &'static [State], otherwise: Row, longest: usize, run: Run) -> Verb {
    Verb { name, states, otherwise, longest, run }
}

pub(super) fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name.eq_ignore_ascii_case(name))
}
