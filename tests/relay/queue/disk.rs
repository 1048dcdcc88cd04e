//! The host's own disk, until it is told to break: from then on nothing can be made durable on it.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mailswitch::relay::spool::{Disk, File, Host};

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaking(Arc<AtomicBool>);

#[derive(Debug)]
struct Opened(Breaking, Arc<dyn File>);

impl Breaking {
    pub(crate) fn breaks(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn sync(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) { Err(io::Error::other("it is broken")) } else { sync() }
    }

    fn file(&self, file: io::Result<Arc<dyn File>>) -> io::Result<Arc<dyn File>> {
        file.map(|file| Arc::new(Opened(self.clone(), file)) as Arc<dyn File>)
    }
}

impl Disk for Breaking {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        Host.create_folder(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        Host.list(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.file(Host.create(path))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.file(Host.open(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Host.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Host.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.sync(|| Host.sync_folder(folder))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Host.lock(path)
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        Host.free(folder)
    }
}

impl File for Opened {
    fn len(&self) -> io::Result<u64> {
        self.1.len()
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.1.read_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        self.1.write_at(bytes, at)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.1.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync(|| self.1.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync(|| self.1.sync_all())
    }
}
