//! Which bids count: from the accumulators' lists to the one set. PROTOCOL section 4.

use std::collections::{BTreeMap, BTreeSet};

use crate::join::Auction;
use crate::keys::Signature;
use crate::layout::{Digest, Label, Layout};
use crate::messages::Listed;
use crate::receipts::Receipt;

/// The digest that names a set: of its bids, sorted.
#[must_use]
pub fn set_digest(context: &Digest, bids: &[Digest]) -> Digest {
    let mut layout = Layout::new(Label::Set, context);
    layout.count(bids.len());
    for bid in bids {
        layout.digest(bid);
    }
    layout.hash()
}

/// Why a list or the receipts shown are a fault of their sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// Digests are not strictly increasing.
    #[error("the list is not sorted, or names a bid twice")]
    NotSorted,
    /// More bids than the spec allows.
    #[error("the list names {got} bids, expected at most {most}")]
    TooMany {
        /// Bids listed.
        got: usize,
        /// The spec's most bids.
        most: u32,
    },
    /// Not the receipts of exactly the bids that the sender has to show.
    #[error("got the receipts of {got} bids, expected {expected}")]
    Shown {
        /// How many were shown.
        got: usize,
        /// How many the sender has to show.
        expected: usize,
    },
    /// A receipt that does not verify.
    #[error("the receipts shown for bid {0} are not those of the accumulators that left it out")]
    Receipts(Digest),
}

/// A bid that some list lacks and another flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// The bid.
    pub bid: Digest,
    /// The accumulators whose list lacks it: their receipts are to be shown.
    pub lacking: Vec<usize>,
}

/// The lists of all accumulators, in their order.
pub struct Lists(Vec<Vec<Listed>>);

impl Lists {
    /// Checks one accumulator's list by itself.
    ///
    /// # Errors
    /// [`SetError`]: the sender's fault.
    pub fn check(list: &[Listed], most: u32) -> Result<(), SetError> {
        if list.len() > most as usize {
            return Err(SetError::TooMany { got: list.len(), most });
        }
        if list.is_sorted_by(|a, b| a.bid < b.bid) { Ok(()) } else { Err(SetError::NotSorted) }
    }

    /// Checked lists, one of each accumulator.
    #[must_use]
    pub fn new(lists: Vec<Vec<Listed>>) -> Self {
        Self(lists)
    }

    /// The bids that all lists hold.
    fn in_all(&self) -> BTreeSet<Digest> {
        let mut seen: BTreeMap<Digest, usize> = BTreeMap::new();
        for entry in self.0.iter().flatten() {
            *seen.entry(entry.bid).or_default() += 1;
        }
        let everywhere = seen.into_iter().filter(|(_, times)| *times == self.0.len());
        everywhere.map(|(bid, _)| bid).collect()
    }

    /// The bids whose receipts each accumulator has to show: those that some list lacks and of
    /// whose flaggers it has the lowest number. All empty when the lists leave nothing to settle.
    #[must_use]
    pub fn to_show(&self) -> Vec<Vec<Unsettled>> {
        let in_all = self.in_all();
        let mut to_show: Vec<Vec<Unsettled>> = vec![Vec::new(); self.0.len()];
        let mut assigned = BTreeSet::new();
        for (list, show) in self.0.iter().zip(&mut to_show) {
            for entry in list.iter().filter(|entry| entry.complete && !in_all.contains(&entry.bid))
            {
                if assigned.insert(entry.bid) {
                    show.push(Unsettled { bid: entry.bid, lacking: self.lacking(&entry.bid) });
                }
            }
        }
        to_show
    }

    /// The set, sorted: what all lists hold and what receipts were shown for.
    #[must_use]
    pub fn set(&self, shown: &[Vec<Unsettled>]) -> Vec<Digest> {
        let mut set = self.in_all();
        set.extend(shown.iter().flatten().map(|unsettled| unsettled.bid));
        set.into_iter().collect()
    }

    /// The accumulators whose list lacks a bid.
    #[must_use]
    pub fn lacking(&self, bid: &Digest) -> Vec<usize> {
        let naming = self.naming(bid);
        (0..self.0.len()).filter(|k| !naming.contains(k)).collect()
    }

    /// The accumulators whose list names a bid.
    #[must_use]
    pub fn naming(&self, bid: &Digest) -> Vec<usize> {
        let names = |list: &Vec<Listed>| list.binary_search_by(|entry| entry.bid.cmp(bid)).is_ok();
        (0..self.0.len()).filter(|k| self.0.get(*k).is_some_and(names)).collect()
    }

    /// Accumulators that receipted a bid and left it out of their list, with the bid.
    #[must_use]
    pub fn omissions(&self, set: &[Digest]) -> Vec<(usize, Digest)> {
        let pairs = |bid: Digest| self.lacking(&bid).into_iter().map(move |k| (k, bid));
        set.iter().flat_map(|bid| pairs(*bid)).collect()
    }
}

/// Checks the receipts that one accumulator shows: for each bid one of every accumulator whose
/// list lacks it, in their order. A list that names a bid says as much as a receipt.
///
/// # Errors
/// [`SetError`]: the sender's fault.
pub fn check_shown(
    auction: &Auction,
    to_show: &[Unsettled],
    shown: &[Vec<Signature>],
) -> Result<(), SetError> {
    if shown.len() != to_show.len() {
        return Err(SetError::Shown { got: shown.len(), expected: to_show.len() });
    }
    for (Unsettled { bid, lacking }, signatures) in to_show.iter().zip(shown) {
        let receipts = lacking.iter().zip(signatures).map(|(k, signature)| Receipt {
            bid: *bid,
            // Accumulators are at most 16.
            accumulator: *k as u8,
            signature: *signature,
        });
        let hold = receipts.map(|receipt| receipt.verify(auction)).all(|held| held.is_ok());
        if signatures.len() != lacking.len() || !hold {
            return Err(SetError::Receipts(*bid));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_accumulator_shows_what_several_flag() {
        let lists = Lists::new(vec![list(&[]), list(&[(1, true)]), list(&[(1, true)])]);
        let unsettled = Unsettled { bid: Digest([1; 32]), lacking: vec![0] };
        assert_eq!(lists.to_show(), vec![vec![], vec![unsettled], vec![]]);
    }

    fn list(entries: &[(u8, bool)]) -> Vec<Listed> {
        let listed =
            |(bid, complete): &(u8, bool)| Listed { bid: Digest([*bid; 32]), complete: *complete };
        entries.iter().map(listed).collect()
    }

    #[test]
    fn a_list_is_sorted_without_repeats_and_within_the_most_bids() {
        assert_eq!(Lists::check(&list(&[(1, true), (2, false)]), 2), Ok(()));
        assert_eq!(Lists::check(&list(&[(2, true), (1, true)]), 2), Err(SetError::NotSorted));
        assert_eq!(Lists::check(&list(&[(1, true), (1, true)]), 2), Err(SetError::NotSorted));
        assert_eq!(
            Lists::check(&list(&[(1, true), (2, true)]), 1),
            Err(SetError::TooMany { got: 2, most: 1 })
        );
    }

    #[test]
    fn lists_that_differ_are_settled_by_flags() {
        // 1: everywhere. 2: flagged by the first, lacking at the third. 3: unflagged, lacking.
        let lists = Lists::new(vec![
            list(&[(1, true), (2, true), (3, false)]),
            list(&[(1, false), (2, false)]),
            list(&[(1, true)]),
        ]);
        let two = Digest([2; 32]);
        let unsettled = Unsettled { bid: two, lacking: vec![2] };
        assert_eq!(lists.to_show(), vec![vec![unsettled], vec![], vec![]]);
        assert_eq!(lists.set(&lists.to_show()), vec![Digest([1; 32]), two]);
        assert_eq!(lists.set(&[]), vec![Digest([1; 32])]);
        assert_eq!(lists.omissions(&[Digest([1; 32]), two]), vec![(2, two)]);
        assert_eq!(lists.naming(&two), vec![0, 1]);
    }
}
