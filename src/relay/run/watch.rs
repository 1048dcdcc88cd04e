//! Which files a running relay depends on, and whether one of them has changed.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::relay::config::{Config, local};

/// What tells one state of a file from another, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// The state of all the files; one that cannot be seen has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks(BTreeMap<PathBuf, Option<Mark>>);

impl Marks {
    pub fn of(files: impl IntoIterator<Item = PathBuf>) -> Marks {
        Marks(files.into_iter().map(|path| (path.clone(), mark(&path))).collect())
    }

    /// The same files as they are now.
    pub fn again(&self) -> Marks {
        Marks::of(self.0.keys().cloned())
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let data = std::fs::metadata(path).ok()?;
    // The time of the last change of the inode moves even where a copy keeps the time of the content.
    let changed = (data.ctime(), data.ctime_nsec());
    Some(Mark { device: data.dev(), inode: data.ino(), size: data.size(), changed })
}

/// Everything that a configuration names on this host.
pub fn files(file: &Path, folder: &Path, config: &Config) -> Vec<PathBuf> {
    let tables = &config.routing.tables;
    let mut all = vec![file.to_owned(), folder.join(local::FILE)];
    all.extend([&tables.contacts, &tables.accounts, &tables.recipients].map(|name| folder.join(name)));
    if let Some(tls) = &config.server.tls {
        all.extend([&tls.certificate, &tls.key].map(|path| folder.join(path)));
    }
    for connector in &config.routing.connectors {
        all.extend(connector.tls.ca.as_ref().map(|path| folder.join(path)));
        all.extend(connector.auth.as_ref().map(|auth| folder.join(&auth.password_file)));
    }
    all
}
