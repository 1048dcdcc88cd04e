//! The commands, asked through the binary: what they print, and the exit status that they give.

pub(crate) mod run;

mod build;
mod check;
mod fmt;
mod relay;
mod secrets;
mod terminal;
mod test;
mod trace;
