//! How a connection begins, without TLS.

use mailswitch::relay::config::Auth;
use mailswitch::relay::config::{Protocol, TlsLevel};
use mailswitch::relay::deliver::{Trouble, connect};

use super::peer::{Peers, client, connector, said, target};

/// The notes of a connection, and whether it knows of STARTTLS.
async fn open(protocol: Protocol, level: TlsLevel, script: &str) -> Result<(Vec<String>, bool), Trouble> {
    let peers = Peers::new([script]);
    let connection = connect(&client(&peers), &connector(protocol, level), &target()).await;
    let seen = connection.map(|connection| (connection.notes().to_vec(), connection.offered().starttls));
    peers.done().await;
    seen
}

async fn fails(level: TlsLevel, script: &str) -> String {
    said(&open(Protocol::Smtp, level, script).await.map(drop).unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn an_old_host_is_greeted_with_helo_and_noted() {
    let script = "
        S: 220-mx.example
        S: 220 here we are
        C: EHLO us.example
        S: 500 what?
        C: HELO us.example
        S: 250 mx.example";
    for level in [TlsLevel::Off, TlsLevel::Opportunistic] {
        let (notes, _) = open(Protocol::Smtp, level, script).await.unwrap();
        assert_eq!(notes, ["the host does not know EHLO; it was greeted with HELO"]);
    }
}

#[tokio::test(start_paused = true)]
async fn helo_has_no_tls_and_no_lmtp() {
    let refused = "
        S: 220 mx.example
        C: EHLO us.example
        S: 500 what?";
    let trouble = "Greeting 4.3.2 the host does not greet us: 500 what?";
    assert_eq!(fails(TlsLevel::Required, refused).await, trouble);
    assert_eq!(fails(TlsLevel::Verified, refused).await, trouble);
    let lmtp = open(Protocol::Lmtp, TlsLevel::Off, &refused.replace("EHLO", "LHLO")).await;
    assert_eq!(said(&lmtp.map(drop).unwrap_err()), trouble);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_want_us() {
    for (script, trouble) in [
        ("", "Closed 4.4.2 the host closed the connection"),
        ("S: 421 4.3.2 busy", "Greeting 4.3.2 the host does not want us: 421 4.3.2 busy"),
        ("S: 554 5.7.1 not you", "Greeting 4.7.1 the host does not want us: 554 5.7.1 not you"),
        ("S: SSH-2.0-OpenSSH", "Protocol 4.5.0 an answer that is no reply"),
        ("S: 250 hello", "Protocol 4.5.0 an answer that does not fit: 250 hello"),
        ("S: 220 mx\nC: EHLO us.example", "Closed 4.4.2 the host closed the connection"),
        (
            "S: 220 mx\nC: EHLO us.example\nS: 450 4.7.1 wait",
            "Greeting 4.7.1 the host does not greet us: 450 4.7.1 wait",
        ),
        (
            "S: 220 mx\nC: EHLO us.example\nS: 500 what\nC: HELO us.example\nS: 550 what",
            "Greeting 4.3.2 the host does not greet us: 550 what",
        ),
    ] {
        assert_eq!(fails(TlsLevel::Opportunistic, script).await, trouble, "{script}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_says_nothing() {
    let start = tokio::time::Instant::now();
    assert_eq!(fails(TlsLevel::Off, "WAIT").await, "Timeout 4.4.2 no answer in time");
    assert_eq!(start.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn nobody_listens() {
    let peers = Peers::new([""; 0]);
    let trouble = connect(&client(&peers), &connector(Protocol::Smtp, TlsLevel::Off), &target()).await;
    assert_eq!(said(&trouble.map(drop).unwrap_err()), "Connect 4.4.1 cannot connect: connection refused");
}

#[tokio::test(start_paused = true)]
async fn tls_that_is_required_and_not_there() {
    let plain = "S: 220 mx\nC: EHLO us.example\nS: 250 mx";
    let refused = "S: 220 mx\nC: EHLO us.example\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 4.7.0 not now";
    for level in [TlsLevel::Required, TlsLevel::Verified] {
        assert_eq!(fails(level, plain).await, "Tls 4.7.4 TLS is required, and the host does not offer it");
        assert_eq!(
            fails(level, refused).await,
            "Tls 4.7.0 TLS is required, and the host refuses it: 454 4.7.0 not now"
        );
    }
    assert!(open(Protocol::Smtp, TlsLevel::Opportunistic, plain).await.unwrap().0.is_empty());
    let clear = open(Protocol::Smtp, TlsLevel::Opportunistic, refused).await.unwrap().0;
    assert_eq!(clear, ["the host refuses STARTTLS; the message goes in clear: 454 4.7.0 not now"]);
    let off = "S: 220 mx\nC: EHLO us.example\nS: 250-mx\nS: 250 STARTTLS";
    assert!(open(Protocol::Smtp, TlsLevel::Off, off).await.unwrap().1);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_not_told_without_a_verified_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "secret\n").unwrap();
    let offer = "S: 220 mx\nC: EHLO us.example\nS: 250-mx\nS: 250 AUTH PLAIN LOGIN";
    let refused =
        "S: 220 mx\nC: EHLO us.example\nS: 250-mx\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 no";
    for (level, script) in
        [(TlsLevel::Off, offer), (TlsLevel::Opportunistic, offer), (TlsLevel::Opportunistic, refused)]
    {
        let peers = Peers::new([script]);
        let mut out = connector(Protocol::Smtp, level);
        out.auth = Some(Auth { user: "u".to_owned(), password_file: file.to_str().unwrap().to_owned() });
        let trouble = connect(&client(&peers), &out, &target()).await.map(drop).unwrap_err();
        assert_eq!(said(&trouble), "Auth 4.7.11 a password is told to a host with a verified certificate only");
        peers.done().await;
    }
}
