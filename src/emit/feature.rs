//! What each MTA of a plan asks of its target, and the diagnostics where a target says no.

use hashbrown::HashSet;

use super::{Context, Feature, TARGETS, Target, Unsupported};
use crate::diagnostic::{Diagnostic, code};
use crate::name::Pattern;
use crate::plan::route::{Router, Tier};
use crate::plan::{EmitMode, MtaId, TargetKind, Unresolved};
use crate::source::Span;

/// The target of this kind.
pub fn target(kind: TargetKind) -> Option<&'static dyn Target> {
    TARGETS.iter().copied().find(|target| target.kind() == kind)
}

/// `target::unsupported` for everything in the plan that an MTA's target cannot do.
pub fn unsupported(context: Context<'_>) -> Vec<Diagnostic> {
    let plan = context.plan;
    let mut diagnostics = Vec::new();
    for id in plan.mta_ids().filter(|&id| !plan.mta(id).poisoned) {
        let mta = plan.mta(id);
        let Some(target) = target(mta.target.value.kind) else { continue };
        let mut said = HashSet::new();
        for (feature, span) in features(context.router, id) {
            let Some(no) = target.refuses(context, id, feature) else { continue };
            let Unsupported { message, help, span: better } = no;
            let span = better.unwrap_or(span);
            if said.insert((span, message.clone())) {
                let diagnostic = Diagnostic::new(code::TARGET_UNSUPPORTED, message).label(span, "asked for here");
                let whose = format!("the target of `{}`", mta.name);
                diagnostics.push(diagnostic.label(mta.target.span, whose).help(help));
            }
        }
    }
    diagnostics
}

/// Everything that an MTA asks of its target, each with its place in the source.
pub fn features<'r>(router: &'r Router<'_>, mta: MtaId) -> Vec<(Feature<'r>, Span)> {
    let mut all = of_mta(router, mta);
    all.extend(of_domains(router, mta));
    for id in router.plan.connector_ids() {
        let connector = router.plan.connector(id);
        if connector.from.contains(&mta) && !connector.poisoned {
            all.push((Feature::Connector(id), connector.span));
        }
    }
    let mut met: HashSet<Vec<(u32, u32)>> = HashSet::new();
    for tiers in groups(router, mta) {
        let key = tiers.iter().flat_map(|t| t.exits.iter().map(|e| (t.cost, e.connector.0))).collect();
        let second = tiers.iter().flat_map(|t| &t.exits).nth(1);
        if let Some(exit) = second
            && met.insert(key)
        {
            all.push((Feature::Group(tiers), exit.span));
        }
    }
    all
}

fn of_mta<'r>(router: &Router<'_>, id: MtaId) -> Vec<(Feature<'r>, Span)> {
    let mta = router.plan.mta(id);
    let mut all = Vec::new();
    all.extend(mta.target.value.version.map(|version| (Feature::Version(version), mta.target.span)));
    all.extend(mta.maps.map(|maps| (Feature::Maps(maps.value), maps.span)));
    all.extend(mta.milter.as_ref().map(|milter| (Feature::Milter, milter.span)));
    all.extend(mta.tls.as_ref().map(|tls| (Feature::ServerTls, tls.span)));
    all.extend(mta.smtputf8.filter(|s| s.value).map(|s| (Feature::Smtputf8, s.span)));
    all.extend(mta.subaddress.map(|s| (Feature::Subaddress(s.value), s.span)));
    all.extend(mta.settings.as_ref().map(|s| (Feature::Settings, s.span)));
    all.extend(mta.emit.filter(|e| e.value == EmitMode::Tables).map(|e| (Feature::TablesOnly, e.span)));
    all
}

fn of_domains<'r>(router: &Router<'_>, id: MtaId) -> Vec<(Feature<'r>, Span)> {
    let domains = router.plan.domains.iter().filter(|d| d.on.contains(&id));
    let verifies = domains.filter_map(|d| match d.unresolved {
        Unresolved::Via { verify: true, .. } => Some(d.unresolved_span.unwrap_or(d.pattern.span)),
        _ => d.verify,
    });
    verifies.map(|span| (Feature::Verify, span)).collect()
}

/// The tiers of every address space and system of an MTA, in the order of the file.
fn groups<'r>(router: &'r Router<'_>, mta: MtaId) -> Vec<&'r [Tier]> {
    let plan = router.plan;
    let connectors = plan.connectors_from(mta);
    let mut patterns: Vec<&Pattern> =
        connectors.flat_map(|id| plan.connector(id).spaces.iter().map(|s| &s.pattern)).collect();
    let mut met = HashSet::new();
    patterns.retain(|pattern| met.insert(*pattern));
    let spaces = patterns.into_iter().filter_map(|pattern| router.space_of_pattern(mta, pattern));
    spaces.chain(plan.system_ids().filter_map(|system| router.to_system(mta, system))).collect()
}
