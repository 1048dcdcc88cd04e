//! Names to mail exchangers and addresses (RFC 1035, RFC 5321 5.1).

use std::net::IpAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;

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
        let mut builder = TokioResolver::builder_tokio().map_err(|error| error.to_string())?;
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
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
            let found = self.0.lookup_ip(absolute(host)).await.map_err(missing)?;
            let addresses: Vec<IpAddr> = found.iter().collect();
            if addresses.is_empty() { Err(Missing::Records) } else { Ok(addresses) }
        })
    }
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
