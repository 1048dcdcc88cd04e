//! Conversations with filters: what one is shown, what it may say, and what comes of it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use mailswitch::name::{Host, HostName};
use mailswitch::relay::milter::{Changes, Client, Filter, Judgement, Verdict};

const HEADER: &[u8] = b"From: <a@x.example>\r\nSubject: two\r\n lines\r\nX-Old: 1\r\nX-Old: 2\r\n";
const BODY: &[u8] = b"hello\r\n..dot\r\n";

/// What the filter says: for a letter, packets.
type Script = &'static [(u8, &'static [&'static [u8]])];

/// A filter that answers by its script, and `c` where it has nothing for a letter.
struct Scripted {
    port: u16,
    heard: mpsc::Receiver<(u8, Vec<u8>)>,
}

impl Scripted {
    fn start(negotiated: &'static [u8], script: Script) -> Scripted {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, heard) = mpsc::channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while let Ok((letter, data)) = packet(&mut stream) {
                let own = script.iter().find(|(asked, _)| *asked == letter).map(|(_, packets)| *packets);
                let packets = match letter {
                    b'O' => &[negotiated],
                    b'D' | b'Q' => continue,
                    _ => own.unwrap_or(&[b"c"]),
                };
                if tell.send((letter, data)).is_err() || packets.iter().any(|p| send(&mut stream, p).is_err()) {
                    return;
                }
            }
        });
        Scripted { port, heard }
    }

    /// Everything that it was told about, but for the negotiation.
    fn heard(&self) -> Vec<String> {
        let told = self.heard.try_iter().filter(|(letter, _)| *letter != b'O');
        told.map(|(letter, data)| format!("{} {}", char::from(letter), data.escape_ascii())).collect()
    }

    fn ask(&self) -> io::Result<(Verdict, Option<Judgement>)> {
        runtime().block_on(async {
            let (mut filter, verdict) = Filter::open(&host(self.port), CLIENT, "a@x.example").await?;
            if verdict != Verdict::Continue {
                return Ok((verdict, None));
            }
            let verdict = filter.recipient("b@y.example").await?;
            if verdict != Verdict::Continue {
                return Ok((verdict, None));
            }
            let parts = [Ok(BODY[..9].to_vec()), Ok(BODY[9..].to_vec())];
            let judgement = filter.message("id", HEADER, parts.into_iter()).await?;
            Ok((verdict, Some(judgement)))
        })
    }

    fn judgement(&self) -> Judgement {
        self.ask().unwrap().1.unwrap()
    }
}

const CLIENT: Client<'static> =
    Client { ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), port: 1025, helo: "client.example", hostname: "mx.example" };

fn host(port: u16) -> Host {
    Host { name: HostName::Ip(Ipv4Addr::LOCALHOST.into()), port: Some(port) }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut data = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut data)?;
    Ok((data.remove(0), data))
}

fn send(stream: &mut TcpStream, packet: &[u8]) -> io::Result<()> {
    let length = u32::try_from(packet.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, packet].concat())
}

/// Version 6, every change wanted, every step wanted.
const EVERYTHING: &[u8] = b"O\0\0\0\x06\0\0\x01\xff\0\0\0\0";

#[test]
fn a_filter_is_shown_the_whole_transaction_without_stuffed_dots() {
    let filter = Scripted::start(EVERYTHING, &[]);
    assert_eq!(filter.judgement(), Judgement::Taken(Changes::default()));
    let expected = [
        r"C [192.0.2.7]\x004\x04\x01192.0.2.7\x00",
        r"H client.example\x00",
        r"M <a@x.example>\x00",
        r"R <b@y.example>\x00",
        "T ",
        r"L From\x00<a@x.example>\x00",
        r"L Subject\x00two\n lines\x00",
        r"L X-Old\x001\x00",
        r"L X-Old\x002\x00",
        "N ",
        // The parts end between the dot that was stuffed and the one that was not.
        r"B hello\r\n.",
        r"B dot\r\n",
        "E ",
    ];
    assert_eq!(filter.heard(), expected);
}

#[test]
fn steps_that_a_filter_leaves_out_or_does_not_answer_are_not_waited_for() {
    // No CONNECT, HELO, header and body; MAIL and RCPT without an answer.
    let filter = Scripted::start(b"O\0\0\0\x06\0\0\0\0\0\0\xc0\x33", &[(b'M', &[]), (b'R', &[])]);
    assert_eq!(filter.judgement(), Judgement::Taken(Changes::default()));
    let letters: String = filter.heard().iter().map(|heard| &heard[..1]).collect();
    assert_eq!(letters, "MRTNE");
}

#[test]
fn header_fields_and_the_body_are_changed_as_asked() {
    let script: Script = &[(
        b'E',
        &[
            b"p",
            b"hX-Spam\0no\nreally\0",
            b"i\0\0\0\0Authentication-Results\0mx.example; none\0",
            b"m\0\0\0\x02X-Old\0three\0",
            b"m\0\0\0\x01x-old\0\0",
            b"bnew\r\n.",
            b"bdot\nend",
            b"c",
        ],
    )];
    let Judgement::Taken(changes) = Scripted::start(EVERYTHING, script).judgement() else { panic!("it is taken") };
    let header = String::from_utf8(changes.header.unwrap()).unwrap();
    let expected = [
        "Authentication-Results: mx.example; none",
        "From: <a@x.example>",
        "Subject: two",
        " lines",
        "X-Old: three",
        "X-Spam: no",
        "\treally",
    ];
    assert_eq!(header.lines().collect::<Vec<_>>(), expected);
    assert_eq!(header.matches("\r\n").count(), expected.len());
    assert_eq!(changes.body.unwrap().escape_ascii().to_string(), r"new\r\n..dot\r\nend\r\n");
}

#[test]
fn a_filter_cannot_break_out_of_a_header_field_or_a_reply() {
    let script: Script = &[(b'E', &[b"hX-A\0one\r\n\r\nbody\0", b"hX B: c\0d\0", b"h\0e\0", b"h.\0f\0", b"c"])];
    let Judgement::Taken(changes) = Scripted::start(EVERYTHING, script).judgement() else { panic!("it is taken") };
    let header = String::from_utf8(changes.header.unwrap()).unwrap();
    assert!(header.ends_with("X-Old: 2\r\nX-A: one\r\n\tbody\r\n"), "{header:?}");
    let filter = Scripted::start(EVERYTHING, &[(b'R', &[b"y550 5.7.1 no\r\n250 yes\0"])]);
    let (Verdict::Refused(reply), None) = filter.ask().unwrap() else { panic!("it is refused") };
    assert_eq!(reply.to_string(), "550 5.7.1 no  250 yes");
}

#[test]
fn a_filter_refuses_at_every_step() {
    let at_rcpt: [Script; 4] = [&[(b'C', &[b"r"])], &[(b'H', &[b"r"])], &[(b'M', &[b"r"])], &[(b'R', &[b"r"])]];
    for script in at_rcpt {
        let (Verdict::Refused(reply), None) = Scripted::start(EVERYTHING, script).ask().unwrap() else { panic!() };
        assert_eq!((reply.code, reply.status.unwrap().to_string().as_str()), (550, "5.7.1"));
    }
    let at_data: [Script; 5] =
        [&[(b'T', &[b"t"])], &[(b'L', &[b"t"])], &[(b'N', &[b"t"])], &[(b'B', &[b"t"])], &[(b'E', &[b"p", b"t"])]];
    for script in at_data {
        let Judgement::Refused(reply) = Scripted::start(EVERYTHING, script).judgement() else { panic!() };
        assert_eq!((reply.code, reply.status.unwrap().to_string().as_str()), (451, "4.7.1"));
    }
    let replied = Scripted::start(EVERYTHING, &[(b'E', &[b"y421 4.3.0 busy\0"])]).judgement();
    let Judgement::Refused(reply) = replied else { panic!() };
    assert_eq!(reply.to_string(), "451 4.3.0 busy", "421 would end the session");
}

#[test]
fn a_message_is_discarded_held_or_let_through_early() {
    assert_eq!(Scripted::start(EVERYTHING, &[(b'E', &[b"d"])]).judgement(), Judgement::Discard);
    let held = Changes { held: Some("a virus".into()), ..Changes::default() };
    let quarantine = Scripted::start(EVERYTHING, &[(b'E', &[b"qa virus\0", b"c"])]);
    assert_eq!(quarantine.judgement(), Judgement::Taken(held));
    let early = Scripted::start(EVERYTHING, &[(b'M', &[b"a"])]);
    assert_eq!(early.judgement(), Judgement::Taken(Changes::default()));
    assert_eq!(early.heard().len(), 3, "nothing is shown to a filter that has taken the message");
}

#[test]
fn a_filter_that_wants_to_route_or_talks_nonsense_is_an_error() {
    let scripts: [Script; 4] =
        [&[(b'E', &[b"+<c@z.example>\0", b"c"])], &[(b'M', &[b"Z"])], &[(b'E', &[b"hX"])], &[(b'R', &[b"y250 ok\0"])]];
    for script in scripts {
        assert!(Scripted::start(EVERYTHING, script).ask().is_err());
    }
    assert!(runtime().block_on(Filter::open(&host(1), CLIENT, "")).is_err(), "nobody listens there");
}
