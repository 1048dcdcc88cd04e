//! The readers of bulk directory data, on files as real directories write them.

use mailswitch::diagnostic::Diagnostics;
use mailswitch::directory::{self, Columns, Format, Kind, Value, Verdict};
use mailswitch::source::Sources;

mod csv;
mod encodings;
mod estate;
mod ldif;
mod properties;

/// Reads a file and writes down what came out: a line a row, then a line a mistake as `line:column code: message [marked text]`.
fn show(format: Format, bytes: impl Into<Vec<u8>>, columns: &Columns) -> String {
    let (mut sources, mut diagnostics, mut out) = (Sources::default(), Diagnostics::default(), Vec::new());
    if let Some(file) = directory::add(&mut sources, "file", bytes.into(), &mut diagnostics) {
        let verdict = directory::read(&sources, file, format, columns, &mut diagnostics, &mut |row, _| {
            let text = |values: &[Value<'_>]| values.iter().map(|v| placed(&sources, v)).collect::<Vec<_>>().join(" ");
            let label = row.label.map_or("-", |label| &label.text);
            out.push(match (row.kind, row.contact(), row.account()) {
                (Kind::Contact, Some((target, rest)), None) => {
                    format!("contact {label}: {} <- {}", placed(&sources, target), text(rest))
                }
                (Kind::Account, None, Some(all)) => format!("account {label}: {}", text(all)),
                (Kind::Listed, Some((first, rest)), Some(all)) if all.len() == rest.len() + 1 => {
                    format!("listed {label}: {} {}", placed(&sources, first), text(rest))
                }
                other => panic!("{other:?}"),
            });
        });
        if verdict == Verdict::Other {
            out.push("not a directory".into());
        }
    }
    for diagnostic in diagnostics.into_sorted(&sources) {
        let span = diagnostic.primary().unwrap();
        let at = sources.position(span);
        let marked = sources.text(span);
        out.push(format!("{}:{} {}: {} [{marked}]", at.line, at.column, diagnostic.code.name, diagnostic.message));
    }
    out.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// The value; marked with `~` where its place holds it in an escaped form.
fn placed(sources: &Sources, value: &Value<'_>) -> String {
    let exact = sources.text(value.span) == value.text;
    format!("{}{}", value.text, if exact { "" } else { "~" })
}

fn csv(text: impl Into<Vec<u8>>) -> String {
    show(Format::Csv, text, &Columns::default())
}

fn ldif(text: impl Into<Vec<u8>>) -> String {
    show(Format::Ldif, text, &Columns::default())
}

fn mapped(primary: &str, secondary: &str) -> Columns {
    let name = |n: &str| (!n.is_empty()).then(|| n.to_owned());
    Columns { name: None, primary: name(primary), secondary: name(secondary) }
}

#[track_caller]
fn same(actual: String, expected: &str) {
    let expected = expected.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n");
    assert_eq!(actual, expected, "\n--- actual\n{actual}\n--- expected\n{expected}");
}

#[test]
fn the_extension_says_the_format_whatever_its_case() {
    for (path, format) in [
        ("a.csv", Some(Format::Csv)),
        ("b/A.CSV", Some(Format::Csv)),
        ("a.ldif", Some(Format::Ldif)),
        ("a.LDF", Some(Format::Ldif)),
        ("a.txt", None),
        ("csv", None),
        (".csv", None),
    ] {
        assert_eq!(Format::of(path.as_ref()), format, "{path}");
    }
}
