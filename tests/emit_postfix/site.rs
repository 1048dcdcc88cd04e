//! What a site adds or leaves out: settings of its own, tables alone, old releases.

use mailswitch::lab::{Identity, Sink};

use super::{MESSAGE, STRANGER, TRUSTED, build, said, start};
use crate::cli::run::Folder;
use crate::support::world;

const ESTATE: &str = "system store { account bob@own.example, ann@own.example }\ndomain own.example\n\
    connector to-store { to store; smart-host [192.0.2.1] }\nconnector internet { address-space *; dns }\n";

fn hub(fields: &str) -> String {
    format!("mta hub {{ target postfix; hostname hub.own.example; postmaster bob@own.example; {fields} }}\n{ESTATE}")
}

fn with_settings(settings: &str) -> (i32, String, Folder) {
    let dsl = hub("settings \"site.cf\"");
    let folder = Folder::with(&[("routing.dsl", dsl.as_bytes()), ("site.cf", settings.as_bytes())]);
    let ran = folder.run(&["build", "-o", "out"]);
    (ran.code, ran.stderr, folder)
}

#[test]
fn settings_are_copied_as_they_are() {
    let settings = "# ours\nsmtpd_banner = $myhostname ready\n   for mail\nsmtpd_client_connection_count_limit = 7\n";
    let (code, stderr, folder) = with_settings(settings);
    assert_eq!(code, 0, "{stderr}");
    let main = std::fs::read_to_string(folder.path("out/hub/main.cf")).unwrap();
    assert!(main.contains("copied from site.cf") && main.ends_with(settings), "{main}");
    let world = world();
    world.sink("192.0.2.1:25", Sink::smtp("store")).unwrap();
    let node = world.node("hub", &[]).unwrap();
    let postfix = start(&node, &folder, "hub");
    assert_eq!(postfix.postconf("smtpd_client_connection_count_limit").unwrap(), "7");
    let greeting = world.client(STRANGER).unwrap().connect(node.smtp()).unwrap().greeting.unwrap();
    assert_eq!(greeting.text, "hub.own.example ready   for mail");
}

#[test]
fn settings_change_nothing_that_the_source_says() {
    for (settings, says) in [
        ("mynetworks = 0.0.0.0/0\n", "sets `mynetworks`, which the compiler sets too"),
        ("# a comment\n  permit\n", "has a line that sets no parameter"),
        ("smtpd_banner = x\nnot a setting\n", "has a line that sets no parameter"),
        ("trusted = permit\n", "sets `trusted`, which the compiler sets too"),
    ] {
        let (code, stderr, folder) = with_settings(settings);
        assert_eq!(code, 1, "{settings}");
        let told = stderr.replace("\n  │ ", " ");
        assert!(told.contains("target::unsupported") && told.contains(says), "{settings}{stderr}");
        assert!(!folder.path("out").exists());
    }
}

#[test]
fn inbound_tls_a_milter_and_the_size_limit_are_offered() {
    let world = world();
    world.sink("192.0.2.1:25", Sink::smtp("store")).unwrap();
    let milter = world.milter("192.0.2.44:8891").unwrap();
    let node = world.node("hub", &["198.51.100.1"]).unwrap();
    let identity = Identity::trusted(&["hub.own.example"]).unwrap();
    node.write("/etc/mail-tls/hub.pem", identity.certificate_pem.as_bytes(), 0o644).unwrap();
    node.write("/etc/mail-tls/hub.key", identity.key_pem.as_bytes(), 0o600).unwrap();
    let folder = build(&hub(
        "tls certificate \"/etc/mail-tls/hub.pem\" key \"/etc/mail-tls/hub.key\"; max-size 3MB; milter 192.0.2.44:8891",
    ));
    let _postfix = start(&node, &folder, "hub");
    let client = world.client(STRANGER).unwrap();
    let mut talk = client.greet(node.smtp()).unwrap();
    assert!(talk.extensions.contains(&"SIZE 3145728".to_owned()), "{talk:?}");
    assert!(!talk.offers("CHUNKING") && !talk.offers("ETRN") && !talk.offers("VRFY"), "{talk:?}");
    talk.starttls("hub.own.example").expect("the certificate is the hub's");
    let sent = talk.message("a@example.net", &["bob@own.example"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    world.wait_for(1).unwrap();
    assert!(milter.senders().iter().any(|sender| sender.contains("a@example.net")), "{:?}", milter.senders());
}

#[test]
fn text_and_lmdb_tables_mean_the_same() {
    for maps in ["texthash", "lmdb"] {
        let world = world();
        world.sink("192.0.2.1:25", Sink::smtp("store")).unwrap();
        let node = world.node("hub", &[]).unwrap();
        let folder = build(&hub(&format!("maps {maps}; subaddress \"+\"; trust 10.0.0.0/8")));
        let _postfix = start(&node, &folder, "hub");
        let asked =
            ["bob+x@own.example", "ann@own.example", "nobody@own.example", "a%b@own.example", "x@other.example"];
        let replies = said(&world.client(STRANGER).unwrap().probe(node.smtp(), "", &asked).unwrap());
        assert_eq!(replies, ["250", "250", "550 5.1.1", "550 5.7.1", "550 5.7.1"], "{maps}");
        let replies = said(&world.client(TRUSTED).unwrap().probe(node.smtp(), "", &asked).unwrap());
        assert_eq!(replies, ["250", "250", "550 5.1.1", "550 5.1.1", "250"], "{maps}");
    }
}

#[test]
fn a_release_gets_only_what_it_knows() {
    for (version, knows, lacks) in [
        ("3.5", "smtp_tls_mandatory_protocols = !SSLv2", "bind_address_enforce"),
        ("3.5.19", "smtpd_data_restrictions", "smtpd_forbid"),
        ("3.5.22", "smtpd_forbid_unauth_pipelining", "smtpd_forbid_bare_newline"),
        ("3.7.9", "smtpd_forbid_bare_newline = yes", "normalize"),
        ("3.10", "smtpd_forbid_bare_newline = normalize", "smtpd_data_restrictions"),
    ] {
        let dsl = hub("").replace("target postfix", &format!("target postfix {version}"));
        let dsl = dsl.replace("smart-host [192.0.2.1]", "smart-host [192.0.2.1]; source-address 198.51.100.1");
        let folder = build(&dsl);
        let read = |name: &str| std::fs::read_to_string(folder.path(&format!("out/hub/{name}"))).unwrap();
        let all = read("main.cf") + &read("master.cf");
        assert_eq!((all.contains(knows), all.contains(lacks)), (true, false), "{version}");
    }
    let folder = Folder::with(&[("routing.dsl", hub("").replace("target postfix", "target postfix 3.4").as_bytes())]);
    let ran = folder.run(&["build", "-o", "out"]);
    assert!(ran.code == 1 && ran.stderr.contains("target::unsupported"), "{}", ran.stderr);
}

#[test]
fn tables_alone_come_with_the_parts_to_include() {
    let folder = build(&hub("emit tables"));
    let main = std::fs::read_to_string(folder.path("out/hub/main.cf.part")).unwrap();
    assert!(main.contains("virtual_alias_maps = cdb:") && !main.contains("myhostname ="), "{main}");
    let master = std::fs::read_to_string(folder.path("out/hub/master.cf.part")).unwrap();
    assert!(master.contains("c_to_store unix") && !master.contains("qmgr"), "{master}");
    assert!(folder.path("out/hub/accounts.cdb").exists() && !folder.path("out/hub/main.cf").exists());
}
