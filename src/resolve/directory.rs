//! `contacts from` and `accounts from`: the rows of a directory file to contacts and accounts.

use super::Resolver;
use crate::diagnostic::{Diagnostic, Diagnostics, code};
use crate::directory::{self, Columns, Format, Reports, Row, Value, Verdict};
use crate::plan::{AddressUse, SystemId};
use crate::syntax::ast::Bulk;

impl Resolver<'_> {
    pub(super) fn contacts_from(&mut self, bulk: &Bulk) {
        let mut secondaries = Vec::new();
        self.rows(bulk, None, &mut |resolver, row, reports| {
            let Some((target, others)) = row.contact() else { return };
            let primary = resolver.value(target, reports);
            secondaries.clear();
            secondaries.extend(others.iter().filter_map(|other| resolver.value(other, reports)));
            if let Some(primary) = primary {
                let label = row.label.map_or(row.span, |l| l.span);
                resolver.add_contact(label, primary, &target.text, secondaries.drain(..));
            }
        });
    }

    pub(super) fn accounts_from(&mut self, system: SystemId, bulk: &Bulk) {
        self.rows(bulk, Some(system), &mut |resolver, row, reports| {
            let Some(addresses) = row.account() else { return };
            let addresses: Vec<AddressUse> = addresses.iter().filter_map(|a| resolver.value(a, reports)).collect();
            if !addresses.is_empty() {
                resolver.add_account(system, addresses);
            }
        });
    }

    /// Reads a file row by row; one that could not be loaded was reported then.
    fn rows(
        &mut self,
        bulk: &Bulk,
        system: Option<SystemId>,
        each: &mut dyn FnMut(&mut Self, &Row<'_>, &mut Reports<'_>),
    ) {
        let Some(&file) = self.program.attached.get(&bulk.file) else { return };
        if let Some(&first) = self.directories.get(&(file, system)) {
            let name = crate::name::printable(&self.sources.unquoted(bulk.file));
            let whose =
                system.map_or("contacts".to_owned(), |id| format!("accounts of `{}`", self.plan.system(id).name));
            let help = "keep one of them, with every column that it needs in its one block";
            return self.twice(format!("`{name}` is read twice for {whose}"), bulk.file, first, help);
        }
        self.directories.insert((file, system), bulk.file);
        let columns = self.columns(bulk);
        let sources = self.sources;
        let name = sources.unquoted(bulk.file);
        let Some(format) = Format::of(std::path::Path::new(name.as_ref())) else { return };
        let octets = sources.get(file).text().len();
        self.plan.addresses.reserve(octets / 40, octets / 2);
        let mut found = Diagnostics::default();
        let verdict =
            directory::read(sources, file, format, &columns, &mut found, &mut |row, reports| each(self, row, reports));
        if verdict == Verdict::Other {
            self.plan.unquotable.push(file);
        }
        self.plan.incomplete |= !found.is_empty();
        self.diagnostics.extend(found.into_list());
    }

    fn columns(&mut self, bulk: &Bulk) -> Columns {
        let mut columns = Columns::default();
        for column in &bulk.columns {
            let theirs = self.sources.unquoted(column.theirs).into_owned();
            let ours = self.choice(column.ours, "column of ours", &[("name", 0), ("primary", 1), ("secondary", 2)]);
            let slot = match ours {
                Some(0) => &mut columns.name,
                Some(1) => &mut columns.primary,
                Some(_) => &mut columns.secondary,
                None => continue,
            };
            *slot = Some(theirs);
        }
        columns
    }

    fn value(&mut self, value: &Value<'_>, reports: &mut Reports<'_>) -> Option<AddressUse> {
        match self.plan.addresses.intern(&value.text) {
            Ok(id) if self.is_unusable_utf8(id) => {
                reports.push(self.unusable_utf8(code::DIRECTORY_ROW, id, value.span));
                Some(AddressUse { id, span: value.span })
            }
            Ok(id) => Some(AddressUse { id, span: value.span }),
            Err(error) => {
                let mut diagnostic = Diagnostic::new(code::DIRECTORY_ROW, error.message).label(value.span, "here");
                diagnostic.help = error.help;
                reports.push(diagnostic);
                None
            }
        }
    }
}
