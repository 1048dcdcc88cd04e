//! The releases of Postfix and Exim: what is emitted for each of them, and what its own programs say of that.
//!
//! `lines` needs no MTA: it holds the tables of `src/emit/*/version.rs` against the emitted text, release by release.
//! `mail` sends real mail through each release, and `roots` gives every golden case and example to the programs of each release that `tests/setup-releases.sh` unpacks.

mod lines;
mod mail;
mod roots;
