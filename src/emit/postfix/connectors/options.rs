//! The options of a service: process limit, source address, fall-back, TLS, password, size.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Details, Password, Policy, Service, hops, policy, size_limit};
use crate::emit::Context;
use crate::emit::postfix::meaning::Group;
use crate::emit::postfix::quote::{self, Unquotable};
use crate::emit::postfix::replies::Additions;
use crate::emit::postfix::tables::Kind;
use crate::emit::postfix::version::Release;
use crate::plan::{Connector, ConnectorId, MtaId, NextHop, Protocol, Spanned, TlsLevel};

/// The options of a service.
pub(in crate::emit::postfix) fn details(
    context: Context<'_>,
    mta: MtaId,
    (service, services): (&Service, &[Service]),
    groups: &[Group],
    kind: Kind,
    release: Release,
) -> Result<Details, Unquotable> {
    let all: Vec<&Connector> = service.connectors.iter().map(|&c| context.plan.connector(c)).collect();
    let Some(first) = all.first() else { return Ok(Details::default()) };
    let protocol = first.protocol();
    let prefix = if protocol == Protocol::Lmtp { "lmtp" } else { "smtp" };
    let mut details = Details { command: prefix, processes: "-".to_owned(), ..Details::default() };
    let mut options: Vec<(String, String)> = Vec::new();
    if let Some(limit) = process_limit(context, service, services) {
        details.processes = limit.to_string();
        details.concurrency = Some(limit);
        // A cached connection would count beside those of the processes (scache(8)).
        options.push((format!("{prefix}_connection_cache_on_demand"), "no".to_owned()));
    }
    if protocol == Protocol::Smtps {
        options.push(("smtp_tls_wrappermode".to_owned(), "yes".to_owned()));
    }
    source_address(first, &context.plan.mta(mta).address, prefix, release, &mut options);
    fall_back(context, service, groups, &mut options);
    let hops: BTreeMap<String, Policy> =
        all.iter().flat_map(|c| hops(context, c)).map(|hop| (hop.nexthop, hop.policy)).collect();
    tls(&all, &hops, prefix, (&service.name, kind), &mut options, &mut details)?;
    auth(&hops, prefix, (&service.name, kind), &mut options, &mut details);
    let additions = Additions { size: size_limit(context, mta, first), auth: !details.passwords.is_empty() };
    if additions != Additions::default() {
        details.replies = Some(additions);
        let filter = format!(
            "pipemap:{{regexp:$config_directory/replies,{}}}",
            kind.reference(&format!("replies_{}", service.name))
        );
        details.options.push(format!("-o {prefix}_reply_filter={filter}"));
    }
    for (name, value) in options {
        details.options.push(format!("-o {}", quote::master_option(&name, &value)?));
    }
    Ok(details)
}

fn source_address(
    first: &Connector,
    own: &[Spanned<IpAddr>],
    prefix: &str,
    release: Release,
    options: &mut Vec<(String, String)>,
) {
    let Some(ip) = first.source_address.map(|s| s.value) else { return };
    let (parameter, family) = if ip.is_ipv4() { ("bind_address", "ipv4") } else { ("bind_address6", "ipv6") };
    options.push((format!("{prefix}_{parameter}"), ip.to_string()));
    if release.enforces_source_address() {
        options.push((format!("{prefix}_bind_address_enforce"), "yes".to_owned()));
    }
    options.push(("inet_protocols".to_owned(), family.to_owned()));
    // An address of the other family is fatal then ("host not found": measured).
    if own.iter().any(|address| address.value.is_ipv4() != ip.is_ipv4()) {
        let same = own.iter().filter(|address| address.value.is_ipv4() == ip.is_ipv4());
        let same: Vec<String> = same.map(|address| address.value.to_string()).collect();
        options.push(("proxy_interfaces".to_owned(), same.join(",")));
    }
}

/// Smart hosts behind MX delivery. They also get what has no MX at all (postconf(5), smtp_fallback_relay).
fn fall_back(context: Context<'_>, service: &Service, groups: &[Group], options: &mut Vec<(String, String)>) {
    let connectors = service.groups.iter().filter_map(|id| groups.get(id.0)).flatten().flatten();
    let mut connectors = connectors.map(|&c| context.plan.connector(c)).peekable();
    if !connectors.peek().is_some_and(|c| matches!(c.hop, NextHop::Dns(_))) {
        return;
    }
    let hosts: Vec<String> = connectors.flat_map(|c| hops(context, c)).map(|hop| hop.nexthop).collect();
    if !hosts.is_empty() {
        options.push(("smtp_fallback_relay".to_owned(), hosts.join(",")));
    }
}

fn level(level: TlsLevel) -> &'static str {
    match level {
        TlsLevel::Off => "none",
        TlsLevel::Opportunistic => "may",
        TlsLevel::Required => "encrypt",
        TlsLevel::Verified => "secure",
    }
}

/// One policy for the service where all nexthops have the same, else a table by nexthop.
fn tls(
    all: &[&Connector],
    hops: &BTreeMap<String, Policy>,
    prefix: &str,
    (service, kind): (&str, Kind),
    options: &mut Vec<(String, String)>,
    details: &mut Details,
) -> Result<(), Unquotable> {
    let dns = all.iter().find(|c| matches!(c.hop, NextHop::Dns(_))).map(|c| policy(c, None));
    let mut policies = hops.values().chain(&dns).map(|p| (p.level, &p.name, &p.ca));
    let Some(common) = policies.next() else { return Ok(()) };
    if hops.values().any(|p| p.level == TlsLevel::Verified && p.ca.is_none()) {
        // The system's own authorities. OpenSSL knows where they are, but Postfix asks it only where a path is set
        // (measured; postconf(5), tls_append_default_CA); this one is right on Debian and harmless elsewhere.
        options.push((format!("{prefix}_tls_CApath"), "/etc/ssl/certs".to_owned()));
        options.push(("tls_append_default_CA".to_owned(), "yes".to_owned()));
    }
    if policies.all(|policy| policy == common) {
        let (common_level, name, ca) = common;
        options.push((format!("{prefix}_tls_security_level"), level(common_level).to_owned()));
        if let Some(name) = name {
            options.push((format!("{prefix}_tls_secure_cert_match"), name.clone()));
        }
        if let Some(ca) = ca {
            options.push((format!("{prefix}_tls_CAfile"), ca.clone()));
        }
        return Ok(());
    }
    let default = dns.map_or(TlsLevel::Opportunistic, |p| p.level);
    options.push((format!("{prefix}_tls_security_level"), level(default).to_owned()));
    let table = format!("tls_{service}");
    for (nexthop, policy) in hops {
        let mut line = level(policy.level).to_owned();
        if let Some(name) = &policy.name {
            line.push_str(&format!(" match={}", quote::policy_value(name)?));
        }
        if let Some(ca) = &policy.ca {
            line.push_str(&format!(" tafile={}", quote::policy_value(ca)?));
        }
        details.policy.insert(nexthop.clone(), line);
    }
    details.options.push(format!("-o {prefix}_tls_policy_maps={}", kind.reference(&table)));
    Ok(())
}

fn auth(
    hops: &BTreeMap<String, Policy>,
    prefix: &str,
    (service, kind): (&str, Kind),
    options: &mut Vec<(String, String)>,
    details: &mut Details,
) {
    let table = format!("password_{service}");
    for (nexthop, policy) in hops {
        if let Some((user, file)) = policy.auth.clone() {
            details.passwords.push(Password { table: table.clone(), nexthop: nexthop.clone(), user, file });
        }
    }
    if !details.passwords.is_empty() {
        options.push((format!("{prefix}_sasl_auth_enable"), "yes".to_owned()));
        // The default forbids PLAIN and LOGIN, which are safe here: only verified TLS ever carries a password.
        options.push((format!("{prefix}_sasl_security_options"), "noanonymous".to_owned()));
        details.options.push(format!("-o {prefix}_sasl_password_maps={}", kind.reference(&table)));
    }
}

/// The part of its connectors' limits that a service may use.
fn process_limit(context: Context<'_>, service: &Service, services: &[Service]) -> Option<u32> {
    let share = |&id: &ConnectorId| {
        let users = services.iter().filter(|s| s.connectors.contains(&id)).count();
        let limit = context.plan.connector(id).concurrency?.value;
        Some((limit / u32::try_from(users).unwrap_or(1)).max(1))
    };
    service.connectors.iter().filter_map(share).min()
}
