//! The loop that takes connections, and outlives every way in which that can fail.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::limits::Full;
use super::{Server, serve};
use crate::relay::event::Event;
use crate::relay::session::replies::{self, Row};

/// How long it rests where the system has no more to give, and at most.
const REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Takes connections until the relay ends, or nobody listens at the address any more.
pub(super) async fn run(server: Arc<Server>, address: SocketAddr, socket: TcpListener) {
    let mut stop = server.stopping();
    let mut rest = REST;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.wait() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                rest = REST;
                take(&server, address, stream, peer);
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                let why = format!("cannot take a connection at {address}: {error}");
                server.log.write(&Event::Error { part: "listen", why: &why });
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(LONGEST_REST);
            }
        }
    }
}

/// Whether one connection has failed, and not the socket or the system.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | HostUnreachable | Interrupted | NetworkUnreachable | TimedOut
    )
}

fn take(server: &Arc<Server>, address: SocketAddr, stream: TcpStream, peer: SocketAddr) {
    let now = server.now();
    match server.sessions.enter(now.local.limits.sessions) {
        Ok(place) => {
            server.metrics.sessions.inc();
            drop(tokio::spawn(serve::connection(Arc::clone(server), address, stream, peer, place)));
        }
        Err(full) => turn_away(server, &stream, peer, full),
    }
}

/// One reply, as far as the socket takes it at once: whoever has no place costs nothing more.
fn turn_away(server: &Server, stream: &TcpStream, peer: SocketAddr, full: Full) {
    server.metrics.sessions_refused.inc();
    let row = row(full);
    server.refused(peer, "", "connect", None, None, &row.reply());
    let mut reply = Vec::new();
    row.write(&mut reply);
    let _ = socket2::SockRef::from(stream).send(&reply);
}

pub(super) fn row(full: Full) -> Row {
    match full {
        Full::Everywhere => replies::TOO_MANY_SESSIONS,
        Full::ForTheNetwork => replies::TOO_MANY_OF_A_NETWORK,
    }
}
