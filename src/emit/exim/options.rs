//! The options of one smtp transport, for every host that its groups may hand it.
//!
//! A transport has one value for each option, but most are expanded when `$host` and `$host_port` are known (30.2):
//! where the connectors of a group differ, the value asks which host it is.

use std::net::IpAddr;

use serde::Serialize;

use super::groups::{Policy, endpoints, policy, usual_port};
use super::quote;
use crate::plan::{ConnectorId, Plan, Protocol, TlsLevel};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Setting {
    pub option: &'static str,
    pub value: String,
}

/// A value for each connector, asked for by host where they differ. `None` where no connector has one.
pub(super) fn by_host(plan: &Plan, members: &[ConnectorId], value: impl Fn(&Policy<'_>) -> String) -> Option<String> {
    let values: Vec<(ConnectorId, String)> = members.iter().map(|&id| (id, value(&policy(plan, id)))).collect();
    if values.iter().all(|(_, v)| v.is_empty()) {
        return None;
    }
    // Hosts that the DNS names cannot be listed, so theirs is what is left.
    let rest = values.iter().find(|(id, _)| endpoints(plan, *id).is_none()).or(values.last())?.1.clone();
    let mut distinct: Vec<&String> = Vec::new();
    for (_, v) in &values {
        if *v != rest && !distinct.contains(&v) {
            distinct.push(v);
        }
    }
    let asked = distinct.into_iter().rev().fold(rest, |rest, v| {
        let of_value = values.iter().filter(|(_, w)| w == v).map(|&(id, _)| id);
        format!("${{if {}{{{v}}}{{{rest}}}}}", seen_among(plan, of_value))
    });
    Some(asked)
}

/// A condition: the host is one of these connectors'.
pub(super) fn seen_among(plan: &Plan, connectors: impl Iterator<Item = ConnectorId>) -> String {
    let mut seen: Vec<String> =
        connectors.flat_map(|id| endpoints(plan, id).unwrap_or_default()).map(|e| e.seen()).collect();
    seen.sort();
    seen.dedup();
    format!("inlisti{{$host/$host_port}}{{<; {}}}", seen.join(" ; "))
}

/// The options that depend on the connectors; those that never change stand in the template.
pub(super) fn settings(plan: &Plan, members: &[ConnectorId]) -> Vec<Setting> {
    let mut out = Vec::new();
    let mut push = |option, value: Option<String>| out.extend(value.map(|value| Setting { option, value }));
    let protocol = members.first().map_or(Protocol::Smtp, |&id| plan.connector(id).protocol());
    push("protocol", protocol_name(protocol));
    push("port", Some(usual_port(protocol).to_string()));
    push("interface", by_host(plan, members, |p| p.source.map_or_else(String::new, list_of_one)));
    push("max_parallel", concurrency(plan, members));
    push("message_size_limit", Some("${extract{max}{$address_data}}".to_owned()).filter(|_| any_limit(plan, members)));
    push("hosts_avoid_tls", by_host(plan, members, |p| star(p.tls == TlsLevel::Off)));
    push("hosts_require_tls", by_host(plan, members, |p| star(p.tls >= TlsLevel::Required)));
    push("tls_verify_hosts", by_host(plan, members, |p| star(p.tls == TlsLevel::Verified)));
    push("tls_verify_certificates", authorities(plan, members));
    push("tls_verify_cert_hostnames", cert_hostnames(plan, members));
    push("tls_sni", by_host(plan, members, server_name));
    push("hosts_try_auth", by_host(plan, members, |p| star(p.auth.is_some())));
    push("hosts_require_auth", by_host(plan, members, |p| star(p.auth.is_some())));
    push("event_action", event_action(plan, members));
    out
}

fn star(yes: bool) -> String {
    if yes { "*".to_owned() } else { String::new() }
}

fn protocol_name(protocol: Protocol) -> Option<String> {
    match protocol {
        Protocol::Smtp => None,
        Protocol::Smtps => Some("smtps".to_owned()),
        Protocol::Lmtp => Some("lmtp".to_owned()),
    }
}

fn list_of_one(ip: IpAddr) -> String {
    format!("<; {ip}")
}

fn any_limit(plan: &Plan, members: &[ConnectorId]) -> bool {
    members.iter().any(|&id| plan.connector(id).max_size.is_some())
}

/// One run of the transport is one connection; a message that finds no place waits for the next queue run (24,
/// "max_parallel"). Where several connectors share a transport, the least of their numbers holds.
fn concurrency(plan: &Plan, members: &[ConnectorId]) -> Option<String> {
    members.iter().filter_map(|&id| plan.connector(id).concurrency).map(|n| n.value).min().map(|n| n.to_string())
}

fn authorities(plan: &Plan, members: &[ConnectorId]) -> Option<String> {
    if members.iter().all(|&id| policy(plan, id).ca.is_none()) {
        return None;
    }
    by_host(plan, members, |p| p.ca.map_or_else(|| "system".to_owned(), quote::expanded))
}

/// Exim compares a certificate with the host's own name only (43.10), so a `name` is compared by the event below.
fn cert_hostnames(plan: &Plan, members: &[ConnectorId]) -> Option<String> {
    if members.iter().all(|&id| policy(plan, id).name.is_none()) {
        return None;
    }
    by_host(plan, members, |p| if p.name.is_none() { "*".to_owned() } else { ":".to_owned() })
}

fn server_name(policy: &Policy<'_>) -> String {
    match (policy.tls, policy.name) {
        (TlsLevel::Verified, Some(name)) => name.to_owned(),
        (TlsLevel::Verified, None) => "$host".to_owned(),
        _ => String::new(),
    }
}

/// What stops a connection before it starts, and a certificate that is for somebody else (61): an answer that is not
/// empty makes Exim try the next host.
fn event_action(plan: &Plan, members: &[ConnectorId]) -> Option<String> {
    let connect = by_host(plan, members, |p| format!("{}{}", family(p.source), size(p.max_size)));
    let certificate = by_host(plan, members, |p| {
        p.name.filter(|_| p.tls == TlsLevel::Verified).map_or_else(String::new, certificate_name)
    });
    if connect.is_none() && certificate.is_none() {
        return None;
    }
    let on = |event: &str, action: Option<String>| match action {
        Some(action) => format!("${{if eq{{$event_name}}{{{event}}}{{{action}}}}}"),
        None => String::new(),
    };
    Some(format!("{}{}", on("tcp:connect", connect), on("tls:cert", certificate)))
}

/// `interface` is ignored for a host of the other family (30.4), which would then see another source address.
fn family(source: Option<IpAddr>) -> String {
    match source {
        None => String::new(),
        Some(IpAddr::V4(_)) => "${if isip4{$host_address}{}{no IPv4 source for an IPv6 host}}".to_owned(),
        Some(IpAddr::V6(_)) => "${if isip6{$host_address}{}{no IPv6 source for an IPv4 host}}".to_owned(),
    }
}

fn size(limit: Option<u64>) -> String {
    limit.map_or_else(String::new, |limit| format!("${{if >{{$message_size}}{{{limit}}}{{too large for this host}}}}"))
}

/// The name, or a wildcard in place of its first label, is among the certificate's (RFC 6125 6.4.3).
fn certificate_name(name: &str) -> String {
    let wildcard = name.split_once('.').map_or(String::new(), |(_, parent)| format!(" {{eqi{{$item}}{{*.{parent}}}}}"));
    let is_it = format!("or {{ {{eqi{{$item}}{{{name}}}}}{wildcard} }}");
    let names = "<,${certextract{subj_altname,dns,>,}{$tls_out_peercert}}";
    // Depth 0 is the server's own certificate; the others are its issuers.
    format!(
        "${{if eq{{$event_data}}{{0}}{{${{if forany{{{names}}}{{{is_it}}}{{}}{{the certificate is not for {name}}}}}}}}}"
    )
}
