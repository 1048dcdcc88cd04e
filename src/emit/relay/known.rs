//! What an MTA knows of the recipients of its estate, asked of the router: who has each literal address, and what the
//! MTAs behind it would refuse.

use std::collections::BTreeMap;

use crate::emit::Context;
use crate::name::{Mailbox, Pattern, PatternMap};
use crate::plan::classes::{Class, Fresh, Kind, patterns};
use crate::plan::route::decide::{Asker, Decision, Holder};
use crate::plan::route::{Router, Status};
use crate::plan::{MtaId, Plan, Question};
use crate::relay::config::Refused;

/// Plain, with `@ % !`, UTF-8, and both: what a later MTA answers, by the form of the local part.
pub(super) type ByForm = [Option<Status>; 4];

/// What a later MTA answers for one address, and for it with a detail where there are details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) itself: Option<Status>,
    pub(super) detailed: ByForm,
}

pub(super) struct Known<'a> {
    pub(super) context: Context<'a>,
    pub(super) mta: MtaId,
    /// A word that nothing in the estate contains.
    word: String,
    /// The least specific first.
    pub(super) refused: Vec<(Pattern, ByForm)>,
    refused_map: PatternMap<ByForm>,
    /// In the order of the address.
    pub(super) recipients: BTreeMap<Mailbox, Answers>,
    /// `postmaster@` our domains and the like: no address of the estate, but known.
    pub(super) roles: Vec<Mailbox>,
}

impl<'a> Known<'a> {
    pub(super) fn new(context: Context<'a>, mta: MtaId) -> Known<'a> {
        let fresh = Fresh::new(context.plan);
        let word = fresh.mailbox(&Pattern::Any).local().to_owned();
        let mut known = Known {
            context,
            mta,
            word,
            refused: Vec::new(),
            refused_map: PatternMap::default(),
            recipients: BTreeMap::new(),
            roles: Vec::new(),
        };
        known.refuse(&fresh);
        for class in &context.router.partition().classes {
            known.class(class);
        }
        known
    }

    pub(super) fn router(&self) -> &'a Router<'a> {
        self.context.router
    }

    pub(super) fn plan(&self) -> &'a Plan {
        self.context.plan
    }

    /// Unknown recipients of each pattern, where they are not refused as those of the pattern around it.
    fn refuse(&mut self, fresh: &Fresh) {
        let mut all: Vec<Pattern> = patterns(self.plan()).into_iter().collect();
        all.sort_by_key(Pattern::specificity);
        for pattern in all {
            let domain = fresh.mailbox(&pattern).domain().to_owned();
            let answers = self.unknown(&domain);
            if answers != self.refused_map.find(&domain).copied().unwrap_or_default() {
                self.refused_map.insert_if_absent(&pattern, answers);
                self.refused.push((pattern, answers));
            }
        }
    }

    /// What later MTAs answer for a recipient of the domain that nobody has.
    fn unknown(&self, domain: &str) -> ByForm {
        if matches!(self.router().unknown(self.mta, domain), Decision::Refuse { .. }) {
            return ByForm::default();
        }
        self.forms().map(|form| self.later(&Mailbox::from_content(&form, domain)))
    }

    /// Local parts that nobody has, one of each form.
    fn forms(&self) -> [String; 4] {
        let word = &self.word;
        [word.clone(), format!("{word}%{word}"), format!("{word}é"), format!("{word}%{word}é")]
    }

    /// What later MTAs answer for a recipient that this MTA takes and does not rewrite.
    fn later(&self, mailbox: &Mailbox) -> Option<Status> {
        if mailbox.is_utf8() && !self.plan().mta(self.mta).takes_utf8() {
            return None;
        }
        let question = Question::Address(mailbox.clone());
        self.router().refusal(self.mta, Asker::Trusted, &question)?.status
    }

    fn class(&mut self, class: &Class) {
        let Some(mailbox) = class.mailbox() else { return };
        match &class.kind {
            Kind::Literal { members } => {
                let Some(answers) = self.answers(mailbox) else { return };
                let plan = self.plan();
                self.recipients.extend(members.iter().map(|&id| (plan.addresses.mailbox(id), answers)));
            }
            Kind::Role => {
                // With a detail it is found by its base.
                if matches!(mailbox.local(), "postmaster" | "root" | "abuse") {
                    self.roles.push(mailbox.clone());
                    self.keep(mailbox);
                }
            }
            Kind::NamedDetail { .. } => self.keep(mailbox),
            Kind::Detail { .. }
            | Kind::Other { .. }
            | Kind::OtherRoutesPast { .. }
            | Kind::OtherUtf8 { .. }
            | Kind::NoDomain => {}
        }
    }

    fn keep(&mut self, mailbox: &Mailbox) {
        if let Some(answers) = self.answers(mailbox) {
            self.recipients.insert(mailbox.clone(), answers);
        }
    }

    /// What later MTAs answer for an address, where that is not what its being an account or its domain tells.
    fn answers(&self, mailbox: &Mailbox) -> Option<Answers> {
        let known = self.router().known(self.mta, mailbox);
        let account = known.as_ref().is_some_and(|k| matches!(k.holder, Holder::Account(_)));
        if !matches!(self.router().decide(self.mta, mailbox), Decision::Send { .. }) {
            return None;
        }
        let separator = self.plan().mta(self.mta).separator();
        let detailed = |c: char| self.forms().map(|form| self.later(&mailbox.with_detail(&format!("{c}{form}"))));
        let answers = Answers { itself: self.later(mailbox), detailed: separator.map(detailed).unwrap_or_default() };
        let by_class = self.by_class(mailbox, account, separator.is_some());
        // A literal that is another one with a detail is told apart from it.
        let cut = separator.is_some_and(|c| mailbox.cut(c).is_some());
        (answers != by_class || cut).then_some(answers)
    }

    fn by_class(&self, mailbox: &Mailbox, account: bool, details: bool) -> Answers {
        if account {
            return Answers { itself: None, detailed: ByForm::default() };
        }
        let answers = self.refused_map.find(mailbox.domain()).copied().unwrap_or_default();
        let itself = answers[form(mailbox)];
        let detailed = |at: usize| answers[at | form(mailbox)];
        Answers { itself, detailed: if details { [0, 1, 2, 3].map(detailed) } else { ByForm::default() } }
    }
}

/// Into [`ByForm`].
fn form(mailbox: &Mailbox) -> usize {
    usize::from(mailbox.routes_past()) + 2 * usize::from(mailbox.is_utf8())
}

pub(super) fn refused(pattern: &Pattern, answers: ByForm) -> Refused {
    let [plain, routes_past, utf8, utf8_routes_past] = answers.map(|a| a.map(|status| status.0.to_owned()));
    Refused { domain: pattern.clone(), plain, routes_past, utf8, utf8_routes_past }
}
