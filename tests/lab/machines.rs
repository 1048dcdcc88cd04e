//! Machines: what lies over their root, what is left of them, and what is said to the MTAs on them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mailswitch::lab::{Identity, Postfix, Sink, World, authority_pem};
use tempfile::TempDir;

use super::{MESSAGE, STRANGER, postfix, postfix_folder};
use crate::support::{EXIM_ROOT, world};

#[test]
fn a_machine_is_thrown_away_and_the_host_stays_as_it_is() {
    let host = || ["/etc/hosts", "/etc/resolv.conf", "/etc/postfix/main.cf"].map(|path| fs::read(path).ok());
    let before = host();
    {
        let world = world();
        let hub = world.node("hub", &[]).unwrap();
        let folder = postfix_folder("relay:[192.0.2.10]", "");
        let postfix = postfix(&hub, &folder);
        hub.write("/etc/mailswitch-selftest/file", b"text", 0o600).unwrap();
        assert_eq!(hub.read("/etc/mailswitch-selftest/file").as_deref(), Some("text"));
        assert_eq!(hub.listening().unwrap().into_iter().collect::<Vec<_>>(), [25]);
        assert_eq!(postfix.postconf("myhostname").unwrap(), "hub.contoso.com");
        assert_eq!(postfix.postconf_n().unwrap().stderr, "");
        let answers = postfix.postmap_q("inline:{{a@b=c d}}", &["a@b", "x@b"]).unwrap();
        assert_eq!(answers, [Some("c d".to_owned()), None]);
        assert_eq!(postfix.queue().unwrap(), "");
        postfix.stop();
        assert!(hub.listening().unwrap().is_empty(), "nothing of Postfix is left");
    }
    assert!(!Path::new("/etc/mailswitch-selftest").exists());
    assert_eq!(before, host());
}

#[test]
fn the_client_speaks_tls_and_raw_bytes() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let identity = Identity::trusted(&["hub.contoso.com"]).unwrap();
    hub.write("/etc/mailswitch/hub.pem", identity.certificate_pem.as_bytes(), 0o644).unwrap();
    hub.write("/etc/mailswitch/hub.key", identity.key_pem.as_bytes(), 0o600).unwrap();
    hub.write("/etc/mailswitch/ca.pem", authority_pem().unwrap().as_bytes(), 0o644).unwrap();
    let settings = "smtpd_tls_security_level = may\n\
         smtpd_tls_cert_file = /etc/mailswitch/hub.pem\n\
         smtpd_tls_key_file = /etc/mailswitch/hub.key\n";
    let folder = postfix_folder("relay:[192.0.2.10]", settings);
    let postfix = postfix(&hub, &folder);
    let mut conversation = world.client(STRANGER).unwrap().greet(hub.smtp()).unwrap();
    assert!(conversation.offers("starttls"));
    let tls = conversation.starttls("hub.contoso.com").unwrap();
    assert_eq!(tls.version, "TLSv1_3", "{}", postfix.log());
    assert!(!conversation.offers("STARTTLS"));
    conversation.write("NOOP\r\nHELP\r\n");
    assert_eq!(conversation.reply().unwrap().code, 250);
    assert_eq!(conversation.command("QUIT").unwrap().code, 500);
    let mut wrong = world.client(STRANGER).unwrap().greet(hub.smtp()).unwrap();
    assert!(wrong.starttls("other.contoso.com").is_err());
    let mut inside = hub.client().connect("127.0.0.1:25".parse().unwrap()).unwrap();
    assert_eq!(inside.ehlo().unwrap().code, 250);
}

#[test]
fn a_running_postfix_takes_another_folder() {
    let world = world();
    let hub = world.node("hub", &[]).unwrap();
    let postfix = postfix(&hub, &postfix_folder("relay:[192.0.2.10]", ""));
    let greeting = || world.client(STRANGER).unwrap().connect(hub.smtp()).unwrap().greeting.unwrap().text;
    assert!(greeting().starts_with("hub.contoso.com"));
    let other = postfix_folder("relay:[192.0.2.10]", "smtpd_banner = $myhostname again\n");
    postfix.replace(other.path()).unwrap();
    postfix.reload().unwrap();
    hub.wait_for_log("reload -- version").unwrap();
    // A server process that was waiting for a client may still take the first ones.
    assert!((0..100).any(|_| greeting().ends_with("again")), "{}", postfix.log());
}

#[test]
fn a_milter_is_asked() {
    let world = world();
    world.sink("192.0.2.10:25", Sink::smtp("exchange")).unwrap();
    let milter = world.milter("192.0.2.99:8891").unwrap();
    let hub = world.node("hub", &[]).unwrap();
    let _postfix = postfix(&hub, &postfix_folder("relay:[192.0.2.10]", "smtpd_milters = inet:192.0.2.99:8891\n"));
    let sent =
        world.client(STRANGER).unwrap().send(hub.smtp(), "a@example.net", &["bob@contoso.com"], MESSAGE).unwrap();
    assert!(sent.is_accepted(), "{sent:?}");
    assert_eq!(
        (milter.senders(), milter.recipients()),
        (vec!["<a@example.net>".to_owned()], vec!["<bob@contoso.com>".to_owned()])
    );
    world.wait_for(1).unwrap();
}

/// A folder with these files, to lie over a machine.
fn layer(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn layers_lie_over_the_host_the_first_on_top() {
    let above = layer(&[("etc/lab-test", "above"), ("usr/share/lab/a", "a"), ("lib/lab/package", "behind the link")]);
    let below = layer(&[("etc/lab-test", "below"), ("usr/share/lab/b", "b"), ("opt/lab", "b"), ("lab", "a file of /")]);
    symlink("usr/bin", below.path().join("bin")).unwrap();
    let layers = [above.path().to_owned(), below.path().to_owned()];
    let world = World::over(&layers).unwrap();
    let hub = world.node("hub", &[]).unwrap();
    let text = |path: &str| hub.read(path).unwrap_or_default();
    assert_eq!(text("/etc/lab-test"), "above");
    assert_eq!(text("/usr/share/lab/a") + &text("/usr/share/lab/b"), "ab");
    assert_eq!((text("/opt/lab"), text("/lab")), ("b".to_owned(), "a file of /".to_owned()));
    assert_eq!(text("/etc/passwd"), fs::read_to_string("/etc/passwd").unwrap(), "the host is still there");
    // Where the host has a link from /lib to /usr/lib, it is one on the machine too.
    assert_eq!(text("/lib/lab/package"), "behind the link");
    if Path::new("/lib").is_symlink() {
        assert_eq!(text("/usr/lib/lab/package"), "behind the link");
    }
    assert!(hub.command("sh", &["-c", "exit 0"], "").unwrap().success, "its programs find their loader");
    let other = world.node_over("other", &[], &layers[1..]).unwrap();
    assert_eq!(other.read("/etc/lab-test").as_deref(), Some("below"));
    hub.write("/etc/lab-test", b"changed", 0o644).unwrap();
    assert_eq!(fs::read_to_string(layers[0].join("etc/lab-test")).unwrap(), "above", "a layer is not written to");
}

#[test]
fn a_layer_may_lie_in_a_folder_that_it_has_itself() {
    // As /var/lib/machines/bookworm does, which has a /var.
    let outer = tempfile::tempdir_in("/var/lib").unwrap();
    let root = outer.path().join("root");
    fs::create_dir_all(root.join("var/lib/lab")).unwrap();
    fs::write(root.join("var/lib/lab/file"), "text").unwrap();
    let world = World::over(&[root]).unwrap();
    let hub = world.node("hub", &[]).unwrap();
    assert_eq!(hub.read("/var/lib/lab/file").as_deref(), Some("text"));
    assert!(hub.command("test", &["-d", "/var/lib/dpkg"], "").unwrap().success, "the host's is there too");
}

#[test]
fn what_the_lab_cannot_do_it_says() {
    let error = |layers: &[PathBuf]| World::over(layers).err().map(|error| error.to_string()).unwrap_or_default();
    let missing = error(&["/nowhere".into()]);
    assert_eq!(missing, "cannot lay /nowhere over a machine: No such file or directory (os error 2)");
    assert!(error(&["/etc/passwd".into()]).ends_with("it is no folder"));
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a:b");
    fs::create_dir(&odd).unwrap();
    assert!(error(&[odd]).ends_with("holds a colon, a comma or a backslash"));

    let world = world();
    let hub = world.node("hub", &[]).unwrap();
    let said = hub.command("no-such-program", &[], "").unwrap_err().to_string();
    assert_eq!(said, "`no-such-program` cannot be started: No such file or directory (os error 2)");
    let said = world.client(STRANGER).unwrap().connect(hub.smtp()).unwrap_err().to_string();
    assert!(said.starts_with("no connection from 203.0.113.9 to ") && said.contains("refused"), "{said}");
    assert_eq!(world.host("a.example", "1.2.3").unwrap_err().to_string(), "1.2.3 is not an IP address");
    world.sink("192.0.2.10:25", Sink::smtp("one")).unwrap();
    let said = world.sink("192.0.2.10:25", Sink::smtp("two")).unwrap_err().to_string();
    assert!(said.starts_with("cannot listen on 192.0.2.10:25: "), "{said}");
    let said = hub.place_files("/etc/postfix", [("../passwd".to_owned(), Vec::new(), 0o644)]).unwrap_err().to_string();
    assert_eq!(said, "\"../passwd\" is no path below /etc/postfix");
    let said = Postfix::install(&hub, Path::new(EXIM_ROOT).join("usr/bin/none").as_path()).err().unwrap().to_string();
    assert!(said.starts_with("cannot read /opt/"), "{said}");
}
