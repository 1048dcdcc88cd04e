//! The one integration test binary.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests use files, processes and clocks")]

mod architecture;
mod article;
mod bundle;
mod cli;
mod directory;
mod emit_exim;
mod emit_postfix;
mod estates;
mod format;
mod fuzz;
mod golden;
mod lab;
mod mutants;
mod oracle;
mod pages;
mod properties;
mod readme;
mod relay;
mod relay_config;
mod releases;
mod support;
mod syntax;
mod verify;
