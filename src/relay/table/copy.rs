//! A copy of a file that nobody else can reach.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Copies a file into one without a name in the folder. Where the file system can, they share their blocks.
pub(super) fn of(path: &Path, private: &Path) -> io::Result<File> {
    let original = File::open(path)?;
    let before = original.metadata()?;
    if !before.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let copy = unnamed(private)?;
    if rustix::fs::ioctl_ficlone(&copy, &original).is_err() {
        fill(&copy, &original, before.len())?;
    }
    let after = original.metadata()?;
    if state(&before) != state(&after) || copy.metadata()?.len() != before.len() {
        return Err(io::Error::other("it changed while it was read"));
    }
    Ok(copy)
}

/// What changes when a file is written to.
fn state(file: &Metadata) -> (u64, i64, i64, i64, i64) {
    (file.len(), file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec())
}

fn unnamed(folder: &Path) -> io::Result<File> {
    // A look at it need not be written down.
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOATIME;
    let mode = Mode::RUSR | Mode::WUSR;
    match rustix::fs::open(folder, flags | OFlags::TMPFILE, mode) {
        Ok(file) => return Ok(file.into()),
        // Not every file system has files without a name.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let path = folder.join(format!("table-{}-{:016x}", std::process::id(), fastrand::u64(..)));
    let file = rustix::fs::open(&path, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
    std::fs::remove_file(&path)?;
    Ok(file.into())
}

fn fill(mut copy: &File, mut original: &File, length: u64) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let step = usize::try_from(left).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(original, None, copy, None, step) {
            Ok(0) => return Ok(()),
            Ok(copied) => left = left.saturating_sub(copied as u64),
            Err(Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) if left == length => {
                return io::copy(&mut original, &mut copy).map(drop);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
