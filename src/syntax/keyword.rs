//! The words that mean something where a statement or a field may begin, and the nearest of them to a wrong one.

/// Where a field may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Mta,
    System,
    Domain,
    RelayDomain,
    Connector,
    Contact,
    /// The block of `contacts from` and `accounts from`.
    Columns,
}

pub(super) const STATEMENTS: &[&str] =
    &["include", "mta", "system", "domain", "shared", "relay", "connector", "contact", "contacts", "expect"];

const PLACES: &[Place] =
    &[Place::Mta, Place::System, Place::Domain, Place::RelayDomain, Place::Connector, Place::Contact, Place::Columns];

impl Place {
    pub(super) fn fields(self) -> &'static [&'static str] {
        match self {
            Place::Mta => &[
                "target",
                "maps",
                "hostname",
                "listen",
                "address",
                "trust",
                "postmaster",
                "tls",
                "max-size",
                "queue-lifetime",
                "subaddress",
                "smtputf8",
                "milter",
                "settings",
                "emit",
            ],
            Place::System => &["domain", "account", "accounts", "address", "forwards", "authoritative"],
            Place::Domain => &["unresolved", "on", "mx"],
            Place::RelayDomain => &["verify", "on", "mx"],
            Place::Connector => &[
                "from",
                "to",
                "address-space",
                "cost",
                "smart-host",
                "dns",
                "protocol",
                "tls",
                "auth",
                "source-address",
                "concurrency",
                "max-size",
            ],
            Place::Contact => &["primary", "secondary"],
            Place::Columns => &["name", "primary", "secondary"],
        }
    }

    pub(super) fn has(self, word: &str) -> bool {
        self.fields().contains(&word)
    }

    /// How messages call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Place::Mta => "mta",
            Place::System => "system",
            Place::Domain => "domain",
            Place::RelayDomain => "relay domain",
            Place::Connector => "connector",
            Place::Contact => "contact",
            Place::Columns => "contacts from",
        }
    }

    /// What stands behind its keyword, in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Place::Mta => "the name of the mta",
            Place::System => "the name of the system",
            Place::Connector => "the name of the connector",
            Place::Contact => "the name of the contact",
            Place::Domain | Place::RelayDomain => "a domain",
            Place::Columns => "a file",
        }
    }

    /// The first declaration that has this field.
    pub(super) fn owner(word: &str) -> Option<Place> {
        PLACES.iter().copied().find(|p| p.has(word))
    }

    /// The declarations that have this field, other than the one where it was found.
    pub(super) fn owners(word: &str, but: Option<Place>) -> Vec<&'static str> {
        PLACES.iter().filter(|p| Some(**p) != but && p.has(word)).map(|p| p.title()).collect()
    }
}

pub(super) fn is_statement(word: &str) -> bool {
    STATEMENTS.contains(&word)
}

/// The nearest of the known words, where it is near enough to have been meant.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.len() > 40 {
        return None;
    }
    let word = word.to_lowercase().replace('_', "-");
    let near = |k: &&'k str| (strsim::damerau_levenshtein(&word, k), *k);
    let (distance, best) = known.iter().map(near).min_by_key(|(distance, _)| *distance)?;
    let allowed = if best.len() > 3 { best.len().div_ceil(4) } else { usize::from(best.len() > 2) };
    (distance <= allowed).then_some(best)
}

/// `a`, `b` and `c`.
pub(super) fn enumerate(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    match quoted.split_last() {
        Some((last, head)) if !head.is_empty() => format!("{} and {last}", head.join(", ")),
        _ => quoted.concat(),
    }
}

/// What an argument may look like.
pub(super) fn example(what: &str) -> Option<&'static str> {
    Some(match what {
        "a domain" => "contoso.com",
        "an address" => "ann@contoso.com",
        "a host" => "mail.contoso.com",
        "an address to listen on" => "0.0.0.0:25",
        "an IP address" => "192.0.2.1",
        "a network" => "10.0.0.0/8",
        "a size" => "50MB",
        "a duration" => "4d",
        "a number" => "10",
        "a file" => "\"people.csv\"",
        "a separator" => "\"+\"",
        "the name of a column" => "\"Mail\"",
        "the name of the contact" => "\"Ann Lee\"",
        _ => return None,
    })
}
