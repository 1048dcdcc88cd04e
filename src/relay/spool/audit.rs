//! Looking a spool over while no relay uses it: every octet that means something, and nothing is changed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::disk::Disk;
use super::recover::{Damage, VERSION, read_version};
use super::replay::{Live, Replay};
use super::segment::Scan;
use super::shared::Shared;
use super::survey::{self, Survey};
use super::{Content, Options, SpoolError, read, segment};
use crate::relay::envelope::{Envelope, QueueId};

/// What there is in a spool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Messages that can be read, with recipients left.
    pub messages: usize,
    /// How many of them are held.
    pub held: usize,
    /// The recipients that are left of them.
    pub recipients: usize,
    /// The octets of their contents.
    pub octets: u64,
    pub segments: usize,
    /// Files, below the spool's folder, that belong to no message or were not finished: the next start removes them.
    pub orphans: Vec<String>,
    /// What had not been acknowledged when the relay or the machine stopped.
    pub unfinished: Vec<Damage>,
    pub damage: Vec<Damage>,
    /// What the file says that should name the version, if it does not.
    pub version: Option<String>,
}

impl Report {
    pub fn is_good(&self) -> bool {
        self.damage.is_empty() && self.version.is_none()
    }
}

/// Looks a spool over.
pub fn check(folder: &Path, disk: Arc<dyn Disk>) -> Result<Report, SpoolError> {
    let (shared, version) = closed(folder, disk, Options::new(0))?;
    look(&shared, version).map(|(report, _)| report)
}

/// A spool that nobody uses, and what it says of its version if that is not what it should be.
pub(crate) fn closed(
    folder: &Path,
    disk: Arc<dyn Disk>,
    options: Options,
) -> Result<(Shared, Option<String>), SpoolError> {
    // Nothing is made in a folder that is something else.
    disk.list(&folder.join("segments")).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => SpoolError::Version("a folder without segments".to_owned()),
        _ => SpoolError::disk("list its segments")(e),
    })?;
    let lock = Shared::lock(folder, &*disk)?;
    let version = read_version(folder, &*disk)?.unwrap_or_default();
    let number = version.strip_prefix("mailswitch spool ").and_then(|number| number.trim_end().parse::<u32>().ok());
    if number.is_some_and(|number| number != segment::VERSION) {
        return Err(SpoolError::Version(version.trim_end().to_owned()));
    }
    let version = (version != VERSION).then(|| version.trim_end().to_owned());
    Ok((Shared::new(folder, disk, options, lock), version))
}

/// All that is in it, and what is found out about it: the damage to contents too is in the log's own list then, and
/// the messages that are left there can be read.
pub(crate) fn look(shared: &Shared, version: Option<String>) -> Result<(Report, Survey), SpoolError> {
    let failed = || SpoolError::disk("read its log");
    let mut survey = survey::survey(shared).map_err(failed())?;
    let bodies = survey::bodies(shared, &survey.replay).map_err(failed())?;
    let mut report = Report { segments: survey.replay.segments.len(), version, ..Report::default() };
    report.orphans.extend(survey.strange.iter().map(|name| format!("segments/{name}")));
    report.orphans.extend(bodies.orphans.iter().map(|name| format!("bodies/{name}")));
    let mut live: Vec<(QueueId, Live)> = survey.replay.live.drain().collect();
    live.sort_unstable_by_key(|(id, _)| *id);
    for (id, live) in live {
        match message(shared, &live)? {
            Ok(()) => {
                report.count(&live);
                survey.replay.live.insert(id, live);
            }
            Err(whose) => survey.replay.lost(live.place, format!("the content of message {id}{whose}")),
        }
    }
    dead(shared, &mut survey.replay).map_err(failed())?;
    survey.replay.damage.sort_by_key(|damage| (damage.segment, damage.from));
    report.damage.clone_from(&survey.replay.damage);
    report.unfinished.clone_from(&survey.replay.unfinished);
    Ok((report, survey))
}

impl Report {
    fn count(&mut self, live: &Live) {
        self.messages += 1;
        self.held += usize::from(live.is_held());
        self.recipients += live.left();
        self.octets += live.length;
    }
}

/// Reads a message; where it is damaged, says whose it is as far as that is known.
fn message(shared: &Shared, live: &Live) -> Result<Result<(), String>, SpoolError> {
    let envelope = match read::envelope(shared, live.place) {
        Ok((envelope, _)) => envelope,
        Err(SpoolError::Damaged { .. }) => return Ok(Err(String::new())),
        // It may be there all the same: only what was read can be called damaged.
        Err(error) => return Err(error),
    };
    let whole = match read::content(shared, live.place) {
        Ok(Content::Bytes(_)) => true,
        Ok(Content::File(body)) => body.is_whole().map_err(SpoolError::disk("read a body file"))?,
        Err(SpoolError::Damaged { .. } | SpoolError::Gone) => false,
        Err(error) => return Err(error),
    };
    Ok(if whole { Ok(()) } else { Err(whose(&envelope)) })
}

fn whose(envelope: &Envelope) -> String {
    let more = envelope.recipients.len().saturating_sub(1);
    let first = envelope.recipients.first().map_or("", |recipient| recipient.address.as_str());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(", from <{}> to <{first}>{more}", envelope.sender)
}

/// Contents of messages that are finished: nobody misses them, but a disk that spoils them will spoil others.
fn dead(shared: &Shared, replay: &mut Replay) -> io::Result<()> {
    let tail = replay.end.as_ref().map_or(u32::MAX, |end| end.segment.number);
    for segment in shared.segments_before(tail) {
        let mut scan = Scan::new(segment.clone())?;
        while let Some((at, header)) = scan.next()? {
            let told = replay.damage.iter().any(|d| d.segment == segment.number && (d.from..d.to).contains(&at));
            if !told && !scan.is_whole(at, &header)? {
                replay.damaged(segment.number, at, at + header.length(), "what is finished already".to_owned());
            }
        }
    }
    Ok(())
}
