//! Every address of the estate, interned: one buffer of text, twelve bytes an address beside it, and who has it.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use super::{AccountId, AddressId, ContactId};
use crate::name::mailbox::normalize_into;
use crate::name::{Mailbox, NameError};

const NOBODY: u32 = u32::MAX;

#[derive(Debug)]
struct Entry {
    /// Where its text ends; it starts where the one before ends.
    end: u32,
    contact: u32,
    account: u32,
    /// Its `@`, from its start.
    at: u16,
}

/// An address in the index. Its hash is kept, so that looking up and growing seldom touch the text, which is far away.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    id: u32,
}

impl Slot {
    /// The table wants its bits spread over 64.
    fn spread(&self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

#[derive(Debug, Default)]
pub struct Addresses {
    text: String,
    entries: Vec<Entry>,
    index: HashTable<Slot>,
    hasher: FixedState,
}

impl Addresses {
    /// The id of an address, by its text as written; normalised and added where it is new.
    pub fn intern(&mut self, written: &str) -> Result<AddressId, NameError> {
        let start = self.text.len();
        let at = normalize_into(written, &mut self.text)?;
        let hash = self.hash(&self.text[start..]);
        if let Some(known) = self.known(hash, &self.text[start..]) {
            self.text.truncate(start);
            return Ok(known);
        }
        let id = self.entries.len() as u32;
        let end = u32::try_from(self.text.len()).map_err(|_| {
            self.text.truncate(start);
            NameError::new("the addresses of the estate come to over 4 GiB of text")
        })?;
        self.entries.push(Entry { end, contact: NOBODY, account: NOBODY, at: at as u16 });
        let slot = Slot { hash, id };
        self.index.insert_unique(slot.spread(), slot, Slot::spread);
        Ok(AddressId(id))
    }

    fn hash(&self, normal: &str) -> u32 {
        self.hasher.hash_one(normal) as u32
    }

    fn known(&self, hash: u32, normal: &str) -> Option<AddressId> {
        let same = |slot: &Slot| slot.hash == hash && text_of(&self.text, &self.entries, slot.id) == normal;
        self.index.find(Slot { hash, id: 0 }.spread(), same).map(|slot| AddressId(slot.id))
    }

    /// The id of an address in normal form.
    pub fn find(&self, normal: &str) -> Option<AddressId> {
        self.known(self.hash(normal), normal)
    }

    pub fn text(&self, id: AddressId) -> &str {
        text_of(&self.text, &self.entries, id.0)
    }

    pub fn domain(&self, id: AddressId) -> &str {
        &self.text(id)[self.entries[id.index()].at as usize + 1..]
    }

    pub fn mailbox(&self, id: AddressId) -> Mailbox {
        Mailbox::from_normal(self.text(id))
    }

    /// The contact whose secondary it is.
    pub fn contact(&self, id: AddressId) -> Option<ContactId> {
        Some(self.entries[id.index()].contact).filter(|&c| c != NOBODY).map(ContactId)
    }

    /// The account whose address it is.
    pub fn account(&self, id: AddressId) -> Option<AccountId> {
        Some(self.entries[id.index()].account).filter(|&a| a != NOBODY).map(AccountId)
    }

    /// Whether somebody has it: a contact or an account.
    pub fn is_claimed(&self, id: AddressId) -> bool {
        self.contact(id).is_some() || self.account(id).is_some()
    }

    /// Gives the address to a contact; the first claim stays, and is returned where there was one.
    pub fn claim_for_contact(&mut self, id: AddressId, contact: ContactId) -> Option<ContactId> {
        let before = self.contact(id);
        if before.is_none() {
            self.entries[id.index()].contact = contact.0;
        }
        before
    }

    /// Gives the address to an account; the first claim stays, and is returned where there was one.
    pub fn claim_for_account(&mut self, id: AddressId, account: AccountId) -> Option<AccountId> {
        let before = self.account(id);
        if before.is_none() {
            self.entries[id.index()].account = account.0;
        }
        before
    }

    /// Whether any address contains a text.
    pub fn contains_text(&self, text: &str) -> bool {
        memchr::memmem::find(self.text.as_bytes(), text.as_bytes()).is_some()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn ids(&self) -> impl Iterator<Item = AddressId> + use<> {
        (0..self.entries.len() as u32).map(AddressId)
    }

    /// Makes room for so many more, so that a large directory grows the buffers once.
    pub fn reserve(&mut self, addresses: usize, octets: usize) {
        self.text.reserve(octets);
        self.entries.reserve(addresses);
        self.index.reserve(addresses, Slot::spread);
    }
}

fn text_of<'a>(text: &'a str, entries: &[Entry], id: u32) -> &'a str {
    let id = id as usize;
    let start = id.checked_sub(1).map_or(0, |before| entries[before].end);
    &text[start as usize..entries[id].end as usize]
}
