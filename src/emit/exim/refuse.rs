//! What Exim cannot express, with the section of its specification that says so.

use super::groups::{endpoints, policy};
use super::{settings, version, view};
use crate::emit::{Context, Feature, Unsupported};
use crate::plan::route::Tier;
use crate::plan::{ConnectorId, Maps, MtaId, Plan, Protocol, TlsLevel, Version};

pub(super) fn refuses(context: Context<'_>, mta: MtaId, feature: Feature<'_>) -> Option<Unsupported> {
    let plan = context.plan;
    match feature {
        Feature::Version(version) => version_refused(version),
        Feature::Maps(maps) => maps_refused(maps),
        Feature::Milter => Some(no(
            "Exim does not speak the milter protocol (its content scanners are those of specification 45.1)",
            "take the `milter` away, or let a Postfix MTA in front of this one do the filtering",
        )),
        Feature::Settings => settings_refused(context, mta),
        Feature::Connector(id) => connector_refused(plan, id).or_else(|| name_refused(context, mta, id)),
        Feature::Group(tiers) => group_refused(plan, tiers),
        Feature::ServerTls | Feature::Smtputf8 | Feature::Subaddress(_) | Feature::TablesOnly | Feature::Verify => None,
    }
}

fn no(message: impl Into<String>, help: impl Into<String>) -> Unsupported {
    Unsupported { message: message.into(), help: help.into(), span: None }
}

fn version_refused(named: Version) -> Option<Unsupported> {
    version::release(Some(named)).is_none().then(|| {
        no(
            "this release of Exim is none that mailswitch writes for",
            "name one from 4.94 to 4.100, or none for Debian 12's",
        )
    })
}

fn maps_refused(maps: Maps) -> Option<Unsupported> {
    let why = match maps {
        Maps::Cdb | Maps::Lsearch => return None,
        Maps::Lmdb => "a lookup in LMDB is not part of a usual build of Exim (specification 9.3)",
        Maps::Texthash => "Exim has no `texthash` lookup (specification 9.3)",
    };
    Some(no(why, "write `maps cdb` (the default) or `maps lsearch`"))
}

fn settings_refused(context: Context<'_>, mta: MtaId) -> Option<Unsupported> {
    let settings = context.plan.mta(mta).settings.as_ref()?;
    let (view, _) = view::view(context, mta).ok()?;
    let main = view::parts(&view.without_settings()).ok()?.main;
    let why = settings::conflict(&settings.value.text, &main)?;
    Some(no(why, "take it out of the settings file"))
}

fn connector_refused(plan: &Plan, id: ConnectorId) -> Option<Unsupported> {
    let connector = plan.connector(id);
    (connector.protocol() == Protocol::Smtps && connector.tls.level == TlsLevel::Off).then(|| Unsupported {
        message: "`protocol smtps` is TLS from the first octet (specification 30.4, \"protocol\")".to_owned(),
        help: "take `tls off` away, or use `protocol smtp`".to_owned(),
        span: connector.tls.span,
    })
}

/// A certificate's names are read by an event (see `options`).
fn name_refused(context: Context<'_>, mta: MtaId, id: ConnectorId) -> Option<Unsupported> {
    let name = context.plan.connector(id).tls.name.as_ref()?;
    let release = version::release(context.plan.mta(mta).target.value.version)?;
    (!release.reads_certificate_names()).then(|| Unsupported {
        message: "this release of Exim never ends with a certificate that has an IP address among its names (specification 11.5, certextract)".to_owned(),
        help: "verify the host by its own name, or name 4.96 or later".to_owned(),
        span: Some(name.span),
    })
}

fn group_refused(plan: &Plan, tiers: &[Tier]) -> Option<Unsupported> {
    let members: Vec<ConnectorId> = tiers.iter().flat_map(|t| t.exits.iter().map(|e| e.connector)).collect();
    let [first, others @ ..] = &members[..] else { return None };
    let differs = others.iter().find(|&&id| plan.connector(id).protocol() != plan.connector(*first).protocol());
    if let Some(&other) = differs {
        let span = plan.connector(other).protocol.or(plan.connector(*first).protocol).map(|p| p.span);
        return Some(Unsupported {
            message: format!(
                "connector `{}` stands in for `{}` with another protocol, and the `protocol` of an Exim transport is the same for all its hosts (specification 30.4)",
                plan.connector(other).name,
                plan.connector(*first).name
            ),
            help: "give both the same protocol, or different address spaces".to_owned(),
            span,
        });
    }
    members.iter().enumerate().find_map(|(i, &a)| members[..i].iter().find_map(|&b| same_host(plan, a, b)))
}

/// One host under two policies: the options of a transport tell hosts apart by their name and port alone (30.2).
fn same_host(plan: &Plan, a: ConnectorId, b: ConnectorId) -> Option<Unsupported> {
    if policy(plan, a) == policy(plan, b) {
        return None;
    }
    let of_b = endpoints(plan, b)?;
    let shared = endpoints(plan, a)?.into_iter().find(|e| of_b.contains(e))?;
    Some(Unsupported {
        message: format!(
            "`{}` is a host of both `{}` and `{}`, which treat it differently, and Exim tells the hosts of a group apart by name and port alone (specification 30.2)",
            shared.item(),
            plan.connector(a).name,
            plan.connector(b).name
        ),
        help: "let both connectors say the same about it, or name it in one of them only".to_owned(),
        span: Some(plan.connector(a).span),
    })
}
