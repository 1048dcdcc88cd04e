//! The relay's tables: constant databases keyed by addresses in normal form.

use std::collections::BTreeMap;

use super::known::{Answers, Known};
use crate::emit::cdb::Cdb;
use crate::emit::{EmitError, File};
use crate::name::Mailbox;
use crate::plan::route::Status;
use crate::plan::route::decide::Holder;
use crate::relay::config::Tables;

pub(super) fn names() -> Tables {
    let name = |what: &str| format!("{what}.cdb");
    Tables { contacts: name("contacts"), accounts: name("accounts"), recipients: name("recipients") }
}

pub(super) fn files(known: &Known<'_>) -> Result<Vec<File>, EmitError> {
    let (contacts, accounts) = people(known);
    let details = known.plan().mta(known.mta).separator().is_some();
    let recipients = known.recipients.iter().map(|(mailbox, answers)| (mailbox.as_str(), value(answers, details)));
    let names = names();
    Ok(vec![
        table(names.contacts, contacts.iter().map(|(key, value)| (key.as_str(), value)))?,
        table(names.accounts, accounts.iter().map(|(key, value)| (key.as_str(), value)))?,
        table(names.recipients, recipients)?,
    ])
}

type Rows<'a> = BTreeMap<Mailbox, &'a str>;

/// Every address that the MTA knows as such: what it becomes, or whose it is.
fn people<'a>(known: &Known<'a>) -> (Rows<'a>, Rows<'a>) {
    let plan = known.plan();
    let (mut contacts, mut accounts) = (Rows::new(), Rows::new());
    let literals = plan.addresses.ids().map(|id| plan.addresses.mailbox(id));
    for mailbox in literals.chain(known.roles.iter().cloned()) {
        let Some(found) = known.router().known(known.mta, &mailbox).filter(|k| k.detail.is_none()) else { continue };
        match found.holder {
            Holder::Contact(id) => drop(contacts.insert(mailbox, plan.primary_on_wire(id))),
            Holder::Account(id) => drop(accounts.insert(mailbox, plan.system(plan.account(id).system).name.as_str())),
            Holder::Postmaster => {
                if let Some(postmaster) = plan.mta(known.mta).postmaster {
                    contacts.insert(mailbox, plan.addresses.text(postmaster.id));
                }
            }
        }
    }
    (contacts, accounts)
}

fn value(answers: &Answers, details: bool) -> String {
    let word = |status: &Option<Status>| status.map_or("-", |s| s.0);
    let detailed = answers.detailed.iter().filter(|_| details);
    std::iter::once(&answers.itself).chain(detailed).map(word).collect::<Vec<_>>().join(" ")
}

fn table<'k>(path: String, rows: impl Iterator<Item = (&'k str, impl AsRef<[u8]>)>) -> Result<File, EmitError> {
    let mut cdb = Cdb::default();
    for (key, value) in rows {
        cdb.add(key.as_bytes(), value.as_ref()).map_err(|e| EmitError(format!("{path}: {e}")))?;
    }
    Ok(File { path, content: cdb.finish() })
}
