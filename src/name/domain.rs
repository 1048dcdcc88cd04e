//! Domains and patterns of domains: A-labels, lower case (RFC 5321 2.3.5, RFC 5891, UTS 46 non-transitional).

use std::borrow::{Borrow, Cow};
use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::{NameError, printable};

/// A domain in its normal form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    pub fn parse(text: &str) -> Result<Domain, NameError> {
        normalize(text).map(|d| Domain(d.into_owned()))
    }

    /// A domain that nobody has (RFC 2606), for what was reported as missing.
    pub(crate) fn invalid() -> Domain {
        Domain("invalid".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same domain with its U-labels, as people write it.
    pub fn unicode(&self) -> String {
        Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast).0.into_owned()
    }
}

impl Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The normal form of a domain, borrowed where it is written in it already.
pub fn normalize(text: &str) -> Result<Cow<'_, str>, NameError> {
    let normal = if is_plain(text) {
        Cow::Borrowed(text)
    } else {
        Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .map_err(|_| not_a_domain(text))?
    };
    // A name that ends in a number is read as an IPv4 address by much software (RFC 3696 section 2).
    if normal.rsplit('.').next().is_none_or(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(not_a_domain(text));
    }
    Ok(normal)
}

/// Lower-case letters, digits, hyphens and dots in their right places, no A-label: nothing to normalise.
fn is_plain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_plain_label)
}

fn is_plain_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && !bytes.starts_with(b"xn--")
}

fn not_a_domain(text: &str) -> NameError {
    let error = NameError::new(format!("`{}` is not a domain", printable(text)));
    if text.contains('_') {
        return error
            .help("a mail domain has letters, digits and hyphens; an underscore is not among them (RFC 5321 2.3.5)");
    }
    if let Some(stripped) = text.strip_suffix('.')
        && normalize(stripped).is_ok()
    {
        return error.help(format!("write it without the final dot: `{}`", printable(stripped)));
    }
    error.help(
        "a domain is made of labels of letters, digits and hyphens (63 at most each, 253 in all), with dots between",
    )
}

/// Which domains a statement speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// `contoso.com`: that domain alone.
    Exact(Domain),
    /// `*.contoso.com`: every strict subdomain, at any depth.
    Sub(Domain),
    /// `*`
    Any,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, NameError> {
        if text == "*" {
            return Ok(Pattern::Any);
        }
        match text.strip_prefix("*.") {
            Some(rest) => Domain::parse(rest).map(Pattern::Sub),
            None => Domain::parse(text).map(Pattern::Exact).map_err(|e| pattern_help(text, e)),
        }
    }

    pub fn matches(&self, domain: &str) -> bool {
        match self {
            Pattern::Exact(d) => d.as_str() == domain,
            Pattern::Sub(d) => {
                domain.strip_suffix(d.as_str()).is_some_and(|head| head.len() > 1 && head.ends_with('.'))
            }
            Pattern::Any => true,
        }
    }

    /// The greater decides where several match: an exact domain over `*.`, a longer `*.` over a shorter one, `*` last.
    pub fn specificity(&self) -> (u8, usize) {
        match self {
            Pattern::Any => (0, 0),
            Pattern::Sub(domain) => (1, domain.as_str().len()),
            Pattern::Exact(_) => (2, 0),
        }
    }
}

fn pattern_help(text: &str, error: NameError) -> NameError {
    match text.strip_prefix('.') {
        Some(rest) if Domain::parse(rest).is_ok() => error.help(format!("for every subdomain write `*.{rest}`")),
        _ => error,
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Exact(d) => write!(f, "{d}"),
            Pattern::Sub(d) => write!(f, "*.{d}"),
            Pattern::Any => f.write_str("*"),
        }
    }
}
