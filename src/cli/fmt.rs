//! `mailswitch fmt`: the one canonical layout, written in place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use super::files::Disk;
use super::outcome::{Failure, Outcome, Verdict};
use super::stream;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::human::{clean, fancy};
use crate::format::{self, Unformatted};
use crate::source::{Files, Sources};
use crate::syntax;

/// Put routing files into the one canonical layout
///
/// Files are rewritten in place, each in one step, and only where something changes; comments stay where they belong.
/// A file that has mistakes is left alone, and they are reported.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch fmt                      ./routing.dsl
  mailswitch fmt --check sites/*.dsl  for a pipeline: says which files would change, and writes nothing
  mailswitch fmt - < routing.dsl      for an editor: standard input to standard output

Exit status: 0 where every file is (now) in the layout; 1 where one has mistakes, or, with --check, would change;
2 where one cannot be read or written.")]
pub(super) struct Args {
    /// Files to format; `-` is standard input, formatted to standard output
    #[arg(value_name = "FILE", default_value = "routing.dsl")]
    files: Vec<PathBuf>,

    /// Write nothing; say which files would change, and exit with 1 if any
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut out = stream::stdout();
    let mut verdict = Verdict::Good;
    let mut failure = None;
    for file in &args.files {
        match one(file, args.check, &mut out) {
            Ok(Verdict::Good) => {}
            Ok(Verdict::Bad) => verdict = Verdict::Bad,
            // The other files are formatted all the same; the first failure is the command's.
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    out.flush()?;
    failure.map_or(Ok(verdict), Err)
}

fn one(file: &Path, check: bool, out: &mut dyn Write) -> Outcome {
    let stdin = file == Path::new("-");
    let before = if stdin { read_stdin() } else { Disk.read(file) }.map_err(|e| Failure::file("read", file, e))?;
    let name = if stdin { "standard input".to_owned() } else { file.display().to_string() };
    let Some(after) = layout(&name, before.clone())? else { return Ok(Verdict::Bad) };
    let changed = after.as_bytes() != before;
    if stdin && !check {
        out.write_all(after.as_bytes())?;
    } else if changed && check {
        writeln!(out, "{}: would change", clean(&name))?;
        return Ok(Verdict::Bad);
    } else if changed {
        replace(file, after.as_bytes()).map_err(|e| Failure::file("write", file, e))?;
        writeln!(out, "{}: formatted", clean(&name))?;
    }
    Ok(Verdict::Good)
}

fn read_stdin() -> io::Result<Vec<u8>> {
    const LARGEST: u64 = 64 << 20;
    let mut bytes = Vec::new();
    io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    Ok(bytes)
}

/// The canonical text; `None` where the file has mistakes, which are printed.
fn layout(name: &str, bytes: Vec<u8>) -> Result<Option<String>, Failure> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let added = syntax::decode::add(&mut sources, name, bytes, &mut diagnostics);
    let formatted = added.map(|file| format::format(&sources, file, &mut diagnostics));
    match formatted {
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(Unformatted::Changed)) => {
            let fault =
                "its layout would change its meaning: this is a fault of mailswitch, and the file is left alone";
            Err(Failure::new(format!("cannot format {name}: {fault}")))
        }
        Some(Err(Unformatted::Syntax)) | None => {
            let mut err = stream::stderr();
            fancy(&diagnostics.into_sorted(&sources), &sources, stream::look(&io::stderr()), &mut err)?;
            err.flush()?;
            Ok(None)
        }
    }
}

/// The new text in a file of the same owner and mode, put in place of what the name (links followed) leads to.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let real = fs::canonicalize(file)?;
    let metadata = fs::metadata(&real)?;
    let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let new = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = write(&new, text, &metadata).and_then(|()| fs::rename(&new, &real));
    if written.is_err() {
        // Only the copy is lost; where it cannot be removed, its name tells what it is.
        let _ = fs::remove_file(&new);
    }
    written
}

fn write(path: &Path, text: &[u8], like: &fs::Metadata) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(like.permissions())?;
    file.write_all(text)?;
    file.sync_all()
}
