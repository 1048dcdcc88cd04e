//! The project's own SMTP relay: what it is configured by, and the tables that it looks recipients up in.
//!
//! It knows its own configuration and nothing of the compiler.

#![expect(clippy::disallowed_methods, reason = "a relay reads its own files")]

pub mod admin;
pub mod check;
pub mod config;
pub mod date;
pub mod deliver;
pub mod dsn;
pub mod envelope;
pub mod event;
pub mod listen;
pub mod metrics;
pub mod milter;
pub mod queue;
pub mod reply;
pub mod route;
pub mod run;
pub mod session;
pub mod smtp;
pub mod spool;
pub mod table;
pub mod verify;
