//! Spools of every version that was ever written can be read.

use std::path::Path;

use mailswitch::relay::spool::{Content, Recovered, SpoolError};

use super::{Host, Options, Spool, check, open};

/// A copy of what an older version wrote.
fn copy(version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/relay/spool").join(version);
    for entry in glob::glob(from.join("**/*").to_str().unwrap()).unwrap().map(Result::unwrap) {
        let to = folder.path().join(entry.strip_prefix(&from).unwrap());
        if entry.is_dir() {
            std::fs::create_dir(to).unwrap();
        } else {
            std::fs::copy(entry, to).unwrap();
        }
    }
    folder
}

/// Two segments: a message of two recipients, of which the first is done; one that is held, of whose delay the sender
/// was told; one with a body file; and two that are finished, one of them recipient by recipient.
#[test]
fn version_1() {
    let folder = copy("v1");
    let ran = check::run_check(folder.path(), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout, "3 messages (1 held), 3 recipients left, 3886 octets of content, 2 segments\n");
    let opened = open(folder.path());
    assert_eq!((opened.damage, opened.unfinished), (Vec::new(), Vec::new()));
    let [ann, held, large] = &opened.messages[..] else { panic!("{:?}", opened.messages) };
    let state = |message: &Recovered| (message.done.clone(), message.held, message.warned, message.arrived);
    assert_eq!(state(ann), (vec![0], false, false, 42));
    assert_eq!(state(held), (vec![], true, true, 42));
    assert_eq!(state(large), (vec![], false, false, 42));
    let envelope = opened.spool.envelope(ann.place).unwrap();
    assert_eq!((envelope.sender.as_str(), envelope.envid.as_deref()), ("ann@contoso.com", Some("QQ314159")));
    let addresses: Vec<_> = envelope.recipients.iter().map(|r| (r.address.as_str(), r.asked.as_str())).collect();
    assert_eq!(addresses, [("bob@contoso.com", "bob@contoso.com"), ("eve@contoso.com", "Eve@Fabrikam.com")]);
    let content = |message: &Recovered| check::octets(&opened.spool.content(message.place).unwrap());
    assert!(matches!(opened.spool.content(large.place).unwrap(), Content::File(_)));
    for (message, octets) in [(ann, "first\r\n"), (held, "held.\r\n"), (large, "large!\r\n")] {
        assert_eq!(String::from_utf8(content(message)).unwrap(), octets.repeat(1300 / octets.len()));
    }
}

#[test]
fn a_version_that_is_newer() {
    let folder = copy("v1");
    std::fs::write(folder.path().join("version"), "mailswitch spool 2\n").unwrap();
    let refused = Spool::open(folder.path(), std::sync::Arc::new(Host), Options::new(1000)).unwrap_err();
    assert!(matches!(&refused, SpoolError::Version(found) if found == "mailswitch spool 2"));
    let says = "the spool is of version 2, which a newer mailswitch wrote: this one reads version 1";
    assert_eq!(refused.to_string(), says);
}
