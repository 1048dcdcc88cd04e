//! A driver for the relay's SMTP session, without sockets, and what must hold whatever a client sends.

use std::sync::Arc;

use mailswitch::relay::envelope::{Envelope, QueueId};
use mailswitch::relay::reply::Status;
use mailswitch::relay::session::{Action, Answer, Session, Settings, replies};
use mailswitch::relay::smtp::path::RcptPath;

/// What a session says and does, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Said(String),
    Message { envelope: Envelope, content: Vec<u8> },
    Tls,
    Closed,
}

/// A session and its driver, which knows no recipient at `nobody.example` and takes `alias@` for `ann@`.
pub(crate) struct Talk {
    pub(crate) session: Session,
    pub(crate) events: Vec<Event>,
    content: Vec<u8>,
    stored: u64,
}

impl Talk {
    pub(crate) fn new(settings: Settings) -> Talk {
        let mut session = Session::new(Arc::new(settings), None);
        session.greet();
        let mut talk = Talk { session, events: Vec::new(), content: Vec::new(), stored: 0 };
        talk.write();
        talk
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.events.last() == Some(&Event::Closed)
    }

    /// Feeds what came in one piece; says whether TLS has begun.
    pub(crate) fn feed(&mut self, mut input: &[u8]) -> bool {
        loop {
            let (used, action) = self.session.feed(input);
            input = &input[used..];
            match action {
                Action::More => {
                    assert!(input.is_empty(), "input is left over");
                    self.write();
                    return false;
                }
                Action::Write => self.write(),
                Action::Content(octets) => self.content.extend_from_slice(octets),
                Action::Discard => self.content = Vec::new(),
                Action::Mail { .. } => self.session.answer(Answer::Yes),
                Action::Rcpt(path) => {
                    let answer = self.once(decide(path));
                    self.session.answer(answer);
                }
                Action::Message(envelope) => self.store(envelope),
                Action::StartTls => {
                    assert!(input.is_empty(), "plain text is left after STARTTLS");
                    self.event(Event::Tls);
                    self.session.answer(Answer::Tls("TLS_TEST"));
                    return true;
                }
                Action::Close => {
                    self.event(Event::Closed);
                    return false;
                }
            }
        }
    }

    fn store(&mut self, envelope: Envelope) {
        let content = std::mem::take(&mut self.content);
        self.event(Event::Message { envelope, content });
        self.stored += 1;
        self.session.answer(Answer::Stored(QueueId(self.stored)));
    }

    /// An address that the message goes to already is no recipient more.
    fn once(&self, answer: Answer) -> Answer {
        let others = &self.session.envelope().recipients;
        match answer {
            Answer::Recipient(address) if others.iter().any(|other| other.address == address) => Answer::Known,
            answer => answer,
        }
    }

    fn event(&mut self, event: Event) {
        self.write();
        self.events.push(event);
    }

    /// Takes the replies; those with nothing between them are one event, however they came.
    fn write(&mut self) {
        let output = String::from_utf8(std::mem::take(self.session.output())).expect("replies are UTF-8");
        match self.events.last_mut() {
            _ if output.is_empty() => {}
            Some(Event::Said(before)) => before.push_str(&output),
            _ => self.events.push(Event::Said(output)),
        }
        self.session.refusals().for_each(drop);
        self.session.rest();
    }
}

fn decide(path: RcptPath) -> Answer {
    let unknown = |text| Answer::Refused(replies::refusal(Status(5, 1, 1), text));
    match path {
        RcptPath::Postmaster => Answer::Recipient("postmaster@example.org".to_owned()),
        RcptPath::Unroutable(_) => Answer::Refused(replies::refusal(Status(5, 7, 1), "Relaying denied")),
        RcptPath::Address { mailbox, .. } if mailbox.domain() == "nobody.example" => unknown("User unknown"),
        RcptPath::Address { mailbox, .. } if mailbox.domain() == "later.example" => {
            Answer::Refused(replies::refusal(Status(4, 3, 0), "Table damaged"))
        }
        RcptPath::Address { wire, .. } => Answer::Recipient(match wire.strip_prefix("alias@") {
            Some(domain) => format!("ann@{domain}"),
            None => wire,
        }),
    }
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new("mail.example.org");
    (settings.max_size, settings.smtputf8, settings.starttls) = (Some(2000), true, true);
    (settings.max_recipients, settings.max_errors) = (5, 5);
    settings
}

/// Begins a new piece, and a new piece inside of TLS: no octet of UTF-8 or of a command.
const PIECE: u8 = 0xfe;
const TLS: u8 = 0xff;

/// However a stream is cut, the same is said and done; and what is said and done is sound.
pub(crate) fn session(data: &[u8]) {
    let streams: Vec<&[u8]> = data.split(|&byte| byte == TLS).collect();
    let cut = talked(&streams, |stream| stream.split(|&byte| byte == PIECE).map(<[u8]>::to_vec).collect());
    let whole = talked(&streams, |stream| vec![without_cuts(stream)]);
    let octets = talked(&streams, |stream| without_cuts(stream).chunks(1).map(<[u8]>::to_vec).collect());
    assert_eq!(cut, whole);
    assert_eq!(cut, octets);
    for event in &cut {
        match event {
            Event::Said(text) => replies_are_sound(text),
            Event::Message { envelope, content } => message_is_sound(envelope, content),
            Event::Tls | Event::Closed => {}
        }
    }
}

fn without_cuts(stream: &[u8]) -> Vec<u8> {
    stream.iter().copied().filter(|&byte| byte != PIECE).collect()
}

/// A new stream is read where TLS began; else it is more of the old one.
fn talked(streams: &[&[u8]], cut: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<Event> {
    let mut talk = Talk::new(settings());
    for stream in streams {
        for piece in cut(stream) {
            if talk.is_closed() || talk.feed(&piece) {
                break;
            }
            assert!(talk.session.memory() <= Session::most_memory(&settings()), "{}", talk.session.memory());
        }
    }
    talk.events
}

/// Lines of three digits and a text, whole, and codes and enhanced codes of one class.
fn replies_are_sound(text: &str) {
    let lines = text.strip_suffix("\r\n").expect("a reply is whole").split("\r\n");
    for line in lines {
        assert!(line.len() <= 510 && line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{line:?}");
        let (code, rest) = line.split_at(3);
        assert!(code.parse::<u16>().is_ok_and(|code| (200..600).contains(&code)), "{line:?}");
        assert!(rest.starts_with(['-', ' ']), "{line:?}");
        if let Some(status) = rest[1..].split(' ').next().and_then(|word| word.parse::<Status>().ok()) {
            assert!(code.starts_with(&status.0.to_string()), "{line:?}");
        }
    }
}

/// Lines that end in CRLF, none of them the end of the message; addresses that cannot leave their brackets.
fn message_is_sound(envelope: &Envelope, content: &[u8]) {
    let lines: Vec<&[u8]> = content.split(|&byte| byte == b'\n').collect();
    let (last, lines) = lines.split_last().expect("there is a last line");
    assert!(last.is_empty());
    for line in lines {
        let line = line.strip_suffix(b"\r").expect("LF stands behind CR");
        assert!(line != b"." && !line.contains(&b'\r') && !line.contains(&0) && line.len() <= 999);
    }
    assert!(!envelope.recipients.is_empty() && envelope.recipients.len() <= 5);
    let texts = envelope.recipients.iter().flat_map(|r| [&r.address, &r.asked]).chain([&envelope.sender]);
    for text in texts {
        assert!(!text.contains(|c: char| c.is_control() || c == '>' && !text.contains('"')), "{text:?}");
        assert!(text.is_ascii() || envelope.smtputf8, "{text:?}");
    }
}
