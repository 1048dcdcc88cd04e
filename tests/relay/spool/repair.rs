//! Repair that is stopped at any call: nothing that could be read is lost, and it can be begun again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailswitch::relay::envelope::QueueId;
use mailswitch::relay::spool::{Recovered, SpoolError, repair};

use super::faults::{FAULTS, runtime};
use super::memory::{Fault, Memory};
use super::model::{FOLDER, Model, Step, octets, options};

/// A spool of several segments, of which one is damaged, and so is a content in another.
fn damaged() -> Memory {
    let mut steps = vec![Step::Large { octets: 70_000 }];
    steps.extend([const { Step::Accept { messages: 3, recipients: 2, octets: 9500 } }; 6]);
    steps.extend([Step::Done { message: 3, recipient: 1 }, Step::Held { message: 6 }]);
    steps.push(Step::Accept { messages: 1, recipients: 1, octets: 10 });
    let mut model = Model::default();
    runtime().block_on(model.run(&steps));
    let mut segments: Vec<PathBuf> = model.disk.names();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    assert!(segments.len() > 4, "{segments:?}");
    // The first frame with a message, behind the one that every segment begins with; and the content of another.
    let flip = |octets: &mut [u8], behind: usize| {
        let frame = memchr::memmem::find_iter(octets, b"MSWF").nth(1).unwrap();
        octets[frame + behind] ^= 1;
    };
    model.disk.damage(&segments[1], |octets| flip(octets, 60));
    model.disk.damage(&segments[2], |octets| flip(octets, 5000));
    model.disk
}

fn mend(disk: &Memory) -> Result<bool, SpoolError> {
    repair(Path::new(FOLDER), Arc::new(disk.clone()), options()).map(|repaired| repaired.found.is_good())
}

/// The messages that can be read, and all that is known of them.
fn readable(disk: &Memory) -> Vec<(QueueId, Vec<u32>, bool, Vec<u8>)> {
    let opened = Model::on(disk.copy()).open().unwrap();
    let message = |message: &Recovered| {
        let content = octets(&opened.spool.content(message.place).ok()?).ok()?;
        Some((message.id, message.done.clone(), message.held, content))
    };
    opened.messages.iter().filter_map(message).collect()
}

#[test]
fn at_every_call() {
    let spool = damaged();
    let before = readable(&spool);
    assert_eq!(before.len(), 18);
    assert!(before.iter().any(|(_, done, ..)| !done.is_empty()) && before.iter().any(|(_, _, held, _)| *held));
    let stride = if std::env::var_os("MAILSWITCH_LONG").is_some() { 1 } else { FAULTS.len() };
    for (nth, fault) in FAULTS.into_iter().enumerate() {
        let first = 1 + if stride > 1 { nth as u64 } else { 0 };
        let calls = (first..).step_by(stride).take_while(|call| is_stopped(&spool, *call, fault, &before)).count();
        assert!(calls * stride > 50, "repair ended after {calls} calls");
    }
}

fn is_stopped(spool: &Memory, call: u64, fault: Fault, before: &[(QueueId, Vec<u32>, bool, Vec<u8>)]) -> bool {
    let disk = spool.copy();
    disk.arm(call, fault);
    let ended = mend(&disk);
    let reached = disk.disarm();
    assert!(reached || ended.is_ok(), "{ended:?}");
    if fault == Fault::PowerLoss {
        disk.lose_power(&mut fastrand::Rng::with_seed(call));
    }
    assert!(readable(&disk) == before, "call {call}, {fault:?}: something is lost");
    mend(&disk).unwrap();
    assert!(mend(&disk).unwrap(), "call {call}, {fault:?}: it is not mended");
    assert!(readable(&disk) == before, "call {call}, {fault:?}: something is lost when it is begun again");
    reached
}
