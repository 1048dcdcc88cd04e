//! Accounts, contacts and postmasters: every address is somebody's once, and leads to somebody.

use super::build::Builder;
use super::pools::{FOREIGN, ODD, PLAIN, UTF8, numbered};
use crate::oracle::address::Address;
use crate::oracle::estate::{Contact, Kind};

impl Builder<'_> {
    pub(super) fn people(&mut self) {
        let people = self.draw.from(self.size.people / 3, self.size.people);
        let closed: Vec<usize> = (0..self.closed.len()).filter(|&system| self.closed[system]).collect();
        let share = self.draw.from(20, 70);
        let accounts = if closed.is_empty() { 0 } else { (people * share / 100).max(closed.len()) };
        for number in 0..accounts {
            let system = if number < closed.len() { closed[number] } else { self.draw.pick(&closed) };
            let account = self.account(system);
            self.estate.systems[system].accounts.push(account);
        }
        for _ in 0..people.saturating_sub(accounts) {
            let contact = self.contact();
            self.estate.contacts.push(contact);
        }
        for mta in 0..self.estate.mtas.len() {
            let postmaster = self.target();
            self.estate.mtas[mta].postmaster = self.draw.maybe(80, |_| postmaster);
        }
    }

    fn account(&mut self, system: usize) -> Vec<String> {
        let mut places = self.ours.clone();
        places.extend(self.estate.systems[system].domains.iter().map(|pattern| within(pattern)));
        let many = self.draw.pick(&[1, 1, 1, 2, 2, 3]);
        (0..many)
            .map(|_| {
                let place = self.draw.pick(&places);
                self.address(&place)
            })
            .collect()
    }

    fn contact(&mut self) -> Contact {
        let mut primary = self.target();
        if self.draw.percent(8) {
            // A part of somebody's mailbox.
            let address = Address::read(&primary);
            primary = match self.estate.mtas[0].subaddress {
                // Only the first separator cuts; and a word of the source that begins with `#` is a comment.
                Some(separator) if !address.given.contains([separator, '#']) => {
                    address.with_detail(&format!("{separator}list")).normal()
                }
                _ => primary,
            };
        }
        let many = self.draw.pick(&[1, 1, 1, 2, 2, 3, 4]);
        let secondaries = (0..many).map(|_| self.secondary()).collect();
        Contact { primary, secondaries }
    }

    fn secondary(&mut self) -> String {
        let place = if self.draw.percent(95) { self.draw.pick(&self.ours) } else { self.hostname() };
        if self.draw.percent(4) {
            let role = self.draw.pick(&["postmaster", "abuse", "root", "Postmaster"]);
            let address = format!("{role}@{place}");
            if self.taken.insert(Address::read(&address).normal()) {
                return address;
            }
        }
        self.address(&place)
    }

    fn hostname(&mut self) -> String {
        let hostnames: Vec<String> = self.estate.mtas.iter().map(|mta| mta.hostname.clone()).collect();
        self.draw.pick(&hostnames)
    }

    /// Somebody who gets mail, and whose mail with a detail gets there too: what holds a separator has nobody's detail.
    fn target(&mut self) -> String {
        let separator = self.estate.mtas[0].subaddress;
        for _ in 0..5 {
            let target = self.somebody();
            if Address::read(&target).cut(separator).is_none() {
                return target;
            }
        }
        self.stranger()
    }

    /// An account, a contact, someone at an open system, or a stranger.
    fn somebody(&mut self) -> String {
        let with_accounts: Vec<usize> =
            (0..self.closed.len()).filter(|&system| !self.estate.systems[system].accounts.is_empty()).collect();
        let open: Vec<String> = (0..self.closed.len())
            .filter(|&system| !self.closed[system])
            .flat_map(|system| self.estate.systems[system].domains.clone())
            .filter(|pattern| !self.is_ours(pattern))
            .collect();
        match self.draw.below(100) {
            0..=49 if !with_accounts.is_empty() => {
                let system = self.draw.pick(&with_accounts);
                let at = self.draw.below(self.estate.systems[system].accounts.len());
                let account = self.estate.systems[system].accounts[at].clone();
                self.draw.pick(&account)
            }
            50..=64 if !self.estate.contacts.is_empty() => {
                let at = self.draw.below(self.estate.contacts.len());
                let secondaries = self.estate.contacts[at].secondaries.clone();
                self.draw.pick(&secondaries)
            }
            65..=79 if !open.is_empty() => {
                let place = within(&self.draw.pick(&open));
                self.address(&place)
            }
            _ if self.secluded && !self.taken.is_empty() => {
                let taken: Vec<String> = self.estate.contacts.iter().flat_map(|c| c.secondaries.clone()).collect();
                if taken.is_empty() { self.stranger() } else { self.draw.pick(&taken) }
            }
            _ => self.stranger(),
        }
    }

    fn stranger(&mut self) -> String {
        let place = self.draw.pick(&FOREIGN);
        self.address(place)
    }

    fn is_ours(&self, pattern: &str) -> bool {
        let declared = self.estate.domains.iter().filter(|declaration| !matches!(declaration.kind, Kind::Relay { .. }));
        declared.map(|declaration| &declaration.pattern).any(|ours| ours == pattern)
    }

    /// An address that nobody has yet.
    fn address(&mut self, place: &str) -> String {
        let place = match self.draw.below(12) {
            0 => place.to_uppercase(),
            _ => place.to_owned(),
        };
        let utf8 = self.estate.mtas.iter().all(|mta| mta.smtputf8);
        loop {
            let number = self.taken.len();
            let local = match self.draw.below(100) {
                0..=24 => self.draw.pick(&PLAIN).to_owned(),
                25..=54 => format!("{}{number}", self.draw.pick(&PLAIN)),
                55..=66 if utf8 => numbered(self.draw.pick(&UTF8), number),
                _ => numbered(self.draw.pick(&ODD), number),
            };
            let address = format!("{local}@{place}");
            if self.taken.insert(Address::read(&address).normal()) {
                return address;
            }
        }
    }
}

/// A domain that a pattern matches.
fn within(pattern: &str) -> String {
    pattern.strip_prefix("*.").map_or_else(|| pattern.to_owned(), |parent| format!("u.{parent}"))
}
