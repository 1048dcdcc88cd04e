//! The relay: its parts through their public faces, and the whole of it beside real MTAs.

mod admin;
mod deliver;
mod dsn;
mod listen;
mod local;
mod milter;
mod proxy;
mod queue;
mod route;
mod run;
mod session;
mod spool;
mod table;
mod verify;
