//! `connector`: fields to values.

use super::Resolver;
use crate::diagnostic::{Diagnostic, code};
use crate::name::{Domain, Host, NameError, printable, quantity};
use crate::plan::{AddressSpace, ClientAuth, ClientTls, Connector, MtaId, NextHop, Node, Protocol, Spanned, TlsLevel};
use crate::source::Span;
use crate::syntax::ast::{self, Block, ConnectorField, Field, ItemKind, Text};

/// What a connector's fields say before they are put together.
#[derive(Default)]
struct Said {
    from: Option<Vec<MtaId>>,
    to: Option<Spanned<Node>>,
    spaces: Vec<(ast::AddressSpace, Option<u32>)>,
    cost: Option<Spanned<u32>>,
    hosts: Vec<Spanned<Host>>,
    balanced: Option<Span>,
    smart_host: Option<Span>,
    dns: Option<Span>,
}

impl Resolver<'_> {
    pub(super) fn connectors(&mut self) {
        let program = self.program;
        for item in &program.items {
            if let ItemKind::Connector(block) = &item.kind {
                let connector = self.connector_block(block);
                self.plan.connectors.push(connector);
            }
        }
    }

    fn connector_block(&mut self, block: &Block<ConnectorField>) -> Connector {
        let mut said = Said::default();
        let mut connector = Connector {
            name: self.sources.text(block.name).to_owned(),
            span: block.name,
            from: Vec::new(),
            to: Spanned { value: Node::Internet, span: block.name },
            spaces: Vec::new(),
            account_cost: 1,
            hop: NextHop::Missing,
            protocol: None,
            tls: ClientTls { level: TlsLevel::Opportunistic, name: None, ca: None, span: None },
            auth: None,
            source_address: None,
            concurrency: None,
            max_size: None,
            poisoned: block.broken,
        };
        for field in &block.fields {
            self.connector_field(&mut connector, &mut said, field);
        }
        if let Some(to) = said.to {
            connector.to = to;
        }
        connector.from = said
            .from
            .take()
            .unwrap_or_else(|| self.plan.mta_ids().filter(|&id| connector.to.value != Node::Mta(id)).collect());
        self.spaces(&mut connector, &said);
        self.hop(&mut connector, said);
        connector
    }

    fn connector_field(&mut self, connector: &mut Connector, said: &mut Said, field: &Field<ConnectorField>) {
        let span = field.span;
        match &field.kind {
            ConnectorField::From(list) => {
                let from: Vec<MtaId> = list.iter().filter_map(|&mta| self.mta(mta)).collect();
                connector.poisoned |= from.len() < list.len();
                let all = said.from.get_or_insert_default();
                all.extend(from);
                all.sort_unstable();
                all.dedup();
            }
            ConnectorField::To(text) => {
                let value = Some(self.node(*text));
                self.once(&mut said.to, value, *text, "to");
            }
            ConnectorField::AddressSpace(list) => {
                for space in list {
                    let cost = space.cost.and_then(|cost| self.cost(cost));
                    said.spaces.push((space.clone(), cost));
                }
            }
            ConnectorField::Cost(text) => {
                let value = self.cost(*text);
                self.once(&mut said.cost, value, span, "cost");
            }
            ConnectorField::SmartHost { balanced, hosts } => self.smart_hosts(said, *balanced, hosts, span),
            ConnectorField::Dns => self.once_span(&mut said.dns, span, "dns"),
            _ => self.connector_policy(connector, field),
        }
    }

    fn connector_policy(&mut self, connector: &mut Connector, field: &Field<ConnectorField>) {
        let span = field.span;
        match &field.kind {
            ConnectorField::Protocol(text) => {
                let choices = [("smtp", Protocol::Smtp), ("smtps", Protocol::Smtps), ("lmtp", Protocol::Lmtp)];
                let value = self.choice(*text, "protocol", &choices);
                self.once(&mut connector.protocol, value, span, "protocol");
            }
            ConnectorField::Tls { level, name, ca } => self.client_tls(connector, span, *level, *name, *ca),
            ConnectorField::Auth { user, file } => {
                let user = self.parsed(*user, code::SYNTAX_VALUE, user_name);
                let value = user.zip(self.path(*file)).map(|(user, file)| ClientAuth { user, file });
                connector.poisoned |= value.is_none();
                self.once(&mut connector.auth, value, span, "auth");
            }
            ConnectorField::SourceAddress(text) => {
                let value = self.parsed(*text, code::SYNTAX_VALUE, super::mta::ip);
                self.once(&mut connector.source_address, value, span, "source-address");
            }
            ConnectorField::Concurrency(text) => {
                let value = self.parsed(*text, code::SYNTAX_VALUE, quantity::number);
                self.once(&mut connector.concurrency, value, span, "concurrency");
            }
            ConnectorField::MaxSize(text) => {
                let value = self.parsed(*text, code::SYNTAX_VALUE, quantity::size);
                self.once(&mut connector.max_size, value, span, "max-size");
            }
            _ => {}
        }
    }

    fn cost(&mut self, text: Text) -> Option<u32> {
        self.parsed(text, code::SYNTAX_VALUE, quantity::number)
    }

    fn once_span(&mut self, slot: &mut Option<Span>, span: Span, field: &str) {
        match *slot {
            Some(first) => self.duplicate(format!("`{field}` is said twice"), span, first),
            None => *slot = Some(span),
        }
    }

    fn smart_hosts(&mut self, said: &mut Said, balanced: Option<Span>, hosts: &[Text], span: Span) {
        if let Some(first) = said.smart_host
            && balanced.is_some() != said.balanced.is_some()
        {
            let diagnostic =
                Diagnostic::new(code::SYNTAX_VALUE, "smart hosts are tried in order or balanced, not both")
                    .label(span, "here")
                    .label(first, "and here")
                    .help("use two connectors with different costs for hosts that stand in for the balanced ones");
            return self.report(diagnostic);
        }
        said.smart_host = said.smart_host.or(Some(span));
        said.balanced = balanced;
        for &host in hosts {
            if let Some(value) = self.parsed(host, code::SYNTAX_VALUE, Host::parse) {
                match said.hosts.iter().find(|h| h.value == value) {
                    Some(first) => {
                        let first = first.span;
                        self.duplicate(format!("smart host `{value}` is named twice"), host, first);
                    }
                    None => said.hosts.push(Spanned { value, span: host }),
                }
            }
        }
    }

    fn client_tls(&mut self, connector: &mut Connector, span: Span, level: Text, name: Option<Text>, ca: Option<Text>) {
        if let Some(first) = connector.tls.span {
            return self.duplicate("`tls` is said twice".to_owned(), span, first);
        }
        let levels = [
            ("off", TlsLevel::Off),
            ("opportunistic", TlsLevel::Opportunistic),
            ("required", TlsLevel::Required),
            ("verified", TlsLevel::Verified),
        ];
        let value = self.choice(level, "TLS level", &levels);
        connector.poisoned |= value.is_none();
        let tls = &mut connector.tls;
        tls.level = value.unwrap_or(TlsLevel::Opportunistic);
        tls.span = Some(span);
        if value.is_some_and(|level| level != TlsLevel::Verified)
            && let Some(extra) = name.or(ca)
        {
            let diagnostic = Diagnostic::new(code::SYNTAX_VALUE, "only `tls verified` looks at a name or a CA")
                .label(extra, "nothing would read this")
                .help("write `tls verified …`, or take it out");
            return self.report(diagnostic);
        }
        let name_of = name
            .and_then(|span| Some(Spanned { value: self.parsed(span, code::ADDRESS_INVALID, Domain::parse)?, span }));
        let ca_of = ca.and_then(|span| Some(Spanned { value: self.path(span)?, span }));
        connector.tls.name = name_of;
        connector.tls.ca = ca_of;
    }

    /// The address spaces as said, or those that `to SYSTEM` implies: that system's own domains.
    fn spaces(&mut self, connector: &mut Connector, said: &Said) {
        let cost = said.cost.map_or(1, |c| c.value);
        for (space, own) in &said.spaces {
            let Some(pattern) = self.pattern(space.pattern) else {
                connector.poisoned = true;
                continue;
            };
            if let Some(first) = connector.spaces.iter().find(|s| s.pattern == pattern) {
                let first = first.span;
                self.duplicate(format!("address space `{pattern}` is said twice"), space.pattern, first);
                continue;
            }
            connector.spaces.push(AddressSpace { pattern, cost: own.unwrap_or(cost), span: space.pattern });
        }
        connector.account_cost = connector.spaces.iter().map(|s| s.cost).min().unwrap_or(cost);
        if said.spaces.is_empty()
            && let Node::System(system) = connector.to.value
        {
            let domains = &self.plan.system(system).domains;
            let implied = domains.iter().map(|d| AddressSpace { pattern: d.value.clone(), cost, span: d.span });
            connector.spaces.extend(implied);
        }
    }

    fn hop(&mut self, connector: &mut Connector, said: Said) {
        if let (Some(dns), Some(hosts)) = (said.dns, said.smart_host) {
            let (first, second) = if dns < hosts { (dns, hosts) } else { (hosts, dns) };
            let diagnostic = Diagnostic::new(
                code::SYNTAX_VALUE,
                format!("connector `{}` has both `dns` and smart hosts", connector.name),
            )
            .label(second, "here")
            .label(first, "and here")
            .help("keep one; for smart hosts that stand in for `dns`, write a second connector with a higher cost");
            self.report(diagnostic);
        }
        connector.hop = match (said.hosts.is_empty(), said.dns, connector.to.value) {
            (false, _, _) => NextHop::SmartHosts { balanced: said.balanced, hosts: said.hosts },
            (true, Some(span), _) => NextHop::Dns(span),
            (true, None, Node::Mta(id)) if said.smart_host.is_none() => NextHop::Mta(id),
            _ => NextHop::Missing,
        };
        connector.poisoned |= said.smart_host.is_some() && matches!(connector.hop, NextHop::Missing);
    }
}

/// A user name goes into a password table and an AUTH exchange: printable, no colon, no blanks at its ends.
fn user_name(text: &str) -> Result<String, NameError> {
    let fine = !text.is_empty() && text.trim() == text && text.chars().all(|c| !c.is_control() && c != ':');
    if fine && text.len() <= 255 {
        return Ok(text.to_owned());
    }
    Err(NameError::new(format!("`{}` cannot be a user name", printable(text)))
        .help("a user name is printable text without `:` (RFC 4616 and the password tables of the MTAs)"))
}
