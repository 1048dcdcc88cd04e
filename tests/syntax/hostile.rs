//! Input made to hurt: deep, long, binary. It is refused in linear time, with a place, and without a panic.

use std::time::{Duration, Instant};

use mailswitch::syntax::decode::decode;

use super::parsed;

/// Far above what a debug build on a busy machine needs, far below what quadratic time would take.
const PATIENCE: Duration = Duration::from_secs(20);

fn refused_quickly(text: &str) -> Vec<String> {
    let begin = Instant::now();
    let (_, ast, told) = parsed(text);
    assert!(begin.elapsed() < PATIENCE, "{:?} for {} bytes", begin.elapsed(), text.len());
    assert!(ast.broken);
    told
}

#[test]
fn nested_braces() {
    let deep = 10_000;
    let opened = refused_quickly(&format!("mta x {}", "{ ".repeat(deep)));
    assert_eq!(opened, ["syntax::nesting | { | a block cannot begin inside `mta x`"]);
    let closed = refused_quickly(&format!("mta x {}{}\nsystem y", "{\n".repeat(deep), "}\n".repeat(deep)));
    assert_eq!(closed, ["syntax::nesting | { | a block cannot begin inside `mta x`"]);
    let unknown = refused_quickly(&format!("foo {}", "{".repeat(deep)));
    assert_eq!(unknown, ["syntax::unexpected | foo | unknown statement `foo`"]);
    assert_eq!(refused_quickly(&"}".repeat(deep)).len(), 101);
}

#[test]
fn long_lines() {
    let long = 4_000_000;
    for piece in [
        "{", "}", "{}", "a", "a ", "\"", "\"\\", "\\\"", ",", "a,", "@", "a@{", "#", "\0", "\u{a0}", "x{", ";x",
        "mta;", "\r", "ä",
    ] {
        let text = piece.repeat(long / piece.len() / 10);
        assert!(!refused_quickly(&format!("mta hub {{ trust {text}")).is_empty(), "{piece:?}");
        assert!(!refused_quickly(&format!("x {text}")).is_empty(), "{piece:?}");
    }
    let (_, _, told) = parsed(&format!("# {}", "x".repeat(long)));
    assert!(told.is_empty());
}

#[test]
fn many_mistakes_are_counted() {
    let told = refused_quickly(&"foo\n".repeat(1000));
    assert_eq!(told.len(), 101);
    assert_eq!(told[99], "syntax::unexpected | foo | unknown statement `foo`");
    assert_eq!(told[100], "syntax::unexpected | foo | 900 more syntax errors in this file");
}

#[test]
fn bytes_that_are_no_text() {
    assert_eq!(decode(b"\xef\xbb\xbfmta hub".to_vec()).unwrap(), "mta hub");
    let wrong = decode(b"mta hub\n# caf\xe9\n".to_vec()).unwrap_err();
    assert_eq!((wrong.line, wrong.column, wrong.byte, wrong.utf16), (2, 6, 0xe9, false));
    assert_eq!(wrong.head, "mta hub\n# caf");
    assert!(decode(b"\xff\xfem\0t\0a\0".to_vec()).unwrap_err().utf16);
    assert_eq!(decode(Vec::new()).unwrap(), "");
}
