//! Routers and transports: one router a group, one transport a group or for those that share a connector whose
//! connections are counted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::groups::{Endpoint, Group, Groups, endpoints, is_balanced, policy};
use super::options::{Setting, seen_among, settings};
use super::quote;
use crate::emit::Context;
use crate::plan::{ConnectorId, Plan};
use crate::source::{Sources, Span};

#[derive(Debug, Serialize)]
pub(super) struct RouterView {
    pub name: String,
    pub origin: Vec<String>,
    pub transport: String,
    /// By MX lookup, with these hosts behind it; else by the list.
    pub dns: bool,
    pub fallback: Option<String>,
    pub hosts: String,
}

/// The largest message that a group takes.
#[derive(Debug, Serialize)]
pub(super) struct Limit {
    pub group: String,
    pub octets: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct TransportView {
    pub name: String,
    pub origin: Vec<String>,
    pub settings: Vec<Setting>,
    pub randomize: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct AuthenticatorView {
    pub name: &'static str,
    pub mechanism: &'static str,
    pub origin: Vec<String>,
    pub condition: String,
    pub send: String,
}

/// `file:line`, the way back for whoever reads the emitted file.
pub(super) fn origin(sources: &Sources, span: Span) -> String {
    quote::comment(&sources.place(span))
}

fn origins(context: Context<'_>, connectors: &[ConnectorId]) -> Vec<String> {
    let line = |&id: &ConnectorId| {
        let connector = context.plan.connector(id);
        format!("{} connector {}", origin(context.sources, connector.span), quote::comment(&connector.name))
    };
    connectors.iter().map(line).collect()
}

/// Which transport each group uses: groups that share a counted connector (24, "max_parallel") use the same one, so
/// that its connections are counted together.
fn transports_of(plan: &Plan, groups: &Groups) -> BTreeMap<String, String> {
    let mut counted: BTreeMap<ConnectorId, String> = BTreeMap::new();
    let mut transports: BTreeMap<String, String> = BTreeMap::new();
    for group in groups.iter() {
        let of_group: Vec<ConnectorId> =
            group.members().into_iter().filter(|&id| plan.connector(id).concurrency.is_some()).collect();
        let shared: Vec<String> = of_group.iter().filter_map(|id| counted.get(id).cloned()).collect();
        let transport = shared.first().cloned().unwrap_or_else(|| group.name.clone());
        for other in transports.values_mut().chain(counted.values_mut()) {
            if shared.contains(other) {
                other.clone_from(&transport);
            }
        }
        counted.extend(of_group.into_iter().map(|id| (id, transport.clone())));
        transports.insert(group.name.clone(), transport);
    }
    transports
}

pub(super) struct Routes {
    pub routers: Vec<RouterView>,
    pub transports: Vec<TransportView>,
    pub authenticators: Vec<AuthenticatorView>,
    pub limits: Vec<Limit>,
}

pub(super) fn routes(context: Context<'_>, groups: &Groups) -> Routes {
    let plan = context.plan;
    let transport_of = transports_of(plan, groups);
    let mut members: BTreeMap<&str, Vec<ConnectorId>> = BTreeMap::new();
    let mut routers = Vec::new();
    let mut randomized = Vec::new();
    for group in groups.iter() {
        let transport = &transport_of[&group.name];
        let of_transport = members.entry(transport).or_default();
        for id in group.members() {
            if !of_transport.contains(&id) {
                of_transport.push(id);
            }
        }
        let router = router(context, group, transport);
        if router.fallback.is_some() {
            randomized.push(transport.clone());
        }
        routers.push(router);
    }
    let transports = members.iter().map(|(name, ids)| TransportView {
        name: (*name).to_owned(),
        origin: origins(context, ids),
        settings: settings(plan, ids),
        randomize: randomized.iter().any(|r| r == name),
    });
    let limits =
        groups.iter().filter_map(|group| Some(Limit { group: group.name.clone(), octets: limit(plan, group)? }));
    Routes {
        routers,
        transports: transports.collect(),
        authenticators: authenticators(context, groups),
        limits: limits.collect(),
    }
}

fn router(context: Context<'_>, group: &Group, transport: &str) -> RouterView {
    let plan = context.plan;
    let mut view = RouterView {
        name: group.name.clone(),
        origin: origins(context, &group.members()),
        transport: transport.to_owned(),
        dns: false,
        fallback: None,
        hosts: String::new(),
    };
    if let [first, dearer @ ..] = &group.tiers[..]
        && let [only] = first[..]
        && endpoints(plan, only).is_none()
        && let Some(fallback) = fallback(plan, dearer)
    {
        view.dns = true;
        view.fallback = Some(fallback).filter(|f| !f.is_empty());
    } else {
        let list =
            if group.members().iter().any(|&id| endpoints(plan, id).is_none()) { List::Colons } else { List::Commas };
        let tiers: Vec<String> = group.tiers.iter().map(|t| tier(plan, t, list)).collect();
        view.hosts = format!("{}{}", list.head(), tiers.join(list.then()));
    }
    view
}

/// What the cheapest connectors take. A message that is larger is refused or bounced, and no dearer one is tried.
fn limit(plan: &Plan, group: &Group) -> Option<u64> {
    let limits: Vec<Option<u64>> =
        group.tiers.first()?.iter().map(|&id| plan.connector(id).max_size.map(|s| s.value)).collect();
    limits.into_iter().collect::<Option<Vec<u64>>>()?.into_iter().max()
}

/// The hosts behind an MX lookup; `None` where this list, which is not expanded (15, "fallback_hosts"), cannot say it.
fn fallback(plan: &Plan, tiers: &[Vec<ConnectorId>]) -> Option<String> {
    let mut parts = Vec::new();
    for tier in tiers {
        let hosts: Vec<Option<String>> =
            tier.iter().map(|&id| endpoints(plan, id).map(|_| hosts(plan, id, List::Commas))).collect();
        parts.push(hosts.into_iter().collect::<Option<Vec<_>>>()?.join(", "));
        if !shares_flat(plan, tier) {
            return None;
        }
    }
    Some(parts.join(", +, "))
}

/// Whether a tier is one connector, or several that have a host each: the order of its list is then right as it is.
fn shares_flat(plan: &Plan, tier: &[ConnectorId]) -> bool {
    tier.len() == 1 || tier.iter().all(|&id| endpoints(plan, id).is_none_or(|e| e.len() == 1))
}

/// How a list of hosts is written.
///
/// Where the DNS names some of them, `$domain` is in the list, which is tainted; from 4.99 on such a list is split at
/// colons, whatever separator its expansion begins with (4.99, ChangeLog JH/15), and colons are right before as well.
#[derive(Debug, Clone, Copy)]
enum List {
    Commas,
    Colons,
}

impl List {
    fn head(self) -> &'static str {
        match self {
            List::Commas => "<, ",
            List::Colons => "",
        }
    }

    fn beside(self) -> &'static str {
        match self {
            List::Commas => ", ",
            List::Colons => " : ",
        }
    }

    /// Between hosts that come in this order.
    fn then(self) -> &'static str {
        match self {
            List::Commas => ", +, ",
            List::Colons => " : + : ",
        }
    }

    fn item(self, endpoint: &Endpoint) -> String {
        match self {
            List::Commas => endpoint.item(),
            List::Colons => endpoint.item().replace(':', "::"),
        }
    }
}

/// One tier as part of a randomized host list (20.1): what stands between two `+` comes in any order.
///
/// Connectors that share the load with several hosts each take turns in being first, with their own order kept.
fn tier(plan: &Plan, tier: &[ConnectorId], list: List) -> String {
    let lists: Vec<String> = tier.iter().map(|&id| hosts(plan, id, list)).collect();
    if shares_flat(plan, tier) {
        return lists.join(list.beside());
    }
    let turns: Vec<String> = (0..lists.len())
        .map(|first| lists.iter().cycle().skip(first).take(lists.len()).cloned().collect::<Vec<_>>().join(list.then()))
        .collect();
    format!("${{extract{{${{eval:1+${{randint:{}}}}}}}{{|}}{{{}}}}}", turns.len(), turns.join(" | "))
}

/// The hosts of one connector, in order unless balanced.
fn hosts(plan: &Plan, id: ConnectorId, list: List) -> String {
    // `/mx` finds MX records only (20.6), while a domain without any is its own mail host (RFC 5321 5.1).
    const BY_DNS: &str = "${lookup dnsdb{defer_never,mxh=$domain}{$domain/mx}{$domain}}";
    match endpoints(plan, id) {
        None => BY_DNS.to_owned(),
        Some(endpoints) => {
            let between = if is_balanced(plan, id) { list.beside() } else { list.then() };
            endpoints.iter().map(|e| list.item(e)).collect::<Vec<_>>().join(between)
        }
    }
}

/// Exim allows one client authenticator a mechanism (33), so each asks whose connection it is.
fn authenticators(context: Context<'_>, groups: &Groups) -> Vec<AuthenticatorView> {
    let plan = context.plan;
    let mut origins = Vec::new();
    let mut users = Vec::new();
    let mut passwords = Vec::new();
    for id in plan.connector_ids() {
        let uses: String =
            groups.iter().filter(|g| g.members().contains(&id)).map(|g| condition(plan, g, id)).collect();
        let Some(auth) = plan.connector(id).auth.as_ref().filter(|_| !uses.is_empty()) else { continue };
        let condition = format!("or {{{uses} }}");
        let file = quote::expanded(&auth.value.file);
        origins.push(origin(context.sources, auth.span));
        users.push((condition.clone(), quote::sent(&auth.value.user)));
        passwords.push((condition, format!("${{readfile{{{file}}}{{}}}}")));
    }
    if users.is_empty() {
        return Vec::new();
    }
    let any: String = users.iter().map(|(condition, _)| format!(" {{{condition}}}")).collect();
    let (user, password) = (chosen(&users), chosen(&passwords));
    // A `^` is doubled, or it would be sent as NUL; behind the NUL of PLAIN even that would be misread (34.7).
    let doubled = format!("${{sg{{{password}}}{{\\N\\^\\N}}{{^^}}}}");
    let view = |name, mechanism, condition: String, send: String| AuthenticatorView {
        name,
        mechanism,
        origin: origins.clone(),
        condition,
        send,
    };
    // The data is split at colons before anything is expanded.
    let part = |text: &str| text.replace(':', "::");
    vec![
        view(
            "send_plain",
            "PLAIN",
            format!("${{if and {{ {{or {{{any} }}}} {{!match{{{password}}}{{\\N^\\^\\N}}}} }}}}"),
            format!("^{}^{}", part(&user), part(&doubled)),
        ),
        view(
            "send_login",
            "LOGIN",
            format!("${{if or {{{any} }}}}"),
            format!(": {} : {}", part(&user), part(&doubled)),
        ),
    ]
}

/// The value of the first condition that holds.
fn chosen(values: &[(String, String)]) -> String {
    values
        .iter()
        .rev()
        .fold(String::new(), |rest, (condition, value)| format!("${{if {condition}{{{value}}}{{{rest}}}}}"))
}

/// The connection is one of this connector's.
///
/// The group is read off the table's row: an event empties `$transport_name` before the authenticators run.
fn condition(plan: &Plan, group: &Group, id: ConnectorId) -> String {
    let auth = policy(plan, id).auth;
    let members = group.members();
    let this = format!("{{eq{{${{extract{{to}}{{$r_row}}}}}}{{{}}}}}", group.name);
    if members.iter().all(|&other| policy(plan, other).auth == auth) {
        return format!(" {this}");
    }
    let hosts = match endpoints(plan, id) {
        Some(_) => seen_among(plan, std::iter::once(id)),
        None => format!("!{}", seen_among(plan, members.into_iter().filter(|&other| other != id))),
    };
    format!(" {{and {{ {this} {{{hosts}}} }}}}")
}
