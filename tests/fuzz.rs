//! The fuzz targets' bodies on stable: random bytes, and the repository's own files with changes.

use std::path::Path;

use proptest::prelude::any;
use proptest::strategy::Strategy;

use crate::syntax::derive::{Choices, mutated};
use crate::syntax::grammar::runner;

#[path = "../fuzz/bodies.rs"]
pub(crate) mod bodies;

/// Files with one of these extensions.
fn seeds(extensions: &[&str]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = |pattern: String| glob::glob(root.join(pattern).to_str().unwrap()).unwrap();
    let files =
        extensions.iter().flat_map(|e| found(format!("examples/**/*.{e}")).chain(found(format!("tests/**/*.{e}"))));
    let seeds: Vec<Vec<u8>> = files.map(|path| std::fs::read(path.unwrap()).unwrap()).collect();
    assert!(!seeds.is_empty(), "no file {extensions:?}");
    seeds
}

/// A body gets bytes at random, then mutated seeds, as bytes and as text.
fn smoke(body: fn(&[u8]), extensions: &[&str], cases: u32) {
    let seeds = seeds(extensions);
    seeds.iter().for_each(|seed| body(seed));
    let changes = (any::<usize>(), proptest::collection::vec(any::<u32>(), 1..40), any::<bool>());
    let result = runner(cases).run(&changes, |(seed, list, bytes)| {
        let seed = &seeds[seed % seeds.len()];
        // A short stretch: the long files would take all the time.
        let start = list[0] as usize % seed.len().max(1);
        let stretch = &seed[start..seed.len().min(start + 3000)];
        match str::from_utf8(stretch) {
            Ok(text) if !bytes => body(mutated(text, &mut Choices::new(&list)).as_bytes()),
            _ => body(&scrambled(stretch, &list)),
        }
        Ok(())
    });
    result.unwrap();
    let random = proptest::collection::vec(any::<u8>(), 0..200);
    runner(cases).run(&random.prop_map(|bytes| body(&bytes)), |()| Ok(())).unwrap();
}

/// Some bytes replaced, inserted or taken out.
fn scrambled(bytes: &[u8], changes: &[u32]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes.chunks_exact(2) {
        let at = change[0] as usize % (bytes.len() + 1);
        let [kind, byte, ..] = change[1].to_le_bytes();
        match kind % 3 {
            0 => bytes.insert(at, byte),
            1 if at < bytes.len() => bytes[at] = byte,
            _ if at < bytes.len() => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}

#[test]
fn parser() {
    smoke(bodies::parser, &["dsl"], 2000);
}

#[test]
fn formatter() {
    smoke(bodies::formatter, &["dsl"], 2000);
}

#[test]
fn csv() {
    smoke(bodies::csv, &["csv"], 2000);
}

#[test]
fn ldif() {
    smoke(bodies::ldif, &["ldif"], 2000);
}

#[test]
fn estate() {
    smoke(bodies::estate, &["dsl"], 300);
}

#[test]
fn session() {
    smoke(bodies::session::session, &["smtp"], 1000);
}

#[test]
fn host() {
    smoke(bodies::deliver::host, &["replies"], 3000);
}

#[test]
fn spool() {
    smoke(bodies::spool::reader, &["log"], 1000);
}
