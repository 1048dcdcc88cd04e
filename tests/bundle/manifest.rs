//! The manifest: what it lists, and what a bundle may not hold.

use mailswitch::emit::File;
use mailswitch::emit::bundle::{Bundle, Origin, digest, is_manifest};
use mailswitch::source::Sources;

const ORIGIN: Origin<'_> = Origin { mta: "hub", target: "postfix", version: None, sources: "5f" };

fn file(path: &str, content: &str) -> File {
    File { path: path.into(), content: content.into() }
}

#[test]
fn the_manifest_lists_every_file_with_digest_and_size() {
    let bundle = Bundle::new(ORIGIN, vec![file("tables/b", ""), file("main.cf", "abc")]).unwrap();
    let paths: Vec<&str> = bundle.files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["main.cf", "manifest.json", "tables/b"]);
    let expected = format!(
        r#"{{
  "compiler": {{
    "name": "mailswitch",
    "version": "{}"
  }},
  "files": {{
    "main.cf": {{
      "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "size": 3
    }},
    "tables/b": {{
      "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "size": 0
    }}
  }},
  "mta": "hub",
  "sources": "5f",
  "target": "postfix",
  "version": null
}}
"#,
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(String::from_utf8(bundle.files[1].content.clone()).unwrap(), expected);
    assert!(is_manifest(expected.as_bytes()));
    assert!(is_manifest(expected.replace("\"version\": \"", "\"version\": \"9").as_bytes()));
    for other in ["", "{}", "[]", "{\"compiler\":{\"name\":\"cc\"},\"files\":{}}", "{\"name\":\"npm\",\"files\":{}}"] {
        assert!(!is_manifest(other.as_bytes()), "{other}");
    }
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let one = Bundle::new(ORIGIN, vec![file("a", "1"), file("b", "2")]).unwrap();
    let two = Bundle::new(ORIGIN, vec![file("b", "2"), file("a", "1")]).unwrap();
    assert_eq!(one, two);
}

#[test]
fn no_file_leaves_its_folder_or_stands_in_the_way_of_another() {
    for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "a\0b"] {
        let error = Bundle::new(ORIGIN, vec![file(path, "")]).unwrap_err();
        assert_eq!(error.0, format!("`{path}` cannot be a file of a bundle"));
    }
    for (one, two) in [("a", "a"), ("a", "a/b"), ("b", "manifest.json"), ("manifest.json/x", "b")] {
        assert!(Bundle::new(ORIGIN, vec![file(one, ""), file(two, "")]).is_err(), "{one} {two}");
    }
}

#[test]
fn the_digest_of_the_sources_is_of_what_they_say_not_where_they_are() {
    let of = |files: &[(&str, &str)]| {
        let mut sources = Sources::default();
        for (name, text) in files {
            sources.add(*name, (*text).to_owned()).unwrap();
        }
        digest(&sources)
    };
    assert_eq!(of(&[("routing.dsl", "a"), ("b", "c")]), of(&[("/home/x/routing.dsl", "a"), ("/b", "c")]));
    assert_ne!(of(&[("x", "a"), ("y", "c")]), of(&[("x", "ac"), ("y", "")]));
    assert_ne!(of(&[("x", "a"), ("y", "c")]), of(&[("x", "c"), ("y", "a")]));
}
