//! What depends on the site: its own settings, tables alone, other tables, versions, several addresses to listen at.

use super::{STRANGER, TRUSTED, build, install, start};
use crate::cli::run::Folder;
use crate::support::world;

fn dsl(fields: &str) -> String {
    format!(
        "mta hub {{ target exim; hostname hub.contoso.com; trust 10.0.0.0/8; postmaster bob@contoso.com\n{fields} }}\n\
         system exchange {{ account bob@contoso.com }}\nshared domain contoso.com\n\
         connector to-exchange {{ to exchange; smart-host [192.0.2.1] }}\nconnector internet {{ address-space *; dns }}\n"
    )
}

#[test]
fn a_sites_settings_are_copied_and_may_not_touch_ours() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let dsl = dsl("settings \"site.conf\"");
    let folder = build(&[
        ("routing.dsl", dsl.as_bytes()),
        ("site.conf", b"queue_only_load = 8\ndomainlist mine = \\\n  a.example\n"),
    ]);
    let exim = install(&hub, &folder, "hub");
    assert_eq!(exim.bp(&["queue_only_load"]).unwrap().stdout.trim(), "queue_only_load = 8.0");
    for settings in ["primary_hostname = x", "no_local_from_check", "hostlist trusted = *", "begin acl", "CONF = x"] {
        let folder = Folder::with(&[("routing.dsl", dsl.as_bytes()), ("site.conf", settings.as_bytes())]);
        let ran = folder.run(&["build", "--format", "plain", "-o", "out"]);
        assert!(ran.code == 1 && ran.stderr.contains("target::unsupported"), "{settings}: {}", ran.stderr);
    }
}

#[test]
fn the_main_section_says_where_the_source_has_it() {
    let fields = "listen 0.0.0.0:25, 0.0.0.0:587\naddress 198.51.100.1\ntls certificate \"/etc/hub.pem\" key \"/etc/hub.key\"\n\
                  max-size 3MB\nqueue-lifetime 2d\nsettings \"site.conf\"\n\
                  trust 10.1.0.0/16,\n10.2.0.0/16,\n10.3.0.0/16,\n10.4.0.0/16";
    let folder = build(&[
        ("routing.dsl", dsl(fields).replace("trust 10.0.0.0/8; ", "").as_bytes()),
        ("site.conf", b"queue_only_load = 8\n"),
    ]);
    let text = std::fs::read_to_string(folder.path("out/hub/exim.conf")).unwrap();
    for lines in [
        "# hostname (routing.dsl:1)\nprimary_hostname = hub.contoso.com\n",
        "# listen (routing.dsl:2)\nlocal_interfaces = ",
        "# address (routing.dsl:3)\nextra_local_interfaces = ",
        "# trust (routing.dsl:8, routing.dsl:9, routing.dsl:10 and 1 more)\nhostlist trusted = ",
        "# tls (routing.dsl:4)\ntls_advertise_hosts = *\n",
        "# max-size (routing.dsl:5)\nmessage_size_limit = 3145728\n",
        "# queue-lifetime (routing.dsl:6)\n*  *  F,",
        "site.conf (routing.dsl:7), as it is.\nqueue_only_load = 8\n",
    ] {
        assert!(text.contains(lines), "{lines}{text}");
    }
    let world = world();
    install(&world.node("hub", &["198.51.100.1"]).unwrap(), &folder, "hub");
}

#[test]
fn tables_alone_come_with_snippets_for_each_section() {
    let dsl = dsl("emit tables");
    let folder = build(&[("routing.dsl", dsl.as_bytes())]);
    assert!(!folder.path("out/hub/exim.conf").exists());
    let world = world();
    let hub = world.node("hub", &["198.51.100.1"]).unwrap();
    let own = "keep_environment =\nprimary_hostname = hub.contoso.com\nhostlist trusted = 10.0.0.0/8\nacl_smtp_rcpt = acl_rcpt\n\
               begin acl\n.include /etc/exim4/snippet/acl.conf\nbegin routers\n.include /etc/exim4/snippet/routers.conf\n\
               begin transports\n.include /etc/exim4/snippet/transports.conf\nbegin retry\n.include /etc/exim4/snippet/retry.conf\n";
    std::fs::write(folder.path("out/hub/exim.conf"), own).unwrap();
    let exim = install(&hub, &folder, "hub");
    let output = exim.bt(&["bob@contoso.com", "nobody@contoso.com", "postmaster@contoso.com"]).unwrap();
    assert_eq!(output.stdout.matches("router = c_to_exchange").count(), 2, "{}", output.text());
    assert!(output.stdout.contains("nobody@contoso.com is undeliverable: 5.1.1"), "{}", output.text());
}

#[test]
fn what_exim_cannot_do_is_said_at_its_place_with_the_manuals_section() {
    for (fields, line, section) in [
        ("milter 127.0.0.1:11332", "routing.dsl:2:", "45.1"),
        ("maps lmdb", "routing.dsl:2:", "9.3"),
        ("maps texthash", "routing.dsl:2:", "9.3"),
    ] {
        let folder = Folder::with(&[("routing.dsl", dsl(fields).as_bytes())]);
        let ran = folder.run(&["build", "--format", "plain", "-o", "out"]);
        let told = ran.stderr.contains("target::unsupported") && ran.stderr.contains(section);
        assert!(ran.code == 1 && told && ran.stderr.contains(line), "{fields}: {}", ran.stderr);
    }
    for (version, code) in [("4.93", 1), ("4.94", 0), ("4.96", 0), ("4.98", 0), ("3.7", 1)] {
        let dsl = dsl("").replace("target exim", &format!("target exim {version}"));
        let folder = Folder::with(&[("routing.dsl", dsl.as_bytes())]);
        assert_eq!(folder.run(&["build", "--format", "plain", "-o", "out"]).code, code, "{version}");
    }
    let mixed = dsl("").replace(
        "connector internet",
        "connector dearer { to exchange; cost 9; smart-host [192.0.2.2]; protocol lmtp }\nconnector internet",
    );
    let folder = Folder::with(&[("routing.dsl", mixed.as_bytes())]);
    let ran = folder.run(&["build", "--format", "plain", "-o", "out"]);
    assert!(ran.code == 1 && ran.stderr.contains("30.4"), "{}", ran.stderr);
}

#[test]
fn it_listens_where_it_is_told_and_takes_no_more_than_it_is_told() {
    let world = world();
    let hub = world.node("hub", &["198.51.100.1", "2001:db8::1"]).unwrap();
    let dsl = dsl("listen 198.51.100.1:25, 198.51.100.1:2525, [2001:db8::1]:25\nmax-size 100KB\nqueue-lifetime 1h");
    let exim = start(&hub, &build(&[("routing.dsl", dsl.as_bytes())]), "hub");
    assert!(hub.listening().unwrap().contains(&2525));
    let mut client = world.client(STRANGER).unwrap().connect(hub.port(2525)).unwrap();
    let offer = client.ehlo().unwrap();
    assert!(offer.is_positive() && client.offers("SIZE") && !client.offers("STARTTLS") && !client.offers("CHUNKING"));
    for extension in ["SMTPUTF8", "ETRN", "VRFY", "EXPN", "PIPECONNECT", "X_PIPE_CONNECT"] {
        assert!(!client.offers(extension), "{extension}");
    }
    assert_eq!(client.command("MAIL FROM:<a@example.net> SIZE=200000").unwrap().code, 552);
    assert!(exim.bp(&["extra_local_interfaces"]).unwrap().success);
    let replies = world.client(TRUSTED).unwrap().probe(hub.smtp(), "", &["someone@example.org"]).unwrap();
    assert!(replies[0].is_positive(), "{replies:?}");
}
