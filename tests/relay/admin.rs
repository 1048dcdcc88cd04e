//! The operation of a relay: its log, its metrics, its control socket and the commands that use it.

mod control;
mod event;
mod fake;
mod http;
mod queue;
mod running;
mod screen;
