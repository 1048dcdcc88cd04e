//! A message's content as a connection sends it: as on the wire, dot-stuffed, without the line that ends it.

use std::io;

/// Octets in memory or in a file.
pub trait Octets: Send + Sync {
    /// How many there are.
    fn size(&self) -> u64;

    /// All of them, where they are in memory.
    fn in_memory(&self) -> Option<&[u8]>;

    /// Reads as many as there are room for from the place `at`; none only at the end.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;
}

impl Octets for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self)
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Octets that are read at a time.
pub const CHUNK: usize = 64 * 1024;

/// Whether a 7-bit transport takes it.
pub fn is_seven_bit(content: &dyn Octets) -> io::Result<bool> {
    if let Some(octets) = content.in_memory() {
        return Ok(octets.is_ascii());
    }
    let (mut chunk, mut at) = (vec![0; CHUNK], 0);
    loop {
        let count = content.read_at(&mut chunk, at)?;
        if count == 0 || !chunk[..count].is_ascii() {
            return Ok(count == 0);
        }
        at += count as u64;
    }
}
