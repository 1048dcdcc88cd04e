//! The control socket: who may use it, what it takes, and what the commands say of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use mailswitch::relay::admin::control::Control;

use super::fake::{Fake, Served, row};
use crate::cli::run::run_in;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_for_its_user_alone_or_for_a_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    drop(Control::bind(&path, None).unwrap());
    assert_eq!(mode(&path), 0o600);
    drop(Control::bind(&path, Some(nix::unistd::getegid().as_raw())).unwrap());
    assert_eq!(mode(&path), 0o660);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn one_of_a_killed_relay_is_replaced_and_one_of_a_running_relay_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    drop(UnixListener::bind(&path).unwrap());
    let control = Control::bind(&path, None).unwrap();
    let error = Control::bind(&path, None).unwrap_err().to_string();
    assert!(error.contains("another relay listens on"), "{error}");
    control.serve(Arc::new(Fake::default())).unwrap();
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"{\"version\":1,\"ask\":\"status\"}\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.starts_with(r#"{"status":{"release":"1.2.3","hostname":"mail.contoso.com","#), "{line}");
}

#[test]
fn nothing_but_a_socket_is_replaced_and_no_folder_of_everybody_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    std::fs::write(&path, "precious").unwrap();
    let error = Control::bind(&path, None).unwrap_err().to_string();
    assert!(error.contains("and no socket"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let error = Control::bind(&folder.path().join("other"), None).unwrap_err().to_string();
    assert!(error.contains("everybody may write to the folder"), "{error}");
}

/// What a line is answered with.
fn said(served: &Served, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(served.path()).unwrap();
    stream.write_all(request).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_is_no_request_is_refused_and_the_next_one_is_answered() {
    let served = Served::with(vec![row(1, 10, "a@b", &["c@d"], "x")]);
    for (request, expected) in [
        ("", ""),
        ("\n", "no request"),
        ("{}\n", "no request: missing field `version`"),
        ("{\"version\":2,\"ask\":\"fly\"}\n", "this relay speaks version 1 of its control protocol, not 2"),
        ("{\"version\":1,\"ask\":\"fly\"}\n", "unknown variant `fly`"),
        ("{\"version\":1,\"ask\":{\"list\":{\"filter\":{\"color\":\"red\"}}}}\n", "unknown field `color`"),
        ("{\"version\":1,\"ask\":{\"show\":{\"ids\":[\"../../x\"]}}}\n", "no name of a message"),
        ("{\"version\":1,\"ask\":{\"show\":{\"ids\":[]}}}\n", "show what?"),
        ("{\"version\":1", "a request is one line"),
    ] {
        let answer = said(&served, request.as_bytes());
        assert!(answer.contains(expected) && answer.lines().count() <= 1, "{request}: {answer}");
    }
    let two = said(&served, b"nonsense\n{\"version\":1,\"ask\":{\"count\":{\"filter\":{}}}}\n");
    assert_eq!(two.lines().nth(1), Some(r#"{"done":{"count":1,"newest":"0000000000001"}}"#));
}

#[test]
fn a_line_without_an_end_costs_a_mebibyte_at_most() {
    let served = Served::with(Vec::new());
    let mut stream = UnixStream::connect(served.path()).unwrap();
    // The other end stops reading, and ends the connection.
    let block = [b'x'; 65_536];
    let sent = (0..64).take_while(|_| stream.write_all(&block).is_ok()).count();
    assert!((16..64).contains(&sent), "{sent} blocks");
}

#[test]
fn whoever_uses_it_is_logged() {
    let served = Served::with(Vec::new());
    served.run(&["queue", "list"]);
    served.run(&["reload"]);
    let uid = nix::unistd::getuid().as_raw();
    assert_eq!(*served.relay.used.lock().unwrap(), [format!("queue list by {uid}"), format!("reload by {uid}")]);
}

#[test]
fn without_a_relay_the_commands_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str| run_in(folder.path(), &["relay", "status", "--control", name]);
    let ran = run("control");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("there is no control socket control: is the relay running"), "{}", ran.stderr);
    drop(UnixListener::bind(folder.path().join("old")).unwrap());
    let ran = run("old");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("no relay listens on old: it is not running"), "{}", ran.stderr);
    // One that says nothing.
    let listener = UnixListener::bind(folder.path().join("mute")).unwrap();
    let mute = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let ran = run("mute");
    mute.join().unwrap();
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("the relay at mute does not answer"), "{}", ran.stderr);
}

#[test]
fn status_and_reload_give_their_verdict() {
    let served = Served::with(Vec::new());
    let ran = served.run(&["status"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for line in [
        "mail.contoso.com accepts mail\n",
        "  runs for    1m 30s (process 4711, mailswitch 1.2.3)\n",
        "  configured  30s ago\n",
        "  queue       0 messages\n",
        "  disk        3.0 GiB free\n",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    *served.relay.not_ready.lock().unwrap() = Some("the disk is nearly full".into());
    let ran = served.run(&["status"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("mail.contoso.com accepts no mail: the disk is nearly full\n"), "{}", ran.stdout);
    let ran = served.run(&["reload"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "reloaded: 3 tables\n"));
    *served.relay.bad_reload.lock().unwrap() = Some("relay.yaml: error: version".into());
    let ran = served.run(&["reload"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "relay.yaml: error: version\n"));
}
