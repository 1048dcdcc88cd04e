//! `expect`: what an administrator wants the routing to do.

use super::Resolver;
use crate::diagnostic::code;
use crate::name::{Mailbox, NameError, printable};
use crate::plan::{Expect, Node, Question, Spanned};
use crate::source::Span;
use crate::syntax::ast::{self, ItemKind, Text};

impl Resolver<'_> {
    pub(super) fn expects(&mut self) {
        let program = self.program;
        for item in &program.items {
            if let ItemKind::Expect(expect) = &item.kind
                && let Some(expect) = self.expect(item.span, expect)
            {
                self.plan.expects.push(expect);
            }
        }
    }

    /// An expectation with a name that is unknown is left out whole: it cannot be judged.
    fn expect(&mut self, span: Span, expect: &ast::Expect) -> Option<Expect> {
        let question = self.parsed(expect.address, code::ADDRESS_INVALID, Question::parse);
        let becomes = self.optional(expect.becomes, |r, t| r.parsed(t, code::ADDRESS_INVALID, Mailbox::parse));
        let at = self.optional(expect.at, Self::mta);
        let via = self.optional(expect.via, Self::connector);
        let to = self.optional(expect.to, |r, t| Some(r.node(t)).filter(|&n| n != Node::Unknown));
        let rejected = match expect.rejected {
            None => Some(None),
            Some((span, None)) => Some(Some(Spanned { value: None, span })),
            Some((span, Some(text))) => {
                self.parsed(text, code::SYNTAX_VALUE, status).map(|status| Some(Spanned { value: Some(status), span }))
            }
        };
        Some(Expect {
            span,
            question: Spanned { value: question?, span: expect.address },
            anyone: expect.anyone.is_some(),
            at: at?.map(|s| s.value),
            becomes: becomes?,
            via: via?,
            to: to?,
            rejected: rejected?,
        })
    }

    /// `None`: it was said and cannot be resolved.
    #[expect(clippy::option_option, reason = "not said, and said wrongly, are two things")]
    fn optional<T>(
        &mut self,
        text: Option<Text>,
        resolve: impl FnOnce(&mut Self, Text) -> Option<T>,
    ) -> Option<Option<Spanned<T>>> {
        match text {
            None => Some(None),
            Some(span) => resolve(self, span).map(|value| Some(Spanned { value, span })),
        }
    }
}

impl Question {
    /// What a client may put between the angle brackets of RCPT TO.
    pub fn parse(text: &str) -> Result<Question, NameError> {
        if text.eq_ignore_ascii_case("postmaster") {
            return Ok(Question::Postmaster);
        }
        let literal = text.ends_with(']') && text.contains("@[");
        let unqualified = !text.contains('@') && !text.is_empty() && text.chars().all(|c| !c.is_control() && c != ' ');
        if literal || unqualified {
            return Ok(Question::Unroutable(text.to_owned()));
        }
        Mailbox::parse(text).map(Question::Address)
    }
}

/// An enhanced status code (RFC 3463 2).
fn status(text: &str) -> Result<String, NameError> {
    let parts: Vec<&str> = text.split('.').collect();
    let numeric = |p: &&str| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
    if parts.len() == 3 && parts.iter().all(numeric) && matches!(parts[0], "4" | "5") {
        return Ok(text.to_owned());
    }
    Err(NameError::new(format!("`{}` is not an enhanced status code", printable(text)))
        .help("write one such as `5.1.1` (RFC 3463)"))
}
