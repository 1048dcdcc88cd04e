//! However a stream is cut, a session says and does the same; and the data phase does what a plain reading says.

use mailswitch::relay::smtp::data::{Found, Limits, Scanner};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;

use crate::fuzz::bodies::session::session;
use crate::syntax::grammar::runner;

/// What sessions are made of; `\xfe` cuts the stream, `\xff` is where TLS may begin.
const WORDS: &[&[u8]] = &[
    b"EHLO c.example\r\n",
    b"HELO c.example\r\n",
    b"MAIL FROM:<ann@a.example>\r\n",
    b"MAIL FROM:<> SIZE=100 BODY=8BITMIME SMTPUTF8\r\n",
    b"RCPT TO:<bob@b.example>\r\n",
    b"RCPT TO:<alias@b.example> NOTIFY=NEVER\r\n",
    b"RCPT TO:<x@nobody.example>\r\n",
    b"RCPT TO:<\"a>b\"@b.example>\r\n",
    b"DATA\r\n",
    b"RSET\r\n",
    b"STARTTLS\r\n\xff",
    b"STARTTLS\r\n",
    b"QUIT\r\n",
    b"BDAT 3\r\n",
    b"Received: x\r\n",
    b"..\r\n",
    b".\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b".",
    b"\0",
    b"\xfe",
    b"\xff",
    b"\xc3\xbc",
    &[b'x'; 400],
    &[b'y'; 1000],
    &[b'z'; 2100],
];

/// A message up to its content.
const OPEN: &[u8] = b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n";

fn words(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(select(WORDS), 0..most).prop_map(|words| words.concat())
}

#[test]
fn a_cut_changes_nothing() {
    let open = any::<bool>().prop_map(|open| if open { OPEN } else { b"" });
    runner(600)
        .run(&(open, words(30)), |(open, rest)| {
            session(&[open, &rest].concat());
            Ok(())
        })
        .unwrap();
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Open,
    BareCr,
    BareLf,
    /// Its content, unless it is refused.
    Complete(Option<Vec<u8>>),
}

const LIMITS: Limits = Limits { size: 3000, line: 998, received: 2 };

/// Octet by octet: the slow and plain way.
fn plain(stream: &[u8]) -> End {
    let mut kept = 0;
    let end = loop {
        match &stream[kept..] {
            [b'.', b'\r', b'\n', ..] if kept == 0 || stream[..kept].ends_with(b"\r\n") => break kept,
            [b'\r', b'\n', ..] => kept += 2,
            [] | [b'\r'] => return End::Open,
            [b'\r', ..] => return End::BareCr,
            [b'\n', ..] => return End::BareLf,
            [..] => kept += 1,
        }
    };
    let content = &stream[..end];
    let lines: Vec<&[u8]> = content.split_inclusive(|&octet| octet == b'\n').map(unstuffed).collect();
    let header = lines.iter().take_while(|line| line.len() > 2);
    let received = header.filter(|line| line.len() >= 9 && line[..9].eq_ignore_ascii_case(b"received:")).count();
    let sound = lines.iter().all(|line| line.len() <= LIMITS.line + 2)
        && !content.contains(&0)
        && received <= LIMITS.received as usize
        && lines.iter().map(|line| line.len() as u64).sum::<u64>() <= LIMITS.size;
    End::Complete(sound.then(|| content.to_vec()))
}

fn unstuffed(line: &[u8]) -> &[u8] {
    line.strip_prefix(b".").unwrap_or(line)
}

fn scanned(pieces: &[&[u8]]) -> End {
    let (mut scanner, mut content) = (Scanner::new(LIMITS), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let (used, found) = scanner.step(rest);
            rest = &rest[used..];
            match found {
                Found::Nothing => {}
                Found::Content(octets) => content.extend_from_slice(octets),
                Found::End => return End::Complete(scanner.fault().is_none().then_some(content)),
                Found::BareCr => return End::BareCr,
                Found::BareLf => return End::BareLf,
            }
        }
    }
    End::Open
}

#[test]
fn the_scanner_reads_as_the_plain_way_does() {
    runner(5000)
        .run(&(words(20), vec(any::<usize>(), 0..6)), |(mut stream, cuts)| {
            stream.retain(|&octet| octet < 0xfe);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
            cuts.sort_unstable();
            let bounds: Vec<usize> = [0].into_iter().chain(cuts).chain([stream.len()]).collect();
            let pieces: Vec<&[u8]> = bounds.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            assert_eq!(scanned(&pieces), plain(&stream));
            assert_eq!(scanned(&stream.chunks(1).collect::<Vec<_>>()), plain(&stream));
            Ok(())
        })
        .unwrap();
}
