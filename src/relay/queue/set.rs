//! Which recipients of an envelope: a set of their places, a word for the first 64 of them.

/// Places in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Set {
    Few(u64),
    Many(Box<[u64]>),
}

impl Default for Set {
    fn default() -> Set {
        Set::Few(0)
    }
}

impl Set {
    pub(super) fn add(&mut self, place: u32) {
        let (word, bit) = (place as usize / 64, 1 << (place % 64));
        match self {
            Set::Few(bits) if word == 0 => *bits |= bit,
            _ => {
                let mut words = self.words().to_vec();
                words.resize(words.len().max(word + 1), 0);
                words[word] |= bit;
                *self = Set::Many(words.into());
            }
        }
    }

    pub(super) fn remove(&mut self, place: u32) {
        let (word, bit) = (place as usize / 64, 1 << (place % 64));
        match self {
            Set::Few(bits) if word == 0 => *bits &= !bit,
            Set::Few(_) => {}
            Set::Many(words) => words.iter_mut().skip(word).take(1).for_each(|bits| *bits &= !bit),
        }
    }

    pub(super) fn has(&self, place: u32) -> bool {
        self.words().get(place as usize / 64).is_some_and(|bits| bits & (1 << (place % 64)) != 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words().iter().all(|bits| *bits == 0)
    }

    /// In the envelope's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words().iter().zip(0_u32..).flat_map(|(bits, word)| {
            let mut rest = *bits;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(word * 64 + bit)
            })
        })
    }

    fn words(&self) -> &[u64] {
        match self {
            Set::Few(bits) => std::slice::from_ref(bits),
            Set::Many(words) => words,
        }
    }
}

impl FromIterator<u32> for Set {
    fn from_iter<I: IntoIterator<Item = u32>>(places: I) -> Set {
        let mut set = Set::default();
        places.into_iter().for_each(|place| set.add(place));
        set
    }
}
