//! Copying forward: what lives in old, sparse segments is written again at the end of the log, and they can go.
//!
//! Old segments may say of a message that it is there while only a later one says that it is not; so the oldest always
//! go first, and one message that stays would keep all that come after it. The copies pass through the writer like any
//! transaction: the old ones are given up only after the new ones are synced.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::SpoolError;
use super::draft::{Answer, Copied, Draft};
use super::read::Frame;
use super::replay::{Live, Replay};
use super::shared::Shared;
use super::writer::Account;

/// How many copies are on their way at a time.
const GROUP: usize = 64;

/// The last of the oldest segments that are worth copying: together large, and nearly empty.
pub(crate) fn sparse(accounts: &BTreeMap<u32, Account>, current: u32, segment: u64) -> Option<u32> {
    let (mut size, mut live, mut last) = (0, 0, None);
    for (number, account) in accounts.range(..current) {
        size += account.size;
        live += account.octets;
        if size >= 4 * segment && live <= size / 4 {
            last = Some(*number);
        }
    }
    last
}

/// Copies what lives in the segments up to `last`; `before` is the segment that was current when this was decided.
pub(crate) fn forward(shared: &Shared, last: u32, before: u32) -> Result<(), SpoolError> {
    let mut replay = Replay::up_to(last);
    for segment in shared.segments_before(before) {
        replay.sealed(&segment).map_err(SpoolError::disk("read its log"))?;
    }
    if let Some(damage) = replay.damage.first() {
        // What is lost may be news of these messages: this is left to a restart, or to people.
        return Err(SpoolError::Damaged { segment: damage.segment, offset: damage.from as u32 });
    }
    let mut live: Vec<Live> = replay.live.into_values().filter(|live| !live.is_done()).collect();
    live.sort_unstable_by_key(|live| live.place);
    for group in live.chunks(GROUP) {
        let copies: Vec<_> = group.iter().map(|live| copy(shared, live)).collect();
        // Each is waited for, also after one that failed: none may be on its way when changes are no longer noted.
        let answers: Vec<_> = copies.into_iter().map(|copy| copy.and_then(wait)).collect();
        answers.into_iter().collect::<Result<(), _>>()?;
    }
    Ok(())
}

fn copy(shared: &Shared, live: &Live) -> Result<oneshot::Receiver<Answer>, SpoolError> {
    let mut draft = draft(shared, live)?;
    let answer = draft.answer();
    shared.push(draft);
    Ok(answer)
}

/// A message as it stands now, to be written elsewhere.
pub(crate) fn draft(shared: &Shared, live: &Live) -> Result<Draft, SpoolError> {
    let frame = Frame::read(shared, live.place, live.place.length as usize)?;
    let (message, at) = frame.message()?;
    let content = if message.is_file() { None } else { Some(frame.inline(&message, at)?) };
    let (held, warned) = (live.is_held(), live.is_warned());
    let mut draft = Draft::new();
    draft.copy(message, content, Copied { from: live.place, held, warned, done: live.done.clone() });
    draft.seal();
    Ok(draft)
}

fn wait(copy: oneshot::Receiver<Answer>) -> Result<(), SpoolError> {
    match copy.blocking_recv() {
        // It has changed since the log was read, and stays where it is until the next time.
        Ok(Ok(_) | Err(SpoolError::Gone)) => Ok(()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(SpoolError::Closed),
    }
}
