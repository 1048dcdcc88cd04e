//! Whole estates that are sound: every field of the language, and nothing that `check` or a target would refuse.
//!
//! Where `oracle::random` draws from a tiny alphabet and is mostly wrong, these are built to be right (`build`), what is
//! still wrong is taken out (`mend`), and what is left can be emitted for the targets that it declares. An estate is a
//! function of a seed, a number and a size, so that a long run can name the one that failed; `shrink` makes it small and
//! `keep` writes it down as a golden case.

use proptest::prelude::Rng as _;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::oracle::estate::Estate;

mod build;
mod checks;
mod connectors;
mod draw;
mod faults;
mod fields;
mod keep;
mod mend;
mod people;
mod pieces;
mod pools;
mod real;
mod shrink;
mod table;

pub(crate) use faults::faults;
pub(crate) use keep::{Asked, keep, keep_below};
pub(crate) use shrink::shrink;

/// The most of each that an estate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) mtas: usize,
    pub(crate) systems: usize,
    /// Domains of ours.
    pub(crate) domains: usize,
    /// Contacts and accounts.
    pub(crate) people: usize,
}

impl Size {
    /// A page at most.
    pub(crate) const SMALL: Size = Size { mtas: 2, systems: 2, domains: 2, people: 8 };
    pub(crate) const MEDIUM: Size = Size { mtas: 4, systems: 4, domains: 5, people: 40 };
    /// One start of its MTAs serves thousands of addresses.
    pub(crate) const LARGE: Size = Size { mtas: 4, systems: 5, domains: 8, people: 1000 };
}

/// The estate of this number, always the same; `None` for the few that cannot be mended.
pub(crate) fn nth(seed: u64, index: u64, size: Size) -> Option<Estate> {
    mend::mended(drawn(seed, index, size))
}

/// As it is built, before what is wrong is taken out.
fn drawn(seed: u64, index: u64, size: Size) -> Estate {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&index.to_le_bytes());
    build::build(&mut TestRng::from_seed(RngAlgorithm::ChaCha, &bytes), size)
}

/// Sound estates for proptest, which shrink by losing pieces.
pub(crate) fn estate(size: Size) -> impl Strategy<Value = Estate> {
    Sound(size)
}

#[derive(Debug)]
struct Sound(Size);

impl Strategy for Sound {
    type Tree = Tree;
    type Value = Estate;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        loop {
            let mut number = || u64::from(runner.rng().next_u32()) << 32 | u64::from(runner.rng().next_u32());
            match nth(number(), number(), self.0) {
                Some(estate) => return Ok(Tree { search: shrink::Search::new(estate), tried: None }),
                None => runner.reject_local("an estate that cannot be mended")?,
            }
        }
    }
}

#[derive(Debug)]
struct Tree {
    search: shrink::Search,
    /// A smaller estate that is being looked at.
    tried: Option<Estate>,
}

impl ValueTree for Tree {
    type Value = Estate;

    fn current(&self) -> Estate {
        self.tried.as_ref().unwrap_or(&self.search.least).clone()
    }

    fn simplify(&mut self) -> bool {
        if let Some(estate) = self.tried.take() {
            self.search.take(estate);
        }
        self.tried = self.search.next_sound();
        self.tried.is_some()
    }

    fn complicate(&mut self) -> bool {
        if self.tried.take().is_some() {
            self.search.refuse();
        }
        self.tried = self.search.next_sound();
        self.tried.is_some()
    }
}
