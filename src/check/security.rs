//! `security::*`: open relays, passwords in the clear, connectors weaker than those they stand in for.

use hashbrown::HashSet;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::name::Pattern;
use crate::plan::proof::Proof;
use crate::plan::route::Tier;
use crate::plan::{Connector, DomainKind, Mta, Protocol, TlsLevel};

pub(super) fn open_relay(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    for decl in &proof.plan.domains {
        if decl.kind == DomainKind::Relay && decl.pattern.value == Pattern::Any {
            diagnostics.push(
                Diagnostic::new(code::SECURITY_OPEN_RELAY, "`relay domain *` accepts every recipient from anyone")
                    .label(decl.pattern.span, "an open relay")
                    .help("name the domains to relay for; clients that may send anywhere belong in `trust`"),
            );
        }
    }
    for mta in &proof.plan.mtas {
        if let Some(diagnostic) = too_much_trust(mta) {
            diagnostics.push(diagnostic);
        }
    }
}

/// Public addresses in `trust`: over a /16 of IPv4 or a /32 of IPv6 is the Internet rather than clients of ours.
fn too_much_trust(mta: &Mta) -> Option<Diagnostic> {
    let v4 = public_v4(mta);
    let v6 = public_v6(mta);
    if v4 <= 1 << 16 && v6 <= 1 << 96 {
        return None;
    }
    let largest = mta.trust.iter().filter(|n| !is_private(&n.value)).min_by_key(|n| n.value.prefix_len())?;
    let (count, most) = if v4 > 1 << 16 {
        (format!("{v4} public IPv4 addresses"), "a /16")
    } else {
        ("more public IPv6 addresses than a /32".to_owned(), "a /32")
    };
    let message = format!("MTA `{}` trusts {count} to relay anywhere", mta.name);
    Some(Diagnostic::new(code::SECURITY_OPEN_RELAY, message).label(largest.span, "the widest of them").help(format!(
        "trust your own clients only ({most} of public addresses at most): every one of them may send to anyone"
    )))
}

fn nets<const N: usize>(texts: [&str; N]) -> Vec<IpNet> {
    texts.iter().filter_map(|t| t.parse().ok()).collect()
}

/// Not reachable from the Internet (IANA's special-purpose registries).
fn private() -> Vec<IpNet> {
    nets([
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    ])
}

fn is_private(net: &IpNet) -> bool {
    private().iter().any(|p| p.contains(net))
}

fn public_v4(mta: &Mta) -> u64 {
    let v4 = |net: IpNet| match net {
        IpNet::V4(net) => Some(net),
        IpNet::V6(_) => None,
    };
    let trusted: Vec<Ipv4Net> = Ipv4Net::aggregate(&mta.trust.iter().filter_map(|n| v4(n.value)).collect());
    let private: Vec<Ipv4Net> = private().into_iter().filter_map(v4).collect();
    let size = |net: &Ipv4Net| 1u64 << (32 - net.prefix_len());
    trusted.iter().map(|net| size(net) - overlap(net, &private, |a, b| a.contains(b), size)).sum()
}

fn public_v6(mta: &Mta) -> u128 {
    let v6 = |net: IpNet| match net {
        IpNet::V6(net) => Some(net),
        IpNet::V4(_) => None,
    };
    let trusted: Vec<Ipv6Net> = Ipv6Net::aggregate(&mta.trust.iter().filter_map(|n| v6(n.value)).collect());
    let private: Vec<Ipv6Net> = private().into_iter().filter_map(v6).collect();
    // ::/0 has one address more than the type can count.
    let size = |net: &Ipv6Net| 1u128.checked_shl(128 - u32::from(net.prefix_len())).unwrap_or(u128::MAX);
    trusted.iter().map(|net| size(net) - overlap(net, &private, |a, b| a.contains(b), size)).sum()
}

/// How much of a network lies in the private ones, which do not overlap each other.
fn overlap<N, S: std::iter::Sum>(
    net: &N,
    private: &[N],
    contains: impl Fn(&N, &N) -> bool,
    size: impl Fn(&N) -> S,
) -> S {
    private
        .iter()
        .filter_map(|p| if contains(p, net) { Some(size(net)) } else { contains(net, p).then(|| size(p)) })
        .sum()
}

pub(super) fn plaintext_auth(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    for connector in &proof.plan.connectors {
        let Some(auth) = &connector.auth else { continue };
        if connector.tls.level == TlsLevel::Verified || connector.poisoned {
            continue;
        }
        let message = format!("connector `{}` gives its password to a host that it has not verified", connector.name);
        let mut diagnostic = Diagnostic::new(code::SECURITY_PLAINTEXT_AUTH, message).label(auth.span, "the password");
        if let Some(span) = connector.tls.span {
            diagnostic = diagnostic.label(span, "this does not verify who is there");
        }
        diagnostics.push(diagnostic.help("write `tls verified`: anyone in between could read the password otherwise"));
    }
}

pub(super) fn downgrade(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    let mut reported = HashSet::new();
    let mut look = |tiers: &[Tier], what: &str| {
        let exits: Vec<(u32, &Connector)> =
            tiers.iter().flat_map(|t| t.exits.iter().map(|e| (t.cost, plan.connector(e.connector)))).collect();
        for (i, (cost, weaker)) in exits.iter().enumerate() {
            let stronger =
                exits.iter().enumerate().find(|(j, (other, c))| *j != i && other <= cost && is_weaker(weaker, c));
            if let Some((_, (_, stronger))) = stronger
                && !weaker.poisoned
                && reported.insert((weaker.span, stronger.span))
            {
                diagnostics.push(downgraded(weaker, stronger, what));
            }
        }
    };
    for mta in plan.mta_ids() {
        for pattern in crate::plan::classes::patterns(plan) {
            if let Some(tiers) = proof.router.space_of_pattern(mta, &pattern) {
                look(tiers, &format!("`{pattern}`"));
            }
        }
        for system in plan.system_ids() {
            if let Some(tiers) = proof.router.to_system(mta, system) {
                look(tiers, &format!("system `{}`", plan.system(system).name));
            }
        }
    }
}

fn is_weaker(weaker: &Connector, stronger: &Connector) -> bool {
    level(weaker) < level(stronger) || (weaker.auth.is_none() && stronger.auth.is_some())
}

/// SMTPS is TLS from the first octet on, whatever else is said.
fn level(connector: &Connector) -> TlsLevel {
    match connector.protocol() {
        Protocol::Smtps => connector.tls.level.max(TlsLevel::Required),
        Protocol::Smtp | Protocol::Lmtp => connector.tls.level,
    }
}

fn downgraded(weaker: &Connector, stronger: &Connector, what: &str) -> Diagnostic {
    let lacks = if level(weaker) < level(stronger) { "has weaker TLS than" } else { "lacks the authentication of" };
    let message =
        format!("for {what}, connector `{}` {lacks} `{}`, which it stands in for", weaker.name, stronger.name);
    Diagnostic::new(code::SECURITY_DOWNGRADE, message)
        .label(weaker.tls.span.unwrap_or(weaker.span), "the weaker one")
        .label(stronger.tls.span.unwrap_or(stronger.span), "the stronger one")
        .help(
            "whoever makes the stronger one fail would get the mail by the weaker: give both the same `tls` and `auth`",
        )
}

pub(super) fn unproven(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    for mta in &proof.plan.mtas {
        let Some(settings) = &mta.settings else { continue };
        diagnostics.push(
            Diagnostic::new(
                code::SECURITY_UNPROVEN,
                format!("MTA `{}` has settings of its own, which the proof does not cover", mta.name),
            )
            .label(settings.span, "copied in as they are")
            .help("keep them to what the language has no word for"),
        );
    }
}
