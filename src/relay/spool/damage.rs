//! What recovery could not read is kept for people, in `damaged/`.

use std::io;

use super::disk::{read_full, write_all};
use super::recover::Damage;
use super::replay::Replay;
use super::segment::Segment;
use super::shared::Shared;

const PIECE: usize = 256 * 1024;

/// Copies every damaged stretch, once.
pub(crate) fn keep(shared: &Shared, replay: &Replay) -> io::Result<()> {
    if replay.damage.is_empty() && replay.unfinished.is_empty() {
        return Ok(());
    }
    let there = shared.disk.list(&shared.damaged())?;
    for damage in replay.damage.iter().chain(&replay.unfinished) {
        let name = format!("{:010}-{:010}.part", damage.segment, damage.from);
        if let (false, Some(segment)) = (there.contains(&name), shared.segment(damage.segment)) {
            copy(shared, damage, &segment, &name)?;
        }
    }
    shared.disk.sync_folder(&shared.damaged())
}

fn copy(shared: &Shared, damage: &Damage, segment: &Segment, name: &str) -> io::Result<()> {
    // The unused end of a segment says nothing.
    let end = end_of_data(segment, damage.from)?.min(damage.to);
    let file = shared.disk.create(&shared.damaged().join(name))?;
    let mut piece = vec![0; PIECE];
    let mut at = damage.from;
    while at < end {
        let read = read_full(&*segment.file, &mut piece, at)?.min((end - at) as usize);
        if read == 0 {
            break;
        }
        write_all(&*file, &piece[..read], at - damage.from)?;
        at += read as u64;
    }
    file.sync_all()
}

/// Behind the last octet from `from` that is not zero; `from` when there is none.
pub(crate) fn end_of_data(segment: &Segment, from: u64) -> io::Result<u64> {
    let (mut piece, zeros) = (vec![0; PIECE], vec![0; PIECE]);
    let (mut at, mut end) = (from, from);
    loop {
        let read = read_full(&*segment.file, &mut piece, at)?;
        // Mostly there is nothing: whole pieces are compared first.
        let octets = &piece[..read];
        if octets != &zeros[..read] {
            end = octets.iter().rposition(|octet| *octet != 0).map_or(end, |last| at + last as u64 + 1);
        }
        at += read as u64;
        if read < piece.len() {
            return Ok(end);
        }
    }
}
