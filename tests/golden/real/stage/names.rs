//! Names and labels of the hosts in a case's world.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mailswitch::name::{Host, HostName};
use mailswitch::plan::Protocol;

use mailswitch::lab::World;

/// Addresses for the names of the world, given out as they come up.
pub(super) struct Names<'w> {
    world: &'w World,
    known: RefCell<BTreeMap<String, IpAddr>>,
}

impl<'w> Names<'w> {
    pub(super) fn new(world: &'w World) -> Names<'w> {
        Names { world, known: RefCell::default() }
    }

    pub(super) fn address(&self, name: &str) -> IpAddr {
        let mut known = self.known.borrow_mut();
        let next = u8::try_from(known.len() + 1).expect("a case has few hosts");
        *known.entry(name.to_owned()).or_insert_with(|| {
            let address = IpAddr::from(Ipv4Addr::new(100, 64, 0, next));
            self.world.host(name, &address.to_string()).unwrap();
            address
        })
    }

    pub(super) fn socket(&self, host: &Host, protocol: Protocol) -> SocketAddr {
        let usual = match protocol {
            Protocol::Smtp => 25,
            Protocol::Smtps => 465,
            Protocol::Lmtp => 24,
        };
        let address = match &host.name {
            HostName::Domain(domain) => self.address(domain.as_str()),
            HostName::Ip(ip) => *ip,
        };
        SocketAddr::new(address, host.port.unwrap_or(usual))
    }
}

pub(super) fn host_label_alone(host: &Host) -> String {
    match &host.name {
        HostName::Domain(domain) => domain.as_str().to_owned(),
        HostName::Ip(ip) => ip.to_string(),
    }
}

pub(super) fn host_label(host: &Host) -> String {
    let port = host.port.map(|port| format!(" port {port}")).unwrap_or_default();
    format!("{}{port}", host_label_alone(host))
}
