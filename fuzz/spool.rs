//! A spool whose log is whatever it is, and what must hold when it is read.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;

use mailswitch::relay::spool::{Disk, File, check};

/// The frames of a segment, the first of which names the segment's nonce; as they are, and with their checksums right.
pub(crate) fn reader(data: &[u8]) {
    let Some(start) = data.windows(4).position(|octets| octets == b"MSWF") else { return };
    let mut frames = data[start..].to_vec();
    look(&frames);
    sign(&mut frames);
    look(&frames);
}

/// Whatever the octets are they are told of, within the segment, and two looks see the same.
fn look(frames: &[u8]) {
    let Some(nonce) = frames.get(8..16) else { return };
    let disk = Arc::new(Segment(segment(nonce, frames)));
    let report = check(Path::new("/spool"), disk.clone()).unwrap();
    assert_eq!(report, check(Path::new("/spool"), disk.clone()).unwrap());
    assert!(report.held <= report.messages && report.messages <= report.recipients);
    let length = disk.0.len() as u64;
    let stretches = report.damage.iter().chain(&report.unfinished);
    stretches
        .for_each(|stretch| assert!(stretch.from <= stretch.to && stretch.to <= length, "{stretch:?} of {length}"));
}

fn segment(nonce: &[u8], frames: &[u8]) -> Vec<u8> {
    let mut octets = [b"MSWSPOOL", &1_u32.to_le_bytes()[..], &1_u32.to_le_bytes(), nonce].concat();
    octets.extend(crc32c::crc32c(&octets).to_le_bytes());
    octets.resize(4096, 0);
    octets.extend(frames);
    octets
}

/// Gives every frame the first one's nonce, and the checksums that its header and its operations have.
fn sign(mut frames: &mut [u8]) {
    let nonce = frames.get(8..16).map(<[u8]>::to_vec);
    while frames.len() >= 48 && frames.starts_with(b"MSWF") {
        let number =
            |at: usize| u32::from_le_bytes([frames[at], frames[at + 1], frames[at + 2], frames[at + 3]]) as usize;
        let (ops, contents) = (48 + number(32), number(36));
        let Some(crc) = frames.get(48..ops).map(crc32c::crc32c) else { return };
        frames[8..16].copy_from_slice(nonce.as_deref().unwrap_or_default());
        frames[40..44].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32c::crc32c(&frames[8..48]);
        frames[4..8].copy_from_slice(&crc.to_le_bytes());
        let next = (ops + contents).next_multiple_of(8).min(frames.len());
        frames = &mut frames[next..];
    }
}

/// A disk with the version and one segment, that can only be read.
#[derive(Debug)]
struct Segment(Vec<u8>);

#[derive(Debug)]
struct Octets(Vec<u8>);

fn unsupported<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Disk for Segment {
    fn create_folder(&self, _: &Path) -> io::Result<()> {
        unsupported()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let segment = folder.ends_with("segments").then(|| "0000000001.log".to_owned());
        Ok(segment.into_iter().collect())
    }

    fn create(&self, _: &Path) -> io::Result<Arc<dyn File>> {
        unsupported()
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        if path.ends_with("version") {
            return Ok(Arc::new(Octets(b"mailswitch spool 1\n".to_vec())));
        }
        let segment = path.ends_with("0000000001.log").then(|| Octets(self.0.clone()));
        segment.map_or(Err(io::ErrorKind::NotFound.into()), |segment| Ok(Arc::new(segment)))
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        unsupported()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        unsupported()
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        unsupported()
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }

    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(0)
    }
}

impl File for Octets {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = self.0.get(at as usize..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        unsupported()
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        unsupported()
    }

    fn sync_data(&self) -> io::Result<()> {
        unsupported()
    }

    fn sync_all(&self) -> io::Result<()> {
        unsupported()
    }
}
