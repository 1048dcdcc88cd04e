//! The queue: who is tried when, what becomes of what is refused, and what that costs.

mod change;
mod disk;
mod hosts;
pub(crate) mod house;
mod reports;
mod share;
mod size;
