//! Which addresses are this relay's own, so that it does not send to itself.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

/// Where a host that listens at these addresses is reached on `port`. One that listens everywhere has every address of its
/// machine.
pub fn own_addresses(listen: &[SocketAddr], port: u16) -> BTreeSet<IpAddr> {
    let on_port = listen.iter().filter(|address| address.port() == port).map(SocketAddr::ip);
    let (everywhere, mut own): (BTreeSet<IpAddr>, BTreeSet<IpAddr>) = on_port.partition(IpAddr::is_unspecified);
    let machine = if everywhere.is_empty() { Vec::new() } else { of_this_machine() };
    // A socket for every IPv6 address takes IPv4 too, where the system does not say otherwise.
    let six = everywhere.iter().any(IpAddr::is_ipv6);
    own.extend(machine.into_iter().filter(|ip| six || ip.is_ipv4()));
    own
}

/// Without them a loop is found by the host's name alone, or by the Received lines that it grows.
fn of_this_machine() -> Vec<IpAddr> {
    let addresses = getifaddrs().into_iter().flatten().filter_map(|interface| interface.address);
    addresses.filter_map(|address| ip(&address)).collect()
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let four = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    four.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}
