//! The results of a test run as JUnit's XML, which most CI servers read.

use std::io::{self, Write};
use std::path::Path;

use super::Case;
use crate::plan::route::Router;

pub(super) fn write(file: &Path, router: &Router<'_>, cases: &[Case<'_>], out: &mut dyn Write) -> io::Result<()> {
    let failures = cases.iter().filter(|c| c.failure.is_some()).count();
    let name = escape(&file.display().to_string());
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites tests=\"{}\" failures=\"{failures}\">", cases.len())?;
    writeln!(out, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\">", cases.len())?;
    for case in cases {
        write!(out, "    <testcase classname=\"{}\" name=\"{}\"", escape(&case.place), escape(&case.text))?;
        match &case.failure {
            None => writeln!(out, "/>")?,
            Some(failure) => {
                let message = escape(&failure.message(router, case.expect));
                writeln!(out, ">\n      <failure message=\"{message}\"/>\n    </testcase>")?;
            }
        }
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

/// Text in an attribute; characters that XML 1.0 cannot hold are replaced.
pub(in crate::cli) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
