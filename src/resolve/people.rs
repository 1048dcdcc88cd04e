//! Contacts and accounts, one by one and in bulk: who claims which address.

use super::Resolver;
use crate::diagnostic::{Diagnostic, code};
use crate::name::mailbox::spelled;
use crate::plan::{Account, AccountId, AddressUse, Contact, ContactId, SystemId};
use crate::source::Span;
use crate::syntax::ast::{Block, ContactField, ItemKind, SystemField, Text};

impl Resolver<'_> {
    /// In the order of the file, so that "the first in the file routes" is the first that is seen.
    pub(super) fn people(&mut self) {
        let program = self.program;
        let mut system = 0;
        // Kept from one contact to the next, for its memory alone.
        let mut secondaries = Vec::new();
        for item in &program.items {
            match &item.kind {
                ItemKind::Contact(block) => self.contact_block(block, &mut secondaries),
                ItemKind::ContactsFrom(bulk) => self.contacts_from(bulk),
                ItemKind::System(block) => {
                    self.accounts(SystemId(system), block);
                    system += 1;
                }
                _ => {}
            }
        }
    }

    fn contact_block(&mut self, block: &Block<ContactField>, secondaries: &mut Vec<AddressUse>) {
        let mut primary: Option<(Text, Option<AddressUse>)> = None;
        for field in &block.fields {
            match &field.kind {
                ContactField::Primary(text) => match primary {
                    Some((first, _)) => self.duplicate("`primary` is said twice".to_owned(), *text, first),
                    None => primary = Some((*text, self.address(*text))),
                },
                ContactField::Secondary(_) => {}
            }
        }
        let Some((text, primary)) = primary else {
            if !block.broken {
                self.missing(
                    "this contact has no primary",
                    block.name,
                    "say where its mail goes: `primary ann@unix.example.org`",
                );
            }
            return;
        };
        // A contact whose primary is no address claims nothing, but what it says is still looked at.
        secondaries.clear();
        for field in &block.fields {
            if let ContactField::Secondary(list) = &field.kind {
                secondaries.extend(list.iter().filter_map(|&text| self.address(text)));
            }
        }
        if let Some(primary) = primary {
            let sources = self.sources;
            self.add_contact(block.name, primary, sources.text(text), secondaries.drain(..));
        }
    }

    /// A contact and its claims; a secondary that is its own primary says nothing.
    pub(super) fn add_contact(
        &mut self,
        label: Span,
        primary: AddressUse,
        written: &str,
        secondaries: impl IntoIterator<Item = AddressUse>,
    ) {
        let id = ContactId(self.plan.contacts.len() as u32);
        let first = self.plan.secondaries.len() as u32;
        for secondary in secondaries {
            if secondary.id == primary.id {
                continue;
            }
            match self.plan.addresses.claim_for_contact(secondary.id, id) {
                None => self.plan.secondaries.push(secondary),
                // The same contact may name it twice.
                Some(other) if other == id => {}
                Some(other) => self.claimed_twice(secondary, other),
            }
        }
        let normal = self.plan.addresses.text(primary.id);
        // Where folding made the address ASCII it goes out so: nobody on the way needs SMTPUTF8 then.
        if written != normal
            && let Ok(wire) = spelled(written)
            && wire != normal
            && wire.is_ascii() == normal.is_ascii()
        {
            self.plan.spelled.insert(id, wire);
        }
        let end = self.plan.secondaries.len() as u32;
        self.plan.contacts.push(Contact { label, primary, first, end });
    }

    fn claimed_twice(&mut self, secondary: AddressUse, other: ContactId) {
        let first = self.plan.secondaries_of(other).iter().find(|s| s.id == secondary.id).map(|s| s.span);
        let address = self.plan.addresses.text(secondary.id);
        let mut diagnostic = Diagnostic::new(code::ADDRESS_DUPLICATE, format!("two contacts claim `{address}`"))
            .label(secondary.span, "claimed again here");
        if let Some(first) = first {
            diagnostic = diagnostic.label(first, "claimed first here: this one routes");
        }
        self.diagnostics.push(diagnostic.help("leave the address with one of them"));
    }

    fn accounts(&mut self, system: SystemId, block: &Block<SystemField>) {
        for field in &block.fields {
            match &field.kind {
                SystemField::Account(list) => {
                    let addresses: Vec<AddressUse> = list.iter().filter_map(|&text| self.address(text)).collect();
                    self.add_account(system, addresses);
                }
                SystemField::AccountsFrom(bulk) => self.accounts_from(system, bulk),
                _ => {}
            }
        }
    }

    pub(super) fn add_account(&mut self, system: SystemId, addresses: impl IntoIterator<Item = AddressUse>) {
        let id = AccountId(self.plan.accounts.len() as u32);
        let first = self.plan.account_addresses.len() as u32;
        for address in addresses {
            match self.plan.addresses.claim_for_account(address.id, id) {
                None => self.plan.account_addresses.push(address),
                Some(other) if other == id => {}
                Some(other) => self.held_twice(system, address, other),
            }
        }
        let end = self.plan.account_addresses.len() as u32;
        self.plan.accounts.push(Account { system, first, end });
    }

    fn held_twice(&mut self, system: SystemId, address: AddressUse, other: AccountId) {
        let holder = self.plan.account(other).system;
        let first = self.plan.addresses_of(other).iter().find(|a| a.id == address.id).map(|a| a.span);
        let text = self.plan.addresses.text(address.id);
        let (here, there) = (&self.plan.system(system).name, &self.plan.system(holder).name);
        let message = if here == there {
            format!("two accounts of `{here}` have `{text}`")
        } else {
            format!("accounts of `{there}` and of `{here}` have `{text}`")
        };
        let mut diagnostic = Diagnostic::new(code::ADDRESS_DUPLICATE, message).label(address.span, "again here");
        if let Some(first) = first {
            diagnostic = diagnostic.label(first, "first here: this one routes");
        }
        self.diagnostics.push(diagnostic.help("leave the address with one account"));
    }
}
