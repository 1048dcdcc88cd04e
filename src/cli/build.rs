//! `mailswitch build`: one folder of configuration for each MTA, or nothing at all.

use std::io::Write;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread::Builder;

use super::estate::{Estate, Format, Kind, Source};
use super::outcome::{Failure, Outcome, Verdict};
use super::progress::Progress;
use super::{output, stream};
use crate::diagnostic::human::plural;
use crate::emit::bundle::{Bundle, Origin, digest};
use crate::emit::{Context, File, feature};
use crate::plan::{Mta, MtaId};

/// Write the configuration of every MTA: one folder each
///
/// Checks the routing file first: nothing is written where there is an error. The output folder is replaced in one
/// step, so that whatever happens half-way leaves the one before whole. The same sources give the same bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch build -o out                   out/hub/main.cf, out/hub/master.cf, out/hub/manifest.json, …
  mailswitch build site.dsl -o out --target exim
                                            the same routing for Exim, whatever the file says")]
pub(super) struct Args {
    /// The routing file
    #[arg(value_name = "FILE", default_value = "routing.dsl")]
    file: PathBuf,

    /// The folder to write, replaced whole
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// Build every MTA for this target instead of its own
    #[arg(long, value_enum)]
    target: Option<Kind>,

    /// How to print diagnostics (on standard error)
    #[arg(long, value_enum, default_value_t = Format::Fancy)]
    format: Format,

    #[command(flatten)]
    source: Source,
}

pub(super) fn run(args: &Args) -> Outcome {
    let estate = Estate::open_for(&args.file, &args.source, args.target.map(Kind::kind))?;
    let mut err = stream::stderr();
    estate.print(args.format, stream::look(&std::io::stderr()), &mut err)?;
    err.flush()?;
    if estate.verdict(&args.source) == Verdict::Bad {
        let name = args.file.display();
        stream::complain(&format!("{name}: {}; nothing was written", estate.summary()));
        return Ok(Verdict::Bad);
    }
    let progress = Progress::start();
    let bundles = render(&estate, &progress)?;
    progress.stage("writing");
    output::replace(&args.output, &bundles).map_err(|e| Failure::new(e.to_string()))?;
    drop(progress);
    summarize(args, &estate, &bundles)?;
    Ok(Verdict::Good)
}

fn render(estate: &Estate, progress: &Progress) -> Result<Vec<Bundle>, Failure> {
    let router = estate.router();
    let context = Context { plan: &estate.plan, router: &router, sources: &estate.sources };
    let rendered = |id| {
        progress.stage(format!("building {}", estate.plan.mta(id).name));
        files(context, id)
    };
    // The sources are hashed meanwhile: only the manifests need that.
    let (sources, files) = std::thread::scope(|scope| {
        let sources = Builder::new().spawn_scoped(scope, || digest(&estate.sources));
        let files: Result<Vec<_>, _> = estate.plan.mta_ids().map(rendered).collect();
        (sources.ok().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))), files)
    });
    let sources = sources.unwrap_or_else(|| digest(&estate.sources));
    estate.plan.mta_ids().zip(files?).map(|(id, files)| bundle(context, id, files, &sources)).collect()
}

fn failed(mta: &Mta, why: &str) -> Failure {
    Failure::new(format!("cannot build `{}` for {}: {why}", mta.name, mta.target.value.kind.as_str()))
}

fn files(context: Context<'_>, id: MtaId) -> Result<Vec<File>, Failure> {
    let mta = context.plan.mta(id);
    let target = feature::target(mta.target.value.kind)
        .ok_or_else(|| failed(mta, "this mailswitch does not know that target"))?;
    target.render(context, id).map_err(|e| failed(mta, &e.0))
}

fn bundle(context: Context<'_>, id: MtaId, files: Vec<File>, sources: &str) -> Result<Bundle, Failure> {
    let mta = context.plan.mta(id);
    let kind = mta.target.value.kind;
    let version = mta.target.value.version.map(|v| v.to_string());
    let origin = Origin { mta: &mta.name, target: kind.as_str(), version: version.as_deref(), sources };
    Bundle::new(origin, files).map_err(|e| failed(mta, &e.0))
}

fn summarize(args: &Args, estate: &Estate, bundles: &[Bundle]) -> Result<(), Failure> {
    let mut out = stream::stdout();
    for (bundle, mta) in bundles.iter().zip(&estate.plan.mtas) {
        let folder = args.output.join(&bundle.folder);
        let octets: usize = bundle.files.iter().map(|f| f.content.len()).sum();
        let files = plural(bundle.files.len(), "file");
        let target = mta.target.value.kind.as_str();
        writeln!(out, "{}: {target}, {files}, {}", folder.display(), readable(octets))?;
        let widest = bundle.files.iter().map(|f| f.path.len()).max().unwrap_or_default();
        for file in &bundle.files {
            writeln!(out, "  {:widest$}  {}", file.path, readable(file.content.len()))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// A size for people: `812 B`, `3.1 KiB`.
fn readable(octets: usize) -> String {
    let units = ["KiB", "MiB", "GiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut size = octets as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", units[unit])
}
