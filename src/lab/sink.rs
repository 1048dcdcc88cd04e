//! Sinks: SMTP, SMTPS and LMTP servers that record what they get and fail where they are told to.

use std::collections::{BTreeMap, HashMap};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};

use nix::errno::Errno;
use nix::sys::socket::{Shutdown as SocketShutdown, shutdown};

use crate::lab::PAUSE;
use crate::lab::error::{Explain, Result, lock, thread};
use crate::lab::inbox::Inbox;
use crate::lab::milter::Milter;
use crate::lab::session;
use crate::lab::tls::Identity;
use crate::lab::trouble::{How, Step, Trouble};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Smtp,
    Smtps,
    Lmtp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    Absent,
    Accepts,
    /// 535 to everybody.
    Refuses,
}

/// What a sink is and does; each method returns it changed. Replies are whole, as `450 4.2.0 later`.
#[derive(Clone)]
pub struct Sink {
    pub label: String,
    pub protocol: Protocol,
    pub identity: Option<Identity>,
    pub auth: Auth,
    pub max_size: Option<u64>,
    pub smtputf8: bool,
    pub greeting: String,
    pub ehlo: Option<String>,
    pub mail: Option<String>,
    pub rcpt: Option<String>,
    pub rcpt_for: BTreeMap<String, String>,
    pub data: Option<String>,
    pub dot: Option<String>,
    pub trouble: Option<Trouble>,
}

impl Sink {
    /// Takes everything, in clear.
    pub fn smtp(label: &str) -> Sink {
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

    pub fn lmtp(label: &str) -> Sink {
        Sink { protocol: Protocol::Lmtp, ..Sink::smtp(label) }
    }

    /// TLS from the first byte.
    pub fn smtps(label: &str, identity: Identity) -> Sink {
        Sink { protocol: Protocol::Smtps, identity: Some(identity), ..Sink::smtp(label) }
    }

    /// Offers STARTTLS with this certificate.
    pub fn starttls(self, identity: Identity) -> Sink {
        Sink { identity: Some(identity), ..self }
    }

    pub fn auth(self, auth: Auth) -> Sink {
        Sink { auth, ..self }
    }

    pub fn max_size(self, bytes: u64) -> Sink {
        Sink { max_size: Some(bytes), ..self }
    }

    pub fn smtputf8(self) -> Sink {
        Sink { smtputf8: true, ..self }
    }

    /// The first line; after one that is not 2xx the connection is closed.
    pub fn greeting(self, reply: &str) -> Sink {
        Sink { greeting: reply.to_owned(), ..self }
    }

    /// To EHLO, lines joined with CRLF, instead of what the sink can do. HELO is answered as ever.
    pub fn ehlo(self, reply: &str) -> Sink {
        Sink { ehlo: Some(reply.to_owned()), ..self }
    }

    pub fn mail(self, reply: &str) -> Sink {
        Sink { mail: Some(reply.to_owned()), ..self }
    }

    /// To every RCPT that `rcpt_for` does not name.
    pub fn rcpt(self, reply: &str) -> Sink {
        Sink { rcpt: Some(reply.to_owned()), ..self }
    }

    pub fn rcpt_for(mut self, recipient: &str, reply: &str) -> Sink {
        self.rcpt_for.insert(recipient.to_owned(), reply.to_owned());
        self
    }

    /// To the DATA command.
    pub fn data(self, reply: &str) -> Sink {
        Sink { data: Some(reply.to_owned()), ..self }
    }

    /// To the end of the message.
    pub fn dot(self, reply: &str) -> Sink {
        Sink { dot: Some(reply.to_owned()), ..self }
    }

    /// Goes wrong at a step, the first `times` that it gets there.
    pub fn trouble(self, step: Step, how: How, times: usize) -> Sink {
        Sink { trouble: Some(Trouble::new(step, how, times)), ..self }
    }
}

/// The sockets of a world's sinks, all closed with it.
#[derive(Clone, Default)]
pub struct Sockets {
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    listeners: Vec<TcpListener>,
    /// By a number of their own, until they end.
    connections: HashMap<u64, TcpStream>,
    next: u64,
}

impl Sockets {
    pub fn serve(&self, listener: TcpListener, sink: Sink, inbox: Inbox) -> Result<()> {
        self.accept(listener, move |stream, client| session::serve(stream, client, &sink, &inbox))
    }

    pub fn serve_milter(&self, listener: TcpListener, milter: Milter) -> Result<()> {
        self.accept(listener, move |stream, _| milter.converse(stream))
    }

    /// Gives each connection a thread.
    fn accept(
        &self,
        listener: TcpListener,
        talk: impl Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
    ) -> Result<()> {
        let copy = listener.try_clone().explain("cannot duplicate the socket of a server")?;
        self.lock().listeners.push(copy);
        let sockets = self.clone();
        let talk = Arc::new(talk);
        thread(move || {
            loop {
                let accepted = listener.accept().and_then(|(stream, client)| Ok((stream.try_clone()?, stream, client)));
                let (copy, stream, client) = match accepted {
                    Ok(accepted) => accepted,
                    // Others will close theirs.
                    Err(error) if is_short(&error) => {
                        std::thread::sleep(PAUSE);
                        continue;
                    }
                    Err(_) => return,
                };
                let (number, talk, sockets) = (sockets.opened(copy), talk.clone(), sockets.clone());
                let served = thread(move || {
                    talk(stream, client);
                    sockets.lock().connections.remove(&number);
                });
                if served.is_err() {
                    return;
                }
            }
        })?;
        Ok(())
    }

    fn opened(&self, connection: TcpStream) -> u64 {
        let mut open = self.lock();
        open.next += 1;
        let number = open.next;
        open.connections.insert(number, connection);
        number
    }

    pub fn close(&self) {
        let mut open = self.lock();
        for listener in open.listeners.drain(..) {
            let _ = shutdown(listener.as_raw_fd(), SocketShutdown::Both);
        }
        for (_, connection) in open.connections.drain() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        lock(&self.open)
    }
}

/// That files or memory ran out, which does not last.
fn is_short(error: &std::io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS | Errno::ECONNABORTED))
}
