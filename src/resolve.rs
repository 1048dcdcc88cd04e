//! Syntax tree to plan: names to ids, texts to addresses, domains and numbers.
//!
//! A name that is unknown is reported once, with the nearest that exists, and poisons what it stands in: the checks
//! stay silent about that. Resolving never panics on a broken tree.

use hashbrown::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, code};
use crate::load::Program;
use crate::name::{NameError, nearest, printable};
use crate::plan::{AddressId, AddressUse, ConnectorId, MtaId, Node, Plan, Spanned, SystemId};
use crate::source::{FileId, Sources, Span};
use crate::syntax::ast::{Field, ItemKind, MtaField, Text};

mod connector;
mod directory;
mod domain;
mod expect;
mod mta;
mod people;
mod system;

/// Resolves a program as far as it goes.
pub fn resolve(sources: &Sources, program: &Program, diagnostics: &mut Diagnostics) -> Plan {
    let mut resolver = Resolver {
        sources,
        program,
        diagnostics,
        plan: Plan::default(),
        nodes: HashMap::new(),
        connectors: HashMap::new(),
        directories: HashMap::new(),
        utf8: takes_utf8(sources, program),
    };
    resolver.plan.incomplete = program.broken;
    resolver.reserve();
    resolver.declare();
    resolver.mtas();
    resolver.systems();
    resolver.connectors();
    resolver.domains();
    resolver.people();
    resolver.expects();
    resolver.plan
}

struct Resolver<'a> {
    sources: &'a Sources,
    program: &'a Program,
    diagnostics: &'a mut Diagnostics,
    plan: Plan,
    /// MTAs and systems share one set of names.
    nodes: HashMap<&'a str, (Node, Span)>,
    connectors: HashMap<&'a str, (ConnectorId, Span)>,
    /// Directory files that were read, for contacts or for a system's accounts, and where.
    directories: HashMap<(FileId, Option<SystemId>), Span>,
    /// Some MTA takes UTF-8 local parts: an address of any MTA may have one.
    utf8: bool,
}

/// Asked of the tree, because addresses are read before the last MTA is resolved.
fn takes_utf8(sources: &Sources, program: &Program) -> bool {
    let says_yes = |field: &Field<MtaField>| match field.kind {
        MtaField::Smtputf8(text) => sources.text(text) == "yes",
        _ => false,
    };
    program.items.iter().any(|item| match &item.kind {
        ItemKind::Mta(block) => block.fields.iter().any(says_yes),
        _ => false,
    })
}

impl<'a> Resolver<'a> {
    /// Makes room for the people of the routing files: an address and what stands around it take about so many octets.
    fn reserve(&mut self) {
        const AROUND: usize = 56;
        let attached: HashSet<FileId> = self.program.attached.values().copied().collect();
        let routing = self.sources.iter().filter(|(id, _)| !attached.contains(id));
        let octets: usize = routing.map(|(_, source)| source.text().len()).sum();
        self.plan.addresses.reserve(octets / AROUND, octets / 2);
        self.plan.contacts.reserve(octets / (2 * AROUND));
    }

    /// Gives every MTA, system and connector its id, so that the order of the file does not matter to names.
    fn declare(&mut self) {
        let (mut mtas, mut systems, mut connectors) = (0, 0, 0);
        for item in &self.program.items {
            match &item.kind {
                ItemKind::Mta(block) => {
                    self.declare_node(block.name, Node::Mta(MtaId(mtas)));
                    mtas += 1;
                }
                ItemKind::System(block) => {
                    self.declare_node(block.name, Node::System(SystemId(systems)));
                    systems += 1;
                }
                ItemKind::Connector(block) => {
                    let name = self.sources.text(block.name);
                    match self.connectors.get(name) {
                        Some(&(_, first)) => {
                            self.duplicate_name(format!("connector `{name}` is declared twice"), block.name, first)
                        }
                        None => drop(self.connectors.insert(name, (ConnectorId(connectors), block.name))),
                    }
                    connectors += 1;
                }
                _ => {}
            }
        }
    }

    fn declare_node(&mut self, span: Text, node: Node) {
        let name = self.sources.text(span);
        if name == "internet" {
            let diagnostic = Diagnostic::new(code::NAME_DUPLICATE, "`internet` is the name of the Internet already")
                .label(span, "declared here")
                .help("give it another name");
            return self.report(diagnostic);
        }
        match self.nodes.get(name) {
            Some(&(_, first)) => {
                self.duplicate_name(
                    format!("`{name}` is declared twice (MTAs and systems share one set of names)"),
                    span,
                    first,
                );
            }
            None => drop(self.nodes.insert(name, (node, span))),
        }
    }

    fn node(&mut self, span: Text) -> Node {
        let name = self.sources.text(span);
        if name == "internet" {
            return Node::Internet;
        }
        if let Some(&(node, _)) = self.nodes.get(name) {
            return node;
        }
        let known = self.nodes.keys().copied().chain(["internet"]);
        let help = self.suggestion(name, known).unwrap_or_else(|| "declare it with `system` or `mta`".to_owned());
        self.unknown(format!("no system or MTA is called `{}`", printable(name)), span, help);
        Node::Unknown
    }

    fn mta(&mut self, span: Text) -> Option<MtaId> {
        let name = self.sources.text(span);
        match self.nodes.get(name) {
            Some(&(Node::Mta(id), _)) => return Some(id),
            Some(&(_, declared)) => {
                let diagnostic =
                    Diagnostic::new(code::NAME_UNKNOWN, format!("`{}` is a system, not an MTA", printable(name)))
                        .label(span, "an MTA is meant here")
                        .label(declared, "declared here")
                        .help(self.which_mtas());
                self.report(diagnostic);
                return None;
            }
            None => {}
        }
        let mtas = self.nodes.iter().filter(|(_, (n, _))| matches!(n, Node::Mta(_))).map(|(name, _)| *name);
        let help = self.suggestion(name, mtas).unwrap_or_else(|| "declare it with `mta`".to_owned());
        self.unknown(format!("no MTA is called `{}`", printable(name)), span, help);
        None
    }

    fn which_mtas(&self) -> String {
        let mut names: Vec<&str> =
            self.nodes.iter().filter(|(_, (n, _))| matches!(n, Node::Mta(_))).map(|(name, _)| *name).collect();
        names.sort_unstable();
        match names[..] {
            [] => "declare it with `mta`".to_owned(),
            _ => format!("the MTAs are `{}`", names.join("`, `")),
        }
    }

    fn connector(&mut self, span: Text) -> Option<ConnectorId> {
        let name = self.sources.text(span);
        if let Some(&(id, _)) = self.connectors.get(name) {
            return Some(id);
        }
        let help = self
            .suggestion(name, self.connectors.keys().copied())
            .unwrap_or_else(|| "declare it with `connector`".to_owned());
        self.unknown(format!("no connector is called `{}`", printable(name)), span, help);
        None
    }

    /// Every known name is compared, so there is an end to it: behind so many reports nobody reads on.
    fn suggestion<'s>(&self, meant: &str, known: impl Iterator<Item = &'s str>) -> Option<String> {
        const MOST: usize = 200;
        let near = if self.diagnostics.count() < MOST { nearest(meant, known) } else { None };
        near.map(|near| format!("did you mean `{near}`?"))
    }

    fn unknown(&mut self, message: String, span: Text, help: String) {
        self.report(Diagnostic::new(code::NAME_UNKNOWN, message).label(span, "named here").help(help));
    }

    fn duplicate_name(&mut self, message: String, span: Span, first: Span) {
        self.twice(message, span, first, "give one of them another name, or take it out");
    }

    fn duplicate(&mut self, message: String, span: Span, first: Span) {
        self.twice(message, span, first, "keep one of them");
    }

    fn twice(&mut self, message: String, span: Span, first: Span, help: &str) {
        let diagnostic = Diagnostic::new(code::NAME_DUPLICATE, message);
        self.report(diagnostic.label(span, "again here").label(first, "first here").help(help));
    }

    /// An error that loses something the source says.
    fn report(&mut self, diagnostic: Diagnostic) {
        self.plan.incomplete = true;
        self.diagnostics.push(diagnostic);
    }

    /// A thing that is missing from what was understood whole.
    fn missing(&mut self, message: impl Into<String>, span: Span, help: &str) {
        let label = if span.start < span.end { "declared here" } else { "" };
        self.report(Diagnostic::new(code::SYNTAX_MISSING, message).label(span, label).help(help));
    }

    /// Keeps the first of two values; the second is reported.
    fn once<T>(&mut self, slot: &mut Option<Spanned<T>>, value: Option<T>, span: Span, field: &str) {
        match slot {
            Some(first) => {
                let first = first.span;
                self.duplicate(format!("`{field}` is said twice"), span, first);
            }
            None => *slot = value.map(|value| Spanned { value, span }),
        }
    }

    /// A token read as what it should be, or reported.
    fn parsed<T>(&mut self, span: Text, code: Code, parse: impl FnOnce(&str) -> Result<T, NameError>) -> Option<T> {
        let text = self.sources.unquoted(span);
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.invalid(code, error, span);
                None
            }
        }
    }

    fn invalid(&mut self, code: Code, error: NameError, span: Span) {
        let mut diagnostic = Diagnostic::new(code, error.message).label(span, "here");
        diagnostic.help = error.help;
        self.report(diagnostic);
    }

    /// One word out of a few.
    fn choice<T: Copy>(&mut self, span: Text, what: &str, choices: &[(&str, T)]) -> Option<T> {
        let word = self.sources.text(span);
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == word) {
            return Some(*value);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let all = names.join("`, `");
        let help = match nearest(word, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? It is one of `{all}`"),
            None => format!("write one of `{all}`"),
        };
        let message = format!("`{}` is not a {what}", printable(word));
        self.report(Diagnostic::new(code::SYNTAX_VALUE, message).label(span, "here").help(help));
        None
    }

    /// An address, interned.
    fn address(&mut self, span: Text) -> Option<AddressUse> {
        self.intern(self.sources.text(span), span)
    }

    fn intern(&mut self, text: &str, span: Span) -> Option<AddressUse> {
        match self.plan.addresses.intern(text) {
            Ok(id) => {
                if self.is_unusable_utf8(id) {
                    self.report(self.unusable_utf8(code::ADDRESS_INVALID, id, span));
                }
                Some(AddressUse { id, span })
            }
            Err(error) => {
                self.invalid(code::ADDRESS_INVALID, error, span);
                None
            }
        }
    }

    /// A UTF-8 local part is an error where no MTA would take it.
    fn is_unusable_utf8(&self, id: AddressId) -> bool {
        !self.utf8 && !self.plan.addresses.text(id).is_ascii()
    }

    fn unusable_utf8(&self, code: Code, id: AddressId, span: Span) -> Diagnostic {
        let text = printable(self.plan.addresses.text(id));
        Diagnostic::new(code, format!("`{text}` has a local part that is not ASCII"))
            .label(span, "no MTA takes it")
            .help("say `smtputf8 yes` at the MTAs that are to take such addresses (RFC 6531), or write it in ASCII")
    }
}
