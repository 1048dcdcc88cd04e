//! Addresses, domains, patterns and networks, read without the compiler's help.

use std::net::IpAddr;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    /// The local part as it was given, without its quotes.
    pub(crate) given: String,
    pub(crate) place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Domain(String),
    /// `[192.0.2.1]`
    Literal(String),
    /// An address without an `@`.
    Nowhere,
}

impl Address {
    pub(crate) fn read(text: &str) -> Address {
        match text.rsplit_once('@') {
            // What follows the last @ of an unqualified quoted local part is no domain.
            Some((local, place)) if !place.contains('"') => {
                let place = match place.starts_with('[') {
                    true => Place::Literal(place.to_ascii_lowercase()),
                    false => Place::Domain(domain(place)),
                };
                Address { given: unquoted(local), place }
            }
            _ => Address { given: unquoted(text), place: Place::Nowhere },
        }
    }

    /// The local part as it is compared.
    pub(crate) fn local(&self) -> String {
        if self.given.is_ascii() {
            return self.given.to_ascii_lowercase();
        }
        let composed = icu_normalizer::ComposingNormalizer::new_nfc().normalize(&self.given).into_owned();
        icu_casemap::CaseMapper::new().fold_string(&composed).into_owned()
    }

    pub(crate) fn domain(&self) -> &str {
        match &self.place {
            Place::Domain(domain) => domain,
            Place::Literal(_) | Place::Nowhere => "",
        }
    }

    /// The normal form, which is how two addresses are compared.
    pub(crate) fn normal(&self) -> String {
        let local = quoted(&self.local());
        match &self.place {
            Place::Domain(place) | Place::Literal(place) => format!("{local}@{place}"),
            Place::Nowhere => local,
        }
    }

    /// Cut at the first separator that is not the first character: `user` and `+detail`.
    pub(crate) fn cut(&self, separator: Option<char>) -> Option<(Address, String)> {
        let separator = separator?;
        let (at, _) = self.given.char_indices().skip(1).find(|&(_, c)| c == separator)?;
        let (user, detail) = self.given.split_at(at);
        Some((Address { given: user.to_owned(), place: self.place.clone() }, detail.to_owned()))
    }

    /// This address with a detail carried over to it.
    pub(crate) fn with_detail(&self, detail: &str) -> Address {
        Address { given: format!("{}{detail}", self.given), place: self.place.clone() }
    }
}

fn unquoted(local: &str) -> String {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return local.to_owned();
    };
    let mut plain = String::new();
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    plain
}

/// A local part as it is written: in quotes where it is no dot-string of RFC 5321.
fn quoted(local: &str) -> String {
    let atom = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii())
    };
    if local.split('.').all(atom) {
        return local.to_owned();
    }
    format!("\"{}\"", local.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A domain, or a pattern, as it is compared.
pub(crate) fn domain(text: &str) -> String {
    if let Some(parent) = text.strip_prefix("*.") {
        return format!("*.{}", domain(parent));
    }
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // What is no domain stays as it is, and so equals nothing else.
    idna::domain_to_ascii(text).unwrap_or_else(|_| text.to_owned())
}

/// How specific a pattern is that matches the domain: exact over `*.`, a longer `*.` over a shorter, `*` last.
pub(crate) fn specificity(pattern: &str, name: &str) -> Option<usize> {
    let pattern = domain(pattern);
    match pattern.strip_prefix('*') {
        Some("") => Some(0),
        Some(suffix) => (name.len() > suffix.len() && name.ends_with(suffix)).then_some(suffix.len()),
        None => (pattern == name).then_some(usize::MAX),
    }
}

/// Is an IP address inside a network (`10.0.0.0/8`, or one address)?
pub(crate) fn inside(ip: &str, network: &str) -> bool {
    let (base, length) = match network.split_once('/') {
        Some((base, length)) => (base, length.parse().unwrap_or(u32::MAX)),
        None => (network, u32::MAX),
    };
    match (ip.parse(), base.parse()) {
        (Ok(IpAddr::V4(ip)), Ok(IpAddr::V4(base))) => {
            let shift = 32 - length.min(32);
            u64::from(u32::from(ip)) >> shift == u64::from(u32::from(base)) >> shift
        }
        (Ok(IpAddr::V6(ip)), Ok(IpAddr::V6(base))) => {
            let shift = 128 - length.min(128);
            let top = |ip: u128| ip.checked_shr(shift).unwrap_or(0);
            top(ip.into()) == top(base.into())
        }
        _ => false,
    }
}
