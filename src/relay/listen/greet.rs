//! What comes before the greeting: who the client is, and whether it waits for its turn.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::timeout;

use super::proxy;
use super::stream::Stream;

/// For a PROXY header.
const HEADER: Duration = Duration::from_secs(10);

/// Who comes through a load balancer that does not say who that is. It is not the load balancer itself, which may be one
/// of those that may send anywhere.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The client's address, and whether it has talked already; `None` where there is nobody to talk to. Behind a load
/// balancer that is in its header, and who is none of them gets no answer.
pub(super) async fn introduced(
    stream: &mut Stream,
    proxies: Option<&[IpNet]>,
    peer: SocketAddr,
) -> Option<(SocketAddr, bool)> {
    let own = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    let Some(proxies) = proxies else { return Some((own, false)) };
    if !proxies.iter().any(|net| net.contains(&own.ip())) {
        return None;
    }
    let (client, early) = timeout(HEADER, header(stream)).await.ok()??;
    Some((client.map_or(NOBODY, |ip| SocketAddr::new(ip, 0)), early))
}

/// Reads a header; whatever comes behind it comes too early.
async fn header(stream: &mut Stream) -> Option<(Option<IpAddr>, bool)> {
    let mut input = Vec::new();
    loop {
        let scratch = poll_fn(|context| stream.poll_read(context)).await.ok()?;
        if scratch.octets().is_empty() {
            return None;
        }
        // The reader asks for more only below its own bound, and one read is bounded as well.
        input.extend_from_slice(scratch.octets());
        if let Some(header) = proxy::read(&input).ok()? {
            return Some((header.client, input.len() > header.length));
        }
    }
}

/// Whether the client talks before the greeting, which is held back for so many seconds.
pub(super) async fn talks(stream: &Stream, seconds: u32) -> bool {
    if seconds == 0 {
        return stream.has_input();
    }
    // Who has gone away meanwhile has not talked.
    timeout(Duration::from_secs(seconds.into()), stream.input_comes()).await.unwrap_or(false)
}
