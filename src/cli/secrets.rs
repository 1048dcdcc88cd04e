//! `mailswitch secrets`: on an MTA's host, the password tables of a Postfix bundle.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::outcome::{Failure, Outcome, Verdict};
use super::stream;
use crate::diagnostic::human::{clean, plural};
use crate::emit;
use crate::emit::postfix::secrets::{WANTED, Wanted, parse, tables};

/// A password is a line; a file of more than that is not one.
const LARGEST: u64 = 64 << 10;

/// Write the password tables of a Postfix folder, on the MTA's own host
///
/// No password is ever in a source or in a built folder. This reads the files that the connectors' `auth … password
/// file …` name, on the host where they are, and writes the tables that Postfix needs into the folder: mode 0600,
/// owned by whoever runs it (root), each replaced in one step.
///
/// Run it after each change of a password, and again each time that a new build was deployed over the folder: the
/// folder is replaced whole, and the tables go with it. Until they are there again, Postfix keeps the mail of those
/// connectors in its queue. Then reload Postfix.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mailswitch secrets /etc/postfix && postfix reload

Exit status: 0 where every table is written (or none is needed); 2 where a password cannot be read or a table cannot be
written: tables that were there before stay as they are.")]
pub(super) struct Args {
    /// The folder of one MTA, as `build` wrote it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let list = args.folder.join(WANTED);
    let wanted = match fs::read_to_string(&list) {
        Ok(text) => parse(&text).map_err(|e| Failure::file("understand", &list, e))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && args.folder.join("main.cf").is_file() => Vec::new(),
        Err(error) => return Err(Failure::file("read", &list, error)),
    };
    let tables = tables(&wanted, password)?;
    for table in &tables {
        replace(&args.folder, table)?;
    }
    let mut out = stream::stdout();
    for table in &tables {
        writeln!(out, "{}: written", clean(&args.folder.join(&table.path).display().to_string()))?;
    }
    out.flush()?;
    let passwords = plural(wanted.len(), "password");
    stream::complain(&format!("{passwords} in {}", plural(tables.len(), "table")));
    Ok(Verdict::Good)
}

/// What the password's file holds, never shown.
fn password(want: &Wanted) -> Result<String, Failure> {
    let path = Path::new(&want.file);
    let failed = |e: io::Error| Failure::file("read the password in", path, e);
    let mut text = String::new();
    let mut file = File::open(path).map_err(failed)?.take(LARGEST + 1);
    file.read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > LARGEST {
        return Err(Failure::file("use the password in", path, "it is larger than 64 KiB"));
    }
    Ok(text)
}

/// A new file beside the old one, of mode 0600 from its first octet, synced, and put in its place.
fn replace(folder: &Path, table: &emit::File) -> Result<(), Failure> {
    let path = folder.join(&table.path);
    let new = folder.join(format!(".{}.{}", table.path, std::process::id()));
    let written = write(&new, &table.content).and_then(|()| fs::rename(&new, &path));
    if let Err(error) = written.and_then(|()| File::open(folder)?.sync_all()) {
        // Nothing but the old table may stay; where even this fails, the name tells what it is.
        let _ = fs::remove_file(&new);
        return Err(Failure::file("write", &path, error));
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    // A file of a run that was killed may be there with any mode: it is not reused.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // The umask may have taken bits away.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(content)?;
    file.sync_all()
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::new(message)
    }
}
