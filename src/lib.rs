//! A compiler for mail switches: `routing.dsl` in, proven, and complete configurations for Postfix, Exim or the project's own relay out.

pub mod source;

pub mod diagnostic;

pub mod syntax;

pub mod format;

pub mod name;

pub mod directory;

pub mod load;

pub mod resolve;

pub mod plan;

pub mod check;

pub mod emit;

pub mod relay;

pub mod lab;

pub mod verify;

pub mod cli;
