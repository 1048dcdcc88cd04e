//! `mailswitch relay spool check`: every kind of damage is told, and repair keeps all the rest.

use std::path::{Path, PathBuf};

use mailswitch::relay::envelope::QueueId;
use mailswitch::relay::spool::{Accept, Change, Content};

use super::{message, note, open};
use crate::cli::run::{Ran, run_in};

/// A spool in which every message has a content of its own, more than a segment holds; the last has a body file.
struct Filled {
    folder: tempfile::TempDir,
    messages: Vec<Accept>,
}

const MESSAGES: usize = 40;

fn mark(n: usize) -> String {
    format!("This is number {n}.\r\n")
}

pub(super) fn run_check(folder: &Path, options: &[&str]) -> Ran {
    run_in(folder, &[&["relay", "spool", "check", "."], options].concat())
}

async fn filled() -> Filled {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path()).spool;
    let mut messages = Vec::new();
    for n in 0..=MESSAGES {
        let mut message = message(&spool, &["bob@contoso.com", "eve@contoso.com"], mark(n).repeat(400).as_bytes());
        if let (MESSAGES, Content::Bytes(bytes)) = (n, &message.content) {
            let mut body = spool.body(message.id).unwrap();
            body.write(bytes).unwrap();
            message.content = Content::File(body.finish().unwrap());
        }
        let place = spool.accept(&message).await.unwrap();
        if n == 0 {
            note(&spool, message.id, place, Change::Held);
        }
        messages.push(message);
    }
    spool.close();
    Filled { folder, messages }
}

impl Filled {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn check(&self, options: &[&str]) -> Ran {
        run_check(self.folder.path(), options)
    }

    /// The segment in which a message stands, and where its frame and its content begin.
    fn find(&self, n: usize) -> (PathBuf, usize, usize) {
        for number in 1.. {
            let path = self.path(&format!("segments/{number:010}.log"));
            let octets = std::fs::read(&path).unwrap();
            if let Some(content) = memchr::memmem::find(&octets, mark(n).as_bytes()) {
                let frame = memchr::memmem::rfind(&octets[..content], b"MSWF").unwrap();
                return (path, frame, content);
            }
        }
        unreachable!()
    }

    /// The damage is told in these words; after repair all is good, and all messages but these are there.
    fn loses(&self, says: &str, lost: impl Fn(usize) -> bool) {
        for (options, code) in [(&[][..], 1), (&["--repair"][..], 1), (&[][..], 0), (&["--repair"][..], 0)] {
            let ran = self.check(options);
            assert_eq!(ran.code, code, "{options:?}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.stdout.contains(says), code == 1, "{says}: {}", ran.stdout);
        }
        assert!(std::fs::read_dir(self.path("damaged")).unwrap().count() > 0);
        let opened = open(self.folder.path());
        assert_eq!(opened.damage, []);
        let found: Vec<QueueId> = opened.messages.iter().map(|message| message.id).collect();
        let left = self.messages.iter().enumerate().filter(|(n, _)| !lost(*n)).map(|(_, message)| message.id);
        assert_eq!(found, left.collect::<Vec<_>>());
        for found in opened.messages {
            let n = self.messages.iter().position(|message| message.id == found.id).unwrap();
            assert_eq!(opened.spool.envelope(found.place).unwrap(), self.messages[n].envelope);
            assert!(octets(&opened.spool.content(found.place).unwrap()) == mark(n).repeat(400).as_bytes());
            assert_eq!(found.held, n == 0);
        }
    }
}

pub(super) fn octets(content: &Content) -> Vec<u8> {
    match content {
        Content::Bytes(bytes) => bytes.to_vec(),
        Content::File(body) => {
            let mut octets = vec![0; body.len() as usize];
            assert_eq!(body.read_at(&mut octets, 0).unwrap(), octets.len());
            octets
        }
    }
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut octets = std::fs::read(path).unwrap();
    change(&mut octets);
    std::fs::write(path, octets).unwrap();
}

#[tokio::test]
async fn a_good_spool() {
    let spool = filled().await;
    let before = std::fs::read(spool.find(0).0).unwrap();
    let ran = spool.check(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let octets: usize = (0..=MESSAGES).map(|n| mark(n).len() * 400).sum();
    let all = format!("41 messages (1 held), 82 recipients left, {octets} octets of content, 3 segments\n");
    assert_eq!((ran.stdout, ran.stderr.as_str()), (all, ".: good\n"));
    assert!(spool.check(&["--repair"]).stderr.contains("nothing to repair"));
    assert!(std::fs::read(spool.find(0).0).unwrap() == before);
}

#[tokio::test]
async fn a_bit_of_a_content() {
    let spool = filled().await;
    let (path, _, content) = spool.find(7);
    change(&path, |octets| octets[content + 100] ^= 4);
    let says = format!(
        "the content of message {}, from <ann@contoso.com> to <bob@contoso.com> and 1 more",
        spool.messages[7].id
    );
    spool.loses(&says, |n| n == 7);
}

#[tokio::test]
async fn a_bit_of_a_header() {
    let spool = filled().await;
    let (path, frame, _) = spool.find(7);
    change(&path, |octets| octets[frame + 20] ^= 1);
    spool.loses("damaged: 1 transaction\n", |n| n == 7);
}

#[tokio::test]
async fn a_bit_of_a_body_file() {
    let spool = filled().await;
    let id = spool.messages[MESSAGES].id;
    change(&spool.path(&format!("bodies/{id}")), |octets| octets[5000] ^= 1);
    spool.loses(&format!("the content of message {id}, from"), |n| n == MESSAGES);
    assert!(spool.path(&format!("damaged/{id}")).exists());
}

#[tokio::test]
async fn a_segment_that_was_cut_off() {
    let spool = filled().await;
    let (path, frame, _) = spool.find(20);
    let last = (20..MESSAGES).take_while(|n| spool.find(*n).0 == path).last().unwrap();
    change(&path, |octets| octets.truncate(frame + 1000));
    spool.loses(&format!("damaged: {} transactions\n", last - 19), |n| (20..=last).contains(&n));
}

#[tokio::test]
async fn a_body_file_that_is_missing() {
    let spool = filled().await;
    let id = spool.messages[MESSAGES].id;
    std::fs::remove_file(spool.path(&format!("bodies/{id}"))).unwrap();
    spool.loses(&format!("the content of message {id}, from"), |n| n == MESSAGES);
}

#[tokio::test]
async fn files_that_are_something_else() {
    let spool = filled().await;
    std::fs::write(spool.path("segments/0000000099.log"), "garbage").unwrap();
    std::fs::write(spool.path("segments/notes.txt"), "garbage").unwrap();
    std::fs::write(spool.path("bodies/garbage"), "garbage").unwrap();
    let stdout = spool.check(&[]).stdout;
    assert!(stdout.contains("segments/notes.txt: no longer needed\nbodies/garbage: no longer needed\n"), "{stdout}");
    spool.loses("segments/0000000099.log: octets 0 to 7: damaged: a segment without its head\n", |_| false);
    assert_eq!(std::fs::read(spool.path("damaged/0000000099.log")).unwrap(), b"garbage");
}

#[tokio::test]
async fn a_version_that_cannot_be_read() {
    let spool = filled().await;
    std::fs::write(spool.path("version"), "mailswitch\0spool").unwrap();
    let ran = spool.check(&[]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.starts_with("version: damaged: \"mailswitch\\0spool\"\n"), "{}", ran.stdout);
    assert_eq!(spool.check(&["--repair"]).code, 1);
    assert_eq!(open(spool.folder.path()).messages.len(), MESSAGES + 1);
}

#[tokio::test]
async fn what_cannot_be_looked_at() {
    let spool = filled().await;
    let in_use = open(spool.folder.path());
    for options in [&[][..], &["--repair"]] {
        let ran = spool.check(options);
        assert_eq!(ran.code, 2, "{}", ran.stdout);
        assert!(ran.stderr.contains("the spool is in use by another process"), "{}", ran.stderr);
    }
    in_use.spool.close();
    std::fs::write(spool.path("version"), "mailswitch spool 2\n").unwrap();
    let ran = spool.check(&["--repair"]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("of version 2, which a newer mailswitch wrote"), "{}", ran.stderr);

    let empty = tempfile::tempdir().unwrap();
    let ran = run_in(empty.path(), &["relay", "spool", "check", "."]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

/// Without a repair too: the relay starts, keeps what it cannot read, and goes on with the rest.
#[tokio::test]
async fn a_start_with_damage_in_the_middle() {
    let spool = filled().await;
    let (path, frame, content) = spool.find(7);
    change(&path, |octets| octets[frame..content].fill(0xff));
    let opened = open(spool.folder.path());
    let [damage] = &opened.damage[..] else { panic!("{:?}", opened.damage) };
    assert_eq!(damage.what, "1 transaction");
    assert!((damage.from..damage.to).contains(&(frame as u64)), "{damage:?}");
    let found: Vec<QueueId> = opened.messages.iter().map(|message| message.id).collect();
    let left = spool.messages.iter().enumerate().filter(|(n, _)| *n != 7).map(|(_, message)| message.id);
    assert_eq!(found, left.collect::<Vec<_>>());
    let kept = std::fs::read(spool.path(&format!("damaged/{:010}-{:010}.part", damage.segment, damage.from))).unwrap();
    assert!(memchr::memmem::find(&kept, mark(7).as_bytes()).is_some());
}
