//! A map from patterns to values that answers with the most specific match: an exact domain over `*.`, a longer `*.`
//! over a shorter one, `*` last.

use hashbrown::HashMap;

use super::{Domain, Pattern};

#[derive(Debug, Clone)]
pub struct PatternMap<T> {
    exact: HashMap<Domain, T>,
    sub: HashMap<Domain, T>,
    any: Option<T>,
}

impl<T> Default for PatternMap<T> {
    fn default() -> Self {
        PatternMap { exact: HashMap::new(), sub: HashMap::new(), any: None }
    }
}

impl<T> PatternMap<T> {
    /// The value of this very pattern.
    pub fn get(&self, pattern: &Pattern) -> Option<&T> {
        match pattern {
            Pattern::Exact(d) => self.exact.get(d),
            Pattern::Sub(d) => self.sub.get(d),
            Pattern::Any => self.any.as_ref(),
        }
    }

    /// The value of this very pattern, made where there is none.
    pub fn entry(&mut self, pattern: &Pattern) -> &mut T
    where
        T: Default,
    {
        match pattern {
            Pattern::Exact(d) => self.exact.entry(d.clone()).or_default(),
            Pattern::Sub(d) => self.sub.entry(d.clone()).or_default(),
            Pattern::Any => self.any.get_or_insert_default(),
        }
    }

    /// Keeps what is there already.
    pub fn insert_if_absent(&mut self, pattern: &Pattern, value: T) {
        match pattern {
            Pattern::Exact(d) => drop(self.exact.entry(d.clone()).or_insert(value)),
            Pattern::Sub(d) => drop(self.sub.entry(d.clone()).or_insert(value)),
            Pattern::Any => drop(self.any.get_or_insert(value)),
        }
    }

    /// The most specific match for a domain in normal form.
    pub fn find(&self, domain: &str) -> Option<&T> {
        if let Some(found) = self.exact.get(domain) {
            return Some(found);
        }
        if !self.sub.is_empty() {
            let mut rest = domain;
            while let Some((_, parent)) = rest.split_once('.') {
                if let Some(found) = self.sub.get(parent) {
                    return Some(found);
                }
                rest = parent;
            }
        }
        self.any.as_ref()
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.exact.values_mut().chain(self.sub.values_mut()).chain(self.any.as_mut())
    }
}
