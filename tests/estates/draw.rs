//! Choices, drawn from a stream of random numbers.

use proptest::prelude::Rng;
use proptest::test_runner::TestRng;

#[derive(Debug)]
pub(super) struct Draw<'r>(pub(super) &'r mut TestRng);

impl Draw<'_> {
    /// A number from 0 on, below this one.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.0.next_u32() as usize) % end.max(1)
    }

    /// A number from the first to the last, both among them.
    pub(super) fn from(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last.max(first) - first + 1)
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn maybe<T>(&mut self, percent: usize, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.percent(percent).then(|| value(self))
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Some of these, so many at most and each once, in their order.
    pub(super) fn some<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        let mut places: Vec<usize> = (0..from.len()).collect();
        while places.len() > most {
            let at = self.below(places.len());
            places.remove(at);
        }
        places.into_iter().map(|at| from[at].clone()).collect()
    }
}
