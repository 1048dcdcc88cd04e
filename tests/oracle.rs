//! A second reading of the language's meaning: slow, naive and written apart from the compiler, so that the two can be held against each other.

pub(crate) mod address;
pub(crate) mod asks;
pub(crate) mod dsl;
pub(crate) mod estate;
mod examples;
mod examples_between;
pub(crate) mod meaning;
pub(crate) mod random;
mod visit;
pub(crate) mod world;
