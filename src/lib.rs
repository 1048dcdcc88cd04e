//! A compiler for mail switches.
