//! How a next hop is reached: over TCP, or in a test over memory.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use tokio::net::TcpSocket;

use crate::relay::deliver::Target;
use crate::relay::deliver::wire::Io;

/// What a trait can hand out for `async`.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Opens streams to next hops.
pub trait Dial: Send + Sync {
    /// One to `target`, from a local address where one is said.
    fn dial<'a>(&'a self, target: &'a Target, source: Option<IpAddr>) -> Pending<'a, io::Result<Box<dyn Io>>>;
}

/// The real network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Dial for Tcp {
    fn dial<'a>(&'a self, target: &'a Target, source: Option<IpAddr>) -> Pending<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let socket = if target.addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            if let Some(source) = source {
                socket.bind(SocketAddr::new(source, 0))?;
            }
            let stream = socket.connect(target.addr).await?;
            // What is written is written at once, and whole: nothing is gained by waiting for more.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}
