//! The lab tested on itself, with the smallest configurations that relay.

mod machines;
mod mail;

use std::fs;

use mailswitch::lab::{Exim, Node, Postfix, Reply};
use tempfile::TempDir;

const TRUSTED: &str = "10.0.0.5";
const STRANGER: &str = "203.0.113.9";
const MESSAGE: &str = "From: a@example.net\nTo: b@contoso.com\nSubject: hello\n\nFirst line.\n.dotted\n";

/// Relays contoso.com to a smart host, with more `main.cf` lines as given, and the rest by MX.
fn postfix_folder(next_hop: &str, settings: &str) -> TempDir {
    let main = format!(
        "compatibility_level = 3.6\n\
         myhostname = hub.contoso.com\n\
         mynetworks = 10.0.0.0/8\n\
         mydestination =\n\
         alias_maps =\n\
         alias_database =\n\
         local_transport = error:5.1.1 no local delivery\n\
         relay_domains = contoso.com\n\
         relay_recipient_maps = inline:{{bob@contoso.com=OK, ann@contoso.com=OK}}\n\
         transport_maps = inline:{{contoso.com={next_hop}}}\n\
         smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n\
         {settings}"
    );
    folder(&[("main.cf", &main), ("master.cf", MASTER)])
}

const MASTER: &str = "\
smtp      inet  n       -       y       -       -       smtpd
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
rewrite   unix  -       -       y       -       -       trivial-rewrite
bounce    unix  -       -       y       -       0       bounce
defer     unix  -       -       y       -       0       bounce
trace     unix  -       -       y       -       0       bounce
verify    unix  -       -       y       -       1       verify
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       y       -       -       smtp
showq     unix  n       -       y       -       -       showq
error     unix  -       -       y       -       -       error
retry     unix  -       -       y       -       -       error
discard   unix  -       -       y       -       -       discard
anvil     unix  -       -       y       -       1       anvil
scache    unix  -       -       y       -       1       scache
";

/// Relays contoso.com to a smart host by a transport with these options, and the rest by MX.
fn exim_folder(next_hop: &str, options: &str) -> TempDir {
    let config = format!(
        "primary_hostname = edge.contoso.com\n\
         keep_environment =\n\
         log_selector = +smtp_protocol_error\n\
         hostlist trusted = 10.0.0.0/8\n\
         acl_smtp_rcpt = acl_rcpt\n\
         begin acl\n\
         acl_rcpt:\n\
         \x20 deny !domains = contoso.com\n\
         \x20      !hosts = +trusted\n\
         \x20      message = 5.7.1 relay not permitted\n\
         \x20 deny domains = contoso.com\n\
         \x20      !local_parts = bob : ann\n\
         \x20      message = 5.1.1 User unknown\n\
         \x20 accept\n\
         begin routers\n\
         contoso:\n\
         \x20 driver = manualroute\n\
         \x20 domains = contoso.com\n\
         \x20 route_list = * {next_hop}\n\
         \x20 transport = to_contoso\n\
         internet:\n\
         \x20 driver = dnslookup\n\
         \x20 transport = by_mx\n\
         begin transports\n\
         to_contoso:\n\
         \x20 driver = smtp\n\
         {options}\
         by_mx:\n\
         \x20 driver = smtp\n\
         begin retry\n\
         * * F,1h,1s\n\
         begin authenticators\n\
         plain:\n\
         \x20 driver = plaintext\n\
         \x20 public_name = PLAIN\n\
         \x20 client_send = ^edge^${{readfile{{/etc/mailswitch/edge.password}}{{}}}}\n"
    );
    folder(&[("exim.conf", &config)])
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn postfix(node: &Node, folder: &TempDir) -> Postfix {
    let postfix = Postfix::install(node, folder.path()).unwrap();
    assert_eq!(postfix.check().unwrap().text(), "");
    postfix.start(&[25]).unwrap();
    postfix
}

fn exim(node: &Node, folder: &TempDir) -> Exim {
    let exim = Exim::install(node, folder.path()).unwrap();
    exim.start(&[25]).unwrap();
    exim
}

fn codes(replies: &[Reply]) -> Vec<String> {
    replies.iter().map(|reply| format!("{} {}", reply.code, reply.enhanced.as_deref().unwrap_or("-"))).collect()
}
