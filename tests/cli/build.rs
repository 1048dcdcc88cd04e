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
