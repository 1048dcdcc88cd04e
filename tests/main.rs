//! The one integration test binary.

#![cfg(test)]

mod cdb;
mod directory;
mod oracle;
