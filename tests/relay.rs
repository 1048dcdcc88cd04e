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

// The whole of it in the lab, under load and among enemies.
mod crash;
mod estate;
mod host;
mod load;
mod peers;
mod smuggling;
mod tally;
mod three;
