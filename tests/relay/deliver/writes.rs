//! How content is written: in as few pieces as may be, and never less than all of it.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use mailswitch::relay::config::{Protocol, TlsLevel};
use mailswitch::relay::deliver::{Client, Dial, Io, Octets, Pending, Settings, Target, connect};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::peer::{Mails, Names, Peers, Script, client, connector, mail, opening, send, target};

/// Counts what is written at once.
struct Counted<'p> {
    peers: &'p Peers,
    writes: Arc<Mutex<Vec<usize>>>,
}

struct Counter(Box<dyn Io>, Arc<Mutex<Vec<usize>>>);

impl Dial for Counted<'static> {
    fn dial<'a>(&'a self, target: &'a Target, source: Option<IpAddr>) -> Pending<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let io = self.peers.dial(target, source).await?;
            Ok(Box::new(Counter(io, Arc::clone(&self.writes))) as Box<dyn Io>)
        })
    }
}

impl AsyncRead for Counter {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Counter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.1.lock().unwrap().push(octets.len());
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.1.lock().unwrap().push(parts.iter().map(|part| part.len()).sum());
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_one_write_with_the_next_ones_envelope() {
    const MESSAGES: usize = 5;
    let envelope = "C: MAIL FROM:<s@us.example>\nC: RCPT TO:<a@x.example>\nC: DATA\n";
    let taken = "S: 250 ok\nS: 250 ok\nS: 354 go on\n";
    let content = "C: one\nC: .\n";
    let mut script = opening(&["PIPELINING"]) + envelope + taken;
    (1..MESSAGES).for_each(|_| script.push_str(&[content, envelope, "S: 250 ok\n", taken].concat()));
    script.push_str(&[content, "S: 250 ok"].concat());
    let peers: &'static Peers = Box::leak(Box::new(Peers::default()));
    peers.push(Script::from(script.as_str()));
    let writes = Arc::default();
    let dial = Counted { peers, writes: Arc::clone(&writes) };
    let client = Client::new(Settings::new("us.example"), Arc::new(Names::default()), Arc::new(dial));
    let mut connection = connect(&client, &connector(Protocol::Smtp, TlsLevel::Off), &target()).await.unwrap();
    let mut mails = Mails::of((0..MESSAGES as u64).map(|id| mail(id, &["a@x.example"], "one\r\n")));
    connection.run(&mut mails).await.unwrap();
    drop(connection);
    peers.done().await;
    // EHLO, the first envelope, and then a message each.
    assert_eq!(writes.lock().unwrap().len(), 2 + MESSAGES);
}

/// Content that is read from elsewhere in pieces.
struct File(Vec<u8>, bool);

impl Octets for File {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn in_memory(&self) -> Option<&[u8]> {
        None
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        if self.1 && at > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let piece = into.len().min(1000);
        self.0.read_at(&mut into[..piece], at)
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_goes_out_in_pieces_or_not_at_all() {
    let envelope = "C: MAIL FROM:<s@us.example>
        C: RCPT TO:<a@x.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go on\n";
    let line = "x".repeat(70);
    let content = format!("{line}\r\n").repeat(1000);
    let heard = format!("C: {line}\n").repeat(1000);
    for broken in [false, true] {
        let mut message = mail(1, &["a@x.example"], "");
        message.content = Arc::new(File(content.clone().into_bytes(), broken));
        if broken {
            let (first, _) = heard.split_at(heard.match_indices('\n').nth(12).unwrap().0);
            let peers = Peers::new([(opening(&["PIPELINING"]) + envelope + first).as_str()]);
            let smtp = connector(Protocol::Smtp, TlsLevel::Off);
            let mut connection = connect(&client(&peers), &smtp, &target()).await.unwrap();
            let mut mails = Mails::of([message]);
            let trouble = connection.run(&mut mails).await.unwrap_err();
            assert_eq!(trouble.text, "the content cannot be read");
            assert_eq!(mails.lines(), ["1 a@x.example lost"]);
        } else {
            let script = format!("{envelope}{heard}C: .\nS: 250 ok");
            let script = opening(&["PIPELINING"]) + &script;
            assert_eq!(send(Protocol::Smtp, &script, vec![message]).await, ["1 a@x.example delivered 250 ok"]);
        }
    }
}
