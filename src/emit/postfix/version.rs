//! Which Postfix releases know which parameters: nothing is emitted that the named release does not know.

use crate::plan::Version;

/// A release, complete with its patch level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release {
    pub(super) minor: u32,
    pub(super) patch: u32,
}

/// The release that a source without a version gets: the one of Debian 12.
const DEFAULT_MINOR: u32 = 7;

/// Every supported series `3.minor`, and the patch level that its name alone stands for: the last one, or the first of
/// a series that is still maintained.
const SERIES: &[(u32, u32)] = &[(5, 25), (6, 15), (7, 11), (8, 6), (9, 0), (10, 0), (11, 0)];

/// Postfix before 3.5 takes one nexthop only in a transport table (transport(5), RESULT FORMAT).
pub(super) fn release(version: Option<Version>) -> Option<Release> {
    let Some(version) = version else { return series(DEFAULT_MINOR) };
    let named = series(version.minor).filter(|_| version.major == 3)?;
    Some(Release { patch: version.patch.unwrap_or(named.patch), ..named })
}

fn series(minor: u32) -> Option<Release> {
    SERIES.iter().find(|s| s.0 == minor).map(|&(minor, patch)| Release { minor, patch })
}

impl Release {
    /// Whether the release is at least the first of its own series that has a feature; `since` lists the patch
    /// releases that it was carried back to, and the first series that had it from the start.
    fn has(self, carried_back: &[(u32, u32)], first: u32) -> bool {
        self.minor >= first || carried_back.iter().any(|&(minor, patch)| minor == self.minor && self.patch >= patch)
    }

    /// postconf(5), smtp_bind_address_enforce.
    pub(super) fn enforces_source_address(self) -> bool {
        self.has(&[], 7)
    }

    /// postconf(5), smtp_tls_mandatory_protocols: the form `>=TLSv1.2`.
    pub(super) fn compares_protocols(self) -> bool {
        self.has(&[], 6)
    }

    /// postconf(5), smtpd_forbid_unauth_pipelining.
    pub(super) fn forbids_pipelining(self) -> bool {
        self.has(&[(5, 20), (6, 10), (7, 6), (8, 1)], 9)
    }

    /// postconf(5), smtpd_forbid_bare_newline: `yes`.
    pub(super) fn forbids_bare_newline(self) -> bool {
        self.has(&[(5, 23), (6, 13), (7, 9), (8, 4)], 9)
    }

    /// postconf(5), smtpd_forbid_bare_newline: `normalize`.
    pub(super) fn normalizes_bare_newline(self) -> bool {
        self.has(&[(5, 24), (6, 14), (7, 10), (8, 5)], 9)
    }

    /// RELEASE_NOTES-3.10, 20250117: a header `TLS-Required: no` limits every connector to opportunistic TLS.
    pub(super) fn lets_senders_waive_tls(self) -> bool {
        self.has(&[], 10)
    }

    /// RELEASE_NOTES-3.11, 20241111; REQUIRETLS_README: a message may ask for more than its connector has, and is
    /// returned then.
    pub(super) fn lets_senders_require_tls(self) -> bool {
        self.has(&[], 11)
    }

    /// COMPATIBILITY_README: levels are releases from 3.6 on, small numbers before. At a lower one than its last, Postfix
    /// logs at every start that its defaults are those of an older release.
    pub(super) fn compatibility_level(self) -> &'static str {
        match self.minor {
            ..=5 => "2",
            6..=10 => "3.6",
            _ => "3.11",
        }
    }
}
