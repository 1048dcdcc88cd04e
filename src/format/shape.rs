//! A tree without its places: every token replaced by what it reads, so that two layouts of one program are equal.

use std::collections::HashMap;

use crate::source::{FileId, Span};
use crate::syntax::ast::{
    AddressSpace, Ast, Block, Bulk, ConnectorField, ContactField, DomainField, Expect, Field, Item, ItemKind, MtaField,
    SystemField,
};

/// True where both trees say the same. A token that this module forgot keeps its place, and makes them differ.
pub(super) fn same(text: &str, ast: &Ast, other_text: &str, other: &Ast) -> bool {
    let mut words = Words::default();
    let mut list = |text, ast: &Ast| -> Vec<Item> {
        let mut items = ast.items.clone();
        items.iter_mut().for_each(|item| words.item(text, item));
        items
    };
    list(text, ast) == list(other_text, other)
}

/// Texts and their numbers.
#[derive(Default)]
struct Words {
    known: HashMap<String, usize>,
}

fn nowhere() -> Span {
    Span::new(FileId(0), 0, 0)
}

impl Words {
    fn set(&mut self, text: &str, span: &mut Span) {
        let word = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let number = match self.known.get(word) {
            Some(number) => *number,
            None => {
                let number = self.known.len();
                self.known.insert(String::from(word), number);
                number
            }
        };
        *span = Span::new(FileId(0), number, number);
    }

    fn all<'s>(&mut self, text: &str, spans: impl IntoIterator<Item = &'s mut Span>) {
        spans.into_iter().for_each(|span| self.set(text, span));
    }

    fn item(&mut self, text: &str, item: &mut Item) {
        item.span = nowhere();
        match &mut item.kind {
            ItemKind::Include(file) => self.set(text, file),
            ItemKind::Mta(block) => self.block(text, block, Words::mta),
            ItemKind::System(block) => self.block(text, block, Words::system),
            ItemKind::Domain(domain) => {
                self.set(text, &mut domain.pattern);
                self.fields(text, &mut domain.fields, Words::domain);
            }
            ItemKind::Connector(block) => self.block(text, block, Words::connector),
            ItemKind::Contact(block) => self.block(text, block, Words::contact),
            ItemKind::ContactsFrom(bulk) => self.bulk(text, bulk),
            ItemKind::Expect(expect) => self.expect(text, expect),
        }
    }

    fn block<F>(&mut self, text: &str, block: &mut Block<F>, kind: fn(&mut Words, &str, &mut F)) {
        self.set(text, &mut block.name);
        self.fields(text, &mut block.fields, kind);
    }

    fn fields<F>(&mut self, text: &str, fields: &mut [Field<F>], kind: fn(&mut Words, &str, &mut F)) {
        for field in fields {
            self.set(text, &mut field.keyword);
            field.span = nowhere();
            kind(self, text, &mut field.kind);
        }
    }

    fn mta(&mut self, text: &str, field: &mut MtaField) {
        match field {
            MtaField::Target { kind, version } => self.all(text, [kind].into_iter().chain(version)),
            MtaField::Listen(list) | MtaField::Address(list) | MtaField::Trust(list) => self.all(text, list),
            MtaField::Tls { certificate, key } => self.all(text, [certificate, key]),
            MtaField::Maps(one)
            | MtaField::Hostname(one)
            | MtaField::Postmaster(one)
            | MtaField::MaxSize(one)
            | MtaField::QueueLifetime(one)
            | MtaField::Subaddress(one)
            | MtaField::Smtputf8(one)
            | MtaField::Milter(one)
            | MtaField::Settings(one)
            | MtaField::Emit(one) => self.set(text, one),
        }
    }

    fn system(&mut self, text: &str, field: &mut SystemField) {
        match field {
            SystemField::Domain(list)
            | SystemField::Account(list)
            | SystemField::Address(list)
            | SystemField::Authoritative(list) => self.all(text, list),
            SystemField::AccountsFrom(bulk) => self.bulk(text, bulk),
            SystemField::Forwards { pattern, to } => self.all(text, [pattern, to]),
        }
    }

    fn domain(&mut self, text: &str, field: &mut DomainField) {
        match field {
            DomainField::UnresolvedReject | DomainField::Verify => {}
            DomainField::UnresolvedVia { connector, verify } => self.all(text, [connector].into_iter().chain(verify)),
            DomainField::On(list) | DomainField::Mx(list) => self.all(text, list),
        }
    }

    fn connector(&mut self, text: &str, field: &mut ConnectorField) {
        match field {
            ConnectorField::From(list) => self.all(text, list),
            ConnectorField::AddressSpace(spaces) => {
                for AddressSpace { pattern, cost } in spaces {
                    self.all(text, [pattern].into_iter().chain(cost));
                }
            }
            ConnectorField::SmartHost { balanced, hosts } => self.all(text, balanced.iter_mut().chain(hosts)),
            ConnectorField::Dns => {}
            ConnectorField::Tls { level, name, ca } => self.all(text, [level].into_iter().chain(name).chain(ca)),
            ConnectorField::Auth { user, file } => self.all(text, [user, file]),
            ConnectorField::To(one)
            | ConnectorField::Cost(one)
            | ConnectorField::Protocol(one)
            | ConnectorField::SourceAddress(one)
            | ConnectorField::Concurrency(one)
            | ConnectorField::MaxSize(one) => self.set(text, one),
        }
    }

    fn contact(&mut self, text: &str, field: &mut ContactField) {
        match field {
            ContactField::Primary(one) => self.set(text, one),
            ContactField::Secondary(list) => self.all(text, list),
        }
    }

    fn bulk(&mut self, text: &str, bulk: &mut Bulk) {
        self.set(text, &mut bulk.file);
        for column in &mut bulk.columns {
            self.all(text, [&mut column.ours, &mut column.theirs]);
        }
    }

    fn expect(&mut self, text: &str, expect: &mut Expect) {
        let Expect { address, anyone, at, becomes, via, to, rejected } = expect;
        if let Some(anyone) = anyone {
            *anyone = nowhere();
        }
        let status = rejected.iter_mut().flat_map(|(word, status)| [word].into_iter().chain(status));
        let words = [address].into_iter().chain(at).chain(becomes).chain(via).chain(to);
        self.all(text, words.chain(status));
    }
}
