//! The least estate that still fails: pieces are taken out, halves first, as long as what is left is sound and fails.

use super::faults::faults;
use super::pieces::{self, Piece};
use crate::oracle::estate::Estate;

/// A search for the least estate, driven from outside: `next` gives a smaller one, `take` or `refuse` says whether it
/// failed. It ends, since every estate that is taken has fewer pieces, and otherwise the chunks get smaller.
#[derive(Debug)]
pub(super) struct Search {
    /// The least that failed so far.
    pub(super) least: Estate,
    kind: usize,
    chunk: Option<usize>,
    at: usize,
    /// Something was taken since the search last began with the first kind.
    progress: bool,
}

/// How many kinds of pieces there are.
const KINDS: usize = 4;

impl Search {
    pub(super) fn new(estate: Estate) -> Search {
        Search { least: estate, kind: 0, chunk: None, at: 0, progress: false }
    }

    /// The next smaller estate, sound or not.
    fn next(&mut self) -> Option<Estate> {
        loop {
            let pieces = &pieces::kinds(&self.least)[self.kind];
            let chunk = *self.chunk.get_or_insert(pieces.len().max(1));
            if self.at < pieces.len() {
                let gone = pieces[self.at..pieces.len().min(self.at + chunk)].iter().copied().collect();
                match smaller(&self.least, &gone) {
                    Some(estate) => return Some(estate),
                    None => self.at += chunk,
                }
            } else if chunk > 1 {
                (self.chunk, self.at) = (Some(chunk.div_ceil(2)), 0);
            } else {
                (self.kind, self.chunk, self.at) = (self.kind + 1, None, 0);
                if self.kind == KINDS {
                    self.kind = 0;
                    if !std::mem::take(&mut self.progress) {
                        // From here on there is nothing more to try, however often somebody asks.
                        self.kind = KINDS - 1;
                        (self.chunk, self.at) = (Some(1), usize::MAX - 1);
                        return None;
                    }
                }
            }
        }
    }

    pub(super) fn next_sound(&mut self) -> Option<Estate> {
        loop {
            let estate = self.next()?;
            if faults(&estate).is_empty() {
                return Some(estate);
            }
            self.refuse();
        }
    }

    /// The estate that was given failed too: the search goes on from it, at the same place.
    pub(super) fn take(&mut self, estate: Estate) {
        self.least = estate;
        self.progress = true;
    }

    /// It did not fail, or is not sound.
    pub(super) fn refuse(&mut self) {
        self.at += self.chunk.unwrap_or(1);
    }
}

fn smaller(estate: &Estate, gone: &std::collections::BTreeSet<Piece>) -> Option<Estate> {
    let left = pieces::without(estate, gone)?;
    (pieces::all(&left).len() < pieces::all(estate).len()).then_some(left)
}

/// The least sound estate, as far as taking pieces out leads, that still fails. The one that is given fails.
pub(crate) fn shrink(estate: Estate, mut still_fails: impl FnMut(&Estate) -> bool) -> Estate {
    let mut search = Search::new(estate);
    while let Some(smaller) = search.next_sound() {
        if still_fails(&smaller) {
            search.take(smaller);
        } else {
            search.refuse();
        }
    }
    search.least
}
