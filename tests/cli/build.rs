//! `build`: what it writes, and when it writes nothing.

use super::run::Folder;

#[test]
fn nothing_is_written_where_there_is_an_error() {
    let folder = Folder::with(&[("routing.dsl", b"mta hub { target postfix; hostname mail.a.test; oops 1 }")]);
    let ran = folder.run(&["build", "-o", "out"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("oops") && ran.stderr.contains("nothing was written"), "{}", ran.stderr);
    assert!(!folder.path("out").exists());
}

#[test]
fn a_build_without_a_folder_is_wrong_usage() {
    assert_eq!(Folder::contoso().run(&["build"]).code, 2);
}

#[test]
fn a_build_is_the_same_wherever_it_runs_and_says_what_it_wrote() {
    for (target, main) in [("postfix", "main.cf"), ("exim", "exim.conf"), ("relay", "relay.yaml")] {
        let one = Folder::contoso();
        let ran = one.run(&["build", "-o", "out", "--target", target]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.starts_with(&format!("out/hub: {target}, ")), "{}", ran.stdout);
        let other = Folder::with(&[("deep/er/routing.dsl", include_bytes!("contoso.dsl"))]);
        assert_eq!(other.run(&["build", "deep/er/routing.dsl", "-o", "out", "--target", target]).code, 0);
        assert!(built(&one).iter().any(|(name, _)| name == main));
        assert_eq!(built(&one), built(&other), "{target}");
    }
}

/// What is in the folder of `hub`.
fn built(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder.path("out/hub")).unwrap().map(|e| e.unwrap());
    let mut all: Vec<_> =
        entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn settings_of_one_target_are_not_for_another() {
    let text = include_str!("contoso.dsl").replace("target     postfix", "target postfix; settings own.cf #");
    let folder = Folder::with(&[("routing.dsl", text.as_bytes()), ("own.cf", b"default_process_limit = 50\n")]);
    let ran = folder.run(&["build", "-o", "out", "--target", "exim"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`hub` has `settings` for postfix: it cannot be built for exim"), "{}", ran.stderr);
}
