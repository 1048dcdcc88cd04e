//! `loop::self`: a smart host that is one of our MTAs, though the connector does not lead there.

use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::name::{Host, HostName};
use crate::plan::proof::Proof;
use crate::plan::{Connector, Mta, MtaId, NextHop, Node, Protocol};

pub(super) fn check(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    let plan = proof.plan;
    for connector in &plan.connectors {
        for &from in &connector.from {
            if connector.to.value == Node::Mta(from) {
                let mta = &plan.mta(from).name;
                let message = format!("connector `{}` starts at MTA `{mta}` and leads to it", connector.name);
                diagnostics.push(
                    Diagnostic::new(code::LOOP_SELF, message)
                        .label(connector.to.span, "this is where it starts")
                        .help("let `from` name the other MTAs"),
                );
            }
        }
        let NextHop::SmartHosts { hosts, .. } = &connector.hop else { continue };
        for host in hosts {
            let found = plan.mta_ids().find(|&id| {
                connector.to.value != Node::Mta(id)
                    && is_mta(plan.mta(id), connector, &host.value, connector.from.contains(&id))
            });
            if let Some(id) = found {
                diagnostics.push(report(plan.mta(id), id, connector, host.span, &host.value));
            }
        }
    }
}

fn report(mta: &Mta, id: MtaId, connector: &Connector, span: crate::source::Span, host: &Host) -> Diagnostic {
    let own = connector.from.contains(&id);
    let message = format!("smart host `{host}` is MTA `{}`{}", mta.name, if own { " itself" } else { "" });
    let help = if own {
        "name the host of the system that the connector leads to".to_owned()
    } else {
        format!("if the mail is to go to that MTA, write `to {}`", mta.name)
    };
    Diagnostic::new(code::LOOP_SELF, message).label(span, "named here").label(mta.span, "the MTA").help(help)
}

fn is_mta(mta: &Mta, connector: &Connector, host: &Host, starts_here: bool) -> bool {
    let port = host.port.unwrap_or(match connector.protocol() {
        Protocol::Smtp => 25,
        Protocol::Smtps => 465,
        Protocol::Lmtp => 24,
    });
    mta.listen.iter().any(|listen| {
        listen.value.port == port
            && match &host.name {
                HostName::Domain(domain) => *domain == mta.hostname.value,
                HostName::Ip(ip) => is_address(mta, listen.value.ip, *ip, starts_here),
            }
    })
}

fn is_address(mta: &Mta, listen: IpAddr, ip: IpAddr, starts_here: bool) -> bool {
    mta.address.iter().any(|a| a.value == ip)
        || listen == ip
        || (starts_here && listen.is_unspecified() && (ip.is_loopback() || ip.is_unspecified()))
}
