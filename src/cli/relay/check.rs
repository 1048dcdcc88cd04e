//! `mailswitch relay check`: what is wrong with a relay's configuration.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::files::Disk;
use crate::cli::outcome::{Failure, Outcome, Verdict};
use crate::cli::stream;
use crate::diagnostic::human::{clean, plural};
use crate::relay::check::check;
use crate::relay::config::local::{self, Local};
use crate::source::Files;

/// Load a relay.yaml and its tables, and report everything that is wrong
///
/// References between its sections, values out of range, tables that are missing or damaged, files that the host does
/// not have (a warning: they may come later); and the same of local.yaml, the host's own settings, if it lies beside it.
/// A text that is no relay.yaml at all is reported by its first mistake.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch relay check out/edge/relay.yaml

Exit status: 0 good (warnings included), 1 the configuration has errors, 2 it cannot be read.")]
pub(super) struct Args {
    /// The configuration; its tables lie beside it
    #[arg(value_name = "FILE", default_value = "relay.yaml")]
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    look_over(&args.file)
}

fn look_over(file: &Path) -> Outcome {
    let bytes = Disk.read(file).map_err(|e| Failure::file("read", file, e))?;
    let name = clean(&file.display().to_string());
    let Ok(text) = String::from_utf8(bytes) else {
        stream::complain(&format!("{name}: error: it is not UTF-8"));
        return Ok(Verdict::Bad);
    };
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (config, mut problems) = check(&text, folder);
    let mut out = stream::stdout();
    for problem in &problems {
        writeln!(out, "{}", clean(&problem.in_file(&name)))?;
    }
    // The host's own file belongs to it.
    let (_, local) = Local::load(folder, config.as_ref());
    let beside = clean(&folder.join(local::FILE).display().to_string());
    for problem in &local {
        writeln!(out, "{}", clean(&problem.in_file(&beside)))?;
    }
    out.flush()?;
    problems.extend(local);
    let errors = problems.iter().filter(|p| p.error).count();
    let counts = match config {
        Some(config) if problems.is_empty() => {
            let routing = &config.routing;
            let domains = plural(routing.domains.len(), "domain");
            format!("good: {domains}, {}", plural(routing.connectors.len(), "connector"))
        }
        _ => format!("{}, {}", plural(errors, "error"), plural(problems.len() - errors, "warning")),
    };
    stream::complain(&format!("{name}: {counts}"));
    Ok(Verdict::good_if(errors == 0))
}
