//! The one integration test binary.

#![cfg(test)]

mod directory;
mod cdb;
mod oracle;
