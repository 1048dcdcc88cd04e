//! The one integration test binary.

#![cfg(test)]

mod bundle;
mod cli;
mod directory;
mod emit_postfix;
mod format;
mod fuzz;
mod golden;
mod lab;
mod oracle;
mod properties;
mod syntax;
