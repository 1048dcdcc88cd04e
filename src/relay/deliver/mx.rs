//! Where a connector's messages are tried, and in which order (RFC 5321 5.1, RFC 7505).

use std::net::{IpAddr, SocketAddr};

use crate::name::{Host, HostName};
use crate::relay::config::{Connector, Protocol};
use crate::relay::deliver::resolve::{Missing, Mx};
use crate::relay::deliver::{Client, Kind, Target, Trouble};
use crate::relay::reply::Status;

/// Mail exchangers of one domain whose addresses are looked up, at most: each question may take its time.
const MOST_LOOKUPS: usize = 30;

/// The addresses of the next hop, the first to be tried first: the connector's smart hosts, or those that the DNS names for
/// `domain`. There is at least one.
pub async fn targets(client: &Client, connector: &Connector, domain: &str) -> Result<Vec<Target>, Trouble> {
    let mut found = match connector.dns {
        true => exchangers(client, domain).await?,
        false => smart_hosts(client, connector).await?,
    };
    let family = |target: &Target| connector.source_address.is_none_or(|own| own.is_ipv4() == target.addr.is_ipv4());
    found.retain(family);
    found.truncate(client.settings.most_targets.max(1));
    if found.is_empty() {
        return Err(dns(Status(4, 4, 4), "the next hop has no address that the source address can reach"));
    }
    Ok(found)
}

async fn smart_hosts(client: &Client, connector: &Connector) -> Result<Vec<Target>, Trouble> {
    let mut hosts: Vec<&Host> = connector.hosts.iter().collect();
    // For those who ask a few of them once, as call-outs do; the queue counts turns, and puts them in an order of its own.
    if connector.balanced {
        fastrand::shuffle(&mut hosts);
    }
    let (mut found, mut trouble) = (Vec::new(), None);
    for host in hosts {
        let port = host.port.unwrap_or(port_of(connector.protocol));
        match &host.name {
            HostName::Ip(ip) => found.push(Target { name: ip.to_string(), addr: SocketAddr::new(*ip, port) }),
            HostName::Domain(name) => match client.resolve.addresses(name.as_str()).await {
                Ok(addresses) => found.extend(at(name.as_str(), addresses, port)),
                Err(missing) => trouble = Some(dns(Status(4, 4, 3), &nowhere(name.as_str(), &missing))),
            },
        }
    }
    match (found.is_empty(), trouble) {
        // A smart host that is not found is a mistake of ours, or will be back: no reason to return a message.
        (true, Some(trouble)) => Err(trouble),
        _ => Ok(found),
    }
}

/// Where a host listens that does not say.
fn port_of(protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Smtp => 25,
        Protocol::Smtps => 465,
        Protocol::Lmtp => 24,
    }
}

fn at(name: &str, addresses: Vec<IpAddr>, port: u16) -> impl Iterator<Item = Target> {
    addresses.into_iter().map(move |ip| Target { name: name.to_owned(), addr: SocketAddr::new(ip, port) })
}

async fn exchangers(client: &Client, domain: &str) -> Result<Vec<Target>, Trouble> {
    match client.resolve.mx(domain).await {
        Ok(mut exchangers) => {
            sort(&mut exchangers);
            if matches!(&*exchangers, [only] if only.host.is_empty()) {
                return Err(Trouble::permanent(Status(5, 1, 10), format!("{domain} takes no mail")));
            }
            explicit(client, domain, &exchangers).await
        }
        Err(Missing::Records) => implicit(client, domain).await,
        Err(Missing::Name) => Err(Trouble::permanent(Status(5, 1, 2), nowhere(domain, &Missing::Name))),
        Err(missing) => Err(dns(Status(4, 4, 3), &nowhere(domain, &missing))),
    }
}

/// By preference, equal ones in random order.
fn sort(exchangers: &mut [Mx]) {
    fastrand::shuffle(exchangers);
    exchangers.sort_by_key(|mx| mx.preference);
}

/// The addresses of the exchangers that are preferred to this relay.
async fn explicit(client: &Client, domain: &str, exchangers: &[Mx]) -> Result<Vec<Target>, Trouble> {
    let mut found: Vec<(u16, Target)> = Vec::new();
    let mut doubt = None;
    // This relay by its name needs no address; by an address it is met on the way.
    let mut end = exchangers.iter().find(|mx| is_named_as_we(client, &mx.host)).map(|mx| mx.preference);
    let named = exchangers.iter().filter(|mx| !mx.host.is_empty() && mx.host.parse::<IpAddr>().is_err());
    for mx in named.take(MOST_LOOKUPS) {
        if end.is_some_and(|end| mx.preference >= end) || found.len() >= client.settings.most_targets {
            break;
        }
        match client.resolve.addresses(&mx.host).await {
            Ok(addresses) if addresses.iter().any(|ip| leads_here(client, ip)) => {
                end = Some(mx.preference);
            }
            Ok(addresses) => {
                let targets = at(&mx.host, addresses, client.settings.mx_port);
                found.extend(targets.map(|target| (mx.preference, target)));
            }
            Err(missing @ Missing::Answer(_)) => doubt = Some(nowhere(&mx.host, &missing)),
            Err(Missing::Name | Missing::Records) => {}
        }
    }
    let preferred = |(preference, _): &(u16, Target)| end.is_none_or(|end| *preference < end);
    let found: Vec<Target> = found.into_iter().filter(preferred).map(|(_, target)| target).collect();
    match (found.is_empty(), doubt, end) {
        (false, ..) => Ok(found),
        // One that is preferred to us may be back.
        (true, Some(doubt), _) => Err(dns(Status(4, 4, 3), &doubt)),
        (true, None, Some(_)) => Err(loops_back(domain)),
        (true, None, None) => {
            Err(Trouble::permanent(Status(5, 4, 4), format!("no mail exchanger of {domain} has an address")))
        }
    }
}

/// A domain without mail exchangers is its own (RFC 5321 5.1).
async fn implicit(client: &Client, domain: &str) -> Result<Vec<Target>, Trouble> {
    if is_named_as_we(client, domain) {
        return Err(loops_back(domain));
    }
    match client.resolve.addresses(domain).await {
        Ok(addresses) if addresses.iter().any(|ip| leads_here(client, ip)) => Err(loops_back(domain)),
        Ok(addresses) => Ok(at(domain, addresses, client.settings.mx_port).collect()),
        Err(missing @ Missing::Answer(_)) => Err(dns(Status(4, 4, 3), &nowhere(domain, &missing))),
        Err(missing) => Err(Trouble::permanent(Status(5, 1, 2), nowhere(domain, &missing))),
    }
}

fn is_named_as_we(client: &Client, host: &str) -> bool {
    host.eq_ignore_ascii_case(&client.settings.hostname)
}

/// Whether an address is this relay's, however it is written. The unspecified one is the machine itself to whoever
/// connects to it, and so is every loopback address where the relay listens on all that the machine has. We would meet
/// ourselves there as a client that may be trusted.
fn leads_here(client: &Client, ip: &IpAddr) -> bool {
    let (own, ip) = (&client.settings.addresses, ip.to_canonical());
    let everywhere = own.iter().any(IpAddr::is_loopback) && !own.iter().all(IpAddr::is_loopback);
    own.contains(&ip) || ip.is_unspecified() || everywhere && ip.is_loopback()
}

fn loops_back(domain: &str) -> Trouble {
    Trouble::permanent(Status(5, 4, 6), format!("mail for {domain} loops back to this relay"))
}

fn nowhere(name: &str, missing: &Missing) -> String {
    match missing {
        Missing::Name => format!("there is no {name} in the DNS"),
        Missing::Records => format!("the DNS knows no address of {name}"),
        Missing::Answer(why) => format!("the DNS does not tell where {name} is: {why}"),
    }
}

fn dns(status: Status, text: &str) -> Trouble {
    Trouble::new(Kind::Dns, status, text)
}
