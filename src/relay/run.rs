//! The running relay: how it starts, is told of changes, and ends.

pub mod privileges;
pub mod watch;
