//! PROXY headers: read in any pieces, and nothing that is not one is taken for one.

use std::net::IpAddr;

use mailswitch::relay::listen::proxy::{Header, LONGEST, NoHeader, read};
use proptest::prelude::*;

fn whole(input: &[u8]) -> Result<Option<IpAddr>, NoHeader> {
    read(input).map(|header| header.expect("it should be whole").client)
}

fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend((body.len() as u16).to_be_bytes());
    header.extend(body);
    header
}

#[test]
fn version_1() {
    let ip = |text: &str| Ok(Some(text.parse().unwrap()));
    assert_eq!(whole(b"PROXY TCP4 192.0.2.1 198.51.100.1 4000 25\r\n"), ip("192.0.2.1"));
    assert_eq!(whole(b"PROXY TCP6 2001:db8::1 2001:db8::2 4000 25\r\n"), ip("2001:db8::1"));
    assert_eq!(whole(b"PROXY TCP6 ::ffff:192.0.2.1 ::1 4000 25\r\n"), ip("192.0.2.1"));
    assert_eq!(whole(b"PROXY UNKNOWN\r\n"), Ok(None));
    assert_eq!(whole(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), Ok(None));
}

#[test]
fn version_1_is_strict() {
    for line in [
        "PROXY TCP4 192.0.2.1 198.51.100.1 4000\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4000 25 1\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 4000 25\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 04000 25\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 -1 25\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 4000 25\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 4000 25\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4000 25\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 4000 25\r\n",
        "PROXY \r\n",
        "proxy TCP4 192.0.2.1 198.51.100.1 4000 25\r\n",
        "EHLO client.example\r\n",
    ] {
        assert_eq!(read(line.as_bytes()), Err(NoHeader), "{line:?}");
    }
}

#[test]
fn version_2() {
    let four = [192, 0, 2, 1, 198, 51, 100, 1, 15, 160, 0, 25];
    let ip = "192.0.2.1".parse().unwrap();
    assert_eq!(whole(&binary(0x21, 0x11, &four)), Ok(Some(ip)));
    let extended = [&four[..], &[3, 0, 4, 1, 2, 3, 4]].concat();
    assert_eq!(read(&binary(0x21, 0x11, &extended)), Ok(Some(Header { length: 16 + 19, client: Some(ip) })));
    let six = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 16], &[1, 2, 3, 4]].concat();
    assert_eq!(whole(&binary(0x21, 0x21, &six)), Ok(Some("2001:db8::1".parse().unwrap())));
    assert_eq!(whole(&binary(0x20, 0, &[])), Ok(None));
    assert_eq!(whole(&binary(0x20, 0x11, &four)), Ok(None));
}

#[test]
fn version_2_is_strict() {
    let four = [192, 0, 2, 1, 198, 51, 100, 1, 15, 160, 0, 25];
    for (what, header) in [
        ("another version", binary(0x11, 0x11, &four)),
        ("another command", binary(0x22, 0x11, &four)),
        ("no family", binary(0x21, 0, &four)),
        ("datagrams", binary(0x21, 0x12, &four)),
        ("a path", binary(0x21, 0x31, &[0; 216])),
        ("too few octets for IPv4", binary(0x21, 0x11, &four[..11])),
        ("too few octets for IPv6", binary(0x21, 0x21, &[0; 35])),
        ("too long", binary(0x21, 0x11, &[0; 1025])),
    ] {
        assert_eq!(read(&header), Err(NoHeader), "{what}");
    }
}

fn headers() -> impl Strategy<Value = (Vec<u8>, Option<IpAddr>)> {
    let ports = (any::<u16>(), any::<u16>());
    let one = (any::<[u8; 4]>(), any::<[u8; 4]>(), ports).prop_map(|(from, to, (a, b))| {
        let [from, to] = [from, to].map(IpAddr::from);
        (format!("PROXY TCP4 {from} {to} {a} {b}\r\n").into_bytes(), Some(from))
    });
    let two = (any::<[u8; 16]>(), any::<[u8; 16]>(), ports).prop_map(|(from, to, (a, b))| {
        let client = IpAddr::from(from).to_canonical();
        let [from, to] = [from, to].map(std::net::Ipv6Addr::from);
        (format!("PROXY TCP6 {from} {to} {a} {b}\r\n").into_bytes(), Some(client))
    });
    let three = (any::<[u8; 12]>(), prop::collection::vec(any::<u8>(), 0..1000)).prop_map(|(four, more)| {
        let client = IpAddr::from([four[0], four[1], four[2], four[3]]);
        (binary(0x21, 0x11, &[&four[..], &more].concat()), Some(client))
    });
    let four = prop::collection::vec(any::<u8>(), 0..1000).prop_map(|body| (binary(0x20, 0, &body), None));
    prop_oneof![one, two, three, four]
}

proptest! {
    #[test]
    fn a_header_ends_where_it_ends((header, client) in headers(), rest in prop::collection::vec(any::<u8>(), 0..50)) {
        for end in 0..header.len() {
            prop_assert_eq!(read(&header[..end]), Ok(None), "{} of {} octets", end, header.len());
        }
        let length = header.len();
        prop_assert_eq!(read(&[header, rest].concat()), Ok(Some(Header { length, client })));
    }

    #[test]
    fn any_input_is_bounded(start in 0..4usize, input in prop::collection::vec(any::<u8>(), LONGEST..LONGEST + 10)) {
        let starts: [&[u8]; 4] = [b"", b"PROXY ", b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n\x21\x11"];
        let input = [starts[start], &input].concat();
        prop_assert_ne!(read(&input), Ok(None));
    }
}
