//! TLS at every level, and what may be said inside of it.

use std::path::Path;
use std::sync::Arc;

use mailswitch::name::Domain;
use mailswitch::relay::config::{Auth, Connector, Protocol, TlsLevel};
use mailswitch::relay::deliver::{Target, connect};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::peer::{Peers, Script, client, connector, said, target};

/// A CA, its certificate in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A host with a certificate for `name`.
    fn host(&self, name: &str, expired: bool) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

const STARTTLS: &str = "
    S: 220 mx.example
    C: EHLO us.example
    S: 250-mx.example
    S: 250-STARTTLS
    S: 250 PIPELINING
    C: STARTTLS
    S: 220 go on
    TLS
";
const INSIDE: &str = "
    C: EHLO us.example
    S: 250-mx.example
    S: 250 SMTPUTF8
";

fn script(text: &str, tls: &TlsAcceptor) -> Script {
    Script { tls: Some(tls.clone()), ..Script::from(text) }
}

/// The trouble, or what is offered inside.
async fn open(out: &Connector, target: &Target, scripts: Vec<Script>) -> String {
    let peers = Peers::new(scripts);
    let result = connect(&client(&peers), out, target).await;
    let text = match &result {
        Ok(connection) => {
            let offered = connection.offered();
            assert!(!offered.pipelining, "what was said before TLS is forgotten");
            let inside = if offered.smtputf8 { "inside" } else { "in clear" };
            [&[inside.to_owned()], connection.notes()].concat().join("; ")
        }
        Err(trouble) => said(trouble),
    };
    drop(result);
    peers.done().await;
    text
}

fn verified(authority: &Authority) -> Connector {
    let mut out = connector(Protocol::Smtp, TlsLevel::Verified);
    out.tls.ca = Some(authority.file("ca.pem"));
    out
}

#[tokio::test(start_paused = true)]
async fn any_certificate_will_do_against_listeners() {
    let host = Authority::new().host("other.example", true);
    for level in [TlsLevel::Opportunistic, TlsLevel::Required] {
        let out = connector(Protocol::Smtp, level);
        assert_eq!(open(&out, &target(), vec![script(&[STARTTLS, INSIDE].concat(), &host)]).await, "inside");
    }
}

#[tokio::test(start_paused = true)]
async fn a_verified_certificate_is_of_a_known_ca_for_the_name() {
    let authority = Authority::new();
    let out = verified(&authority);
    let all = [STARTTLS, INSIDE].concat();
    let good = authority.host("mx.example", false);
    assert_eq!(open(&out, &target(), vec![script(&all, &good)]).await, "inside");

    let mut named = verified(&authority);
    named.tls.name = Some(Domain::parse("other.example").unwrap());
    let other = authority.host("other.example", false);
    let by_address = Target { name: "192.0.2.1".to_owned(), ..target() };
    for target in [target(), by_address.clone()] {
        assert_eq!(open(&named, &target, vec![script(&all, &other)]).await, "inside");
    }
    let unnamed = open(&out, &by_address, vec![script(STARTTLS.replace("    TLS\n", "").as_str(), &good)]).await;
    assert!(unnamed.contains("there is no name"), "{unnamed}");

    for (host, why) in [
        (authority.host("other.example", false), "not valid for name"),
        (authority.host("mx.example", true), "expired"),
        // A CA of that name, but not that CA.
        (Authority::new().host("mx.example", false), "BadSignature"),
    ] {
        let trouble = open(&out, &target(), vec![script(STARTTLS, &host)]).await;
        assert!(trouble.starts_with("Tls 4.7.5 no TLS with the host: ") && trouble.contains(why), "{trouble}");
    }
}

#[tokio::test(start_paused = true)]
async fn ca_certificates_that_cannot_be_used() {
    let authority = Authority::new();
    std::fs::write(authority.file("empty.pem"), "").unwrap();
    let host = authority.host("mx.example", false);
    for file in ["empty.pem", "missing.pem"] {
        let mut out = verified(&authority);
        out.tls.ca = Some(authority.file(file));
        let begin = STARTTLS.replace("    TLS\n", "");
        let trouble = open(&out, &target(), vec![script(&begin, &host)]).await;
        assert!(trouble.starts_with("Tls 4.7.5 the CA certificates in") && trouble.contains(file), "{trouble}");
    }
}

#[tokio::test(start_paused = true)]
async fn tls_from_the_first_octet() {
    let authority = Authority::new();
    let mut out = verified(&authority);
    out.protocol = Protocol::Smtps;
    let text = ["TLS\nS: 220 mx.example\n", INSIDE].concat();
    assert_eq!(open(&out, &target(), vec![script(&text, &authority.host("mx.example", false))]).await, "inside");
    let wrong = open(&out, &target(), vec![script("TLS", &authority.host("other.example", false))]).await;
    assert!(wrong.starts_with("Tls 4.7.5 no TLS"), "{wrong}");
    // It never goes in clear, not even where any certificate will do.
    let out = connector(Protocol::Smtps, TlsLevel::Opportunistic);
    let broken = open(&out, &target(), vec![Script::from("BREAK")]).await;
    assert!(broken.starts_with("Tls 4.7.5 no TLS"), "{broken}");
}

#[tokio::test(start_paused = true)]
async fn broken_tls_is_passed_by_in_clear_only_where_it_is_opportunistic() {
    let broken = STARTTLS.replace("    TLS\n", "    BREAK\n");
    let clear = "S: 220 mx.example\nC: EHLO us.example\nS: 250-mx.example\nS: 250 STARTTLS";
    let out = connector(Protocol::Smtp, TlsLevel::Opportunistic);
    let text = open(&out, &target(), vec![Script::from(broken.as_str()), Script::from(clear)]).await;
    assert!(text.starts_with("in clear; TLS failed; the connection goes in clear: "), "{text}");
    for level in [TlsLevel::Required, TlsLevel::Verified] {
        let out = connector(Protocol::Smtp, level);
        let text = open(&out, &target(), vec![Script::from(broken.as_str())]).await;
        assert!(text.starts_with("Tls 4.7.5 "), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn words_slipped_in_before_tls_end_the_connection() {
    let host = Authority::new().host("mx.example", false);
    let slipped = STARTTLS.replace("S: 220 go on\n    TLS\n", "S: 220 go on|250-mx|250 SMTPUTF8\n");
    for level in [TlsLevel::Opportunistic, TlsLevel::Required] {
        let out = connector(Protocol::Smtp, level);
        let text = open(&out, &target(), vec![script(&slipped, &host)]).await;
        assert_eq!(text, "Protocol 4.7.0 the host said more before TLS than it was asked");
    }
}

fn with_password(authority: &Authority) -> Connector {
    let mut out = verified(authority);
    std::fs::write(authority.file("password"), "secret\nnot this\n").unwrap();
    out.auth = Some(Auth { user: "user".to_owned(), password_file: authority.file("password") });
    out
}

async fn authenticate(out: &Connector, authority: &Authority, inside: &str) -> String {
    let text = [STARTTLS, "C: EHLO us.example\nS: 250-mx.example\nS: 250-SMTPUTF8\n", inside].concat();
    open(out, &target(), vec![script(&text, &authority.host("mx.example", false))]).await
}

#[tokio::test(start_paused = true)]
async fn passwords_are_told_as_the_host_wants() {
    let authority = Authority::new();
    let out = with_password(&authority);
    private(Path::new(&authority.file("password")), 0o600);
    let plain = "S: 250 AUTH LOGIN PLAIN\nC: AUTH PLAIN AHVzZXIAc2VjcmV0\nS: 235 2.7.0 welcome";
    assert_eq!(authenticate(&out, &authority, plain).await, "inside");
    let login = "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dXNlcg==\nS: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\nS: 235 welcome";
    assert_eq!(authenticate(&out, &authority, login).await, "inside");
    for (inside, trouble) in [
        ("S: 250 8BITMIME", "Auth 4.7.0 a login is wanted, and the host offers neither PLAIN nor LOGIN"),
        ("S: 250 AUTH CRAM-MD5", "Auth 4.7.0 a login is wanted, and the host offers neither PLAIN nor LOGIN"),
        (
            "S: 250 AUTH PLAIN\nC: AUTH PLAIN AHVzZXIAc2VjcmV0\nS: 535 5.7.8 wrong",
            "Auth 4.7.8 the host does not take our password: 535 5.7.8 wrong",
        ),
        (
            "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dXNlcg==\nS: 454 4.7.0 later",
            "Auth 4.7.0 the host does not take our password: 454 4.7.0 later",
        ),
        (
            "S: 250 AUTH PLAIN\nC: AUTH PLAIN AHVzZXIAc2VjcmV0\nS: 334 more",
            "Protocol 4.5.0 an answer that does not fit: 334 more",
        ),
    ] {
        assert_eq!(authenticate(&out, &authority, inside).await, trouble);
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_file_for_us_alone() {
    let authority = Authority::new();
    let out = with_password(&authority);
    private(Path::new(&authority.file("password")), 0o644);
    let plain = "S: 250 AUTH PLAIN\nC: AUTH PLAIN AHVzZXIAc2VjcmV0\nS: 235 2.7.0 welcome";
    let text = authenticate(&out, &authority, plain).await;
    assert!(text.starts_with("inside; others may read or write the password file"), "{text}");
    std::fs::write(authority.file("password"), "\n").unwrap();
    let text = open(&out, &target(), vec![]).await;
    assert!(text.starts_with("Auth 4.7.0 the first line of"), "{text}");
    std::fs::remove_file(authority.file("password")).unwrap();
    let text = open(&out, &target(), vec![]).await;
    assert!(text.starts_with("Auth 4.7.0 the password file") && text.contains("cannot be read"), "{text}");
}

fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
