//! An emitted folder, to be spoilt: each change has to find what it changes.

use mailswitch::emit::File;
use mailswitch::plan::TargetKind;

use super::cdb::{self, Row};

pub(super) struct Folder {
    pub(super) kind: TargetKind,
    pub(super) files: Vec<File>,
}

impl Folder {
    fn file(&mut self, path: &str) -> &mut File {
        self.files.iter_mut().find(|file| file.path == path).unwrap_or_else(|| panic!("there is no {path}"))
    }

    /// The first place in a text that says this, says that.
    pub(super) fn replace(&mut self, path: &str, from: &str, to: &str) {
        self.replace_some(path, from, to, 1);
    }

    pub(super) fn replace_all(&mut self, path: &str, from: &str, to: &str) {
        self.replace_some(path, from, to, usize::MAX);
    }

    fn replace_some(&mut self, path: &str, from: &str, to: &str, most: usize) {
        let file = self.file(path);
        let text = String::from_utf8(file.content.clone()).unwrap();
        assert!(text.contains(from), "{path} does not say {from:?}");
        file.content = text.replacen(from, to, most).into_bytes();
    }

    /// The table that says what a contact's address becomes.
    fn contacts(&self) -> &'static str {
        if self.kind == TargetKind::Exim { "addresses.cdb" } else { "contacts.cdb" }
    }

    /// The table that says where an account is.
    fn accounts(&self) -> &'static str {
        if self.kind == TargetKind::Exim { "addresses.cdb" } else { "accounts.cdb" }
    }

    pub(super) fn rows(&mut self, path: &str, change: impl FnOnce(&mut Vec<Row>)) {
        let file = self.file(path);
        let mut rows = cdb::rows(&file.content);
        change(&mut rows);
        file.content = cdb::bytes(&rows);
    }

    /// A key of the table becomes another.
    pub(super) fn rekey(&mut self, path: &str, from: &str, to: &str) {
        self.rows(path, |rows| row(rows, from).0 = to.to_owned());
    }

    pub(super) fn set(&mut self, path: &str, key: &str, value: &str) {
        self.rows(path, |rows| match rows.iter_mut().find(|row| row.0 == key) {
            Some(row) => row.1 = value.to_owned(),
            None => rows.push((key.to_owned(), value.to_owned())),
        });
    }

    pub(super) fn drop(&mut self, path: &str, key: &str) {
        self.rows(path, |rows| {
            row(rows, key);
            rows.retain(|row| row.0 != key);
        });
    }

    pub(super) fn rekey_account(&mut self, from: &str, to: &str) {
        self.rekey(self.accounts(), from, to);
    }

    pub(super) fn rekey_contact(&mut self, from: &str, to: &str) {
        self.rekey(self.contacts(), from, to);
    }

    pub(super) fn drop_contact(&mut self, key: &str) {
        self.drop(self.contacts(), key);
    }

    pub(super) fn drop_account(&mut self, key: &str) {
        self.drop(self.accounts(), key);
    }

    /// One address becomes another, as contacts do.
    pub(super) fn set_contact(&mut self, key: &str, local: &str, domain: &str) {
        let exim = self.kind == TargetKind::Exim;
        let value = if exim { format!(">{domain} \"{local}\"") } else { format!("{local}@{domain}") };
        if !exim {
            self.rows(self.accounts(), |rows| rows.retain(|row| row.0 != key));
        }
        self.set(self.contacts(), key, &value);
    }

    /// One account is where another is.
    pub(super) fn move_account(&mut self, key: &str, like: &str) {
        let mut value = String::new();
        self.rows(self.accounts(), |rows| value = row(rows, like).1.clone());
        self.set(self.accounts(), key, &value);
    }
}

fn row<'r>(rows: &'r mut [Row], key: &str) -> &'r mut Row {
    rows.iter_mut().find(|row| row.0 == key).unwrap_or_else(|| panic!("there is no key {key}"))
}
