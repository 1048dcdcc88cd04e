//! Command lines beside smtp-proto, another reader of them.
//!
//! Where it is not right it is not asked: it takes CR and LF alone for parts of a line, knows no bare `<postmaster>`,
//! takes the quotes off a local part, and is laxer than the standards with addresses and values. So what is taken here
//! is read alike there.

use std::cell::Cell;

use mailswitch::relay::envelope::{Body, Notify, Ret};
use mailswitch::relay::smtp::path::{self, RcptPath};
use mailswitch::relay::smtp::{command, params};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;
use smtp_proto::{
    MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8, RCPT_NOTIFY_DELAY,
    RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, Request,
};

use crate::syntax::grammar::runner;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Mail { sender: String, size: u64, eight: bool, utf8: bool, ret: Option<Ret>, envid: Option<String> },
    Rcpt { recipient: String, notify: u8 },
}

fn ours(line: &str) -> Option<Said> {
    let (verb, argument) = command::split(command::text(line.as_bytes()).ok()?);
    if verb.eq_ignore_ascii_case("MAIL") {
        let (inside, rest) = path::split(command::behind("FROM:", argument)?)?;
        let params::Mail { size, body, smtputf8, ret, envid } = params::mail(rest).ok()?;
        let (sender, size, eight) = (path::sender(inside)?, size.unwrap_or(0), body == Body::EightBitMime);
        return Some(Said::Mail { sender, size, eight, utf8: smtputf8, ret, envid });
    }
    let (inside, rest) = path::split(command::behind("TO:", argument)?)?;
    let notify = params::rcpt(rest).ok()?.notify.0;
    path::recipient(inside).filter(|path| !matches!(path, RcptPath::Unroutable(_)))?;
    Some(Said::Rcpt { recipient: inside.to_owned(), notify })
}

fn theirs(line: &str) -> Option<Said> {
    match Request::parse(&mut line.as_bytes().iter()).ok()? {
        Request::Mail { from } => {
            let has = |flag: u64| from.flags & flag != 0;
            let ret = [(MAIL_RET_FULL, Ret::Full), (MAIL_RET_HDRS, Ret::Headers)];
            assert!(!(has(MAIL_BODY_7BIT) && has(MAIL_BODY_8BITMIME)));
            Some(Said::Mail {
                sender: from.address.into_owned(),
                size: from.size as u64,
                eight: has(MAIL_BODY_8BITMIME),
                utf8: has(MAIL_SMTPUTF8),
                ret: ret.iter().find(|(flag, _)| has(*flag)).map(|(_, ret)| *ret),
                envid: from.env_id.map(|envid| envid.into_owned()),
            })
        }
        Request::Rcpt { to } => {
            let words = [
                (RCPT_NOTIFY_NEVER, Notify::NEVER),
                (RCPT_NOTIFY_SUCCESS, Notify::SUCCESS),
                (RCPT_NOTIFY_FAILURE, Notify::FAILURE),
                (RCPT_NOTIFY_DELAY, Notify::DELAY),
            ];
            let said = words.iter().filter(|(flag, _)| to.flags & flag != 0);
            let notify = said.fold(0, |all, (_, notify)| all | notify.0);
            Some(Said::Rcpt { recipient: to.address.into_owned(), notify })
        }
        _ => None,
    }
}

fn address() -> impl Strategy<Value = String> {
    let local = select(&["ann", "a.b", "x+y", "o'neil", "a..b", ".a", "user%h", "h!u", "", "M\u{fc}ller"][..]);
    let domain = select(&["a.example", "A.Example", "a-b.c.example", "xn--bro-hoa.example", "-", "a..b"][..]);
    let whole = (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"));
    prop_oneof![8 => whole, 1 => Just("ann".to_owned()), 1 => Just(String::new())]
}

const MAIL: &[&str] = &[
    "SIZE=1000",
    "size=0",
    "SIZE=",
    "SIZE=x",
    "BODY=7BIT",
    "BODY=8BITMIME",
    "body=8bitmime",
    "BODY=x",
    "SMTPUTF8",
    "RET=FULL",
    "RET=HDRS",
    "RET=x",
    "ENVID=abc",
    "ENVID=QQ314159",
    "NOTIFY=NEVER",
    "X=1",
];
const RCPT: &[&str] = &[
    "NOTIFY=NEVER",
    "NOTIFY=SUCCESS,FAILURE",
    "notify=delay",
    "NOTIFY=x",
    "ORCPT=rfc822;ann@a.example",
    "ORCPT=x",
    "RET=FULL",
    "X",
];

fn line() -> impl Strategy<Value = String> {
    let mail = (select(&["MAIL FROM:", "mail from:", "Mail From: "][..]), address(), vec(select(MAIL), 0..4));
    let rcpt = (select(&["RCPT TO:", "rcpt to:", "Rcpt To: "][..]), address(), vec(select(RCPT), 0..4));
    let joined = |(head, address, params): (&str, String, Vec<&str>)| {
        let params: String = params.iter().flat_map(|param| [" ", param]).collect();
        format!("{head}<{address}>{params}\r\n")
    };
    prop_oneof![mail.prop_map(joined), rcpt.prop_map(joined)]
}

#[test]
fn what_is_taken_is_read_alike() {
    let taken = Cell::new(0);
    runner(5000)
        .run(&line(), |line| {
            if let Some(said) = ours(&line) {
                taken.set(taken.get() + 1);
                assert_eq!(theirs(&line).as_ref(), Some(&said), "{line}");
            }
            Ok(())
        })
        .unwrap();
    assert!(taken.get() > 500, "only {} lines of 5000 were taken", taken.get());
}
