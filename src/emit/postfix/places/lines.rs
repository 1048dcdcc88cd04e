//! The lines of regexp_table(5): local parts that rules are about, the known addresses that they do not hold for, and
//! sub-addresses that Postfix does not cut.

use std::cmp::Reverse;

use super::{Class, Collector, Said, Word, refusal};
use crate::emit::postfix::meaning::Dest;
use crate::emit::postfix::quote;
use crate::name::{Mailbox, Pattern};
use crate::plan::Question;
use crate::plan::route::Status;
use crate::plan::route::decide::Asker;

impl Collector<'_, '_> {
    /// Postfix cuts at the first separator, but not at all where that is the first character (measured: `+a+b@d` is
    /// not looked up as `+a@d`); the language cuts at the next one.
    pub(super) fn leading(&mut self, mailbox: &Mailbox, rewrite: Option<&str>, dest: Dest) {
        let Some(separator) = self.separator else { return };
        if !self.leads(mailbox.local()) || mailbox.cut(separator).is_some() {
            return;
        }
        let local = quote::pattern(inner(mailbox));
        let detail = quote::pattern(&separator.to_string());
        for domain in self.spell.domain(mailbox.domain()) {
            let pattern = format!("/^(\"?){local}({detail}[^\"]*)\"?@{}$/", quote::pattern(&domain));
            match rewrite.and_then(|target| target.rsplit_once('@')) {
                Some((to, domain)) => {
                    // The detail goes inside the quotes: those that the target needs, or those that the detail has.
                    let quoted = to.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                    let mark = if quoted.is_some() { "\"" } else { "${1}" };
                    let (to, domain) = (quote::replacement(quoted.unwrap_or(to)), quote::replacement(domain));
                    self.places.leading_contacts.push(format!("{pattern} {mark}{to}${{2}}{mark}@{domain}"));
                }
                None => self.places.leading_accounts.push((pattern, dest)),
            }
        }
    }

    /// Known addresses that the rules about local parts do not hold for.
    pub(super) fn exceptions(&mut self, mailbox: &Mailbox, said: &Said) {
        let Some(class) = self.classes.get(&said.pattern) else { return };
        let (router, id) = (self.meaning.context.router, self.meaning.id);
        let word = said.verdict.refused().map_or("DUNNO".to_owned(), refusal);
        let mut rules: Vec<&mut Vec<String>> = Vec::new();
        if mailbox.routes_past() && router.own(id, mailbox.domain()).is_some() {
            let question = Question::Address(mailbox.clone());
            if router.admit(id, Asker::Anyone, &question).is_ok() {
                rules.push(&mut self.places.past_ours);
            }
        }
        if mailbox.routes_past() && class.past.is_some() {
            rules.push(&mut self.places.past);
        }
        if mailbox.is_utf8() && class.utf8.is_some() {
            rules.push(&mut self.places.utf8);
        }
        let detail = self.separator.map_or(String::new(), |c| format!("({}[^\"]*)?", quote::pattern(&c.to_string())));
        let local = quote::pattern(inner(mailbox));
        for rule in rules {
            for domain in self.spell.domain(mailbox.domain()) {
                rule.push(format!("/^\"?{local}{detail}\"?@{}$/ {word}", quote::pattern(&domain)));
            }
        }
    }

    /// After their exceptions, the rules about local parts: the most specific domain first.
    pub(super) fn local_part_rules(&mut self) {
        let mut patterns: Vec<&Pattern> = self.classes.keys().collect();
        patterns.sort_by_key(|p| (Reverse(p.specificity()), (*p).clone()));
        let rules = |word: fn(&Class) -> Word| {
            let mut lines = Vec::new();
            for pattern in &patterns {
                let said = self.classes.get(*pattern).and_then(word);
                // What the next line that matches would say anyway needs no line.
                if said == self.outer(pattern).and_then(|outer| self.classes.get(outer)).and_then(word) {
                    continue;
                }
                let said = said.map_or("DUNNO".to_owned(), refusal);
                lines.extend(self.suffixes(pattern).iter().map(|suffix| format!("/{suffix}/ {said}")));
            }
            lines
        };
        let (past, utf8) = (rules(|class| class.past), rules(|class| class.utf8));
        self.places.past.extend(past);
        self.places.utf8.extend(utf8);
        self.places.past_ours.push(format!("/^/ {}", refusal(Status::RELAY_DENIED)));
    }

    pub(super) fn relays(&mut self) {
        let all = self.ours();
        if self.separator.is_none() || !all.values().any(|relay| *relay) {
            return;
        }
        let mut all: Vec<(Pattern, bool)> = all.into_iter().collect();
        all.sort_by_key(|(pattern, _)| Reverse(pattern.specificity()));
        let end = |pattern: &Pattern, suffix: String| match pattern {
            Pattern::Exact(_) => suffix,
            Pattern::Sub(_) => format!("@[^@]*{suffix}"),
            Pattern::Any => "@[^@]*$".to_owned(),
        };
        let ends = all.iter().flat_map(|(pattern, relay)| {
            self.suffixes(pattern).into_iter().map(move |suffix| (end(pattern, suffix), *relay))
        });
        self.places.relays = ends.collect();
    }

    /// How a pattern of the language looks as the end of an address.
    fn suffixes(&self, pattern: &Pattern) -> Vec<String> {
        let ends = |lead: &str, domain: &str| {
            self.spell.domain(domain).iter().map(|d| format!("{lead}{}$", quote::pattern(d))).collect()
        };
        match pattern {
            Pattern::Exact(domain) => ends("@", domain.as_str()),
            Pattern::Sub(domain) => ends("[.]", domain.as_str()),
            Pattern::Any => vec!["^".to_owned()],
        }
    }
}

/// A local part as Postfix shows it to a regular expression, without the quotes around it: a detail may add or lose
/// the need for them.
fn inner(mailbox: &Mailbox) -> &str {
    let local = mailbox.local();
    local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(local)
}
