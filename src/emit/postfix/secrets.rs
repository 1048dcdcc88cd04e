//! Passwords: what `mailswitch secrets` finds in a bundle, and the tables that it makes of it on the MTA's host.
//!
//! A bundle says in [`WANTED`] which table needs the password in which file; the table itself is never emitted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::connectors::Password;
use super::tables::{Kind, Table};
use crate::emit::{EmitError, File};

/// The file of a bundle that lists the passwords it needs.
pub const WANTED: &str = "secrets.json";

/// One password: the row `nexthop` of `table` gets `user`, a colon and what `file` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub table: String,
    /// `cdb`, `lmdb` or `texthash`.
    pub kind: String,
    pub nexthop: String,
    pub user: String,
    pub file: String,
}

pub(super) fn wanted(passwords: &[Password], kind: Kind) -> Result<File, EmitError> {
    let all: Vec<Wanted> = passwords
        .iter()
        .map(|p| Wanted {
            table: p.table.clone(),
            kind: kind.as_str().to_owned(),
            nexthop: p.nexthop.clone(),
            user: p.user.clone(),
            file: p.file.clone(),
        })
        .collect();
    let mut content = serde_json::to_vec_pretty(&all).map_err(|e| EmitError(e.to_string()))?;
    content.push(b'\n');
    Ok(File { path: WANTED.to_owned(), content })
}

/// What a bundle asks for.
pub fn parse(text: &str) -> Result<Vec<Wanted>, String> {
    let all: Vec<Wanted> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.is_empty();
    match all.iter().find(|w| !plain(&w.table) || Kind::named(&w.kind).is_none()) {
        Some(wrong) => Err(format!("`{}` is not the name of a password table", wrong.table)),
        None => Ok(all),
    }
}

/// The tables, each to be written with mode 0600. `password` is asked for the content of a password's file: its first
/// line counts.
pub fn tables<E: From<String>>(
    wanted: &[Wanted],
    mut password: impl FnMut(&Wanted) -> Result<String, E>,
) -> Result<Vec<File>, E> {
    let mut tables: BTreeMap<&str, (Kind, Table<'_>)> = BTreeMap::new();
    for want in wanted {
        let kind = Kind::named(&want.kind).unwrap_or(Kind::Texthash);
        let content = password(want)?;
        let line = content.lines().next().unwrap_or_default();
        if line.is_empty() || line.contains('\0') {
            return Err(format!("{} holds no password", want.file).into());
        }
        // Postfix strips blanks around a value of a text table (postmap(1), INPUT FILE FORMAT).
        if kind == Kind::Texthash && line.trim_end() != line {
            return Err(format!("the password in {} ends in a blank, which a texthash table loses", want.file).into());
        }
        let (_, table) = tables.entry(&want.table).or_insert_with(|| (kind, Table::default()));
        table.insert(&want.nexthop, format!("{}:{line}", want.user));
    }
    tables.into_iter().map(|(name, (kind, table))| kind.file(name, &table).map_err(|e| e.0.into())).collect()
}
