//! The one integration test binary.

#![cfg(test)]

mod bundle;
mod cli;
mod directory;
mod lab;
mod oracle;
mod properties;
mod syntax;
