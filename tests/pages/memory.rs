//! A file system in memory, which fails in the words of the real one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use mailswitch::source::Files;

/// ENOENT, with the text that the system gives it.
const MISSING: i32 = 2;

/// Files by their true names; relative ones lie in `/estate/site`.
#[derive(Debug, Default)]
pub(crate) struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    pub(crate) fn add(&mut self, name: &str, content: Vec<u8>) {
        self.0.insert(full(Path::new(name)), content);
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(&full(path)).cloned().ok_or_else(|| io::Error::from_raw_os_error(MISSING))
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let pattern = glob::Pattern::new(pattern).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        let here = full(Path::new(""));
        let names = self.0.keys().filter_map(|path| path.strip_prefix(&here).ok());
        Ok(names.filter(|name| pattern.matches_path(name)).map(Path::to_path_buf).collect())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let path = full(path);
        if self.0.contains_key(&path) { Ok(path) } else { Err(io::Error::from_raw_os_error(MISSING)) }
    }
}

fn full(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/estate/site");
    for component in path.components() {
        match component {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            _ => out.push(component),
        }
    }
    out
}
