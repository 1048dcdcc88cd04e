//! The spool: what was acknowledged is there after whatever happens.

mod check;
mod faults;
mod memory;
mod model;
mod repair;
mod versions;

use std::path::Path;
use std::sync::Arc;

use mailswitch::relay::envelope::{Envelope, QueueId, Recipient};
use mailswitch::relay::spool::{Accept, Change, Content, Disk, Host, Note, Opened, Options, Place, Spool, SpoolError};

/// A spool on the host's own disk, with segments that are small enough to be used up.
fn open(folder: &Path) -> Opened {
    Spool::open(folder, Arc::new(Host), Options { segment: 256 << 10, ..Options::new(1000) }).unwrap()
}

fn message(spool: &Spool, recipients: &[&str], content: &[u8]) -> Accept {
    let recipients = recipients.iter().map(|address| Recipient {
        address: (*address).to_owned(),
        asked: (*address).to_owned(),
        ..Recipient::default()
    });
    let envelope =
        Envelope { sender: "ann@contoso.com".into(), recipients: recipients.collect(), ..Envelope::default() };
    Accept { id: spool.next_id(), arrived: 42, envelope, content: Content::Bytes(content.into()) }
}

fn note(spool: &Spool, id: QueueId, place: Place, change: Change) {
    spool.note(&Note { id, place, change });
}

#[tokio::test]
async fn a_content_whose_message_finds_no_room_takes_none_either() {
    let disk = memory::Memory::default();
    let spool = Spool::open(Path::new(model::FOLDER), Arc::new(disk.clone()), model::options()).unwrap().spool;
    let mut large = message(&spool, &["bob@contoso.com"], b"");
    let mut body = spool.body(large.id).unwrap();
    body.write(&[b'x'; 100_000]).unwrap();
    large.content = Content::File(body.finish().unwrap());
    disk.arm(1, memory::Fault::Full);
    let small = [b'x'; 100];
    while spool.accept(&message(&spool, &["bob@contoso.com"], &small)).await.is_ok() {}
    let bodies = Path::new(model::FOLDER).join("bodies");
    assert_eq!(disk.list(&bodies).unwrap().len(), 1);
    assert!(matches!(spool.accept(&large).await, Err(SpoolError::Full)));
    assert_eq!(disk.list(&bodies).unwrap(), [""; 0]);
}

#[tokio::test]
async fn what_was_accepted_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { spool, messages, .. } = open(folder.path());
    assert_eq!(messages, []);
    let accept = message(&spool, &["bob@contoso.com", "eve@contoso.com"], b"Subject: hello\r\n\r\nhello\r\n");
    let place = spool.accept(&accept).await.unwrap();
    note(&spool, accept.id, place, Change::Done(vec![1]));
    note(&spool, accept.id, place, Change::Held);
    spool.close();

    let Opened { spool, messages, damage, .. } = open(folder.path());
    assert_eq!(damage, []);
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((message.id, message.arrived, message.recipients), (accept.id, 42, 2));
    assert_eq!((message.left().collect::<Vec<_>>(), message.held, message.warned), (vec![0], true, false));
    assert_eq!(spool.envelope(message.place).unwrap(), accept.envelope);
    let Content::Bytes(content) = spool.content(message.place).unwrap() else { panic!() };
    assert_eq!(&content[..], b"Subject: hello\r\n\r\nhello\r\n");
    note(&spool, message.id, message.place, Change::Finished);
    spool.close();
    assert_eq!(open(folder.path()).messages, []);
}

#[tokio::test]
async fn one_old_message_does_not_keep_all_that_came_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let segments = || std::fs::read_dir(folder.path().join("segments")).unwrap().count();
    let Opened { spool, .. } = open(folder.path());
    let old = message(&spool, &["bob@contoso.com", "eve@contoso.com"], b"old\r\n");
    let told = spool.accept(&old).await.unwrap();
    note(&spool, old.id, told, Change::Done(vec![0]));
    for _ in 0..600 {
        let new = message(&spool, &["bob@contoso.com"], &[b'x'; 8000]);
        let place = spool.accept(&new).await.unwrap();
        note(&spool, new.id, place, Change::Finished);
    }
    // Its owner still knows it by the place that it was told.
    assert_eq!(spool.envelope(told).unwrap(), old.envelope);
    spool.close();
    assert!(segments() < 10, "{} segments for one message", segments());

    let Opened { messages, .. } = open(folder.path());
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((message.id, message.left().collect::<Vec<_>>()), (old.id, vec![1]));
    assert_ne!(message.place, told);
}

#[tokio::test]
async fn a_message_that_is_held_from_the_start_is_so_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { spool, .. } = open(folder.path());
    spool.accept_held(&message(&spool, &["bob@contoso.com"], b"\r\n")).await.unwrap();
    spool.close();
    assert!(matches!(&open(folder.path()).messages[..], [message] if message.held));
}
