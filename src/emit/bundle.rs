//! The files of one MTA's folder as data, and the manifest that lists them: no dates, no paths of the machine that built them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{EmitError, File};
use crate::source::Sources;

/// The name of the manifest in each MTA's folder.
pub const MANIFEST: &str = "manifest.json";

const COMPILER: &str = env!("CARGO_PKG_NAME");

/// What one MTA needs, all in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The folder's name: the MTA's.
    pub folder: String,
    /// Sorted by path; the manifest is one of them.
    pub files: Vec<File>,
}

/// For whom a bundle was made, and from what.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    pub mta: &'a str,
    pub target: &'a str,
    /// As the source says it.
    pub version: Option<&'a str>,
    /// See [`digest`].
    pub sources: &'a str,
}

#[derive(Serialize)]
struct Manifest<'a> {
    compiler: Compiler,
    files: BTreeMap<&'a str, Entry>,
    mta: &'a str,
    sources: &'a str,
    target: &'a str,
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct Compiler {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Entry {
    sha256: String,
    size: usize,
}

impl Bundle {
    /// Takes the files of one MTA and adds the manifest.
    pub fn new(origin: Origin<'_>, mut files: Vec<File>) -> Result<Bundle, EmitError> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        proper(origin.mta, &files)?;
        let entry = |file: &File| Entry { sha256: hex(&Sha256::digest(&file.content)), size: file.content.len() };
        let manifest = Manifest {
            compiler: Compiler { name: COMPILER, version: env!("CARGO_PKG_VERSION") },
            files: files.iter().map(|file| (file.path.as_str(), entry(file))).collect(),
            mta: origin.mta,
            sources: origin.sources,
            target: origin.target,
            version: origin.version,
        };
        let mut content = serde_json::to_vec_pretty(&manifest).map_err(|error| EmitError(error.to_string()))?;
        content.push(b'\n');
        let at = files.partition_point(|file| file.path.as_str() < MANIFEST);
        files.insert(at, File { path: MANIFEST.into(), content });
        Ok(Bundle { folder: origin.mta.into(), files })
    }
}

/// Whether a file is a manifest that this compiler wrote, in whatever version.
pub fn is_manifest(bytes: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return false };
    value["compiler"]["name"] == COMPILER && value["files"].is_object()
}

/// The digest of all that was read, in the order of reading. The names are left out: they depend on where the build ran.
pub fn digest(sources: &Sources) -> String {
    let mut all = Sha256::new();
    for (_, source) in sources.iter() {
        all.update(Sha256::digest(source.text()));
    }
    hex(&all.finalize())
}

/// Nothing may leave its folder, stand in the way of another file or pass for the manifest.
fn proper(folder: &str, files: &[File]) -> Result<(), EmitError> {
    let mut seen = BTreeSet::from([MANIFEST]);
    for path in std::iter::once(folder).chain(files.iter().map(|file| file.path.as_str())) {
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        if !path.split('/').all(plain) {
            return Err(EmitError(format!("`{path}` cannot be a file of a bundle")));
        }
    }
    for file in files {
        let parents = file.path.match_indices('/').map(|(at, _)| &file.path[..at]);
        if !seen.insert(&file.path) || parents.into_iter().any(|parent| seen.contains(parent)) {
            return Err(EmitError(format!("two files of a bundle want the path `{}`", file.path)));
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        // Writing into a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
