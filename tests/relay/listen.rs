//! What stands between a socket and a session.

use std::net::IpAddr;
use std::sync::Arc;

use mailswitch::relay::date::Date;
use mailswitch::relay::envelope::QueueId;
use mailswitch::relay::listen::limits::{Full, Sessions};
use mailswitch::relay::listen::received::Trace;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn sessions_are_counted_in_all_and_by_network() {
    let sessions = Arc::new(Sessions::default());
    let enter = |client: &str| -> Result<_, Full> {
        let mut place = sessions.enter(4)?;
        place.count_in(ip(client), 2)?;
        Ok(place)
    };
    let first = enter("192.0.2.1").unwrap();
    let second = enter("192.0.2.255").unwrap();
    assert_eq!(enter("::ffff:192.0.2.7").unwrap_err(), Full::ForTheNetwork);
    let _other = enter("192.0.3.1").unwrap();
    let _six = enter("2001:db8::1").unwrap();
    assert_eq!(enter("2001:db8::2").unwrap_err(), Full::Everywhere);
    assert_eq!(sessions.all(), 4);
    drop(first);
    let third = enter("192.0.2.1").unwrap();
    drop((second, third));
    assert_eq!(sessions.all(), 2);
}

#[test]
fn an_ipv6_network_is_the_first_64_bits() {
    let sessions = Arc::new(Sessions::default());
    let mut places: Vec<_> = (0..3).map(|_| sessions.enter(10).unwrap()).collect();
    assert_eq!(places[0].count_in(ip("2001:db8::1"), 1), Ok(()));
    assert_eq!(places[1].count_in(ip("2001:db8::ffff:1:2:3"), 1), Err(Full::ForTheNetwork));
    assert_eq!(places[2].count_in(ip("2001:db8:0:1::1"), 1), Ok(()));
}

#[test]
fn dates() {
    for (seconds, text) in [
        (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (951_868_799, "Tue, 29 Feb 2000 23:59:59 +0000"),
        (951_868_800, "Wed, 1 Mar 2000 00:00:00 +0000"),
        (1_795_351_425, "Sun, 22 Nov 2026 12:43:45 +0000"),
        (4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
    ] {
        assert_eq!(Date(seconds).to_string(), text);
    }
}

#[test]
fn received_lines() {
    let trace = Trace {
        hello: "client.example",
        client: ip("192.0.2.1"),
        hostname: "mx.example",
        id: QueueId(1),
        extended: true,
        tls: false,
        smtputf8: false,
        recipient: Some("ann@contoso.com"),
        date: Date(0),
    };
    assert_eq!(
        String::from_utf8(trace.line()).unwrap(),
        "Received: from client.example ([192.0.2.1])\r\n\
         \tby mx.example with ESMTP id 0000000000001\r\n\
         \tfor <ann@contoso.com>; Thu, 1 Jan 1970 00:00:00 +0000\r\n"
    );
    let trace = Trace { hello: "", client: ip("2001:db8::1"), recipient: None, tls: true, ..trace };
    assert_eq!(
        String::from_utf8(trace.line()).unwrap(),
        "Received: from unknown ([IPv6:2001:db8::1])\r\n\
         \tby mx.example with ESMTPS id 0000000000001; Thu, 1 Jan 1970 00:00:00 +0000\r\n"
    );
}
