//! Expectations: whether what the file expects of an address is what the plan does with it.

use super::route::decide::Asker;
use super::route::outcome::{Fate, Outcome, Ways};
use super::route::{Router, Status};
use super::{Expect, MtaId, Node, Question};

/// An expectation that does not hold: where, in what, and the outcome that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub mta: MtaId,
    pub mismatch: Mismatch,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    NotDelivered,
    NotRejected,
    Status,
    Recipient,
    Via,
    To,
}

/// The first way in which an expectation fails, the worst outcome first; `None` where it holds, and where a name that
/// was reported as unknown leaves nothing to say.
pub fn failure(router: &Router<'_>, expect: &Expect) -> Option<Failure> {
    match expect.at {
        Some(mta) => failure_at(router, expect, mta),
        None => router.plan.mta_ids().find_map(|mta| failure_at(router, expect, mta)),
    }
}

fn failure_at(router: &Router<'_>, expect: &Expect, mta: MtaId) -> Option<Failure> {
    let asker = if expect.anyone { Asker::Anyone } else { Asker::Trusted };
    let walk = router.walk(mta, asker, expect.question.value.clone());
    for outcome in walk.outcomes(Ways::default()) {
        if let Some(mismatch) = mismatch(expect, &outcome) {
            return Some(Failure { mta, mismatch, outcome });
        }
    }
    // Outcomes that are alike show one path of several, so the paths around the connector are asked for.
    let avoiding = expect.via.map(|via| via.value)?;
    let outcome = walk.outcomes(Ways { avoiding: Some(avoiding), ..Ways::default() }).into_iter().next()?;
    Some(Failure { mta, mismatch: Mismatch::Via, outcome })
}

fn mismatch(expect: &Expect, outcome: &Outcome) -> Option<Mismatch> {
    match &expect.rejected {
        None if outcome.fate != Fate::Delivered => return Some(Mismatch::NotDelivered),
        Some(_) if !matches!(outcome.fate, Fate::Rejected | Fate::Unroutable) => return Some(Mismatch::NotRejected),
        Some(rejected) => {
            if let Some(status) = &rejected.value
                && outcome.status.is_none_or(|s| s.0 != status)
            {
                return Some(Mismatch::Status);
            }
        }
        None => {}
    }
    if let Some(becomes) = &expect.becomes
        && outcome.recipient.as_ref() != Some(&becomes.value)
    {
        return Some(Mismatch::Recipient);
    }
    if let Some(to) = &expect.to
        && to.value != Node::Unknown
        && outcome.system.unwrap_or(outcome.node) != to.value
    {
        return Some(Mismatch::To);
    }
    None
}

impl Failure {
    /// In words: `` `a@b` at `hub` is rejected with 5.1.1, but should be delivered ``.
    pub fn message(&self, router: &Router<'_>, expect: &Expect) -> String {
        let mta = &router.plan.mta(self.mta).name;
        format!(
            "`{}` at `{mta}` is {}, but should {}",
            expect.question.value,
            self.got(router),
            self.wanted(router, expect)
        )
    }

    fn got(&self, router: &Router<'_>) -> String {
        let plan = router.plan;
        let outcome = &self.outcome;
        let mut got = match (outcome.fate, outcome.system, outcome.status) {
            (Fate::Delivered, Some(node), _) => format!("delivered at `{}`", plan.node_name(node)),
            (fate, _, Some(Status(status))) => format!("{} with {status}", fate.as_str()),
            (fate, ..) => fate.as_str().to_owned(),
        };
        got += &outcome.why.map(|why| format!(" ({})", why.in_words())).unwrap_or_default();
        match self.mismatch {
            Mismatch::Recipient => {
                got += &outcome.recipient.as_ref().map(|r| format!(" as `{r}`")).unwrap_or_default();
            }
            Mismatch::Via => {
                let by = outcome.connector.map(|c| format!(" by `{}`", plan.connector(c).name));
                got += &by.unwrap_or_default();
            }
            _ => {}
        }
        got
    }

    fn wanted(&self, router: &Router<'_>, expect: &Expect) -> String {
        let plan = router.plan;
        match self.mismatch {
            Mismatch::NotDelivered => "be delivered".to_owned(),
            Mismatch::NotRejected => "be rejected".to_owned(),
            Mismatch::Status => {
                let status = expect.rejected.as_ref().and_then(|r| r.value.as_deref());
                format!("be rejected with {}", status.unwrap_or_default())
            }
            Mismatch::Recipient => {
                format!("become `{}`", expect.becomes.as_ref().map_or("", |b| b.value.as_str()))
            }
            Mismatch::Via => format!("go by `{}`", expect.via.map_or("", |via| &plan.connector(via.value).name)),
            Mismatch::To => format!("end at `{}`", expect.to.map_or("", |to| plan.node_name(to.value))),
        }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Question::Address(mailbox) => f.write_str(mailbox.as_str()),
            Question::Postmaster => f.write_str("postmaster"),
            Question::Unroutable(text) => f.write_str(&crate::name::printable(text)),
        }
    }
}
