//! One at a time: what is on its way to the journal keeps others of its key from going there.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use super::lock;

/// The keys that are on their way.
pub(super) struct OneAtATime<K: Eq + Hash>(Arc<Mutex<HashSet<K>>>);

/// A key on its way, until this is dropped.
pub(super) struct Way<K: Eq + Hash> {
    of: Arc<Mutex<HashSet<K>>>,
    key: K,
}

impl<K: Eq + Hash> Default for OneAtATime<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> OneAtATime<K> {
    /// Lets a key go; nothing where another has it.
    pub(super) fn begin(&self, key: K) -> Option<Way<K>> {
        let first = lock(&self.0).insert(key.clone());
        first.then(|| Way { of: Arc::clone(&self.0), key })
    }
}

impl<K: Eq + Hash> Drop for Way<K> {
    fn drop(&mut self) {
        lock(&self.of).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_once_at_a_time() {
        let on_their_way = OneAtATime::default();
        let first = on_their_way.begin(1);
        assert!(
            first.is_some() && on_their_way.begin(1).is_none() && on_their_way.begin(2).is_some()
        );
        drop(first);
        assert!(on_their_way.begin(1).is_some());
    }
}
