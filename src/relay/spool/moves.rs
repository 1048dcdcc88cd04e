//! Where messages stand that were copied forward: their owners go on naming them by the place that they were told.

use hashbrown::HashMap;

use super::Place;

#[derive(Debug, Default)]
pub(crate) struct Moves {
    now: HashMap<Place, Place>,
    told: HashMap<Place, Place>,
}

impl Moves {
    /// The place where a message stands that the owner knows by another, or by this one.
    pub(crate) fn resolve(&self, told: Place) -> Place {
        self.now.get(&told).copied().unwrap_or(told)
    }

    pub(crate) fn add(&mut self, from: Place, to: Place) {
        let told = self.told.remove(&from).unwrap_or(from);
        self.now.insert(told, to);
        self.told.insert(to, told);
    }

    /// The message is gone; where it stood.
    pub(crate) fn remove(&mut self, told: Place) -> Place {
        let Some(place) = self.now.remove(&told) else { return told };
        self.told.remove(&place);
        place
    }
}
