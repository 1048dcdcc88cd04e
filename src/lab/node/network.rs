//! How a machine hangs on the world: a link, and routes on both sides of it.

use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use crate::lab::GATEWAY;
use crate::lab::error::{Error, Explain, Result};
use crate::lab::node::run;
use crate::lab::space::Space;

/// The world's side: a link to the machine, and a route to each of its addresses.
pub(crate) fn connect_world(machine: &Space, number: u8, addresses: &[IpAddr]) -> Result<()> {
    let mut batch = format!(
        "link add m{number} type veth peer name eth0 netns {}\n\
         link set m{number} addrgenmode none\n\
         addr add fe80::1/64 dev m{number} nodad\n\
         link set m{number} up\n",
        machine.network_path()
    );
    for address in addresses {
        batch += &format!("route add unicast {address} dev m{number} table local scope link\n");
    }
    ip(&batch)
}

/// The machine's side: everything that is not its own is behind the link.
pub(crate) fn connect_machine(addresses: &[IpAddr]) -> Result<()> {
    sysctl("net/ipv6/conf/all/disable_ipv6", "0")?;
    let mut batch = "link set lo up\nlink set eth0 addrgenmode none\nlink set eth0 up\n".to_owned();
    batch += "addr add fe80::2/64 dev eth0 nodad\n";
    for address in addresses {
        let nodad = if address.is_ipv6() { " nodad" } else { "" };
        batch += &format!("addr add {address} dev eth0{nodad}\n");
    }
    // The address given first is the one that the machine speaks from.
    if let Some(source) = addresses.iter().find(|address| address.is_ipv4()) {
        batch += &format!("route add 0.0.0.0/0 via {GATEWAY} dev eth0 onlink src {source}\n");
    }
    if let Some(source) = addresses.iter().find(|address| address.is_ipv6()) {
        batch += &format!("route add ::/0 via fe80::1 dev eth0 src {source}\n");
    }
    ip(&batch)
}

/// Leaves a machine no way over IPv6 but those to these hosts.
pub(crate) fn narrow_ipv6(hosts: &[Ipv6Addr]) -> Result<()> {
    let route = |host: &Ipv6Addr| format!("route add {host}/128 via fe80::1 dev eth0\n");
    let kept: String = hosts.iter().map(route).collect();
    ip(&format!("route del ::/0\n{kept}"))
}

/// Runs ip(8) in the calling thread's network; a line that fails is an error.
pub(crate) fn ip(batch: &str) -> Result<()> {
    let output = run("ip", &["-batch", "-"], batch.as_bytes())?;
    if output.success {
        return Ok(());
    }
    Err(Error::new(format!("cannot set up a network by ip -batch:\n{batch}\n{}", output.text())))
}

/// Sets a kernel parameter of the calling thread's network.
pub(crate) fn sysctl(name: &str, value: &str) -> Result<()> {
    let path = Path::new("/proc/sys").join(name);
    fs::write(&path, value).explain(format_args!("cannot set {}", path.display()))
}

/// The local ports in state LISTEN (0A) of the calling thread's network, of `tcp` or `tcp6`.
pub(crate) fn listening(kind: &str) -> Vec<u16> {
    let table = fs::read_to_string(format!("/proc/thread-self/net/{kind}")).unwrap_or_default();
    let port = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, state) = (fields.next()?, fields.nth(1)?);
        let (_, port) = local.rsplit_once(':')?;
        if state == "0A" { u16::from_str_radix(port, 16).ok() } else { None }
    };
    table.lines().skip(1).filter_map(port).collect()
}
