//! Looks a configuration over: references between its sections, values in range, the tables it names.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::config::{ClientTls, Config, Connector, Malformed, Routing, Tables, TlsLevel, VERSION, parse};
use super::reply::Status;
use super::table::{Damaged, Table};
use crate::name::{HostName, Mailbox, Pattern};

/// Something wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The relay would not start, or not do what the file says.
    pub error: bool,
    /// A place in the file: line and column, or the way to a value.
    pub place: Place,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Position(usize, usize),
    Value(String),
}

impl Problem {
    /// On one line, as a problem of the file of that name.
    pub fn in_file(&self, name: &str) -> String {
        let severity = if self.error { "error" } else { "warning" };
        let message = &self.message;
        match &self.place {
            Place::Position(line, column) => format!("{name}:{line}:{column}: {severity}: {message}"),
            Place::Value(path) => format!("{name}: {severity}: {path}: {message}"),
        }
    }

    /// Of a text that is nothing of the kind, by its first mistake.
    pub(crate) fn malformed(Malformed { place, message }: Malformed, name: &str) -> Problem {
        let place = place.map_or(Place::Value(name.into()), |(line, column)| Place::Position(line, column));
        Problem { error: true, place, message }
    }
}

/// Reads a configuration and lists all that is wrong with it. A text that is no configuration at all has one problem.
pub fn check(text: &str, folder: &Path) -> (Option<Config>, Vec<Problem>) {
    match parse(text) {
        Ok(config) => {
            let mut problems = look_over(&config);
            problems.extend(tables(&config.routing, folder));
            (Some(config), problems)
        }
        Err(malformed) => (None, vec![Problem::malformed(malformed, "relay.yaml")]),
    }
}

struct Found(Vec<Problem>);

impl Found {
    fn error(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { error: true, place: Place::Value(place.into()), message: message.into() });
    }

    fn warning(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { error: false, place: Place::Value(place.into()), message: message.into() });
    }

    /// A value that may stand only once in its list.
    fn unique<T: Ord + ToString>(&mut self, list: &str, values: impl IntoIterator<Item = T>) {
        let mut met = BTreeSet::new();
        for (i, value) in values.into_iter().enumerate() {
            let text = value.to_string();
            if !met.insert(value) {
                self.error(format!("{list}[{i}]"), format!("`{text}` stands in this list already"));
            }
        }
    }

    fn positive(&mut self, place: impl Into<String>, value: Option<u64>) {
        if value == Some(0) {
            self.error(place, "0 is too little: take the line out for no limit");
        }
    }

    fn status(&mut self, place: impl Into<String>, status: Option<&String>) {
        let enhanced = |status: &str| {
            let parts: Vec<&str> = status.split('.').collect();
            let number = |p: &&str| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
            parts.len() == 3 && parts[0] == "5" && parts.iter().all(number)
        };
        if let Some(status) = status
            && !enhanced(status)
        {
            self.error(place, format!("`{status}` is not a status code of a refusal, such as 5.1.1 (RFC 3463)"));
        }
    }

    /// A file on the host that need not be there yet.
    fn file(&mut self, place: impl Into<String>, path: &str) {
        if let Err(error) = std::fs::metadata(path) {
            self.warning(place, format!("cannot find {path}: {error}"));
        }
    }
}

/// All that is wrong with a configuration, its tables apart.
pub(crate) fn look_over(config: &Config) -> Vec<Problem> {
    let mut found = Found(Vec::new());
    if config.version != VERSION {
        found.error("version", format!("{} is not a version that this relay knows: {VERSION}", config.version));
    }
    server(config, &mut found);
    who(&config.routing, &mut found);
    domains(&config.routing, &mut found);
    ways(&config.routing, &mut found);
    for (i, connector) in config.routing.connectors.iter().enumerate() {
        self::connector(connector, &format!("routing.connectors[{i}]"), &mut found);
    }
    names(&config.routing, &mut found);
    found.0
}

fn server(config: &Config, found: &mut Found) {
    let server = &config.server;
    if server.listen.is_empty() {
        found.error("server.listen", "the relay listens nowhere");
    }
    found.unique("server.listen", server.listen.iter().copied());
    found.positive("server.max-size", server.max_size);
    found.positive("server.queue-lifetime", server.queue_lifetime);
    if let Some(tls) = &server.tls {
        found.file("server.tls.certificate", &tls.certificate);
        found.file("server.tls.key", &tls.key);
    }
}

fn who(routing: &Routing, found: &mut Found) {
    for (i, net) in routing.trust.iter().enumerate() {
        if net.prefix_len() == 0 {
            found.error(format!("routing.trust[{i}]"), format!("`{net}` is everybody: this would be an open relay"));
        }
    }
    found.unique("routing.peers", routing.peers.iter().map(|p| &p.name));
    for (i, peer) in routing.peers.iter().enumerate() {
        if peer.addresses.is_empty() {
            found.error(format!("routing.peers[{i}].addresses"), format!("`{}` comes from nowhere", peer.name));
        }
        found.unique(&format!("routing.peers[{i}]"), peer.domains.iter().chain(&peer.except));
    }
    if let Some(c) = routing.subaddress
        && (c.is_alphanumeric() || c.is_whitespace() || c.is_control() || matches!(c, '@' | '"' | '\\'))
    {
        found.error("routing.subaddress", format!("`{}` cannot set a detail off", c.escape_default()));
    }
}

fn domains(routing: &Routing, found: &mut Found) {
    found.unique("routing.domains", routing.domains.iter().map(|d| &d.domain));
    for (i, rule) in routing.domains.iter().enumerate() {
        let place = format!("routing.domains[{i}]");
        let said = usize::from(rule.relay) + usize::from(rule.reject.is_some()) + usize::from(rule.via.is_some());
        if said != 1 {
            found.error(&place, format!("`{}` needs one of `relay`, `reject` and `via`", rule.domain));
        }
        if rule.verify && rule.reject.is_some() {
            found.error(
                &place,
                format!("`verify` says nothing where unknown recipients of `{}` are refused", rule.domain),
            );
        }
        if !rule.relay && !matches!(rule.domain, Pattern::Exact(_)) {
            found.error(&place, format!("`{}` is more than one domain, and no relay domain", rule.domain));
        }
        if rule.relay && rule.domain == Pattern::Any {
            found.error(&place, "every domain is a relay domain: this would be an open relay");
        }
        found.status(format!("{place}.reject"), rule.reject.as_ref());
    }
    found.unique("routing.refused", routing.refused.iter().map(|r| &r.domain));
    for (i, refused) in routing.refused.iter().enumerate() {
        let place = format!("routing.refused[{i}]");
        let all = [&refused.plain, &refused.routes_past, &refused.utf8, &refused.utf8_routes_past];
        for status in all {
            found.status(&place, status.as_ref());
        }
    }
}

/// Every connector that something names is there.
fn ways(routing: &Routing, found: &mut Found) {
    let known: BTreeSet<&str> = routing.connectors.iter().map(|c| c.name.as_str()).collect();
    found.unique("routing.connectors", routing.connectors.iter().map(|c| &c.name));
    found.unique("routing.systems", routing.systems.iter().map(|s| &s.name));
    found.unique("routing.spaces", routing.spaces.iter().map(|s| &s.domain));
    let mut named = |place: String, name: &str| {
        if !known.contains(name) {
            found.error(place, format!("no connector is called `{name}`"));
        }
    };
    for (i, rule) in routing.domains.iter().enumerate() {
        if let Some(via) = &rule.via {
            named(format!("routing.domains[{i}].via"), via);
        }
    }
    let systems =
        routing.systems.iter().map(|s| &s.tiers).enumerate().map(|(i, t)| (format!("routing.systems[{i}]"), t));
    let spaces = routing.spaces.iter().map(|s| &s.tiers).enumerate().map(|(i, t)| (format!("routing.spaces[{i}]"), t));
    let all: Vec<_> = systems.chain(spaces).collect();
    for (place, tiers) in &all {
        for name in tiers.iter().flatten() {
            named(format!("{place}.tiers"), name);
        }
    }
    for (place, tiers) in all {
        if tiers.is_empty() || tiers.iter().any(Vec::is_empty) {
            found.error(format!("{place}.tiers"), "there is no connector in it");
        }
    }
}

fn connector(connector: &Connector, place: &str, found: &mut Found) {
    let name = &connector.name;
    if connector.hosts.is_empty() != connector.dns {
        found.error(place, format!("`{name}` needs either `hosts` or `dns`"));
    }
    if connector.balanced && connector.hosts.len() < 2 {
        found.error(place, format!("`{name}` has no hosts to share its load"));
    }
    let ClientTls { level, name: verified, ca } = &connector.tls;
    let nameless = connector.hosts.iter().any(|h| matches!(h.name, HostName::Ip(_)));
    if *level == TlsLevel::Verified && verified.is_none() && (connector.dns || nameless) {
        found.error(format!("{place}.tls"), format!("`{name}` has no name to verify: say `name`"));
    }
    if connector.auth.is_some() && *level != TlsLevel::Verified {
        found.error(format!("{place}.auth"), format!("`{name}` would send its password without `level: verified`"));
    }
    if let Some(ca) = ca {
        found.file(format!("{place}.tls.ca"), ca);
    }
    if let Some(auth) = &connector.auth {
        found.file(format!("{place}.auth.password-file"), &auth.password_file);
    }
    found.positive(format!("{place}.concurrency"), connector.concurrency.map(u64::from));
    found.positive(format!("{place}.max-size"), connector.max_size);
}

/// A table of the relay: what it is called, and what a value in it is.
pub(crate) struct Rows {
    what: &'static str,
    pub(crate) name: fn(&Tables) -> &str,
    pub(crate) good: fn(&str) -> bool,
}

/// Contacts, accounts and recipients.
pub(crate) const TABLES: [Rows; 3] = [
    Rows { what: "contacts", name: |tables| &tables.contacts, good: |value| Mailbox::parse(value).is_ok() },
    Rows { what: "accounts", name: |tables| &tables.accounts, good: |value| !value.is_empty() },
    Rows { what: "recipients", name: |tables| &tables.recipients, good: are_answers },
];

impl Rows {
    pub(crate) fn useless(&self, tables: &Tables, error: &Damaged) -> Problem {
        let place = Place::Value(format!("routing.tables.{}", self.what));
        Problem { error: true, place, message: format!("cannot use {}: {error}", (self.name)(tables)) }
    }
}

/// For the address itself, and for it with a detail of each form where there are details.
fn are_answers(value: &str) -> bool {
    let answer = |word: &str| word == "-" || word.parse::<Status>().is_ok();
    matches!(value.split(' ').count(), 1 | 5) && value.split(' ').all(answer)
}

fn is_beside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)))
}

fn names(routing: &Routing, found: &mut Found) {
    for (what, name) in TABLES.iter().map(|rows| (rows.what, (rows.name)(&routing.tables))) {
        if !is_beside(name) {
            let place = format!("routing.tables.{what}");
            found.error(place, format!("`{name}` is not the name of a file beside this one"));
        }
    }
}

fn tables(routing: &Routing, folder: &Path) -> Vec<Problem> {
    let wrong = |rows: &Rows| {
        let name = (rows.name)(&routing.tables);
        if !is_beside(name) {
            return None;
        }
        let error = Table::open(&folder.join(name)).and_then(|table| table.check(rows.good)).err()?;
        Some(rows.useless(&routing.tables, &error))
    };
    TABLES.iter().filter_map(wrong).collect()
}
