//! Listening sockets: our own, or those that a service manager opened for us.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// One socket an address, in their order. All that cannot be had is told at once.
pub fn open(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Vec<String>> {
    let (mut given, mut problems) = inherited(addresses);
    let mut all = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let known = given.iter().position(|(at, _)| *at == address);
        let socket = known.map_or_else(|| bind(address), |i| Ok(given.swap_remove(i).1));
        match socket {
            Ok(socket) => all.push(socket),
            Err(error) => problems.push(format!("cannot listen on {address}: {}{}", error, help(&error))),
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

fn help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => " (a port below 1024 needs CAP_NET_BIND_SERVICE or a start as root)",
        io::ErrorKind::AddrInUse => " (another mail server runs there, perhaps)",
        io::ErrorKind::AddrNotAvailable => " (this host does not have that address)",
        _ => "",
    }
}

/// What a service manager handed over. A socket that the configuration does not know would be left without an answer.
fn inherited(addresses: &[SocketAddr]) -> (Vec<(SocketAddr, TcpListener)>, Vec<String>) {
    let mut sockets = ListenFd::from_env();
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    for i in 0..sockets.len() {
        let socket = sockets.take_tcp_listener(i).and_then(|socket| {
            let socket = socket.ok_or_else(|| io::Error::other("it is taken already"))?;
            socket.set_nonblocking(true)?;
            Ok((socket.local_addr()?, socket))
        });
        match socket {
            Ok((address, socket)) if addresses.contains(&address) => given.push((address, socket)),
            Ok((address, _)) => {
                problems.push(format!("the socket {address} was handed over, but `server.listen` does not name it"));
            }
            Err(error) => problems.push(format!("cannot use the socket that was handed over: {error}")),
        }
    }
    (given, problems)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]:25` and `0.0.0.0:25` are two addresses, and may stand beside each other.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
