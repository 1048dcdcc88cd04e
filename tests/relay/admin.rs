//! The operation of a relay: its log, its metrics, its control socket and the commands that use it.

mod event;
