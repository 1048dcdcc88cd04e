//! The relay: its parts through their public faces, and the whole of it beside real MTAs.

mod admin;
mod deliver;
mod listen;
mod local;
mod milter;
mod proxy;
mod route;
mod session;
mod spool;
mod table;
mod verify;
