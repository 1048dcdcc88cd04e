//! From a file on disk to a checked plan: what nearly every command starts with.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::files::Disk;
use super::outcome::{Failure, Verdict};
use super::progress::Progress;
use crate::diagnostic::human::{Look, clean, fancy, plain, plural, tally};
use crate::diagnostic::{Diagnostic, Severity, json};
use crate::emit::{Context, feature};
use crate::plan::classes::Partition;
use crate::plan::proof::Proof;
use crate::plan::route::Router;
use crate::plan::{Plan, Target, TargetKind};
use crate::source::Sources;
use crate::{check, load, resolve};

/// What every command that reads a routing file understands.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// Let includes and directory files lie outside the main file's folder
    #[arg(long)]
    allow_outside: bool,

    /// Treat warnings as errors
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// With the source lines and marks below them
    Fancy,
    /// A line each: file:line:column: severity[code]: message
    Plain,
    /// One JSON array
    Json,
}

/// A target that a command is told to take instead of the source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    Postfix,
    Exim,
    Relay,
}

impl Kind {
    pub(super) fn kind(self) -> TargetKind {
        match self {
            Kind::Postfix => TargetKind::Postfix,
            Kind::Exim => TargetKind::Exim,
            Kind::Relay => TargetKind::Relay,
        }
    }
}

/// An estate, read and checked.
pub(super) struct Estate {
    pub(super) sources: Sources,
    pub(super) plan: Plan,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Of the plan.
    partition: Arc<Partition>,
}

impl Estate {
    pub(super) fn open(file: &Path, source: &Source) -> Result<Estate, Failure> {
        Estate::open_for(file, source, None)
    }

    /// With every MTA for one target, whatever the file says.
    pub(super) fn open_for(file: &Path, source: &Source, target: Option<TargetKind>) -> Result<Estate, Failure> {
        let progress = Progress::start();
        progress.stage(format!("reading {}", clean(&file.display().to_string())));
        let mut loaded = load::load(&Disk, file, source.allow_outside).map_err(|e| Failure::file("read", file, e))?;
        let mut diagnostics = loaded.diagnostics;
        let mut plan = resolve::resolve(&loaded.sources, &loaded.program, &mut diagnostics);
        // The tree may be as large as the plan, and nobody asks it any more; it is taken apart meanwhile.
        drop(std::thread::Builder::new().spawn(|| drop(loaded.program)));
        for &file in &plan.unquotable {
            loaded.sources.forbid_quoting(file);
        }
        if let Some(kind) = target {
            retarget(&mut plan, kind)?;
        }
        let partition = {
            progress.stage("checking");
            let router = Router::new(&plan);
            let context = Context { plan: &plan, router: &router, sources: &loaded.sources };
            check::check(&Proof::new(&router), &mut diagnostics);
            diagnostics.extend(feature::unsupported(context));
            router.partition().clone()
        };
        let diagnostics = diagnostics.into_sorted(&loaded.sources);
        Ok(Estate { sources: loaded.sources, plan, diagnostics, partition })
    }

    pub(super) fn router(&self) -> Router<'_> {
        Router::with_partition(&self.plan, self.partition.clone())
    }

    pub(super) fn print(&self, format: Format, look: Look, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Fancy => fancy(&self.diagnostics, &self.sources, look, out),
            Format::Plain => plain(&self.diagnostics, &self.sources, out),
            Format::Json => json::write(&self.diagnostics, &self.sources, out),
        }
    }

    pub(super) fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.code.severity == Severity::Error).count()
    }

    pub(super) fn verdict(&self, source: &Source) -> Verdict {
        let denied = source.deny_warnings && !self.diagnostics.is_empty();
        Verdict::good_if(self.errors() == 0 && !denied)
    }

    /// The diagnostics in numbers, or what the estate holds where there are none.
    pub(super) fn summary(&self) -> String {
        tally(&self.diagnostics).unwrap_or_else(|| {
            let plan = &self.plan;
            let counts = [
                (plan.mtas.len(), "MTA"),
                (plan.systems.len(), "system"),
                (plan.connectors.len(), "connector"),
                (plan.contacts.len(), "contact"),
                (plan.accounts.len(), "account"),
                (plan.expects.len(), "expectation"),
            ];
            let said: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|&(n, what)| plural(n, what)).collect();
            if said.is_empty() { "empty, and no mistake".to_owned() } else { format!("good: {}", said.join(", ")) }
        })
    }
}

fn retarget(plan: &mut Plan, kind: TargetKind) -> Result<(), Failure> {
    for mta in plan.mtas.iter_mut().filter(|mta| mta.target.value.kind != kind) {
        if mta.settings.is_some() {
            let (own, kind) = (mta.target.value.kind.as_str(), kind.as_str());
            return Err(Failure::new(format!(
                "`{}` has `settings` for {own}: it cannot be built for {kind}",
                mta.name
            )));
        }
        mta.target.value = Target { kind, version: None };
    }
    Ok(())
}
