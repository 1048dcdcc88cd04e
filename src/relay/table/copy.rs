//! A file that others may write to, and a copy of it that nobody else can reach.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// A file as it was when it was opened. Until it is copied, each reading makes sure that it still is what it was.
#[derive(Debug)]
pub(super) struct Shared {
    original: File,
    was: State,
    copy: OnceLock<File>,
}

/// What changes when a file is written to: its length, and when it was changed.
type State = (u64, i64, i64, i64, i64);

impl Shared {
    pub(super) fn open(path: &Path) -> io::Result<Shared> {
        let original = File::open(path)?;
        let now = original.metadata()?;
        if !now.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        Ok(Shared { original, was: state(&now), copy: OnceLock::new() })
    }

    pub(super) fn len(&self) -> u64 {
        self.was.0
    }

    /// Fills the buffer from this place on.
    pub(super) fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        if let Some(copy) = self.copy.get() {
            return copy.read_exact_at(buffer, at);
        }
        self.original.read_exact_at(buffer, at)?;
        self.is_unchanged()
    }

    /// Copies it into a file without a name in the folder, which is read from then on. Where the file system can, they
    /// share their blocks.
    pub(super) fn settle(&self, private: &Path) -> io::Result<()> {
        let copy = unnamed(private)?;
        if rustix::fs::ioctl_ficlone(&copy, &self.original).is_err() {
            fill(&copy, &self.original, self.len())?;
        }
        self.is_unchanged()?;
        if copy.metadata()?.len() != self.len() {
            return Err(changed());
        }
        // Whoever came first has the same copy.
        drop(self.copy.set(copy));
        Ok(())
    }

    fn is_unchanged(&self) -> io::Result<()> {
        let now = self.original.metadata()?;
        // A file that lost its name, since another one took its place, has another ctime and the same content.
        let is_replaced = || now.nlink() == 0 && written(&state(&now)) == written(&self.was);
        if state(&now) == self.was || is_replaced() { Ok(()) } else { Err(changed()) }
    }
}

fn changed() -> io::Error {
    io::Error::other("it was changed where it lies")
}

fn state(file: &Metadata) -> State {
    (file.len(), file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec())
}

/// What changes only when somebody writes to it.
fn written(&(length, seconds, nanos, ..): &State) -> (u64, i64, i64) {
    (length, seconds, nanos)
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
    let mut at = 0;
    while left > 0 {
        let step = usize::try_from(left).unwrap_or(usize::MAX);
        // The original's own offset is nobody's.
        match rustix::fs::copy_file_range(original, Some(&mut at), copy, None, step) {
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
