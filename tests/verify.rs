//! `mailswitch verify` as its users run it: on the examples, in bad weather, on machines that lack something.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{EXIM_ROOT, program};

const ALL: [&str; 8] = ["--target", "postfix", "--target", "exim", "--target", "relay", "--over", EXIM_ROOT];

fn verify(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.arg("verify").args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a `routing.dsl` of this text.
fn estate(source: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("routing.dsl"), source).unwrap();
    folder
}

#[test]
fn every_example_passes_on_all_three() {
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let folder = entry.unwrap().path();
        let output = verify(&folder, &[&ALL[..], &["--quick"]].concat());
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{}:\n{said}", folder.display());
        for (mta, times) in [("Postfix 3", 1), ("Exim 4", 1), ("mailswitch 0", 1)] {
            assert!(said.matches(mta).count() >= times, "{}: {mta}\n{said}", folder.display());
        }
        assert!(said.ends_with(" 0 disagreements\n"), "{said}");
    }
}

/// With the first smart host down, mail takes the second; with all of a cheap connector's hosts down, the dearer one;
/// TLS that is required is never left out, and a certificate of somebody else's is not taken; balanced hosts share.
#[test]
fn fail_over_tls_and_load_sharing_are_those_of_the_file() {
    let folder = estate(include_str!("verify/weather.dsl"));
    let output = verify(folder.path(), &ALL);
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    let lines = [
        "ok      when all is well",
        "ok      with the first smart host down: 3 questions",
        "ok      with every host of the cheapest connector down: 1 question",
        "ok      without TLS at any next hop: 2 questions",
        "ok      with somebody else's certificate at every next hop: 1 question",
        "ok      `to-shared` shares its load: of 1000 messages",
    ];
    for line in lines {
        assert_eq!(said.matches(line).count(), 3, "{line}\n{said}");
    }
}

#[test]
fn a_disagreement_shows_both_paths_and_fails() {
    let source = include_str!("../examples/contoso/routing.dsl")
        .replace("postmaster bob@contoso.com", "postmaster bob@contoso.com\n settings site.cf");
    let folder = estate(&source);
    fs::write(folder.path().join("site.cf"), "smtpd_client_restrictions = permit_mynetworks, reject\n").unwrap();
    let output = verify(folder.path(), &["--quick"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
    assert!(said.contains("FAILED  when all is well"), "{said}");
    let head = "error[verify::disagrees]: `hub` (Postfix 3";
    assert!(said.contains(head), "{said}");
    assert!(said.contains("mail to <bob@contoso.com> from anyone was refused: 554 5.7.1"), "{said}");
    let sides = |left: &str, right: &str| said.lines().any(|line| line.contains(left) && line.contains(right));
    assert!(sides("delivered at exchange", "│ RCPT: 554 5.7.1"), "{said}");

    let json = verify(folder.path(), &["--quick", "--format", "json"]);
    assert_eq!(json.status.code(), Some(1));
    let runs: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let wrong = runs[0]["disagreements"].as_array().unwrap();
    let bob = wrong.iter().find(|one| one["recipients"] == serde_json::json!(["bob@contoso.com"])).unwrap();
    assert_eq!((&bob["mta"], &bob["from_anyone"]), (&"hub".into(), &true.into()), "{bob}");
    assert_eq!(bob["expected"][0]["connector"], "to-exchange", "{bob}");

    let junit = verify(folder.path(), &["--quick", "--format", "junit"]);
    assert_eq!(junit.status.code(), Some(1));
    let xml = text(&junit.stdout);
    assert!(
        xml.contains("<testcase classname=\"hub\" name=\"&lt;bob@contoso.com&gt; from anyone\">\n      <failure"),
        "{xml}"
    );
    assert!(xml.contains("name=\"&lt;bob@contoso.com&gt; from a trusted client\"/>"), "{xml}");
}

#[test]
fn without_an_mta_to_ask_nothing_is_run() {
    let folder = estate("mta hub { target exim; hostname mx.own.example }\nconnector out { address-space *; dns }\n");
    let output = verify(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("there is no MTA to ask: `hub`: Exim is not on this machine"), "{said}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn where_one_mta_is_missing_the_relay_stands_in_and_the_others_are_asked() {
    let source = include_str!("../examples/hub-and-edge/routing.dsl");
    assert!(source.contains("target     postfix") && source.contains("target     exim"), "{source}");
    let output = verify(&root().join("examples/hub-and-edge"), &["--quick"]);
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("not asked: Exim is not on this machine; mailswitch's relay stands in for it"), "{said}");
}

#[test]
fn an_estate_with_errors_is_not_run() {
    let folder = estate("mta hub { target relay; hostname mx.own.example }\nconnector out { address-space * }\n");
    let output = verify(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nothing was run"), "{}", text(&output.stderr));
}

/// The machine's own loopback is in many a `trust`.
#[test]
fn a_client_speaks_from_the_first_network_that_can_be_spoken_from() {
    let source = "mta hub { target relay; hostname mx.own.example; trust 127.0.0.0/8, ::1, 10.0.0.0/8 }\n\
                  connector out { address-space *; dns }\n";
    let output = verify(estate(source).path(), &["--quick"]);
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("not asked"), "{said}");
}

#[test]
fn who_cannot_be_asked_is_not_passed() {
    let source = |listen: &str, trust: &str| {
        let mta = format!("mta hub {{ target relay; hostname mx.own.example; {listen}; trust {trust} }}");
        format!("{mta}\nconnector out {{ address-space *; dns }}\n")
    };
    let deaf = verify(estate(&source("listen 127.0.0.1:25", "10.0.0.0/8")).path(), &["--quick"]);
    assert_eq!(deaf.status.code(), Some(2), "{}", text(&deaf.stdout));
    assert!(text(&deaf.stderr).contains("`hub` cannot be asked"), "{}", text(&deaf.stderr));
    let half = verify(estate(&source("listen 0.0.0.0:25", "127.0.0.1")).path(), &["--quick"]);
    assert_eq!(half.status.code(), Some(0), "{}", text(&half.stderr));
    assert!(text(&half.stdout).contains("not asked by a trusted client"), "{}", text(&half.stdout));
}

/// An interrupted run leaves neither processes nor files.
#[test]
fn an_interrupt_ends_everything_that_was_started() {
    let folder = estate(include_str!("verify/weather.dsl"));
    let scratch = tempfile::tempdir().unwrap();
    let mut child = Command::new(program())
        .args(["verify", "--target", "postfix"])
        .current_dir(folder.path())
        .env("TMPDIR", scratch.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let started = || fs::read_dir(scratch.path()).unwrap().next().is_some() && !descendants(pid).is_empty();
    while !started() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    let all = descendants(pid);
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "files are left");
    let left = || all.iter().filter(|pid| Path::new(&format!("/proc/{pid}/exe")).read_link().is_ok()).count();
    let gone = mailswitch::lab::poll(Duration::from_secs(5), || Ok((left() == 0).then_some(()))).unwrap();
    assert!(gone.is_some(), "processes are left: {all:?}");
}

fn descendants(pid: u32) -> Vec<u32> {
    let mut all = Vec::new();
    let mut open = vec![pid];
    while let Some(pid) = open.pop() {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children: Vec<u32> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
            open.extend(&children);
            all.extend(children);
        }
    }
    all
}
