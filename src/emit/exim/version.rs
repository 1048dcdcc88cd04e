//! Which Exim releases know which options, and what they need: nothing is emitted that the named release does not know.
//!
//! The sources are Exim's `doc/NewStuff` and `doc/ChangeLog`, by release and item.

use crate::plan::Version;

/// A release, complete with its patch level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Release {
    minor: u32,
    patch: u32,
    /// A distribution's package, which has the security fixes of later releases.
    patched: bool,
}

/// The release that a source without a version gets: Debian 12's package (`4.96-15+deb12u4` and later).
const DEFAULT: Release = Release { minor: 96, patch: 0, patched: true };

/// Every supported series `4.minor`, and the patch level that its name alone stands for: the last one, or the first of
/// a series that is still maintained.
const SERIES: &[(u32, u32)] = &[(94, 2), (95, 0), (96, 2), (97, 1), (98, 2), (99, 5), (100, 0)];

/// Exim before 4.94 has other rules on tainted data (4.94, ChangeLog JH/20), and no `$local_part_data` (4.94, NewStuff 6).
pub(super) fn release(version: Option<Version>) -> Option<Release> {
    let Some(version) = version else { return Some(DEFAULT) };
    let &(minor, last) = SERIES.iter().find(|series| version.major == 4 && series.0 == version.minor)?;
    Some(Release { minor, patch: version.patch.unwrap_or(last), patched: false })
}

impl Release {
    fn has(self, minor: u32, patch: u32) -> bool {
        (self.minor, self.patch) >= (minor, patch)
    }

    /// 4.95, NewStuff 5: the transport option `message_linelength_limit`, and its limit of 998.
    pub(super) fn limits_lines(self) -> bool {
        self.has(95, 0)
    }

    /// 4.94.2 never ends in `${certextract{subj_altname,dns}…}` where another kind of name comes first, and 4.96 does
    /// (measured, with GnuTLS; no ChangeLog speaks of it).
    pub(super) fn reads_certificate_names(self) -> bool {
        self.has(96, 0)
    }

    /// `$1` outlives the message: a list that matches sets it (11.9, "$0, $1, etc"), as a router's default
    /// `dnssec_request_domains = *` does to the name of the host that a call-out goes to (`match.c`, `host.c`), and nothing
    /// unsets it when the end of a message or RSET gives that memory back. Before 4.98 the skipped branch of an `${if …}`
    /// copies it too (`expand.c`). Measured: where the last recipient was called out, 4.96 dies of that at the next RCPT
    /// from four recipients on, 4.94.2 from two on and after RSET only, and the session is cut without a word; 4.98.2 and
    /// 4.100.1, which copy only what is used, do not. No ChangeLog speaks of it (4.97, JH/08, bug 2915, is the same with
    /// `$regex1`); 4.97 was not to be had and counts as old.
    pub(super) fn reads_stale_numbers(self) -> bool {
        !self.has(98, 0)
    }

    /// 4.98, ChangeLog JH/12, and before that 4.97.1: a dot between other line ends than CRLF does not end a message.
    pub(super) fn ends_messages_strictly(self) -> bool {
        self.patched || self.has(97, 1)
    }
}
