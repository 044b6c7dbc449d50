//! An honest accumulator: what it remembers, and what it has signed.

use std::collections::BTreeSet;

use super::lists::{BIDS, History, List, Mark};

/// An honest accumulator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Node {
    /// By bid: it has receipted it.
    pub receipted: [bool; BIDS],
    /// By bid: it holds the receipts of all accumulators.
    pub complete: [bool; BIDS],
    /// By bid: it held them when it closed. What must count, whatever the others do.
    pub owed: [bool; BIDS],
    /// Its own list, once it has closed.
    pub list: Option<List>,
    /// By accumulator: the list that it has taken from it.
    pub heard: Vec<Option<List>>,
    /// By accumulator: it has taken from it what it has to show, over the same history.
    pub shown: Vec<bool>,
    /// Every list that it ever signed.
    pub signed_lists: BTreeSet<List>,
    /// Every history over which it signed what it had to show.
    pub signed_receipts: BTreeSet<History>,
    /// Every history over which it signed the message that binds it to one set (`sigma`).
    pub signed_sigma: BTreeSet<History>,
}

impl Node {
    /// One of `accumulators`.
    #[must_use]
    pub fn new(accumulators: usize) -> Self {
        let (heard, shown) = (vec![None; accumulators], vec![false; accumulators]);
        Self { heard, shown, ..Self::default() }
    }

    /// Closing: the list, in one step, and no receipt after it.
    pub fn close(&mut self, own: usize) {
        let mark = |bid: usize| match (self.receipted[bid], self.complete[bid]) {
            (true, true) => Mark::Flagged,
            (true, false) => Mark::Listed,
            _ => Mark::Absent,
        };
        let list = [mark(0), mark(1)];
        for (owed, complete) in self.owed.iter_mut().zip(self.complete) {
            *owed |= complete;
        }
        self.list = Some(list);
        self.heard[own] = Some(list);
        self.signed_lists.insert(list);
    }

    /// The first round as this node saw it, once it has all lists.
    #[must_use]
    pub fn history(&self) -> Option<History> {
        self.heard.iter().copied().collect()
    }

    /// A restart that has lost what the node said and heard in the rounds. Only a broken node
    /// does this; a sound one has flushed both before it acts on them.
    pub fn forget_rounds(&mut self) {
        self.list = None;
        self.heard.fill(None);
        self.shown.fill(false);
    }
}
