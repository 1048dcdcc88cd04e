//! `domain`, `shared domain`, `relay domain`: fields to values.

use super::Resolver;
use crate::diagnostic::{Diagnostic, code};
use crate::name::{Pattern, printable};
use crate::plan::{DomainDecl, DomainKind, MtaId, Spanned, Unresolved};
use crate::syntax::ast::{self, DomainField, ItemKind};

impl Resolver<'_> {
    pub(super) fn domains(&mut self) {
        let program = self.program;
        for item in &program.items {
            if let ItemKind::Domain(decl) = &item.kind
                && let Some(decl) = self.domain_decl(decl)
            {
                self.plan.domains.push(decl);
            }
        }
    }

    fn domain_decl(&mut self, decl: &ast::DomainDecl) -> Option<DomainDecl> {
        let pattern = self.pattern(decl.pattern)?;
        let kind = match decl.kind {
            ast::DomainKind::Domain => DomainKind::Domain,
            ast::DomainKind::Shared => DomainKind::Shared,
            ast::DomainKind::Relay => DomainKind::Relay,
        };
        if kind != DomainKind::Relay && !matches!(pattern, Pattern::Exact(_)) {
            let text = printable(self.sources.text(decl.pattern));
            let diagnostic =
                Diagnostic::new(code::ADDRESS_INVALID, format!("`{text}` is a pattern, and one domain is meant"))
                    .label(decl.pattern, "here")
                    .help("name each domain; only a `relay domain` takes a pattern, since it knows no recipients");
            self.report(diagnostic);
            return None;
        }
        let pattern = Spanned { value: pattern, span: decl.pattern };
        let mut out = DomainDecl {
            kind,
            pattern,
            on: Vec::new(),
            unresolved: Unresolved::Reject,
            unresolved_span: None,
            verify: None,
            mx: Vec::new(),
            poisoned: decl.broken,
        };
        let on = self.domain_fields(&mut out, decl);
        let on = on.unwrap_or_else(|| self.plan.mta_ids().collect());
        out.on = self.not_declared_before(&out, on);
        Some(out)
    }

    fn domain_fields(&mut self, out: &mut DomainDecl, decl: &ast::DomainDecl) -> Option<Vec<MtaId>> {
        let mut on: Option<Vec<MtaId>> = None;
        for field in &decl.fields {
            match &field.kind {
                DomainField::UnresolvedReject => self.set_unresolved(out, Unresolved::Reject, field.span),
                DomainField::UnresolvedVia { connector, verify } => {
                    let connector = self.connector(*connector);
                    let unresolved = Unresolved::Via { connector, verify: verify.is_some() };
                    self.set_unresolved(out, unresolved, field.span);
                }
                DomainField::Verify => match out.verify {
                    Some(first) => self.duplicate("`verify` is said twice".to_owned(), field.span, first),
                    None => out.verify = Some(field.span),
                },
                DomainField::On(list) => {
                    let mtas: Vec<MtaId> = list.iter().filter_map(|&mta| self.mta(mta)).collect();
                    out.poisoned |= mtas.len() < list.len();
                    on.get_or_insert_default().extend(mtas);
                }
                DomainField::Mx(list) => {
                    for &span in list {
                        let value = self.node(span);
                        out.mx.push(Spanned { value, span });
                    }
                }
            }
        }
        if let Some(on) = &mut on {
            on.sort_unstable();
            on.dedup();
        }
        on
    }

    fn set_unresolved(&mut self, out: &mut DomainDecl, unresolved: Unresolved, span: crate::source::Span) {
        match out.unresolved_span {
            Some(first) => self.duplicate("`unresolved` is said twice".to_owned(), span, first),
            None => {
                out.unresolved = unresolved;
                out.unresolved_span = Some(span);
            }
        }
    }

    /// The MTAs where nothing declared this very pattern yet; the others are reported once.
    fn not_declared_before(&mut self, decl: &DomainDecl, on: Vec<MtaId>) -> Vec<MtaId> {
        let earlier = |mta: &MtaId| {
            self.plan.domains.iter().find(|d| d.pattern.value == decl.pattern.value && d.on.contains(mta))
        };
        let clash = on.iter().find_map(|mta| Some((*mta, earlier(mta)?.pattern.span)));
        let fresh = on.iter().copied().filter(|mta| earlier(mta).is_none()).collect();
        if let Some((mta, first)) = clash {
            let mta = &self.plan.mta(mta).name;
            let message = format!("`{}` is declared twice for MTA `{mta}`", decl.pattern.value);
            let diagnostic = Diagnostic::new(code::NAME_DUPLICATE, message)
                .label(decl.pattern.span, "again here")
                .label(first, "first here")
                .help("keep one of them, or say with `on` which MTAs each is for");
            self.report(diagnostic);
        }
        fresh
    }
}
