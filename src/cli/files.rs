//! The real file system, as the loader sees it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::source::Files;

/// Offsets in a source are 32 bits wide.
const LARGEST: u64 = u32::MAX as u64;
/// A pipe or a device has no length to look at first, so it gets less.
const LARGEST_STREAM: u64 = 64 << 20;

pub(super) struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        let most = if metadata.is_file() { LARGEST } else { LARGEST_STREAM };
        if metadata.len() > most {
            return Err(too_large(most));
        }
        let mut bytes = Vec::new();
        // One more octet than expected, so that the end is met without growing.
        bytes.try_reserve_exact(metadata.len() as usize + 1)?;
        // It may have grown since.
        (&mut file).take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(too_large(most));
        }
        Ok(bytes)
    }

    fn read_named(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Asked before it is opened, since to open a pipe waits for its other end.
        let kind = fs::metadata(path)?;
        if !kind.is_file() && !kind.is_dir() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, a socket or a device"));
        }
        self.read(path)
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>> {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let found = glob::glob_with(pattern, options).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        let mut paths = found.collect::<Result<Vec<_>, _>>().map_err(io::Error::from)?;
        paths.sort();
        Ok(paths)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }
}

fn too_large(most: u64) -> io::Error {
    let mib = most.div_ceil(1 << 20);
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {mib} MiB"))
}
