//! The words of SMTP that client and server share: command lines, paths, parameters, the data phase.
//!
//! Nothing here knows of a session: RFC 5321 4.1 and 4.5, RFC 1870, RFC 3461, RFC 6152, RFC 6531.

pub mod command;
pub mod data;
pub mod params;
pub mod path;
