//! `secrets`: the password tables of a Postfix folder.

use std::os::unix::fs::PermissionsExt;

use super::run::Folder;

/// The contoso estate with a password on the way to the Internet, built for Postfix into `out/hub`.
fn built(password: &[u8]) -> Folder {
    let folder = Folder::with(&[("password", password)]);
    let file = folder.path("password").display().to_string();
    let text = include_str!("contoso.dsl").replace(
        "    dns ",
        &format!(
            "    smart-host smtp.provider.test:587\n    tls verified\n    auth hub password file \"{file}\"\n    #"
        ),
    );
    std::fs::write(folder.path("routing.dsl"), text).unwrap();
    let ran = folder.run(&["build", "-o", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    folder
}

/// The tables that appeared.
fn tables(folder: &Folder) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.path("out/hub")).unwrap().map(|e| e.unwrap().path());
    entries.filter(|p| p.file_name().unwrap().to_string_lossy().contains("password")).collect()
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|w| w == needle)
}

#[test]
fn a_new_build_takes_the_tables_away_and_the_help_says_so() {
    let folder = built(b"s3cret\n");
    assert_eq!(folder.run(&["secrets", "out/hub"]).code, 0);
    assert_eq!(tables(&folder).len(), 1);
    assert_eq!(folder.run(&["build", "-o", "out"]).code, 0);
    assert!(tables(&folder).is_empty());
    let help = folder.run(&["secrets", "--help"]).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("the folder is replaced whole, and the tables go with it"), "{help}");
    assert_eq!(folder.run(&["secrets", "out/hub"]).code, 0);
    assert_eq!(tables(&folder).len(), 1);
}

#[test]
fn a_table_holds_the_password_and_nobody_else_may_read_it() {
    let folder = built(b"s3cret\n");
    assert!(tables(&folder).is_empty(), "no secret is emitted");
    let ran = folder.run(&["secrets", "out/hub"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"));
    let [table] = &tables(&folder)[..] else { panic!("{:?}", tables(&folder)) };
    assert_eq!(std::fs::metadata(table).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(holds(&std::fs::read(table).unwrap(), b"hub:s3cret"));

    std::fs::write(folder.path("password"), b"changed\n").unwrap();
    assert_eq!(folder.run(&["secrets", "out/hub"]).code, 0);
    let content = std::fs::read(&tables(&folder)[0]).unwrap();
    assert!(holds(&content, b"hub:changed") && !holds(&content, b"s3cret"));
    assert_eq!(tables(&folder).len(), 1, "nothing else is left behind");
}

#[test]
fn without_a_password_the_old_table_stays() {
    let folder = built(b"s3cret\n");
    assert_eq!(folder.run(&["secrets", "out/hub"]).code, 0);
    for (content, what) in [(&b""[..], "holds no password"), (b"\xff\xfe", "cannot read")] {
        std::fs::write(folder.path("password"), content).unwrap();
        let ran = folder.run(&["secrets", "out/hub"]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(what), "{}", ran.stderr);
    }
    std::fs::remove_file(folder.path("password")).unwrap();
    let ran = folder.run(&["secrets", "out/hub"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot read the password in"), "{}", ran.stderr);
    assert!(holds(&std::fs::read(&tables(&folder)[0]).unwrap(), b"hub:s3cret"));
}

#[test]
fn a_folder_that_is_no_bundle_gives_2() {
    let folder = Folder::with(&[("empty/x", b"")]);
    for dir in ["empty", "missing"] {
        let ran = folder.run(&["secrets", dir]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("secrets.json"), "{}", ran.stderr);
    }
}
