//! One recipient, from the question to the answer: who may ask, then steps 0 to 5 of the language.

use std::sync::Arc;

use super::trace::{Record, Step};
use super::{Asker, Decision, Own, Route, Router, Sending, refusal};
use crate::name::Mailbox;
use crate::relay::reply::Status;
use crate::relay::smtp::path::RcptPath;
use crate::relay::table::{Damaged, Table};

/// Rewrites of one recipient: no estate that was checked has such a chain of contacts, unless it is a circle.
const MOST_REWRITES: usize = 100;

/// A recipient on its way through the tables.
struct Recipient {
    mailbox: Mailbox,
    /// As it would go on the wire.
    wire: String,
}

/// Who has a recipient.
enum Known {
    Contact(Recipient),
    Account(String),
}

impl Router {
    pub(super) fn decide(&self, asker: Asker, path: &RcptPath, record: &mut impl Record) -> Result<Decision, Damaged> {
        let utf8 = self.config.routing.smtputf8;
        let (mailbox, wire) = match path {
            RcptPath::Postmaster => {
                let mailbox = self.config.routing.postmaster.clone();
                record.step(|| Step::Postmaster { recipient: mailbox.to_string() });
                if mailbox.is_utf8() && !utf8 {
                    return Ok(refusal::NEEDS_UTF8);
                }
                let wire = mailbox.as_str().to_owned();
                return self.resolve(Recipient { mailbox, wire }, record);
            }
            RcptPath::Unroutable(text) if !text.is_ascii() && !utf8 => return Ok(refusal::NEEDS_UTF8),
            RcptPath::Unroutable(_) => return Ok(refusal::UNQUALIFIED),
            RcptPath::Address { mailbox, wire } => (mailbox, wire),
        };
        let recipient = Recipient { mailbox: mailbox.clone(), wire: wire.clone() };
        match self.admit(asker, &recipient)? {
            Some(refused) => Ok(refused),
            None => self.resolve(recipient, record),
        }
    }

    /// Who may ask: the tests on the address as given, in their order.
    fn admit(&self, asker: Asker, recipient: &Recipient) -> Result<Option<Decision>, Damaged> {
        let mailbox = &recipient.mailbox;
        if mailbox.is_utf8() && !self.config.routing.smtputf8 {
            return Ok(Some(refusal::NEEDS_UTF8));
        }
        let own = self.own.find(mailbox.domain()).is_some();
        let trusted = self.clients.may_relay(asker, mailbox.domain(), own);
        if !own && !trusted {
            return Ok(Some(refusal::NOT_TRUSTED));
        }
        let past = !trusted && mailbox.routes_past() && self.known(recipient)?.is_none();
        Ok(past.then_some(refusal::ROUTES_PAST))
    }

    /// Steps 0 to 5.
    fn resolve(&self, mut recipient: Recipient, record: &mut impl Record) -> Result<Decision, Damaged> {
        for _ in 0..MOST_REWRITES {
            match self.known(&recipient)? {
                Some(Known::Contact(primary)) => {
                    record.step(|| Step::Contact { recipient: primary.wire.clone() });
                    if primary.mailbox.is_utf8() && !self.config.routing.smtputf8 {
                        return Ok(refusal::NEEDS_UTF8);
                    }
                    recipient = primary;
                }
                Some(Known::Account(system)) => {
                    let route = self.systems.get(&system);
                    record.step(|| Step::Account { system });
                    let route = route.or_else(|| self.space(&recipient.mailbox, record));
                    return self.send(route, recipient, false, true);
                }
                None => return self.unknown(recipient, record),
            }
        }
        Ok(refusal::LOOP)
    }

    /// Steps 3 to 5: a recipient that nobody has.
    fn unknown(&self, recipient: Recipient, record: &mut impl Record) -> Result<Decision, Damaged> {
        match self.own.find(recipient.mailbox.domain()) {
            Some(Own::Reject(status)) => {
                record.step(|| Step::Unresolved { domain: recipient.mailbox.domain().to_owned() });
                Ok(refusal::unknown(*status))
            }
            Some(Own::Via { route, verify }) => {
                record.step(|| Step::Unresolved { domain: recipient.mailbox.domain().to_owned() });
                self.send(Some(route), recipient, *verify, false)
            }
            Some(Own::Relay { verify }) => self.send(self.space(&recipient.mailbox, record), recipient, *verify, false),
            None => self.send(self.space(&recipient.mailbox, record), recipient, false, false),
        }
    }

    fn space(&self, mailbox: &Mailbox, record: &mut impl Record) -> Option<&Arc<Route>> {
        let route = self.spaces.find(mailbox.domain())?;
        record.step(|| Step::Space { domain: mailbox.domain().to_owned() });
        Some(route)
    }

    fn send(
        &self,
        route: Option<&Arc<Route>>,
        recipient: Recipient,
        verify: bool,
        account: bool,
    ) -> Result<Decision, Damaged> {
        let Some(route) = route else { return Ok(refusal::NO_ROUTE) };
        if let Some(status) = self.later(&recipient.mailbox, account)? {
            return Ok(refusal::later(status));
        }
        let Recipient { mailbox, wire } = recipient;
        Ok(Decision::Send(Sending { recipient: wire, mailbox, route: Arc::clone(route), verify }))
    }

    /// What an MTA behind this one would refuse the recipient with.
    fn later(&self, mailbox: &Mailbox, account: bool) -> Result<Option<Status>, Damaged> {
        if let Some(answer) = self.answer(mailbox, 0)? {
            return Ok(answer);
        }
        let separator = self.config.routing.subaddress.filter(|_| !self.tables.recipients.is_empty());
        if let Some((base, detail)) = separator.and_then(|c| mailbox.cut(c))
            && let Some(answer) = self.answer(&base, 1 + form(&detail))?
        {
            return Ok(answer);
        }
        if account {
            return Ok(None);
        }
        let refused = self.refused.find(mailbox.domain());
        Ok(refused.and_then(|statuses| statuses[form(&mailbox.content())]))
    }

    /// A field of the recipient's entry in the table of later answers: a status, or that it is taken.
    fn answer(&self, mailbox: &Mailbox, field: usize) -> Result<Option<Option<Status>>, Damaged> {
        let Some(value) = self.tables.recipients.get(mailbox.as_str().as_bytes())? else { return Ok(None) };
        let value = text(value)?;
        let word = value.split(' ').nth(field).ok_or_else(|| no_answer(mailbox))?;
        let status = if word == "-" { None } else { Some(word.parse().map_err(|()| no_answer(mailbox))?) };
        Ok(Some(status))
    }

    /// Steps 0 to 2: who has a recipient, as such or without its detail.
    fn known(&self, recipient: &Recipient) -> Result<Option<Known>, Damaged> {
        let mailbox = &recipient.mailbox;
        if matches!(self.own.find(mailbox.domain()), Some(Own::Relay { .. })) {
            return Ok(None);
        }
        if let Some(known) = self.literal(mailbox, None)? {
            return Ok(Some(known));
        }
        let Some(separator) = self.config.routing.subaddress else { return Ok(None) };
        let Some((base, detail)) = mailbox.cut(separator) else { return Ok(None) };
        let spelled = Mailbox::from_normal(&recipient.wire).cut(separator).map(|(_, detail)| detail);
        self.literal(&base, Some((&detail, spelled.as_deref().unwrap_or(&detail))))
    }

    /// `detail` in its normal form and as it was spelled.
    fn literal(&self, mailbox: &Mailbox, detail: Option<(&str, &str)>) -> Result<Option<Known>, Damaged> {
        let key = mailbox.as_str().as_bytes();
        let find = |table: &Table| table.get(key)?.map(text).transpose();
        if let Some(primary) = find(&self.tables.contacts)? {
            return rewritten(primary, detail).map(|primary| Some(Known::Contact(primary)));
        }
        Ok(find(&self.tables.accounts)?.map(Known::Account))
    }
}

/// A contact's primary, with the detail carried over.
fn rewritten(primary: String, detail: Option<(&str, &str)>) -> Result<Recipient, Damaged> {
    let mailbox =
        Mailbox::parse(&primary).map_err(|error| Damaged(format!("a contact's primary: {}", error.message)))?;
    let Some((normal, spelled)) = detail else { return Ok(Recipient { mailbox, wire: primary }) };
    let mailbox = mailbox.with_detail(normal);
    let wire = Mailbox::from_normal(&primary).with_detail(spelled);
    // Where folding moved the separator, the two are not the same address.
    let same = Mailbox::parse(wire.as_str()).is_ok_and(|parsed| parsed == mailbox);
    let wire = if same { wire } else { mailbox.clone() };
    Ok(Recipient { mailbox, wire: wire.as_str().to_owned() })
}

fn text(value: Vec<u8>) -> Result<String, Damaged> {
    String::from_utf8(value).map_err(|_| Damaged("a value in it is not UTF-8".to_owned()))
}

fn no_answer(mailbox: &Mailbox) -> Damaged {
    Damaged(format!("what is said of {mailbox} is no answer"))
}

/// Plain, with `@ % !`, UTF-8, and both.
fn form(content: &str) -> usize {
    usize::from(content.contains(['@', '%', '!'])) + 2 * usize::from(!content.is_ascii())
}
