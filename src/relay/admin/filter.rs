//! Which entries of the queue are meant.

use serde::{Deserialize, Serialize};

use super::protocol::{Part, Recipients, State};
use crate::relay::envelope::QueueId;

/// All that is said must be true of an entry; where nothing is said, all entries are meant.
///
/// A pattern stands for a whole text, in which `*` is any characters and `?` is one; capitals do not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Messages by their names, in all their ways out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<QueueId>,
    /// A pattern of the sender; `<>` is the empty one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// A pattern of a recipient that is left, as it goes out or as it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// A pattern of one of the connectors' names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
    /// A part of a reason; capitals do not matter here, either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Seconds in the queue, at least and at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer: Option<u64>,
    /// Nothing that came later than this message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<QueueId>,
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// Whether the spool has to be asked.
    pub fn needs_addresses(&self) -> bool {
        self.sender.is_some() || self.recipient.is_some()
    }

    pub fn takes_id(&self, id: QueueId) -> bool {
        // `sorted` has put them in order.
        (self.ids.is_empty() || self.ids.binary_search(&id).is_ok()) && self.until.is_none_or(|until| id <= until)
    }

    /// Whether it can be meant, by what memory knows of it.
    pub fn takes(&self, part: &Part, now: u64) -> bool {
        let age = now.saturating_sub(part.arrived.0) / 1000;
        let name = |pattern: &String| part.connector.split([',', ';']).any(|name| matches(pattern, name));
        self.state.is_none_or(|state| state == part.state)
            && self.older.is_none_or(|least| age >= least)
            && self.newer.is_none_or(|most| age <= most)
            && self.connector.as_ref().is_none_or(name)
            && self.reason.as_ref().is_none_or(|text| part.reasons.iter().any(|reason| contains(reason, text)))
    }

    /// Whether it is meant, by whose message it is.
    pub fn takes_addresses(&self, whose: &Recipients) -> bool {
        let sender = if whose.sender.is_empty() { "<>" } else { &whose.sender };
        let recipient = |pattern: &String| {
            whose.recipients.iter().any(|r| matches(pattern, &r.recipient) || matches(pattern, &r.asked))
        };
        self.sender.as_ref().is_none_or(|pattern| matches(pattern, sender))
            && self.recipient.as_ref().is_none_or(recipient)
    }

    /// With its names in order, each once.
    pub fn sorted(mut self) -> Filter {
        self.ids.sort_unstable();
        self.ids.dedup();
        self
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// Whether a pattern stands for a text. Each `*` is first taken for as little as can be, and only the last one met is
/// ever taken for more: what is before it cannot gain by that.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().flat_map(char::to_lowercase).collect();
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, t) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}
