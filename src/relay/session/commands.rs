//! What each verb does.

use super::{Action, Session, State, Wait, replies};
use crate::relay::envelope::{Envelope, Recipient};
use crate::relay::session::replies::Row;
use crate::relay::smtp::path::{self, RcptPath};
use crate::relay::smtp::{command, params};

type Next = Option<Action<'static>>;

pub(super) fn ehlo(session: &mut Session, name: &str) -> Next {
    if hello(session, name) {
        session.extended = true;
        session.announce();
    }
    None
}

pub(super) fn helo(session: &mut Session, name: &str) -> Next {
    if hello(session, name) {
        session.extended = false;
        let hostname = session.settings.hostname.as_str();
        replies::write(250, None, hostname, &mut session.out);
    }
    None
}

/// Takes the client's name (RFC 5321 4.1.1.1); whatever was begun is forgotten.
fn hello(session: &mut Session, name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if name.is_empty() || name.len() > 255 || !name.bytes().all(good) {
        session.refuse(replies::HELLO_NAME);
        return false;
    }
    session.forget();
    session.helo = Some(name.into());
    session.state = State::Ready;
    true
}

pub(super) fn mail(session: &mut Session, argument: &str) -> Next {
    if session.settings.max_messages.is_some_and(|most| session.messages >= most) {
        return Some(session.turn_away(replies::TOO_MANY_MESSAGES));
    }
    let Some((inside, rest)) = command::behind("FROM:", argument).and_then(path::split) else {
        return session.refuse(replies::SENDER_SYNTAX);
    };
    let params = match params::mail(rest) {
        Ok(params) if params.smtputf8 && !session.settings.smtputf8 => {
            return session.refuse(replies::PARAMETER_UNKNOWN);
        }
        Ok(params) => params,
        Err(fault) => return session.refuse(of_params(fault)),
    };
    if !inside.is_ascii() && !params.smtputf8 {
        return session.refuse(replies::NEEDS_UTF8);
    }
    let Some(sender) = path::sender(inside) else { return session.refuse(replies::SENDER_SYNTAX) };
    if params.size > session.settings.max_size && session.settings.max_size.is_some() {
        return session.refuse(replies::TOO_LARGE);
    }
    let params::Mail { size, body, smtputf8, ret, envid } = params;
    session.envelope = Envelope { sender, body, smtputf8, ret, envid, recipients: Vec::new() };
    session.wait = Wait::Mail;
    Some(Action::Mail { size })
}

pub(super) fn rcpt(session: &mut Session, argument: &str) -> Next {
    let Some((inside, rest)) = command::behind("TO:", argument).and_then(path::split) else {
        return session.refuse(replies::RECIPIENT_SYNTAX);
    };
    let params = match params::rcpt(rest) {
        Ok(params) => params,
        Err(fault) => return session.refuse(of_params(fault)),
    };
    if !argument.is_ascii() && !session.envelope.smtputf8 {
        return session.refuse(replies::NEEDS_UTF8);
    }
    let Some(path) = path::recipient(inside) else { return session.refuse(replies::RECIPIENT_SYNTAX) };
    if session.envelope.recipients.len() >= session.settings.max_recipients as usize {
        session.turn_down(replies::TOO_MANY_RECIPIENTS);
        return None;
    }
    let params::Rcpt { notify, orcpt } = params;
    let asked = match &path {
        RcptPath::Postmaster => "postmaster".to_owned(),
        RcptPath::Address { wire, .. } => wire.clone(),
        RcptPath::Unroutable(text) => text.clone(),
    };
    session.envelope.recipients.push(Recipient { address: String::new(), asked, notify, orcpt });
    session.wait = Wait::Rcpt;
    Some(Action::Rcpt(path))
}

fn of_params(fault: params::Fault) -> Row {
    match fault {
        params::Fault::Unknown => replies::PARAMETER_UNKNOWN,
        params::Fault::Twice => replies::PARAMETER_TWICE,
        params::Fault::Value => replies::PARAMETER_VALUE,
    }
}

pub(super) fn data(session: &mut Session, argument: &str) -> Next {
    if !argument.is_empty() {
        return session.refuse(replies::NO_ARGUMENT);
    }
    session.begin_data();
    None
}

pub(super) fn rset(session: &mut Session, argument: &str) -> Next {
    if !argument.is_empty() {
        return session.refuse(replies::NO_ARGUMENT);
    }
    session.forget();
    session.say(replies::OK)
}

pub(super) fn noop(session: &mut Session, _: &str) -> Next {
    session.say(replies::OK)
}

pub(super) fn vrfy(session: &mut Session, argument: &str) -> Next {
    if argument.is_empty() { session.refuse(replies::ARGUMENT) } else { session.say(replies::NOT_VERIFIED) }
}

pub(super) fn help(session: &mut Session, _: &str) -> Next {
    session.say(replies::HELP)
}

pub(super) fn quit(session: &mut Session, argument: &str) -> Next {
    if !argument.is_empty() {
        return session.refuse(replies::NO_ARGUMENT);
    }
    Some(session.hang_up(replies::BYE))
}

pub(super) fn starttls(session: &mut Session, argument: &str) -> Next {
    if !session.settings.starttls {
        return not_implemented(session, argument);
    }
    if session.tls.is_some() {
        return session.refuse(replies::TLS_ALREADY);
    }
    if !argument.is_empty() {
        return session.refuse(replies::NO_ARGUMENT);
    }
    session.say(replies::START_TLS);
    session.wait = Wait::Tls;
    Some(Action::StartTls)
}

pub(super) fn not_implemented(session: &mut Session, _: &str) -> Next {
    session.refuse(replies::NOT_IMPLEMENTED)
}

/// CHUNKING is not announced: who sends BDAT sends octets after it that must never be read as commands.
pub(super) fn bdat(session: &mut Session, _: &str) -> Next {
    Some(session.turn_away(replies::NOT_IMPLEMENTED))
}

/// A browser that was led here would go on with lines that somebody else chose.
pub(super) fn not_smtp(session: &mut Session, _: &str) -> Next {
    Some(session.turn_away(replies::NOT_SMTP))
}
