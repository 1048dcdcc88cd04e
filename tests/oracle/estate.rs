//! An estate as plain data, and its text as a `routing.dsl`.

use std::fmt::Write;

#[derive(Debug, Clone, Default)]
pub(crate) struct Estate {
    pub(crate) mtas: Vec<Mta>,
    pub(crate) systems: Vec<System>,
    pub(crate) domains: Vec<Declaration>,
    pub(crate) connectors: Vec<Connector>,
    pub(crate) contacts: Vec<Contact>,
}

/// A place that mail can be handed to: an index into the estate, or everybody else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Mta(usize),
    System(usize),
    #[default]
    Internet,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Mta {
    pub(crate) name: String,
    pub(crate) hostname: String,
    pub(crate) trust: Vec<String>,
    pub(crate) addresses: Vec<String>,
    pub(crate) postmaster: Option<String>,
    pub(crate) subaddress: Option<char>,
    pub(crate) smtputf8: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct System {
    pub(crate) name: String,
    pub(crate) domains: Vec<String>,
    pub(crate) accounts: Vec<Vec<String>>,
    pub(crate) addresses: Vec<String>,
    pub(crate) forwards: Vec<(String, Node)>,
    pub(crate) authoritative: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Domain,
    Shared,
    Relay {
        verify: bool,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Unresolved {
    #[default]
    Reject,
    Via {
        connector: usize,
        verify: bool,
    },
}

/// One `domain`, `shared domain` or `relay domain` statement. An empty `on` is every MTA, an empty `mx` the default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declaration {
    pub(crate) kind: Kind,
    pub(crate) pattern: String,
    pub(crate) unresolved: Unresolved,
    pub(crate) on: Vec<usize>,
    pub(crate) mx: Vec<Node>,
}

/// An empty `from` is the default; a pattern without a cost has the connector's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connector {
    pub(crate) name: String,
    pub(crate) from: Vec<usize>,
    pub(crate) to: Node,
    pub(crate) spaces: Vec<(String, Option<u32>)>,
    pub(crate) cost: Option<u32>,
    pub(crate) dns: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Contact {
    pub(crate) primary: String,
    pub(crate) secondaries: Vec<String>,
}

impl Estate {
    pub(crate) fn node_name(&self, node: Node) -> &str {
        match node {
            Node::Mta(m) => &self.mtas[m].name,
            Node::System(s) => &self.systems[s].name,
            Node::Internet => "internet",
        }
    }

    fn mta_names(&self, mtas: &[usize]) -> Vec<String> {
        mtas.iter().map(|&m| self.mtas[m].name.clone()).collect()
    }
}

/// The estate's source text.
pub(crate) fn to_dsl(estate: &Estate) -> String {
    let mut text = String::new();
    for mta in &estate.mtas {
        block(&mut text, &format!("mta {}", mta.name), &mta_fields(mta));
    }
    for system in &estate.systems {
        block(&mut text, &format!("system {}", system.name), &system_fields(estate, system));
    }
    for declaration in &estate.domains {
        block(&mut text, &domain_head(declaration), &domain_fields(estate, declaration));
    }
    for connector in &estate.connectors {
        block(&mut text, &format!("connector {}", connector.name), &connector_fields(estate, connector));
    }
    for (number, contact) in estate.contacts.iter().enumerate() {
        let fields = [format!("primary {}", contact.primary), format!("secondary {}", contact.secondaries.join(", "))];
        block(&mut text, &format!("contact \"Contact {number}\""), &fields);
    }
    text
}

fn block(text: &mut String, head: &str, fields: &[String]) {
    text.push_str(head);
    if !fields.is_empty() {
        text.push_str(" {\n");
        for field in fields {
            let _ = writeln!(text, "    {field}");
        }
        text.push('}');
    }
    text.push('\n');
}

/// `keyword a, b`, or nothing for an empty list.
fn list(keyword: &str, values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| format!("{keyword} {}", values.join(", ")))
}

fn mta_fields(mta: &Mta) -> Vec<String> {
    let mut fields = vec!["target relay".to_owned(), format!("hostname {}", mta.hostname)];
    fields.extend(list("trust", &mta.trust));
    fields.extend(list("address", &mta.addresses));
    fields.extend(mta.postmaster.as_ref().map(|address| format!("postmaster {address}")));
    fields.extend(mta.subaddress.map(|separator| format!("subaddress \"{separator}\"")));
    fields.extend(mta.smtputf8.then(|| "smtputf8 yes".to_owned()));
    fields
}

fn system_fields(estate: &Estate, system: &System) -> Vec<String> {
    let mut fields = Vec::new();
    fields.extend(list("domain", &system.domains));
    fields.extend(system.accounts.iter().filter_map(|account| list("account", account)));
    fields.extend(list("address", &system.addresses));
    fields
        .extend(system.forwards.iter().map(|(pattern, to)| format!("forwards {pattern} to {}", estate.node_name(*to))));
    fields.extend(list("authoritative", &system.authoritative));
    fields
}

fn domain_head(declaration: &Declaration) -> String {
    let keyword = match declaration.kind {
        Kind::Domain => "domain",
        Kind::Shared => "shared domain",
        Kind::Relay { .. } => "relay domain",
    };
    format!("{keyword} {}", declaration.pattern)
}

fn domain_fields(estate: &Estate, declaration: &Declaration) -> Vec<String> {
    let mut fields = Vec::new();
    if declaration.kind == (Kind::Relay { verify: true }) {
        fields.push("verify".to_owned());
    }
    if let Unresolved::Via { connector, verify } = declaration.unresolved {
        let verify = if verify { " verify" } else { "" };
        fields.push(format!("unresolved via {}{verify}", estate.connectors[connector].name));
    }
    fields.extend(list("on", &estate.mta_names(&declaration.on)));
    let mx: Vec<String> = declaration.mx.iter().map(|&node| estate.node_name(node).to_owned()).collect();
    fields.extend(list("mx", &mx));
    fields
}

fn connector_fields(estate: &Estate, connector: &Connector) -> Vec<String> {
    let mut fields = Vec::new();
    fields.extend(list("from", &estate.mta_names(&connector.from)));
    if connector.to != Node::Internet {
        fields.push(format!("to {}", estate.node_name(connector.to)));
    }
    let spaces: Vec<String> = connector
        .spaces
        .iter()
        .map(|(pattern, cost)| cost.map_or_else(|| pattern.clone(), |cost| format!("{pattern} cost {cost}")))
        .collect();
    fields.extend(list("address-space", &spaces));
    fields.extend(connector.cost.map(|cost| format!("cost {cost}")));
    match connector.to {
        Node::Mta(_) => {}
        _ if connector.dns => fields.push("dns".to_owned()),
        _ => fields.push("smart-host [192.0.2.10]:25".to_owned()),
    }
    fields
}

#[test]
fn every_field_is_written() {
    let strings = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
    let estate = Estate {
        mtas: vec![Mta {
            name: "hub".to_owned(),
            hostname: "h.test".to_owned(),
            trust: strings(&["10.0.0.0/8", "192.0.2.1"]),
            addresses: strings(&["10.0.0.1"]),
            postmaster: Some("u@a.test".to_owned()),
            subaddress: Some('+'),
            smtputf8: true,
        }],
        systems: vec![System {
            name: "s".to_owned(),
            domains: strings(&["*.s.test"]),
            accounts: vec![strings(&["u@a.test", "v@a.test"]), strings(&["w@a.test"])],
            addresses: strings(&["10.0.0.2"]),
            forwards: vec![("*".to_owned(), Node::Mta(0))],
            authoritative: strings(&["b.test"]),
        }],
        domains: vec![
            Declaration {
                pattern: "a.test".to_owned(),
                unresolved: Unresolved::Via { connector: 0, verify: true },
                on: vec![0],
                mx: vec![Node::System(0), Node::Internet],
                kind: Kind::Shared,
            },
            Declaration { pattern: "*.r.test".to_owned(), kind: Kind::Relay { verify: true }, ..Default::default() },
        ],
        connectors: vec![
            Connector {
                name: "c".to_owned(),
                from: vec![0],
                to: Node::System(0),
                spaces: vec![("x.test".to_owned(), Some(2)), ("*".to_owned(), None)],
                cost: Some(3),
                dns: false,
            },
            Connector { name: "out".to_owned(), dns: true, ..Default::default() },
        ],
        contacts: vec![Contact { primary: "u@a.test".to_owned(), secondaries: strings(&["\"x y\"@a.test"]) }],
    };
    let expected = r#"mta hub {
    target relay
    hostname h.test
    trust 10.0.0.0/8, 192.0.2.1
    address 10.0.0.1
    postmaster u@a.test
    subaddress "+"
    smtputf8 yes
}
system s {
    domain *.s.test
    account u@a.test, v@a.test
    account w@a.test
    address 10.0.0.2
    forwards * to hub
    authoritative b.test
}
shared domain a.test {
    unresolved via c verify
    on hub
    mx s, internet
}
relay domain *.r.test {
    verify
}
connector c {
    from hub
    to s
    address-space x.test cost 2, *
    cost 3
    smart-host [192.0.2.10]:25
}
connector out {
    dns
}
contact "Contact 0" {
    primary u@a.test
    secondary "x y"@a.test
}
"#;
    assert_eq!(to_dsl(&estate), expected);
}
