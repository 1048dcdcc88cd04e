//! Every value of a source that reaches a Postfix file goes through one of these.

use std::fmt::Write as _;

use crate::name::printable;

/// A value that a place in a file cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unquotable(pub String);

/// A value of `main.cf`: one line, taken as it is but for `$`.
///
/// Postfix strips blanks around a value (postconf(5), first section), so a value that needs them has no spelling.
pub fn main_value(text: &str) -> Result<String, Unquotable> {
    // Of several blanks in a row postconf 3.7 shows one.
    let blanks = text.contains("  ") || text.trim() != text;
    if text.chars().any(char::is_control) || blanks || text.is_empty() {
        return Err(Unquotable(printable(text)));
    }
    Ok(text.replace('$', "$$"))
}

/// `-o` and one parameter, for the command of a `master.cf` service (master(5), `-o { name = value }`).
///
/// Braces inside have to balance, since Postfix looks for the one that closes the first; and a value that begins with one
/// would be taken for a quoted value itself, with nothing allowed behind its end (postconf 3.7: "syntax error after '}'").
pub fn master_option(name: &str, value: &str) -> Result<String, Unquotable> {
    if !value.is_empty() && value.bytes().all(is_plain) {
        return Ok(format!("{name}={value}"));
    }
    if value.is_empty() {
        return Ok(format!("{name}="));
    }
    if !balances(value) || value.starts_with('{') {
        return Err(Unquotable(printable(value)));
    }
    Ok(format!("{{ {name} = {} }}", main_value(value)?))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-:[]@+=>~%^,".contains(&byte)
}

fn balances(text: &str) -> bool {
    let mut depth = 0i32;
    for c in text.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// A value of an attribute in a TLS policy: blanks and commas end it (postconf(5), smtp_tls_policy_maps).
pub fn policy_value(text: &str) -> Result<&str, Unquotable> {
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !",;{}=\"".contains(c);
    if !text.is_empty() && text.chars().all(plain) { Ok(text) } else { Err(Unquotable(printable(text))) }
}

/// The text of a comment: one line, shown as it is read.
pub fn comment(text: &str) -> String {
    printable(text)
}

/// A text as a part of a regexp_table(5) pattern that matches just that text.
///
/// Brackets rather than backslashes: GNU regex(7) gives `\<`, `\'` and others a meaning of their own.
pub fn pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match c {
            '/' | '^' | '\\' | '[' | ']' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii_punctuation() || c == ' ' => {
                let _ = write!(out, "[{c}]");
            }
            c => out.push(c),
        }
    }
    out
}

/// A text as a part of the result of a regexp_table(5) entry.
pub fn replacement(text: &str) -> String {
    text.replace('$', "$$")
}

/// A name for a service, a class or a table: letters, digits and `_`, in lower case, with a prefix that no service of
/// Postfix's own has.
pub fn service_name(prefix: &str, names: &[&str]) -> String {
    const MOST: usize = 40;
    let mut out = prefix.to_owned();
    for name in names {
        out.push('_');
        out.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }));
    }
    out.truncate(MOST);
    out
}
