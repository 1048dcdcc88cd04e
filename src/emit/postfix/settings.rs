//! `settings FILE`: a site's own parameters, held against those that the compiler sets.

use std::collections::BTreeSet;

use crate::name::printable;

/// The parameters that a text in the form of `main.cf` sets (postconf(5), first section), or a line that is none.
pub(super) fn parameters(text: &str) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| !is_ignored(line)) {
        // A line that begins with a blank goes on with the line before, comments between them or not: at the
        // beginning of the file that would be a parameter of ours.
        if line.starts_with([' ', '\t']) && !names.is_empty() {
            continue;
        }
        match line.split_once('=').map(|(name, _)| name.trim_end()) {
            Some(name) if is_name(name) => drop(names.insert(name.to_owned())),
            _ => return Err(printable(line)),
        }
    }
    Ok(names)
}

fn is_ignored(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
