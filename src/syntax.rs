//! Text to syntax tree: tokens, declarations, recovery. Parsing never fails; it returns what it understood and what was wrong.

pub mod ast;
