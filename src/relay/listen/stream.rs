//! A client's connection, in plain text or within TLS: read without a buffer of its own.

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Octets that are read at once.
const SCRATCH: usize = 64 << 10;

thread_local! {
    /// The one read buffer of a thread: taken out while it has something in it, so that a connection that waits has none.
    static SHARED: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Octets that were read, in their thread's buffer: it cannot be kept while something is waited for.
pub(super) struct Scratch {
    buffer: Option<Box<[u8]>>,
    filled: usize,
    thread: PhantomData<*const ()>,
}

impl Scratch {
    fn take() -> Scratch {
        let buffer = SHARED.take().unwrap_or_else(|| vec![0; SCRATCH].into_boxed_slice());
        Scratch { buffer: Some(buffer), filled: 0, thread: PhantomData }
    }

    pub(super) fn octets(&self) -> &[u8] {
        self.buffer.as_deref().map_or(&[], |buffer| &buffer[..self.filled])
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SHARED.set(self.buffer.take());
    }
}

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Closed,
}

impl Stream {
    /// Reads what there is, once there is something; nothing at the end.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Scratch>> {
        let mut scratch = Scratch::take();
        let Some(buffer) = scratch.buffer.as_deref_mut() else {
            return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
        };
        let mut buffer = ReadBuf::new(buffer);
        match self {
            Stream::Plain(stream) => ready!(Pin::new(stream).poll_read(context, &mut buffer))?,
            Stream::Tls(stream) => ready!(Pin::new(stream).poll_read(context, &mut buffer))?,
            Stream::Closed => {}
        }
        let filled = buffer.filled().len();
        scratch.filled = filled;
        Poll::Ready(Ok(scratch))
    }

    /// Whether the client has sent something that nobody has read yet.
    pub(super) fn has_input(&self) -> bool {
        let Stream::Plain(stream) = self else { return false };
        // Asked of the socket itself: the runtime may not have heard of it yet.
        let mut octet = [std::mem::MaybeUninit::uninit(); 1];
        matches!(socket2::SockRef::from(stream).peek(&mut octet), Ok(1..))
    }

    pub(super) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => write_plain(stream, octets).await,
            Stream::Tls(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
            Stream::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Starts TLS: what the client sends from now on has to be a handshake.
    pub(super) async fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let Stream::Plain(stream) = std::mem::replace(self, Stream::Closed) else {
            return Err(io::Error::other("TLS runs already"));
        };
        *self = Stream::Tls(Box::new(TlsAcceptor::from(config).accept(stream).await?));
        Ok(())
    }

    /// Version and cipher, inside of TLS.
    pub(super) fn tls(&self) -> Option<(&'static str, &'static str)> {
        let Stream::Tls(stream) = self else { return None };
        let connection = stream.get_ref().1;
        let version = connection.protocol_version().and_then(|version| version.as_str());
        let cipher = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        Some((version.unwrap_or("TLS"), cipher.unwrap_or("unknown")))
    }

    /// Waits until the client says something or goes away; tells which. What it says stays unread.
    pub(super) async fn input_comes(&self) -> bool {
        match self {
            Stream::Plain(stream) => matches!(stream.peek(&mut [0]).await, Ok(1..)),
            _ => false,
        }
    }

    /// Says the end, within TLS too (close_notify), so that nobody can have cut the last reply off unseen.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.shutdown().await,
            Stream::Tls(stream) => stream.shutdown().await,
            Stream::Closed => Ok(()),
        }
    }
}

/// Tries the socket at once: a reply has room in it nearly always, also before the runtime has seen that.
async fn write_plain(stream: &mut TcpStream, octets: &[u8]) -> io::Result<()> {
    match socket2::SockRef::from(&*stream).send(octets) {
        Ok(sent) if sent == octets.len() => Ok(()),
        Ok(sent) => stream.write_all(&octets[sent..]).await,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.write_all(octets).await,
        Err(error) => Err(error),
    }
}
