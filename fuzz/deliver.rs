//! A next hop that says what it likes, and what must hold whatever that is.

use std::sync::Arc;

use mailswitch::relay::config::{Protocol, TlsLevel};
use mailswitch::relay::deliver::auth::Credentials;
use mailswitch::relay::deliver::capabilities::Capabilities;
use mailswitch::relay::deliver::dialogue::{Dialogue, Event};
use mailswitch::relay::deliver::opening::{Opening, Step, Terms};
use mailswitch::relay::deliver::reply::{LONGEST, Raw, parse};
use mailswitch::relay::deliver::{Outcome, Transaction};
use mailswitch::relay::envelope::{Envelope, QueueId, Recipient};

/// The first octet says how the relay is, the others are the host's: a connection from its greeting to its end.
pub(crate) fn host(data: &[u8]) {
    let Some((&manner, mut said)) = data.split_first() else { return };
    if let Some(offered) = open(manner, &mut said) {
        talk(offered, manner & 1 != 0, &mut said);
    }
}

/// The next reply, if there is one.
fn next<'b>(said: &mut &'b [u8]) -> Option<Raw<'b>> {
    let reply = parse(said).ok().flatten()?;
    let (whole, rest) = said.split_at(reply.len());
    // It takes whole lines, and less of them is no reply.
    assert!(whole.ends_with(b"\n") && whole.len() <= LONGEST);
    assert_eq!(parse(&whole[..whole.len() - 1]), Ok(None));
    let kept = reply.to_reply();
    assert_eq!(kept.code, reply.code);
    assert!(kept.text.split('\n').all(|line| !line.contains(char::is_control)));
    assert!(kept.status.is_none_or(|status| u16::from(status.0) == kept.code / 100));
    *said = rest;
    Some(reply)
}

fn open(manner: u8, said: &mut &[u8]) -> Option<Capabilities> {
    let level = [TlsLevel::Off, TlsLevel::Opportunistic, TlsLevel::Required, TlsLevel::Verified];
    let terms = Terms {
        hostname: "us.example".to_owned(),
        protocol: if manner & 1 != 0 { Protocol::Lmtp } else { Protocol::Smtp },
        level: level[usize::from(manner >> 1 & 3)],
        credentials: (manner & 8 != 0).then(|| Credentials::new("user", "secret")),
    };
    let must = matches!(terms.level, TlsLevel::Required | TlsLevel::Verified);
    let (mut opening, mut out, mut secure) = (Opening::new(terms, false), Vec::new(), false);
    loop {
        match opening.reply(next(said)?, &mut out).ok()? {
            Step::Ready => break,
            Step::Reply => lines(&out),
            Step::StartTls => {
                assert!(!std::mem::replace(&mut secure, true), "TLS in TLS");
                opening.secured(&mut out);
            }
        }
        let secret = String::from_utf8_lossy(&out).contains("AHVzZXIAc2VjcmV0");
        assert!(!secret || secure && level[usize::from(manner >> 1 & 3)] == TlsLevel::Verified);
        out.clear();
    }
    assert!(secure || !must, "in clear");
    Some(opening.into_offered().0)
}

/// What is written is commands, whole.
fn lines(out: &[u8]) {
    assert!(out.ends_with(b"\r\n") && out.iter().filter(|octet| **octet == b'\n').count() == 1);
}

const MESSAGES: u64 = 5;

fn talk(offered: Capabilities, lmtp: bool, said: &mut &[u8]) {
    let (mut dialogue, mut out, mut begun) = (Dialogue::new(offered, lmtp), Vec::new(), 0);
    let mut told = [false; MESSAGES as usize];
    let mut tell = |transaction: Transaction, outcomes: Vec<Outcome>| {
        assert_eq!(transaction.recipients.len(), outcomes.len());
        let told = &mut told[transaction.id.0 as usize];
        assert!(!std::mem::replace(told, true), "a message is told twice");
    };
    loop {
        while begun < MESSAGES && dialogue.has_room() {
            dialogue.begin(message(begun), &mut out).into_iter().for_each(|(t, outcomes)| tell(t, outcomes));
            begun += 1;
        }
        if dialogue.expected().is_none() {
            break;
        }
        out.clear();
        let Some(reply) = next(said) else { break };
        match dialogue.reply(reply, &mut out) {
            Ok(Event::Nothing) => {}
            Ok(Event::Content(_)) => assert!(out.starts_with(b".\r\n")),
            Ok(Event::Done(transaction, outcomes)) => tell(transaction, outcomes),
            Err(_) => break,
        }
    }
    dialogue.abandon().into_iter().for_each(|(transaction, outcomes)| tell(transaction, outcomes));
    assert_eq!(told.iter().filter(|told| **told).count() as u64, begun);
}

/// One of several recipients, some of them not ASCII.
fn message(id: u64) -> Transaction {
    let count = 1 + id as u32 * 2 % 5;
    let recipient = |n: u32| Recipient {
        address: if n == 3 { "ä@x.example".to_owned() } else { format!("r{n}@x.example") },
        ..Recipient::default()
    };
    let recipients = (0..count).map(recipient).collect();
    let envelope = Arc::new(Envelope { recipients, ..Envelope::default() });
    Transaction { id: QueueId(id), envelope, recipients: (0..count).collect(), content: Arc::new(b"x\r\n".to_vec()) }
}
