//! Names, addresses and labels in an estate's world.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use crate::lab::{Result, World};
use crate::name::{Host, HostName};
use crate::plan::{Mta, MtaId, NextHop, Plan, Protocol};
use crate::verify::weather::bare;

/// Where addresses are taken from for names that the source does not give any: shared address space (RFC 6598).
const FIRST: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 1);
/// Strangers: from the ranges that RFC 5737 keeps for documentation, and that of RFC 2544.
const STRANGERS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(203, 0, 113, 250),
    Ipv4Addr::new(198, 51, 100, 250),
    Ipv4Addr::new(192, 0, 2, 250),
    Ipv4Addr::new(198, 18, 254, 250),
];

/// Addresses for the names of the world, given out as they come up.
pub(super) struct Names<'w> {
    world: &'w World,
    known: RefCell<BTreeMap<String, IpAddr>>,
    /// Those that the source gives to somebody.
    taken: BTreeSet<IpAddr>,
    next: RefCell<Ipv4Addr>,
}

impl<'w> Names<'w> {
    pub(super) fn new(world: &'w World, plan: &Plan) -> Names<'w> {
        Names { world, known: RefCell::default(), taken: taken(plan), next: RefCell::new(FIRST) }
    }

    /// The name's address; a new one where it has none yet.
    pub(super) fn address(&self, name: &str) -> Result<IpAddr> {
        if let Some(known) = self.known.borrow().get(name) {
            return Ok(*known);
        }
        let address = self.fresh();
        self.tell(name, address)?;
        Ok(address)
    }

    /// Gives a name this address, beside those that it has.
    pub(super) fn tell(&self, name: &str, address: IpAddr) -> Result<()> {
        self.known.borrow_mut().entry(name.to_owned()).or_insert(address);
        self.world.host(name, &address.to_string())
    }

    pub(super) fn mx(&self, domain: &str, exchanger: &str) -> Result<()> {
        self.world.mx(domain, 10, exchanger);
        Ok(())
    }

    fn fresh(&self) -> IpAddr {
        let mut next = self.next.borrow_mut();
        loop {
            let address = *next;
            *next = Ipv4Addr::from(u32::from(address) + 1);
            if !self.taken.contains(&IpAddr::V4(address)) {
                return IpAddr::V4(address);
            }
        }
    }

    pub(super) fn socket(&self, host: &Host, protocol: Protocol) -> Result<SocketAddr> {
        let address = match &host.name {
            HostName::Domain(domain) => self.address(domain.as_str())?,
            HostName::Ip(ip) => *ip,
        };
        Ok(SocketAddr::new(address, host.port.unwrap_or(usual_port(protocol))))
    }
}

fn usual_port(protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Smtp => 25,
        Protocol::Smtps => 465,
        Protocol::Lmtp => 24,
    }
}

fn taken(plan: &Plan) -> BTreeSet<IpAddr> {
    let mut taken = declared(plan);
    taken.extend(plan.mta_ids().flat_map(|mta| [false, true].map(|anyone| client(plan, mta, anyone))).flatten());
    taken
}

/// The addresses that the source speaks of.
fn declared(plan: &Plan) -> BTreeSet<IpAddr> {
    let mut declared = machines(plan);
    declared.extend(plan.systems.iter().flat_map(|system| &system.address).map(|ip| ip.value));
    for connector in &plan.connectors {
        if let NextHop::SmartHosts { hosts, .. } = &connector.hop {
            declared.extend(hosts.iter().filter_map(|host| match host.value.name {
                HostName::Ip(ip) => Some(ip),
                HostName::Domain(_) => None,
            }));
        }
    }
    declared
}

/// Where a question to an MTA is asked from: an address that it trusts, or one that nobody does. None where it trusts
/// nobody but machines of the estate itself, or those that it does not listen to.
pub(crate) fn client(plan: &Plan, mta: MtaId, anyone: bool) -> Option<IpAddr> {
    let Mta { trust, listen, .. } = plan.mta(mta);
    // Loopback is for what runs beside the MTA.
    let heard = |ip: &IpAddr| listen.iter().any(|e| e.value.ip.is_ipv4() == ip.is_ipv4() && !e.value.ip.is_loopback());
    if anyone {
        return stranger(plan, mta).filter(heard);
    }
    let machines = machines(plan);
    let speakers = || trust.iter().filter_map(|net| speaker(net.value, &machines)).filter(heard);
    // An MTA need not listen on IPv6.
    speakers().find(IpAddr::is_ipv4).or_else(|| speakers().next())
}

/// An address of a network that is no machine's of the estate: from its end, less the broadcast address. None of a network
/// that nobody speaks from to another machine.
fn speaker(net: IpNet, machines: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    let nobodys = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local() || ip.is_multicast(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_multicast(),
    };
    if nobodys(net.addr()) {
        return None;
    }
    let single = net.prefix_len() + 1 >= net.max_prefix_len();
    let last = match net {
        IpNet::V4(net) if !single => Ipv4Addr::from(u32::from(net.broadcast()) - 1).into(),
        net => net.broadcast(),
    };
    let before = |ip: &IpAddr| match *ip {
        IpAddr::V4(ip) => Some(IpAddr::V4(u32::from(ip).checked_sub(1)?.into())),
        IpAddr::V6(ip) => Some(IpAddr::V6(u128::from(ip).checked_sub(1)?.into())),
    };
    std::iter::successors(Some(last), before).take_while(|ip| net.contains(ip)).find(|ip| !machines.contains(ip))
}

/// The addresses of the MTAs' machines, as far as the source gives them.
fn machines(plan: &Plan) -> BTreeSet<IpAddr> {
    let own = |mta: &Mta| {
        let listens = mta.listen.iter().map(|endpoint| endpoint.value.ip);
        mta.address.iter().map(|ip| ip.value).chain(listens).collect::<Vec<_>>()
    };
    let sources = plan.connectors.iter().filter_map(|connector| connector.source_address.map(|ip| ip.value));
    plan.mtas.iter().flat_map(own).chain(sources).collect()
}

/// An address that no MTA trusts and the source does not give to anybody: right beside a network that this MTA trusts,
/// where there is such a place, since a network that is one bit too wide shows there alone.
fn stranger(plan: &Plan, mta: MtaId) -> Option<IpAddr> {
    let declared = declared(plan);
    let trusts = |ip: &IpAddr| plan.mtas.iter().any(|mta| mta.trust.iter().any(|net| net.value.contains(ip)));
    let spare = (0..=u8::MAX).map(|n| Ipv4Addr::new(8, 8, n, 250));
    let beside = plan.mta(mta).trust.iter().filter_map(|net| beside(net.value));
    beside.chain(STRANGERS).chain(spare).map(IpAddr::V4).find(|ip| !trusts(ip) && !declared.contains(ip))
}

/// From the end of the network that differs in the last bit of the prefix.
fn beside(net: IpNet) -> Option<Ipv4Addr> {
    let IpNet::V4(net) = net else { return None };
    let last = u32::from(net.broadcast()) ^ 1_u32.checked_shl(32 - u32::from(net.prefix_len()))?;
    let ip = Ipv4Addr::from(if net.prefix_len() < 31 { last - 1 } else { last });
    // "This network", loopbacks, and what is no single host's (RFC 6890).
    let usable = ip.octets()[0] != 0 && !ip.is_loopback() && ip.octets()[0] < 224;
    usable.then_some(ip)
}

pub(super) fn label(host: &Host) -> String {
    let port = host.port.map(|port| format!(" port {port}")).unwrap_or_default();
    format!("{}{port}", bare(host))
}
