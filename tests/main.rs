//! The one integration test binary.

#![cfg(test)]

mod bundle;
mod directory;
mod oracle;
mod syntax;
