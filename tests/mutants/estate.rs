//! The estates, and what a right and a wrong emitter make of them.

use std::path::Path;

use mailswitch::emit::{Context, File, feature};
use mailswitch::plan::route::Router;
use mailswitch::plan::{Plan, Target, TargetKind};
use mailswitch::source::Sources;

use super::folder::Folder;
use super::table::{Bend, Mutant};
use crate::golden::case::Case;

/// An estate whose MTAs are all one target.
pub(super) struct Estate {
    pub(super) plan: Plan,
    sources: Sources,
    name: &'static str,
    kind: TargetKind,
}

impl Estate {
    pub(super) fn read(name: &'static str, kind: TargetKind) -> Estate {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants").join(format!("{name}.dsl"));
        let (mut plan, sources) = Case::read_plan(&file);
        assert!(!plan.incomplete, "{} is not sound", file.display());
        for mta in &mut plan.mtas {
            mta.target.value = Target { kind, version: None };
        }
        Estate { plan, sources, name, kind }
    }

    /// Each MTA's folder.
    pub(super) fn parts(&self, plan: &Plan) -> Vec<Vec<File>> {
        let router = Router::new(plan);
        let context = Context { plan, router: &router, sources: &self.sources };
        let target = feature::target(self.kind).unwrap();
        plan.mta_ids().map(|id| target.render(context, id).unwrap()).collect()
    }

    /// The same by a wrong emitter: files are those of the first MTA.
    pub(super) fn spoilt(&self, mutant: &Mutant, kind: TargetKind) -> Vec<Vec<File>> {
        let mut other = Estate::read(self.name, kind);
        match mutant.bend {
            Bend::Plan(bend) => {
                bend(&mut other.plan);
                other.parts(&other.plan)
            }
            Bend::Files(bend) => {
                let mut parts = self.parts(&self.plan);
                let mut folder = Folder { kind, files: std::mem::take(&mut parts[0]) };
                bend(&mut folder);
                parts[0] = folder.files;
                parts
            }
        }
    }

    pub(super) fn kind(&self) -> TargetKind {
        self.kind
    }
}
