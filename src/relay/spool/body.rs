//! Contents that are too large for memory and log: a file each, written as the content comes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SpoolError;
use super::disk::{Disk, File, read_full, write_all};
use crate::relay::envelope::QueueId;

/// A body file that is being written. Left unfinished, it is removed.
#[derive(Debug)]
pub struct BodyWriter {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    path: PathBuf,
    file: Option<Arc<dyn File>>,
    length: u64,
    crc: u32,
}

impl BodyWriter {
    pub(crate) fn create(disk: &Arc<dyn Disk>, folder: &Path, id: QueueId) -> Result<BodyWriter, SpoolError> {
        let path = folder.join(id.to_string());
        let file = disk.create(&path).map_err(SpoolError::disk("make a body file"))?;
        let (disk, folder) = (Arc::clone(disk), folder.to_owned());
        Ok(BodyWriter { disk, folder, path, file: Some(file), length: 0, crc: 0 })
    }

    /// Into the system's memory: this waits for no disk.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let Some(file) = &self.file else { return Err(SpoolError::Closed) };
        write_all(&**file, bytes, self.length).map_err(SpoolError::disk("write a body file"))?;
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// What was written already.
    pub fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.as_ref().map_or(Ok(0), |file| file.read_at(into, at))
    }

    /// What `Spool::accept` takes; it is synced there.
    pub fn finish(mut self) -> Result<Body, SpoolError> {
        let file = self.file.take().ok_or(SpoolError::Closed)?;
        let unsettled = Unsettled { disk: Arc::clone(&self.disk), folder: self.folder.clone() };
        Ok(Body { file, length: self.length, crc: self.crc, unsettled: Some(unsettled) })
    }
}

impl Drop for BodyWriter {
    fn drop(&mut self) {
        if self.file.is_some() {
            // One that stays behind is an orphan, which the next start removes.
            drop(self.disk.remove(&self.path));
        }
    }
}

/// A content in a file of its own.
#[derive(Debug, Clone)]
pub struct Body {
    file: Arc<dyn File>,
    length: u64,
    crc: u32,
    unsettled: Option<Unsettled>,
}

/// What has to be synced beside the file itself before the message is durable.
#[derive(Debug, Clone)]
struct Unsettled {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl Body {
    pub(crate) fn open(disk: &dyn Disk, path: &Path, length: u64, crc: u32) -> Result<Body, SpoolError> {
        let file = disk.open(path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => SpoolError::Gone,
            _ => SpoolError::disk("open a body file")(e),
        })?;
        Ok(Body { file, length, crc, unsettled: None })
    }

    pub fn len(&self) -> u64 {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn crc(&self) -> u32 {
        self.crc
    }

    pub fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let most = into.len().min(left);
        self.file.read_at(&mut into[..most], at)
    }

    /// Whether the file holds what was written.
    pub(crate) fn is_whole(&self) -> io::Result<bool> {
        let mut piece = vec![0; 256 * 1024];
        let (mut at, mut crc) = (0, 0);
        while at < self.length {
            match read_full(&*self.file, &mut piece, at)? {
                0 => return Ok(false),
                read => crc = crc32c::crc32c_append(crc, &piece[..read]),
            }
            at += piece.len() as u64;
        }
        Ok(crc == self.crc && self.file.len()? == self.length)
    }

    /// Syncs the file and its name, away from the threads that serve sessions.
    pub(crate) async fn settle(&self) -> Result<(), SpoolError> {
        let Some(unsettled) = self.unsettled.clone() else { return Ok(()) };
        let file = Arc::clone(&self.file);
        let sync = move || {
            file.sync_all()?;
            unsettled.disk.sync_folder(&unsettled.folder)
        };
        let synced = tokio::task::spawn_blocking(sync).await.map_err(|_| SpoolError::Closed)?;
        synced.map_err(SpoolError::disk("sync a body file"))
    }
}
