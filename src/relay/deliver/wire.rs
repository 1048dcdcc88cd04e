//! A connection's octets: replies in, commands and content out, each with a limit of time.
//!
//! Replies are read while something is being written: a host that answers pipelined commands before it reads on would
//! otherwise wait for us as we for it.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use crate::relay::deliver::reply::{Malformed, Raw, Whole, measure};
use crate::relay::deliver::{Kind, Trouble};
use crate::relay::reply::Status;

/// A stream to a next hop: a socket, TLS over one, or memory.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Room for replies at first, and at most.
const ROOM: usize = 2 * 1024;
const MOST: usize = 64 * 1024;

pub(super) struct Wire {
    io: Box<dyn Io>,
    input: Vec<u8>,
    /// What of it was read and not taken.
    start: usize,
    end: usize,
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>) -> Wire {
        Wire { io, input: vec![0; ROOM], start: 0, end: 0 }
    }

    /// The stream alone, if nothing that the host said is left.
    pub(super) fn into_io(self) -> Option<Box<dyn Io>> {
        (self.start == self.end).then_some(self.io)
    }

    /// Waits until a reply is there.
    pub(super) async fn reply(&mut self, limit: Duration) -> Result<Whole, Trouble> {
        if let Some(whole) = self.whole()? {
            return Ok(whole);
        }
        // The limit is for the whole reply: one that comes an octet at a time is late, too.
        let read = timeout(limit, async {
            loop {
                match poll_fn(|cx| self.poll_read(cx)).await {
                    Ok(0) => return Err(closed("the host closed the connection")),
                    Ok(_) => {}
                    Err(error) => return Err(closed(&format!("the connection broke: {error}"))),
                }
                if let Some(whole) = self.whole()? {
                    return Ok(whole);
                }
            }
        });
        read.await.unwrap_or_else(|_| Err(late("no answer in time")))
    }

    fn whole(&self) -> Result<Option<Whole>, Trouble> {
        measure(&self.input[self.start..self.end]).map_err(|malformed| {
            let text = match malformed {
                Malformed::Line => "an answer that is no reply",
                Malformed::TooLong => "an endless answer",
            };
            Trouble::new(Kind::Protocol, Status(4, 5, 0), text)
        })
    }

    /// Takes a reply that is there.
    pub(super) fn take(&mut self, whole: Whole) -> Raw<'_> {
        let start = self.start;
        self.start += whole.len;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        whole.of(&self.input[start..])
    }

    /// Reads what there is room for.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.input.len() {
            if self.end >= MOST {
                return Poll::Ready(Err(io::Error::other("more answers than there are questions")));
            }
            self.input.resize(2 * self.end, 0);
        }
        let mut room = ReadBuf::new(&mut self.input[self.end..]);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut room))?;
        let count = room.filled().len();
        self.end += count;
        Poll::Ready(Ok(count))
    }

    /// Writes both, one behind the other.
    pub(super) async fn write(&mut self, first: &[u8], second: &[u8], limit: Duration) -> Result<(), Trouble> {
        let (mut written, total) = (0, first.len() + second.len());
        let write = poll_fn(|cx| {
            while written < total {
                let rest = [&first[written.min(first.len())..], &second[written.saturating_sub(first.len())..]];
                match self.poll_write(cx, rest)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(count) => written += count,
                    Poll::Pending => return self.listen(cx),
                }
            }
            match Pin::new(&mut self.io).poll_flush(cx) {
                Poll::Pending => self.listen(cx),
                flushed => flushed,
            }
        });
        match timeout(limit, write).await {
            Ok(written) => written.map_err(|error| closed(&format!("the connection broke: {error}"))),
            Err(_) => Err(late("the host takes nothing more")),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, [first, second]: [&[u8]; 2]) -> Poll<io::Result<usize>> {
        let io = Pin::new(&mut self.io);
        match (first, second) {
            ([], one) | (one, []) => io.poll_write(cx, one),
            _ => io.poll_write_vectored(cx, &[IoSlice::new(first), IoSlice::new(second)]),
        }
    }

    /// Reads while the host takes nothing.
    fn listen(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What does not fit any more waits for its turn, and the write for its limit of time.
        while self.end - self.start < MOST {
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Poll::Pending
    }

    /// Waits until the host says something though it was not asked, which is that it goes.
    pub(super) async fn spoken(&mut self) {
        if self.start == self.end {
            // Whatever it is, the connection is of no more use.
            let _ = poll_fn(|cx| self.poll_read(cx)).await;
        }
    }

    /// Whether it has said nothing that it was not asked for.
    pub(super) fn is_silent(&mut self) -> bool {
        self.start == self.end && self.poll_read(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Says that nothing more will be said; TLS ends with its own farewell.
    pub(super) async fn shut_down(&mut self, limit: Duration) {
        // The host may be gone already.
        let _ = timeout(limit, poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx))).await;
    }
}

pub(super) fn closed(text: &str) -> Trouble {
    Trouble::new(Kind::Closed, Status(4, 4, 2), text)
}

pub(super) fn late(text: &str) -> Trouble {
    Trouble::new(Kind::Timeout, Status(4, 4, 2), text)
}
