//! Lists of two bids, and the set that they give: by `auction::set::Lists`, the code that nodes
//! and referee run.

use auction::layout::Digest;
use auction::messages::Listed;
use auction::set::{Lists, Unsettled};

/// The bids of the model.
pub const BIDS: usize = 2;

/// What a list says of a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Nothing.
    Absent,
    /// Receipted.
    Listed,
    /// Receipted, and all receipts are at hand.
    Flagged,
}

/// An accumulator's list.
pub type List = [Mark; BIDS];

/// The lists of all accumulators, in their order: one history of the first round.
pub type History = Vec<List>;

/// Every list that can be made.
#[must_use]
pub fn every_list() -> Vec<List> {
    let marks = [Mark::Absent, Mark::Listed, Mark::Flagged];
    marks.iter().flat_map(|one| marks.map(|two| [*one, two])).collect()
}

/// What has to be shown after these lists: by accumulator, the bids and whose receipts they need.
#[must_use]
pub fn to_show(history: &History) -> Vec<Vec<(usize, Vec<usize>)>> {
    let number = |unsettled: Unsettled| (number_of(&unsettled.bid), unsettled.lacking);
    let lists = lists(history).to_show().into_iter();
    lists.map(|show| show.into_iter().map(number).collect()).collect()
}

/// The bids that count, once everything has been shown that is to be; with `nothing_shown` those
/// that all lists hold.
#[must_use]
pub fn set(history: &History, nothing_shown: bool) -> [bool; BIDS] {
    let lists = lists(history);
    let shown = if nothing_shown { vec![] } else { lists.to_show() };
    let set = lists.set(&shown);
    [0, 1].map(|bid| set.contains(&digest(bid)))
}

fn lists(history: &History) -> Lists {
    let list = |list: &List| {
        let listed = list.iter().enumerate().filter(|(_, mark)| **mark != Mark::Absent);
        listed
            .map(|(bid, mark)| Listed { bid: digest(bid), complete: *mark == Mark::Flagged })
            .collect()
    };
    Lists::new(history.iter().map(list).collect())
}

fn digest(bid: usize) -> Digest {
    // Bids are two.
    Digest([1 + bid as u8; 32])
}

fn number_of(bid: &Digest) -> usize {
    usize::from(bid.0[0] - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flagged_bid_counts_once_its_receipts_are_shown() {
        let history = vec![[Mark::Flagged, Mark::Listed], [Mark::Absent, Mark::Absent]];
        assert_eq!(to_show(&history), vec![vec![(0, vec![1])], vec![]]);
        assert_eq!(set(&history, false), [true, false]);
        assert_eq!(set(&history, true), [false, false]);
        assert_eq!(every_list().len(), 9);
    }
}
