//! One connection, from its first octet to its last: the session's words between a socket and the rest of the relay.
//!
//! A connection that waits costs its session, its task and a timer: at most [`IDLE`] octets in plain text. One that sends
//! a message costs [`IN_MEMORY`](super::content::IN_MEMORY) octets more, and what RCPT named.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::accept::row;
use super::limits::Place;
use super::stream::Stream;
use super::transaction::{Later, Transaction};
use super::{Now, Server, greet};
use crate::relay::event::Event;
use crate::relay::session::replies;
use crate::relay::session::{Action, Answer, Refusal, Session};

/// Octets of memory that an idle connection in plain text has, at most.
pub const IDLE: usize = 8 << 10;

/// For a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// For the client to read our last words.
const FAREWELL: Duration = Duration::from_secs(2);
/// Octets that are read of a client that goes on talking after them.
const LAST_INPUT: usize = 1 << 20;

pub(super) struct Connection {
    pub(super) server: Arc<Server>,
    pub(super) client: SocketAddr,
    pub(super) session: Session,
    pub(super) transaction: Transaction,
    pub(super) stream: Stream,
    /// Input that is not used up, while something is waited for.
    rest: Vec<u8>,
    patience: Patience,
    closing: bool,
}

/// What the connection does next.
enum Step {
    Read,
    Wait(Box<Later>),
    Close,
    /// The relay is to end.
    Stop,
}

pub(super) async fn connection(
    server: Arc<Server>,
    address: SocketAddr,
    stream: TcpStream,
    peer: SocketAddr,
    mut place: Place,
) {
    let now = Arc::clone(&server.now());
    let mut stream = Stream::Plain(stream);
    let introduced = greet::introduced(&mut stream, now.local.proxies(address), peer).await;
    let Some((client, early)) = introduced else { return };
    let session = Session::new(Arc::clone(&now.settings), None);
    let mut connection = Connection::new(server, client, session, stream);
    connection.admit(&now, &mut place, early).await;
    drop(now);
    connection.run().await;
    drop(place);
}

impl Connection {
    fn new(server: Arc<Server>, client: SocketAddr, session: Session, stream: Stream) -> Connection {
        let patience = Patience::new(&session);
        let transaction = Transaction::default();
        Connection { server, client, session, transaction, stream, rest: Vec::new(), patience, closing: false }
    }

    /// Greets the client, or says why not.
    async fn admit(&mut self, now: &Now, place: &mut Place, early: bool) {
        let trusted = now.router.trusted(self.client.ip());
        let counted =
            if trusted { Ok(()) } else { place.count_in(self.client.ip(), now.local.limits.sessions_per_network) };
        if let Err(full) = counted {
            self.server.metrics.sessions_refused.inc();
            self.refuse(row(full));
        } else if early || greet::talks(&self.stream, now.local.timeouts.greeting).await {
            self.refuse(replies::TOO_EARLY);
        } else {
            self.session.greet();
        }
    }

    fn refuse(&mut self, row: replies::Row) {
        self.server.refused(self.client, "", "connect", None, None, &row.reply());
        self.session.hang_up(row);
        self.closing = true;
    }

    async fn run(mut self) {
        let server = Arc::clone(&self.server);
        let mut stop = server.stopping();
        let mut stopped = pin!(stop.wait());
        let mut timer = pin!(sleep_until(self.patience.until()));
        let mut stopping = false;
        loop {
            if self.write().await.is_err() {
                return self.cut("the client is gone");
            }
            if self.closing {
                return self.farewell().await;
            }
            let step = match poll_fn(|context| self.poll_step(context, &mut timer, &mut stopped, stopping)).await {
                Some(Step::Stop) => {
                    stopping = true;
                    Step::Read
                }
                Some(step) => step,
                None => return self.cut("the client is gone"),
            };
            self.work(step).await;
            if stopping && !self.closing && self.session.is_idle() {
                self.session.hang_up(replies::SHUTTING_DOWN);
                self.closing = true;
            }
        }
    }

    /// Waits for input, and takes it; `None` where no more can come.
    fn poll_step(
        &mut self,
        context: &mut Context<'_>,
        timer: &mut Pin<&mut Sleep>,
        stop: &mut Pin<&mut impl Future<Output = ()>>,
        stopping: bool,
    ) -> Poll<Option<Step>> {
        if let Poll::Ready(read) = self.stream.poll_read(context) {
            let scratch = read.ok().filter(|scratch| !scratch.octets().is_empty());
            return Poll::Ready(scratch.map(|scratch| self.take(scratch.octets())));
        }
        if self.patience.poll(timer, context).is_ready() {
            return Poll::Ready(Some(self.too_slow()));
        }
        if !stopping && stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Step::Stop));
        }
        Poll::Pending
    }

    fn too_slow(&mut self) -> Step {
        self.session.hang_up(replies::TIMEOUT);
        self.cut("it took too long");
        Step::Close
    }

    /// Feeds the session, and does what can be done at once.
    fn take(&mut self, input: &[u8]) -> Step {
        let mut used = 0;
        let step = loop {
            let (octets, action) = self.session.feed(&input[used..]);
            used += octets;
            match action {
                Action::More => break Step::Read,
                Action::Close => break Step::Close,
                Action::Write => break Step::Wait(Box::new(Later::Output)),
                Action::StartTls => break Step::Wait(Box::new(Later::Tls)),
                Action::Mail { size } => self.mail(size),
                Action::Rcpt(path) => match self.rcpt(path) {
                    Ok(answer) => self.session.answer(answer),
                    Err(later) => break Step::Wait(Box::new(later)),
                },
                Action::Content(octets) => self.content(octets),
                Action::Discard => self.transaction.discard(),
                Action::Message(envelope) => break Step::Wait(Box::new(Later::Message(envelope))),
            }
        };
        self.rest.extend_from_slice(&input[used..]);
        self.turned_down();
        // One that was refused is over, though what is known of it is there until the next one.
        let message = self.transaction.until(self.server.now().local.timeouts.message);
        let message = message.filter(|_| !self.session.is_idle());
        self.patience.progress(&self.session, message);
        step
    }

    /// Logs what the session has refused by itself.
    fn turned_down(&mut self) {
        let refusals: Vec<Refusal> = self.session.refusals().collect();
        for Refusal { verb, reply } in refusals {
            self.server.refused(self.client, self.helo(), verb, None, None, &reply.reply());
        }
    }

    /// Does what has to be waited for, and goes on with the input that is left.
    async fn work(&mut self, mut step: Step) {
        loop {
            match step {
                Step::Read | Step::Stop => return,
                Step::Close => {
                    self.closing = true;
                    return;
                }
                Step::Wait(later) => {
                    // Nobody waits for a reply longer than for what it says.
                    if self.write().await.is_err() {
                        self.closing = true;
                        return;
                    }
                    Box::pin(self.later(*later)).await;
                    if self.closing {
                        return;
                    }
                }
            }
            let rest = std::mem::take(&mut self.rest);
            step = self.take(&rest);
        }
    }

    async fn later(&mut self, later: Later) {
        let answer = match later {
            // It is written before anything is waited for.
            Later::Output => return,
            Later::Tls => match self.start_tls().await {
                Some(cipher) => Answer::Tls(cipher),
                None => {
                    self.closing = true;
                    return;
                }
            },
            Later::Recipient(sending) => self.verify(sending).await,
            Later::Message(envelope) => self.store(envelope).await,
        };
        self.session.answer(answer);
        self.patience.renew(&self.session);
    }

    /// Gives the cipher's name.
    async fn start_tls(&mut self) -> Option<&'static str> {
        self.rest = Vec::new();
        let config = self.server.now().tls.clone()?;
        self.server.metrics.tls_in.inc();
        let why = match timeout(HANDSHAKE, self.stream.start_tls(config)).await {
            Ok(Ok(())) => return self.stream.tls().map(|(_, cipher)| cipher),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        self.server.metrics.tls_in_failed.inc();
        self.cut(&format!("no TLS: {why}"));
        self.stream = Stream::Closed;
        None
    }

    async fn write(&mut self) -> io::Result<()> {
        let output = self.session.output();
        if output.is_empty() {
            return Ok(());
        }
        // A client that does not read is no better than one that does not write.
        let written = timeout(self.patience.limit, self.stream.write(output)).await;
        output.clear();
        self.session.rest();
        written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Closes our side, and reads on for a moment: a client that still sends would else lose our last reply. One that
    /// has said QUIT does not.
    async fn farewell(&mut self) {
        let quit = self.session.has_quit();
        if quit && matches!(self.stream, Stream::Plain(_)) {
            return;
        }
        let stream = &mut self.stream;
        let mut left = if quit { 0 } else { LAST_INPUT };
        let last = async {
            stream.close().await?;
            while left > 0 {
                match poll_fn(|context| stream.poll_read(context)).await?.octets().len() {
                    0 => break,
                    read => left = left.saturating_sub(read),
                }
            }
            io::Result::Ok(())
        };
        // Whatever becomes of it, it is over.
        let _ = timeout(FAREWELL, last).await;
    }

    /// Tells of a session that ended in the middle of something.
    fn cut(&self, why: &str) {
        if !self.session.is_idle() {
            let helo = self.session.helo().unwrap_or_default();
            self.server.log.write(&Event::SessionCut { client: self.client, helo, why });
        }
    }
}

/// How long the client is waited for. The timer is set anew only where it would ring too late; where it rings too early
/// it is set again.
struct Patience {
    progress: u64,
    since: Instant,
    limit: Duration,
    /// For a whole message.
    message: Option<Instant>,
}

impl Patience {
    fn new(session: &Session) -> Patience {
        let (progress, limit) = (session.progress(), session.deadline());
        Patience { progress, since: Instant::now(), limit, message: None }
    }

    fn until(&self) -> Instant {
        let next = self.since + self.limit;
        self.message.map_or(next, |message| message.min(next))
    }

    /// More time where the client has got on; octets one by one are not enough.
    fn progress(&mut self, session: &Session, message: Option<Instant>) {
        self.message = message;
        // The end of a message that was refused is no command, and yet another time begins.
        if self.progress != session.progress() || self.limit != session.deadline() {
            self.renew(session);
        }
    }

    fn renew(&mut self, session: &Session) {
        *self = Patience { message: self.message, ..Patience::new(session) };
    }

    fn poll(&self, timer: &mut Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<()> {
        let until = self.until();
        if until < timer.deadline() {
            timer.as_mut().reset(until);
        }
        while timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}
