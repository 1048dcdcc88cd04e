//! The expansions (chapter 11) that read the tables: made once here, since the RCPT ACL and the routers both need them.

use super::quote;
use crate::plan::Maps;

/// The names of the tables, in the folder of `exim.conf` itself.
pub(super) const ADDRESSES: &str = "addresses";
pub(super) const DOMAINS: &str = "domains";

/// What the expansions of one MTA depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expressions {
    pub maps: Maps,
    pub separator: Option<char>,
    pub utf8: bool,
}

impl Expressions {
    pub(super) fn table_file(&self, table: &str) -> String {
        match self.maps {
            Maps::Lsearch => table.to_owned(),
            _ => format!("{table}.cdb"),
        }
    }

    fn lookup_type(&self) -> &'static str {
        match self.maps {
            Maps::Lsearch => "lsearch",
            _ => "cdb",
        }
    }

    /// The local part as the tables spell it.
    pub(super) fn local(&self, fold: &[(String, String)]) -> String {
        let lower = "${lc:$local_part}".to_owned();
        if !self.utf8 {
            return lower;
        }
        // `${lc:…}` knows ASCII only (11.7), so each letter that the tables hold is folded by hand.
        fold.iter().fold(lower, |inner, (from, to)| format!("${{sg{{{inner}}}{{{from}}}{{{to}}}}}"))
    }

    /// The domain as the tables spell it: in A-labels (60.1), Exim itself lower-cases it.
    pub(super) fn domain(&self) -> String {
        if !self.utf8 {
            return "$domain".to_owned();
        }
        r"${if match{$domain}{\N[\x80-\xff]\N}{${utf8_domain_to_alabel:$domain}}{$domain}}".to_owned()
    }

    /// The row of an address; empty where there is none.
    pub(super) fn address_row(&self, local: &str, domain: &str) -> String {
        let file = self.table_file(ADDRESSES);
        let kind = self.lookup_type();
        format!("${{lookup{{${{quote_local_part:{local}}}@{domain}}}{kind}{{$config_dir/{file}}}}}")
    }

    /// The row of a domain: its own, or that of the longest `*.` above it, or that of `*`.
    ///
    /// A partial lookup (9.7) takes `*.d` for `d` as well, so `d` always has a row of its own beside it.
    pub(super) fn domain_row(&self, domain: &str) -> String {
        let file = self.table_file(DOMAINS);
        let kind = self.lookup_type();
        format!("${{lookup{{{domain}}}partial0-{kind}{{$config_dir/{file}}}}}")
    }

    /// A regular expression that cuts `user+detail` at the first separator that is not the first character.
    ///
    /// `local_part_suffix` would not do: it splits `+x` into nothing and `+x` (15, "local_part_suffix").
    pub(super) fn cut(&self) -> Option<String> {
        let separator = self.separator?;
        let mut bytes = [0; 4];
        let separator: String =
            separator.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        Some(format!(r"\N(?i)^(.(?:(?!{separator}).)*)({separator}.*)$\N"))
    }
}

/// The letters that fold into one of those that the addresses hold, and the addresses' spelling of them.
pub(super) fn fold_pairs<'a>(locals: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    let known: std::collections::BTreeSet<char> = locals.flat_map(str::chars).filter(|c| !c.is_ascii()).collect();
    let mapper = icu_casemap::CaseMapper::new();
    let nfc = icu_normalizer::ComposingNormalizer::new_nfc();
    let nfd = icu_normalizer::DecomposingNormalizer::new_nfd();
    let mut pairs = std::collections::BTreeSet::new();
    for c in ('\u{80}'..=char::MAX).filter(|c| c.is_alphabetic() || known.contains(c)) {
        let text = c.to_string();
        let folded = nfc.normalize(&mapper.fold_string(&nfc.normalize(&text))).into_owned();
        if !folded.chars().all(|f| f.is_ascii() || known.contains(&f)) {
            continue;
        }
        let decomposed = nfd.normalize(&text).into_owned();
        for from in [text, decomposed.to_ascii_lowercase(), decomposed] {
            if from != folded && !from.is_ascii() {
                pairs.insert((from, folded.clone()));
            }
        }
    }
    // The longest first: a letter with its marks goes before the letter alone.
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    pairs.into_iter().map(|(from, to)| (quote::expanded(&from), quote::expanded(&to))).collect()
}
