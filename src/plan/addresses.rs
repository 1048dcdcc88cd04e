//! Every address of the estate, interned: one buffer of text, sixteen bytes an address beside it, and who has it.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher;

use super::{AccountId, AddressId, ContactId, DomainId};
use crate::name::mailbox::{normalize_domain, normalize_local_into};
use crate::name::{Mailbox, NameError};

const NOBODY: u32 = u32::MAX;

#[derive(Debug)]
struct Entry {
    /// Where its text ends; it starts where the one before ends.
    end: u32,
    contact: u32,
    account: u32,
    domain: DomainId,
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
    /// The domains of all addresses, in normal form.
    domains: Vec<String>,
    /// By every spelling that was met: a million addresses share a few domains, and each is normalised once.
    spellings: HashMap<String, DomainId>,
}

impl Addresses {
    /// The id of an address, by its text as written; normalised and added where it is new.
    pub fn intern(&mut self, written: &str) -> Result<AddressId, NameError> {
        let start = self.text.len();
        let added = self.push(written).and_then(|domain| self.index_from(start, domain));
        // What was pushed stays where it is a new address's text.
        if self.entries.last().is_none_or(|last| last.end as usize <= start) {
            self.text.truncate(start);
        }
        added
    }

    /// Appends the normal form of an address to the text.
    fn push(&mut self, written: &str) -> Result<DomainId, NameError> {
        let domain = normalize_local_into(written, &mut self.text)?;
        let id = self.intern_domain(written, domain)?;
        self.text.push('@');
        self.text.push_str(&self.domains[id.index()]);
        Ok(id)
    }

    fn intern_domain(&mut self, written: &str, domain: &str) -> Result<DomainId, NameError> {
        if let Some(&known) = self.spellings.get(domain) {
            return Ok(known);
        }
        let normal = normalize_domain(written, domain)?.into_owned();
        let id = match self.spellings.get(&normal) {
            Some(&known) => known,
            None => {
                let id = DomainId(self.domains.len() as u32);
                self.domains.push(normal.clone());
                self.spellings.insert(normal, id);
                id
            }
        };
        self.spellings.insert(domain.to_owned(), id);
        Ok(id)
    }

    /// The id of the address whose text begins there and is the last.
    fn index_from(&mut self, start: usize, domain: DomainId) -> Result<AddressId, NameError> {
        let hash = self.hash(&self.text[start..]);
        if let Some(known) = self.known(hash, &self.text[start..]) {
            return Ok(known);
        }
        let end = u32::try_from(self.text.len())
            .map_err(|_| NameError::new("the addresses of the estate come to over 4 GiB of text"))?;
        let id = self.entries.len() as u32;
        self.entries.push(Entry { end, contact: NOBODY, account: NOBODY, domain });
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
        self.domain_text(self.domain_id(id))
    }

    pub fn domain_id(&self, id: AddressId) -> DomainId {
        self.entries[id.index()].domain
    }

    pub fn domain_text(&self, id: DomainId) -> &str {
        &self.domains[id.index()]
    }

    /// The domains that addresses have.
    pub fn domain_ids(&self) -> impl Iterator<Item = DomainId> + use<> {
        (0..self.domains.len() as u32).map(DomainId)
    }

    /// The local part as it stands in the address, quotes included.
    pub fn local(&self, id: AddressId) -> &str {
        let text = self.text(id);
        &text[..text.len() - self.domain(id).len() - 1]
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
