//! Which connectors stand in for which.

use std::collections::BTreeSet;

use crate::plan::route::{Router, Tier};
use crate::plan::{ConnectorId, MtaId, Node};

/// For each list of tiers that a connector is in, at whatever MTA: those that share its load, and then the dearer ones.
pub(super) fn stand_ins(router: &Router<'_>, id: ConnectorId) -> Vec<Vec<ConnectorId>> {
    let connector = router.plan.connector(id);
    let spaces = |mta: MtaId| connector.spaces.iter().filter_map(move |s| router.space_of_pattern(mta, &s.pattern));
    let system = |mta: MtaId| match connector.to.value {
        Node::System(system) => router.to_system(mta, system),
        _ => None,
    };
    let lists = connector.from.iter().flat_map(|&mta| spaces(mta).chain(system(mta)));
    lists.filter_map(|tiers| behind(tiers, id)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The same for one recipient's domain.
pub(super) fn stand_ins_for(router: &Router<'_>, id: ConnectorId, domain: &str) -> Vec<ConnectorId> {
    let connector = router.plan.connector(id);
    let system = |mta: MtaId| match connector.to.value {
        Node::System(system) => router.to_system(mta, system),
        _ => None,
    };
    let lists = connector.from.iter().flat_map(|&mta| router.space(mta, domain).into_iter().chain(system(mta)));
    lists.filter_map(|tiers| behind(tiers, id)).flatten().collect()
}

fn behind(tiers: &[Tier], id: ConnectorId) -> Option<Vec<ConnectorId>> {
    let at = tiers.iter().position(|tier| tier.exits.iter().any(|exit| exit.connector == id))?;
    let exits = tiers[at..].iter().flat_map(|tier| &tier.exits);
    Some(exits.map(|exit| exit.connector).filter(|&other| other != id).collect())
}
