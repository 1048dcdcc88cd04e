//! The command line: beside the relay, the only part that touches files.

pub mod output;
