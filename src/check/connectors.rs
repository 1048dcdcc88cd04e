//! `connector::incomplete` and `tls::unverifiable`: connectors that could not work.

use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::name::HostName;
use crate::plan::proof::Proof;
use crate::plan::{NextHop, Node, TlsLevel};

pub(super) fn incomplete(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    for connector in &proof.plan.connectors {
        if connector.hop != NextHop::Missing || connector.poisoned || connector.to.value == Node::Unknown {
            continue;
        }
        diagnostics.push(
            Diagnostic::new(
                code::CONNECTOR_INCOMPLETE,
                format!("connector `{}` does not say where to connect", connector.name),
            )
            .label(connector.span, "declared here")
            .help("add `smart-host HOST`, or `dns` for delivery by MX lookup"),
        );
    }
}

pub(super) fn unverifiable(proof: &Proof<'_>, diagnostics: &mut Diagnostics) {
    for connector in &proof.plan.connectors {
        if connector.tls.level != TlsLevel::Verified || connector.poisoned {
            continue;
        }
        let span = connector.tls.span.unwrap_or(connector.span);
        let unverifiable =
            Diagnostic::new(code::TLS_UNVERIFIABLE, format!("connector `{}` has no name to verify", connector.name));
        match &connector.hop {
            NextHop::Dns(dns) => diagnostics.push(
                unverifiable
                    .label(span, "a verified name is asked for")
                    .label(*dns, "the names come from an MX lookup, which anyone may forge")
                    .help("name the smart hosts, or write `tls required`"),
            ),
            NextHop::SmartHosts { hosts, .. } if connector.tls.name.is_none() => {
                if let Some(host) = hosts.iter().find(|h| matches!(h.value.name, HostName::Ip(_))) {
                    diagnostics.push(
                        unverifiable
                            .label(span, "a verified name is asked for")
                            .label(host.span, "an IP address has none")
                            .help(
                                "write `tls verified name mail.example.org`, with the name in the host's certificate",
                            ),
                    );
                }
            }
            _ => {}
        }
    }
}
