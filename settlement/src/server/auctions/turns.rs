//! One at a time: what is on its way to the journal keeps others of its key from going there.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use super::lock;

/// The keys that are on their way.
pub(super) struct Turns<K: Eq + Hash>(Arc<Mutex<HashSet<K>>>);

/// A turn, until it is dropped.
pub(super) struct Turn<K: Eq + Hash> {
    of: Arc<Mutex<HashSet<K>>>,
    key: K,
}

impl<K: Eq + Hash> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> Turns<K> {
    /// Begins the turn of a key; nothing where another has it.
    pub(super) fn begin(&self, key: K) -> Option<Turn<K>> {
        let first = lock(&self.0).insert(key.clone());
        first.then(|| Turn { of: Arc::clone(&self.0), key })
    }
}

impl<K: Eq + Hash> Drop for Turn<K> {
    fn drop(&mut self) {
        lock(&self.of).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_turn_at_a_time() {
        let turns = Turns::default();
        let first = turns.begin(1);
        assert!(first.is_some() && turns.begin(1).is_none() && turns.begin(2).is_some());
        drop(first);
        assert!(turns.begin(1).is_some());
    }
}
