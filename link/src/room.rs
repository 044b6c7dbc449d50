//! How many bytes of questions and answers are held at a time: of one connection, of the
//! strangers of one place, and of all strangers.
//!
//! Connections of one trusted key share one budget, which follows what the key is granted.
//!
//! A question counts from the moment when its length is known to that of its answer, the answer
//! until the peer has it. QUIC's windows do not bound them: a question is read as it comes, and
//! as many may come side by side as a connection has streams.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes that may be held at a time. One thing alone always fits, however long.
#[derive(Debug)]
pub(crate) struct Budget {
    most: AtomicUsize,
    used: Mutex<usize>,
}

impl Budget {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most), used: Mutex::new(0) })
    }

    /// From now on so many. What is held beyond them stays until it is given back.
    pub(crate) fn allow(&self, most: usize) {
        self.most.store(most, Relaxed);
    }

    fn used(&self) -> MutexGuard<'_, usize> {
        // A number is whole whatever panicked.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: usize) -> bool {
        let mut used = self.used();
        let sum = used.saturating_add(bytes);
        let fits = *used == 0 || sum <= self.most.load(Relaxed);
        if fits {
            *used = sum;
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        let mut used = self.used();
        *used = used.saturating_sub(bytes);
    }
}

/// Whose bytes a connection's are: first its own, then those of the place and of all strangers.
#[derive(Debug, Clone)]
pub(crate) struct Budgets(pub(crate) Vec<Arc<Budget>>);

impl Budgets {
    /// Room for so many bytes, given back when it is dropped; nothing where one budget has none.
    pub(crate) fn take(&self, bytes: usize) -> Option<Room> {
        let mut room = Room { budgets: Vec::with_capacity(self.0.len()), bytes };
        for budget in &self.0 {
            if !budget.take(bytes) {
                return None;
            }
            room.budgets.push(Arc::clone(budget));
        }
        Some(room)
    }
}

/// Room that was taken.
#[derive(Debug)]
pub(crate) struct Room {
    budgets: Vec<Arc<Budget>>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        for budget in &self.budgets {
            budget.give_back(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_in_all_budgets_or_in_none() {
        let (own, all) = (Budget::new(10), Budget::new(15));
        let (first, second) = (
            Budgets(vec![Arc::clone(&own), Arc::clone(&all)]),
            Budgets(vec![Budget::new(10), Arc::clone(&all)]),
        );
        let held = first.take(9).unwrap();
        assert!(first.take(2).is_none());
        assert_eq!((*own.used(), *all.used()), (9, 9));
        let other = second.take(6).unwrap();
        // Its own has room, that of all has not.
        assert!(second.take(1).is_none() && first.take(1).is_none());
        assert_eq!((*own.used(), *all.used()), (9, 15));
        drop(held);
        assert!(first.take(9).is_some());
        drop(other);
        assert_eq!((*own.used(), *all.used()), (0, 0));
    }

    #[test]
    fn what_is_allowed_may_change_while_some_is_held() {
        let budget = Budget::new(10);
        let own = Budgets(vec![Arc::clone(&budget)]);
        let held = own.take(8).unwrap();
        assert!(own.take(4).is_none());
        budget.allow(12);
        let more = own.take(4).unwrap();
        budget.allow(3);
        assert!(own.take(1).is_none());
        drop((held, more));
        assert!(own.take(3).is_some());
    }

    #[test]
    fn one_alone_always_fits() {
        let budget = Budgets(vec![Budget::new(10)]);
        let alone = budget.take(usize::MAX).unwrap();
        assert!(budget.take(1).is_none());
        drop(alone);
        assert!(budget.take(10).is_some());
    }
}
