//! An estate's text: the `routing.dsl` that says it.

use std::fmt::Write;

use crate::oracle::estate::{Connector, Contact, Declaration, Estate, Kind, Mta, Node, System, Unresolved};

/// A statement of an estate: an index into the list of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Statement {
    Mta(usize),
    System(usize),
    Domain(usize),
    Connector(usize),
    Contact(usize),
}

/// The estate's source text.
pub(crate) fn to_dsl(estate: &Estate) -> String {
    statements(estate).into_iter().map(|(_, text)| text).collect()
}

/// The text of each statement, in the order of the file.
pub(crate) fn statements(estate: &Estate) -> Vec<(Statement, String)> {
    let mut all = Vec::new();
    for (m, mta) in estate.mtas.iter().enumerate() {
        all.push((Statement::Mta(m), block(&format!("mta {}", mta.name), &mta_fields(mta))));
    }
    for (s, system) in estate.systems.iter().enumerate() {
        all.push((Statement::System(s), block(&format!("system {}", system.name), &system_fields(estate, system))));
    }
    for (d, declaration) in estate.domains.iter().enumerate() {
        all.push((Statement::Domain(d), block(&domain_head(declaration), &domain_fields(estate, declaration))));
    }
    for (c, connector) in estate.connectors.iter().enumerate() {
        let head = format!("connector {}", connector.name);
        all.push((Statement::Connector(c), block(&head, &connector_fields(estate, connector))));
    }
    for (number, contact) in estate.contacts.iter().enumerate() {
        all.push((Statement::Contact(number), contact_block(number, contact)));
    }
    all
}

fn contact_block(number: usize, contact: &Contact) -> String {
    let fields = [format!("primary {}", contact.primary), format!("secondary {}", contact.secondaries.join(", "))];
    block(&format!("contact \"Contact {number}\""), &fields)
}

fn block(head: &str, fields: &[String]) -> String {
    let mut text = head.to_owned();
    if !fields.is_empty() {
        text.push_str(" {\n");
        for field in fields {
            let _ = writeln!(text, "    {field}");
        }
        text.push('}');
    }
    text.push('\n');
    text
}

/// `keyword a, b`, or nothing for an empty list.
fn list(keyword: &str, values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| format!("{keyword} {}", values.join(", ")))
}

fn mta_fields(mta: &Mta) -> Vec<String> {
    let mut fields = vec![format!("target {}", mta.target.as_str()), format!("hostname {}", mta.hostname)];
    fields.extend(mta.maps.map(|maps| format!("maps {maps}")));
    fields.extend(list("listen", &mta.listen));
    fields.extend(list("trust", &mta.trust));
    fields.extend(list("address", &mta.addresses));
    fields.extend(mta.postmaster.as_ref().map(|address| format!("postmaster {address}")));
    fields.extend(mta.tls.as_ref().map(|(certificate, key)| format!("tls certificate {certificate} key {key}")));
    fields.extend(mta.max_size.as_ref().map(|size| format!("max-size {size}")));
    fields.extend(mta.queue_lifetime.as_ref().map(|time| format!("queue-lifetime {time}")));
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
    // `internet` is the default: it is left out as often as it is said.
    if connector.to != Node::Internet || connector.hosts.len() > 1 {
        fields.push(format!("to {}", estate.node_name(connector.to)));
    }
    let spaces: Vec<String> = connector
        .spaces
        .iter()
        .map(|(pattern, cost)| cost.map_or_else(|| pattern.clone(), |cost| format!("{pattern} cost {cost}")))
        .collect();
    fields.extend(list("address-space", &spaces));
    fields.extend(connector.cost.map(|cost| format!("cost {cost}")));
    fields.extend(hop(connector));
    fields.extend(policy(connector));
    fields
}

fn hop(connector: &Connector) -> Option<String> {
    let balanced = if connector.balanced { "smart-host balanced" } else { "smart-host" };
    match (connector.to, &connector.hosts[..]) {
        (Node::Mta(_), []) => None,
        (_, []) if connector.dns => Some("dns".to_owned()),
        (_, []) => Some("smart-host [192.0.2.10]:25".to_owned()),
        (_, hosts) => list(balanced, hosts),
    }
}

fn policy(connector: &Connector) -> Vec<String> {
    let mut fields = Vec::new();
    fields.extend(connector.protocol.map(|protocol| format!("protocol {protocol}")));
    fields.extend(connector.tls.as_ref().map(|tls| {
        let name = tls.name.as_ref().map(|name| format!(" name {name}")).unwrap_or_default();
        let ca = tls.ca.as_ref().map(|ca| format!(" ca {ca}")).unwrap_or_default();
        format!("tls {}{name}{ca}", tls.level.as_str())
    }));
    fields.extend(connector.auth.as_ref().map(|(user, file)| format!("auth \"{user}\" password file {file}")));
    fields.extend(connector.source_address.as_ref().map(|ip| format!("source-address {ip}")));
    fields.extend(connector.concurrency.map(|number| format!("concurrency {number}")));
    fields.extend(connector.max_size.as_ref().map(|size| format!("max-size {size}")));
    fields
}

#[test]
fn every_field_is_written() {
    use crate::oracle::estate::{ClientTls, Level, Target};

    let strings = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
    let estate = Estate {
        mtas: vec![Mta {
            name: "hub".to_owned(),
            target: Target::Postfix,
            maps: Some("lmdb"),
            hostname: "h.test".to_owned(),
            listen: strings(&["0.0.0.0:25", "[::]:587"]),
            trust: strings(&["10.0.0.0/8", "192.0.2.1"]),
            addresses: strings(&["10.0.0.1"]),
            postmaster: Some("u@a.test".to_owned()),
            tls: Some(("/etc/c.pem".to_owned(), "/etc/k.pem".to_owned())),
            max_size: Some("10MB".to_owned()),
            queue_lifetime: Some("2d".to_owned()),
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
                hosts: strings(&["a.example:26", "[2001:db8::1]"]),
                balanced: true,
                protocol: Some("lmtp"),
                tls: Some(ClientTls {
                    level: Level::Verified,
                    name: Some("b.example".to_owned()),
                    ca: Some("/etc/ca.pem".to_owned()),
                }),
                auth: Some(("user name".to_owned(), "/etc/password".to_owned())),
                source_address: Some("192.0.2.7".to_owned()),
                concurrency: Some(4),
                max_size: Some("9MB".to_owned()),
                ..Default::default()
            },
            Connector { name: "any".to_owned(), to: Node::System(0), ..Default::default() },
            Connector { name: "out".to_owned(), dns: true, ..Default::default() },
        ],
        contacts: vec![Contact { primary: "u@a.test".to_owned(), secondaries: strings(&["\"x y\"@a.test"]) }],
    };
    let expected = r#"mta hub {
    target postfix
    hostname h.test
    maps lmdb
    listen 0.0.0.0:25, [::]:587
    trust 10.0.0.0/8, 192.0.2.1
    address 10.0.0.1
    postmaster u@a.test
    tls certificate /etc/c.pem key /etc/k.pem
    max-size 10MB
    queue-lifetime 2d
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
    smart-host balanced a.example:26, [2001:db8::1]
    protocol lmtp
    tls verified name b.example ca /etc/ca.pem
    auth "user name" password file /etc/password
    source-address 192.0.2.7
    concurrency 4
    max-size 9MB
}
connector any {
    to s
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
