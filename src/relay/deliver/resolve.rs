//! Names to mail exchangers and addresses (RFC 1035, RFC 5321 5.1).

use std::net::IpAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::{RData, Record};

use crate::relay::deliver::Pending;

/// What the relay asks the DNS.
pub trait Resolve: Send + Sync {
    fn mx<'a>(&'a self, domain: &'a str) -> Pending<'a, Result<Vec<Mx>, Missing>>;

    /// In the order that they are to be tried in.
    fn addresses<'a>(&'a self, host: &'a str) -> Pending<'a, Result<Vec<IpAddr>, Missing>>;
}

/// A mail exchanger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mx {
    pub preference: u16,
    /// Without a final dot; empty for the root, which stands for "no mail" (RFC 7505).
    pub host: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// There is no such name.
    Name,
    /// The name has no such records.
    Records,
    /// Nobody could tell; another time perhaps.
    Answer(String),
}

/// The resolver of this machine: the servers of `/etc/resolv.conf`, and `/etc/hosts`. Answers are cached as long as they say.
pub struct System(TokioResolver);

impl System {
    pub fn new() -> Result<System, String> {
        let builder = TokioResolver::builder_tokio().map_err(|error| error.to_string())?;
        Ok(System(builder.build().map_err(|error| error.to_string())?))
    }
}

impl Resolve for System {
    fn mx<'a>(&'a self, domain: &'a str) -> Pending<'a, Result<Vec<Mx>, Missing>> {
        Box::pin(async move {
            let found = self.0.mx_lookup(absolute(domain)).await.map_err(missing)?;
            let exchangers = found.answers().iter().filter_map(|record| match &record.data {
                RData::MX(mx) => {
                    let host = mx.exchange.to_ascii().trim_end_matches('.').to_ascii_lowercase();
                    Some(Mx { preference: mx.preference, host })
                }
                _ => None,
            });
            let exchangers: Vec<Mx> = exchangers.collect();
            if exchangers.is_empty() { Err(Missing::Records) } else { Ok(exchangers) }
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Pending<'a, Result<Vec<IpAddr>, Missing>> {
        Box::pin(async move {
            let name = absolute(host);
            let (four, six) = tokio::join!(self.0.ipv4_lookup(name.as_str()), self.0.ipv6_lookup(name.as_str()));
            merged(four.map_err(missing).map(|found| ips(&found)), six.map_err(missing).map(|found| ips(&found)))
        })
    }
}

fn ips(found: &Lookup) -> Vec<IpAddr> {
    let ip = |record: &Record| match &record.data {
        RData::A(four) => Some(IpAddr::V4(four.0)),
        RData::AAAA(six) => Some(IpAddr::V6(six.0)),
        _ => None,
    };
    found.answers().iter().filter_map(ip).collect()
}

/// The addresses of both families. A host has none only where both answers say so: one that did not come may have been
/// the one with addresses, and mail is returned for a host that has none.
pub fn merged(four: Result<Vec<IpAddr>, Missing>, six: Result<Vec<IpAddr>, Missing>) -> Result<Vec<IpAddr>, Missing> {
    let (mut found, mut why) = (Vec::new(), Missing::Records);
    for answer in [four, six] {
        match answer {
            Ok(addresses) => found.extend(addresses),
            Err(missing) if !matches!(why, Missing::Answer(_)) && missing != Missing::Records => why = missing,
            Err(_) => {}
        }
    }
    if found.is_empty() { Err(why) } else { Ok(found) }
}

/// With a final dot: search domains are for people.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn missing(error: NetError) -> Missing {
    if error.is_nx_domain() {
        Missing::Name
    } else if error.is_no_records_found() {
        Missing::Records
    } else {
        Missing::Answer(error.to_string())
    }
}
