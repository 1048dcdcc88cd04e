//! The relay's tables: constant databases keyed by addresses in normal form.

use super::known::{Answers, Known};
use crate::emit::cdb::Cdb;
use crate::emit::{EmitError, File, order};
use crate::name::Mailbox;
use crate::plan::AddressId;
use crate::plan::classes::ByClass;
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
    let room = |rows: &Rows<'_>| rows.iter().map(|(key, value)| key.len() + value.len()).sum();
    Ok(vec![
        table(names.contacts, Cdb::with_room(contacts.len(), room(&contacts)), contacts.into_iter())?,
        table(names.accounts, Cdb::with_room(accounts.len(), room(&accounts)), accounts.into_iter())?,
        table(names.recipients, Cdb::default(), recipients)?,
    ])
}

type Rows<'a> = Vec<(&'a str, &'a str)>;

/// Every address that the MTA knows as such, in order: what it becomes, and whose it is.
fn people<'a>(known: &'a Known<'_>) -> (Rows<'a>, Rows<'a>) {
    let (plan, roles) = (known.plan(), &known.roles);
    let literals = plan.addresses.len();
    let text = |row: usize| match row.checked_sub(literals) {
        None => plan.addresses.text(AddressId(row as u32)),
        Some(role) => roles[role].as_str(),
    };
    let holder = |mailbox: &Mailbox| {
        known.router().known(known.mta, mailbox).filter(|k| k.detail.is_none()).map(|found| found.holder)
    };
    let mut classes = ByClass::new(known.router().partition());
    let (mut contacts, mut accounts) = (Rows::new(), Rows::new());
    for row in order::by_key(literals + roles.len(), text) {
        let (row, text) = (row as usize, text(row as usize));
        let held = match row.checked_sub(literals) {
            None => *classes.of(AddressId(row as u32), || holder(&Mailbox::from_normal(text))),
            Some(role) => holder(&roles[role]),
        };
        match held {
            // The others of its class have contacts of their own.
            Some(Holder::Contact(first)) => {
                let own = if row < literals { plan.addresses.contact(AddressId(row as u32)) } else { None };
                contacts.push((text, plan.primary_on_wire(own.unwrap_or(first))));
            }
            Some(Holder::Account(account)) => {
                accounts.push((text, plan.system(plan.account(account).system).name.as_str()));
            }
            Some(Holder::Postmaster) => {
                let postmaster = plan.mta(known.mta).postmaster;
                contacts.extend(postmaster.map(|postmaster| (text, plan.addresses.text(postmaster.id))));
            }
            None => {}
        }
    }
    (contacts, accounts)
}

fn value(answers: &Answers, details: bool) -> String {
    let word = |status: &Option<Status>| status.map_or("-", |s| s.0);
    let detailed = answers.detailed.iter().filter(|_| details);
    std::iter::once(&answers.itself).chain(detailed).map(word).collect::<Vec<_>>().join(" ")
}

fn table<'k>(
    path: String,
    mut cdb: Cdb,
    rows: impl Iterator<Item = (&'k str, impl AsRef<[u8]>)>,
) -> Result<File, EmitError> {
    for (key, value) in rows {
        cdb.add(key.as_bytes(), value.as_ref()).map_err(|e| EmitError(format!("{path}: {e}")))?;
    }
    Ok(File { path, content: cdb.finish() })
}
