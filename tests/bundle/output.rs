//! The output folder is replaced in one step or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mailswitch::cli::output::replace;
use mailswitch::emit::File;
use mailswitch::emit::bundle::{Bundle, Origin};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::tempdir;

/// Two MTAs' bundles of one build; every file says which build it belongs to.
fn bundles(build: &str, files: usize, size: usize) -> Vec<Bundle> {
    let bundle = |mta| {
        let origin = Origin { mta, target: "postfix", version: None, sources: build };
        let file = |i| File { path: format!("tables/{}/{i}", i % 3), content: build.repeat(size).into_bytes() };
        let main = File { path: "main.cf".into(), content: build.as_bytes().into() };
        Bundle::new(origin, (0..files).map(file).chain([main]).collect()).unwrap()
    };
    vec![bundle("edge"), bundle("hub")]
}

fn small(build: &str) -> Vec<Bundle> {
    bundles(build, 3, 10)
}

/// The build that a folder holds, having made sure that it holds all of it and nothing else.
#[track_caller]
fn whole(dir: &Path) -> String {
    let mut builds = Vec::new();
    assert_eq!(names(dir), ["edge", "hub"]);
    for mta in ["edge", "hub"] {
        let folder = dir.join(mta);
        let mut found = files(&folder);
        let manifest: Value = serde_json::from_slice(&found.remove("manifest.json").expect("a manifest")).unwrap();
        let listed = manifest["files"].as_object().unwrap();
        assert_eq!(listed.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
        for (path, content) in found {
            assert_eq!(listed[&path]["size"], content.len());
            let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(listed[&path]["sha256"], digest, "{path}");
        }
        builds.push(manifest["sources"].as_str().unwrap().to_owned());
    }
    assert_eq!(builds[0], builds[1]);
    builds.remove(0)
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                let link = fs::read_link(&path).map(|to| to.into_os_string().into_encoded_bytes());
                found.insert(name, link.unwrap_or_else(|_| fs::read(path).unwrap()));
            }
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_bundle_takes_the_place_of_the_one_before() {
    let parent = tempdir().unwrap();
    let dir = parent.path().join("not/there/yet");
    for build in ["1", "2", "3"] {
        replace(&dir, &small(build)).unwrap();
        assert_eq!(whole(&dir), build);
        assert_eq!(names(dir.parent().unwrap()), ["yet"]);
    }
    replace(&dir, &[]).unwrap();
    assert!(names(&dir).is_empty());
}

#[test]
fn an_empty_folder_is_filled_and_a_link_stays_a_link() {
    let parent = tempdir().unwrap();
    let (real, link) = (parent.path().join("real"), parent.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink("real", &link).unwrap();
    replace(&link, &small("1")).unwrap();
    replace(&link, &small("2")).unwrap();
    assert!(link.is_symlink());
    assert_eq!(whole(&real), "2");
    assert_eq!(names(parent.path()), ["link", "real"]);
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    let parent = tempdir().unwrap();
    let dir = parent.path().join("out");
    let mut child = child(&dir, "1", &["sh", "-c", "umask 077; exec \"$0\" \"$@\""]);
    assert!(child.wait().unwrap().success());
    assert_eq!(whole(&dir), "1");
    let mode = |path: &str| fs::metadata(dir.join(path)).unwrap().permissions().mode() & 0o7777;
    for (path, expected) in
        [("", 0o755), ("hub", 0o755), ("hub/tables", 0o755), ("hub/tables/0/0", 0o644), ("hub/manifest.json", 0o644)]
    {
        assert_eq!(mode(path), expected, "{path}");
    }
}

#[test]
fn what_no_build_made_is_never_replaced() {
    let parent = tempdir().unwrap();
    let base = fs::canonicalize(parent.path()).unwrap();
    fs::create_dir_all(base.join("sources/sites")).unwrap();
    fs::write(base.join("sources/routing.dsl"), "mta hub {}").unwrap();
    fs::create_dir_all(base.join("node/package")).unwrap();
    fs::write(base.join("node/package/manifest.json"), "{\"name\": \"other\", \"files\": {}}").unwrap();
    fs::write(base.join("file"), "text").unwrap();
    symlink("nowhere", base.join("dangling")).unwrap();
    replace(&base.join("mixed"), &small("1")).unwrap();
    fs::write(base.join("mixed/notes.txt"), "mine").unwrap();
    let holds = |what: &str| {
        format!(
            "is not replaced: it holds `{what}`, which is no bundle with a manifest.json; name an empty or new folder"
        )
    };
    let before = files(&base);
    for (dir, why) in [
        ("node", holds("package")),
        ("mixed", holds("notes.txt")),
        ("file", "is a file, not a folder".into()),
        ("dangling", "is a symbolic link that leads nowhere".into()),
        ("missing/..", "does not name a folder".into()),
    ] {
        let error = replace(&base.join(dir), &small("2")).unwrap_err().to_string();
        assert_eq!(error, format!("`{}` {why}", base.join(dir).display()));
    }
    let error = replace(&base.join("sources"), &small("2")).unwrap_err().to_string();
    assert!(error.contains("is not replaced: it holds `"), "{error}");
    let error = replace(&base.join("file/out"), &small("2")).unwrap_err().to_string();
    assert!(error.ends_with("Not a directory (os error 20)"), "{error}");
    assert_eq!(
        replace(Path::new("/"), &[]).unwrap_err().to_string(),
        "`/` is the root folder: name a folder inside it"
    );
    assert_eq!(files(&base), before);
}

#[test]
fn a_folder_inside_the_sources_is_replaced_alone() {
    let parent = tempdir().unwrap();
    fs::write(parent.path().join("routing.dsl"), "mta hub {}").unwrap();
    for build in ["1", "2"] {
        replace(&parent.path().join("out"), &small(build)).unwrap();
        assert_eq!(whole(&parent.path().join("out")), build);
    }
    assert_eq!(names(parent.path()), ["out", "routing.dsl"]);
}

#[test]
fn what_killed_runs_left_is_cleared_away_and_nothing_else() {
    let parent = tempdir().unwrap();
    let dir = parent.path().join("out");
    for left in
        [".out.mailswitch-new-123/hub", ".out.mailswitch-old-9", ".out.mailswitch-new-mine", ".outer.mailswitch-new-1"]
    {
        fs::create_dir_all(parent.path().join(left)).unwrap();
    }
    fs::write(parent.path().join(".out.mailswitch-new-77"), "a file").unwrap();
    replace(&dir, &small("1")).unwrap();
    let kept = [".out.mailswitch-new-77", ".out.mailswitch-new-mine", ".outer.mailswitch-new-1", "out"];
    assert_eq!(names(parent.path()), kept);
}

/// Runs in a mount namespace of its own, with a small file system mounted at the folder.
fn with_mount(at: &Path, size: &str, test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS).expect("the tests run as root");
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some(format!("size={size}").as_str())).unwrap();
            test();
        });
        run.join().unwrap();
    });
}

#[test]
fn a_full_disk_leaves_the_old_bundle_whole() {
    let disk = tempdir().unwrap();
    with_mount(disk.path(), "1m", || {
        let dir = disk.path().join("out");
        replace(&dir, &small("1")).unwrap();
        let error = replace(&dir, &bundles("2", 10, 100_000)).unwrap_err().to_string();
        assert!(error.ends_with("cannot be written: No space left on device (os error 28)"), "{error}");
        assert_eq!(whole(&dir), "1");
        assert_eq!(names(disk.path()), ["out"]);
        replace(&dir, &small("3")).unwrap();
        assert_eq!(whole(&dir), "3");
    });
}

#[test]
fn a_mount_point_cannot_be_replaced_and_says_so() {
    let disk = tempdir().unwrap();
    let path = fs::canonicalize(disk.path()).unwrap();
    with_mount(&path, "1m", || {
        let error = replace(&path, &small("1")).unwrap_err().to_string();
        let why = "is a mount point and cannot be replaced in one step: name a folder inside it";
        assert_eq!(error, format!("`{}` {why}", path.display()));
        replace(&path.join("out"), &small("1")).unwrap();
    });
}

/// Writes a build into the folder that the environment names; without one, into a folder of its own. Other tests start it as a
/// process that can be killed.
#[test]
fn writes_a_build() {
    let own = tempdir().unwrap();
    let told = std::env::var_os("MAILSWITCH_TEST_OUTPUT");
    let dir = told.map_or_else(|| own.path().join("out"), Into::into);
    let build = std::env::var("MAILSWITCH_TEST_BUILD").unwrap_or_else(|_| "own".into());
    replace(&dir, &bundles(&build, 24, 20_000)).unwrap();
    if dir.starts_with(own.path()) {
        assert_eq!(whole(&dir), "own");
    }
}

fn child(dir: &Path, build: &str, wrapper: &[&str]) -> Child {
    let this = std::env::current_exe().unwrap();
    let mut words: Vec<&str> = wrapper.to_vec();
    words.extend([this.to_str().unwrap(), "--exact", "bundle::output::writes_a_build"]);
    Command::new(words[0])
        .args(&words[1..])
        .env("MAILSWITCH_TEST_OUTPUT", dir)
        .env("MAILSWITCH_TEST_BUILD", build)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_run_killed_at_any_moment_leaves_a_whole_bundle() {
    let parent = tempdir().unwrap();
    let dir = parent.path().join("out");
    let started = Instant::now();
    assert!(child(&dir, "build-0", &[]).wait().unwrap().success());
    let full = started.elapsed();
    let (mut last, mut half_way) = ("build-0".to_owned(), 0);
    for number in 1..=40u32 {
        let build = format!("build-{number}");
        let mut child = child(&dir, &build, &[]);
        // There is no event to wait for: any moment of the run is meant, one after the other.
        std::thread::sleep(full * number / 40 + Duration::from_micros(u64::from(number)));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.success() || status.signal() == Some(9));
        half_way += u32::from(names(parent.path()).len() > 1);
        let found = whole(&dir);
        assert!(found == build || found == last, "{found} after {last} and {build}");
        assert!(found == build || !status.success(), "a build that ended well is not there");
        last = found;
    }
    assert!(half_way >= 3, "only {half_way} of 40 runs were killed while they wrote");
    println!("{half_way} of 40 runs were killed while they wrote");
    replace(&dir, &small("after")).unwrap();
    assert_eq!(names(parent.path()), ["out"]);
}

#[test]
fn two_builds_at_once_take_turns() {
    let parent = tempdir().unwrap();
    let dir = parent.path().join("out");
    for _ in 0..5 {
        let mut children: Vec<Child> = ["a", "b", "c"].iter().map(|build| child(&dir, build, &[])).collect();
        assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
        assert!(["a", "b", "c"].contains(&whole(&dir).as_str()));
        assert_eq!(names(parent.path()), ["out"]);
    }
}
