//! Sinks: SMTP, SMTPS and LMTP servers that record what they get and fail where they are told to.

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};

use nix::sys::socket::{Shutdown as SocketShutdown, shutdown};

use crate::lab::inbox::Inbox;
use crate::lab::milter::Milter;
use crate::lab::session;
use crate::lab::tls::Identity;
use crate::lab::trouble::{How, Step, Trouble};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Smtp,
    Smtps,
    Lmtp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    Absent,
    Accepts,
    /// 535 to everybody.
    Refuses,
}

/// What a sink is and does; each method returns it changed. Replies are whole, as `450 4.2.0 later`.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) label: String,
    pub(crate) protocol: Protocol,
    pub(crate) identity: Option<Identity>,
    pub(crate) auth: Auth,
    pub(crate) max_size: Option<u64>,
    pub(crate) smtputf8: bool,
    pub(crate) greeting: String,
    pub(crate) ehlo: Option<String>,
    pub(crate) mail: Option<String>,
    pub(crate) rcpt: Option<String>,
    pub(crate) rcpt_for: BTreeMap<String, String>,
    pub(crate) data: Option<String>,
    pub(crate) dot: Option<String>,
    pub(crate) trouble: Option<Trouble>,
}

impl Sink {
    /// Takes everything, in clear.
    pub(crate) fn smtp(label: &str) -> Sink {
        Sink {
            label: label.to_owned(),
            protocol: Protocol::Smtp,
            identity: None,
            auth: Auth::Absent,
            max_size: None,
            smtputf8: false,
            greeting: format!("220 {label}.sink.invalid ESMTP"),
            ehlo: None,
            mail: None,
            rcpt: None,
            rcpt_for: BTreeMap::new(),
            data: None,
            dot: None,
            trouble: None,
        }
    }

    pub(crate) fn lmtp(label: &str) -> Sink {
        Sink { protocol: Protocol::Lmtp, ..Sink::smtp(label) }
    }

    /// TLS from the first byte.
    pub(crate) fn smtps(label: &str, identity: Identity) -> Sink {
        Sink { protocol: Protocol::Smtps, identity: Some(identity), ..Sink::smtp(label) }
    }

    /// Offers STARTTLS with this certificate.
    pub(crate) fn starttls(self, identity: Identity) -> Sink {
        Sink { identity: Some(identity), ..self }
    }

    pub(crate) fn auth(self, auth: Auth) -> Sink {
        Sink { auth, ..self }
    }

    pub(crate) fn max_size(self, bytes: u64) -> Sink {
        Sink { max_size: Some(bytes), ..self }
    }

    pub(crate) fn smtputf8(self) -> Sink {
        Sink { smtputf8: true, ..self }
    }

    /// The first line; after one that is not 2xx the connection is closed.
    pub(crate) fn greeting(self, reply: &str) -> Sink {
        Sink { greeting: reply.to_owned(), ..self }
    }

    /// To EHLO, lines joined with CRLF, instead of what the sink can do. HELO is answered as ever.
    pub(crate) fn ehlo(self, reply: &str) -> Sink {
        Sink { ehlo: Some(reply.to_owned()), ..self }
    }

    pub(crate) fn mail(self, reply: &str) -> Sink {
        Sink { mail: Some(reply.to_owned()), ..self }
    }

    /// To every RCPT that `rcpt_for` does not name.
    pub(crate) fn rcpt(self, reply: &str) -> Sink {
        Sink { rcpt: Some(reply.to_owned()), ..self }
    }

    pub(crate) fn rcpt_for(mut self, recipient: &str, reply: &str) -> Sink {
        self.rcpt_for.insert(recipient.to_owned(), reply.to_owned());
        self
    }

    /// To the DATA command.
    pub(crate) fn data(self, reply: &str) -> Sink {
        Sink { data: Some(reply.to_owned()), ..self }
    }

    /// To the end of the message.
    pub(crate) fn dot(self, reply: &str) -> Sink {
        Sink { dot: Some(reply.to_owned()), ..self }
    }

    /// Goes wrong at a step, the first `times` that it gets there.
    pub(crate) fn trouble(self, step: Step, how: How, times: usize) -> Sink {
        Sink { trouble: Some(Trouble::new(step, how, times)), ..self }
    }
}

/// The sockets of a world's sinks, all closed with it.
#[derive(Clone, Default)]
pub(crate) struct Sockets {
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    listeners: Vec<TcpListener>,
    connections: Vec<TcpStream>,
}

impl Sockets {
    pub(crate) fn serve(&self, listener: TcpListener, sink: Sink, inbox: Inbox) {
        self.accept(listener, move |stream, client| session::serve(stream, client, &sink, &inbox));
    }

    pub(crate) fn serve_milter(&self, listener: TcpListener, milter: Milter) {
        self.accept(listener, move |stream, _| milter.converse(stream));
    }

    /// Gives each connection a thread.
    fn accept(&self, listener: TcpListener, talk: impl Fn(TcpStream, SocketAddr) + Send + Sync + 'static) {
        let copy = listener.try_clone().expect("a listener can be duplicated");
        self.lock().listeners.push(copy);
        let sockets = self.clone();
        let talk = Arc::new(talk);
        std::thread::spawn(move || {
            while let Ok((stream, client)) = listener.accept() {
                let Ok(copy) = stream.try_clone() else { return };
                sockets.lock().connections.push(copy);
                let talk = talk.clone();
                std::thread::spawn(move || talk(stream, client));
            }
        });
    }

    pub(crate) fn close(&self) {
        let mut open = self.lock();
        for listener in open.listeners.drain(..) {
            let _ = shutdown(listener.as_raw_fd(), SocketShutdown::Both);
        }
        for connection in open.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().expect("no one panicked with the sockets")
    }
}
