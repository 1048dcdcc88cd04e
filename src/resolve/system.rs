//! `system`: fields to values. Its accounts are read later, with the other people.

use super::Resolver;
use crate::diagnostic::code;
use crate::name::{NameError, Pattern, printable};
use crate::plan::{Forward, Spanned, System};
use crate::syntax::ast::{Block, ItemKind, SystemField, Text};

impl Resolver<'_> {
    pub(super) fn systems(&mut self) {
        let program = self.program;
        for item in &program.items {
            if let ItemKind::System(block) = &item.kind {
                let system = self.system_block(block);
                self.plan.systems.push(system);
            }
        }
    }

    fn system_block(&mut self, block: &Block<SystemField>) -> System {
        let mut system = System {
            name: self.sources.text(block.name).to_owned(),
            span: block.name,
            domains: Vec::new(),
            closed: None,
            address: Vec::new(),
            forwards: Vec::new(),
            authoritative: Vec::new(),
            poisoned: block.broken,
        };
        for field in &block.fields {
            match &field.kind {
                SystemField::Domain(list) => self.patterns(list, &mut system.domains),
                SystemField::Authoritative(list) => self.patterns(list, &mut system.authoritative),
                SystemField::Address(list) => self.each(list, &mut system.address, super::mta::ip),
                SystemField::Account(_) | SystemField::AccountsFrom(_) => {
                    system.closed = system.closed.or(Some(field.span));
                }
                SystemField::Forwards { pattern, to } => {
                    let pattern = self.pattern(*pattern);
                    let to = self.node(*to);
                    if let Some(pattern) = pattern {
                        system.forwards.push(Forward { pattern, to, span: field.span });
                    }
                }
            }
        }
        system
    }

    pub(super) fn pattern(&mut self, span: Text) -> Option<Pattern> {
        self.parsed(span, code::ADDRESS_INVALID, |text| {
            if text.contains('@') {
                return Err(NameError::new(format!("`{}` is an address, not a domain", printable(text)))
                    .help("write the domain alone, or `*.` and a domain for its subdomains"));
            }
            Pattern::parse(text)
        })
    }

    pub(super) fn patterns(&mut self, list: &[Text], out: &mut Vec<Spanned<Pattern>>) {
        for &span in list {
            if let Some(value) = self.pattern(span) {
                out.push(Spanned { value, span });
            }
        }
    }
}
