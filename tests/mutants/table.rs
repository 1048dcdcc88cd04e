//! What the wrong emitters get wrong, a row each.

use mailswitch::plan::{Plan, TargetKind};

use super::folder::Folder;
use super::passes::Pass;

mod all;
mod exim;
mod postfix;
mod relay;

pub(super) struct Mutant {
    /// What it gets wrong.
    pub(super) name: &'static str,
    pub(super) targets: Targets,
    pub(super) estate: &'static str,
    /// Where it has to show.
    pub(super) pass: Pass,
    pub(super) bend: Bend,
}

/// The line of distortion around the right emitter.
pub(super) enum Bend {
    /// Of the plan that it reads.
    Plan(fn(&mut Plan)),
    /// Of a file that it wrote for the estate's first MTA.
    Files(fn(&mut Folder)),
}

/// Whose emitters make the mistake.
type Targets = &'static [TargetKind];

const ALL: Targets = &[TargetKind::Postfix, TargetKind::Exim, TargetKind::Relay];
const POSTFIX: Targets = &[TargetKind::Postfix];
const EXIM: Targets = &[TargetKind::Exim];
const RELAY: Targets = &[TargetKind::Relay];

pub(super) fn mutants() -> impl Iterator<Item = &'static Mutant> {
    [all::MUTANTS, postfix::MUTANTS, exim::MUTANTS, relay::MUTANTS].into_iter().flatten()
}

impl Mutant {
    const fn of_plan(name: &'static str, targets: Targets, pass: Pass, bend: fn(&mut Plan)) -> Mutant {
        Mutant { name, targets, estate: "hub", pass, bend: Bend::Plan(bend) }
    }

    const fn of_files(name: &'static str, targets: &'static [TargetKind], pass: Pass, bend: fn(&mut Folder)) -> Mutant {
        Mutant { name, targets, estate: "hub", pass, bend: Bend::Files(bend) }
    }

    /// In the estate of two MTAs.
    const fn in_pair(self) -> Mutant {
        Mutant { estate: "pair", ..self }
    }
}
