//! What is asked of the rounds.

use std::collections::BTreeSet;

use super::lists::{BIDS, History, Mark, every_list, set, to_show};
use super::node::Node;
use super::steps::{Rounds, State};

/// The questions, asked of every state.
///
/// A *complete transcript* is judged as the referee does: one list of each accumulator; what is
/// to be shown is shown, with receipts that exist; each accumulator's `sigma` message, which
/// carries the hash of those lists. A dishonest accumulator signs whatever is needed, an honest
/// one has signed what it has signed. What follows in later rounds is a function of the set, by
/// the proofs in the messages: it can stop a transcript, and cannot change its outcome. So a
/// transcript counts as complete here as soon as the set is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// No two complete transcripts with different sets of bids, so none with different outcomes.
    OneOutcome,
    /// A bid of which an honest accumulator held all receipts at closing is in the set of every
    /// complete transcript.
    ReceiptedCounts,
    /// A search for the shortest run to a complete transcript in which both bids count.
    Success,
}

impl Rounds {
    /// Whether a state is as the question wants it.
    pub(super) fn holds(&self, state: &State) -> bool {
        let sets = |histories: &BTreeSet<History>| -> BTreeSet<[bool; BIDS]> {
            histories.iter().map(|history| set(history, self.nothing_shown())).collect()
        };
        let complete = self.complete_transcripts(state);
        match self.question {
            Question::OneOutcome => sets(&complete).len() <= 1,
            Question::ReceiptedCounts => {
                let owed = |bid: usize| state.honest().any(|(_, node)| node.owed[bid]);
                let counts = |set: &[bool; BIDS]| (0..BIDS).all(|bid| set[bid] || !owed(bid));
                sets(&complete).iter().all(counts)
            }
            Question::Success => !sets(&complete).contains(&[true; BIDS]),
        }
    }

    /// Two transcripts that can be completed, in words.
    pub(super) fn tell_transcripts(&self, state: &State) -> String {
        let sets: BTreeSet<_> = self
            .complete_transcripts(state)
            .iter()
            .map(|history| set(history, self.nothing_shown()))
            .collect();
        let name = |set: &[bool; BIDS]| match set {
            [false, false] => "no bid",
            [true, false] => "bid 0",
            [false, true] => "bid 1",
            [true, true] => "both bids",
        };
        let names: Vec<&str> = sets.iter().map(name).collect();
        format!(
            "in the end there can be a complete transcript with {}",
            names.join(", and one with ")
        )
    }

    /// The first rounds of every transcript that could be completed now.
    fn complete_transcripts(&self, state: &State) -> BTreeSet<History> {
        let all = self.histories(state).into_iter();
        all.filter(|history| self.is_complete(state, history)).collect()
    }

    /// Every history whose lists have been signed, or can be by the dishonest.
    fn histories(&self, state: &State) -> Vec<History> {
        let mut histories: Vec<History> = vec![vec![]];
        for node in &state.nodes {
            let lists = match node {
                Some(node) => node.signed_lists.iter().copied().collect(),
                None => every_list(),
            };
            let longer = |history: &History| {
                let longer = |list| history.iter().copied().chain([list]).collect::<History>();
                lists.iter().copied().map(longer).collect::<Vec<_>>()
            };
            histories = histories.iter().flat_map(longer).collect();
        }
        histories
    }

    fn is_complete(&self, state: &State, history: &History) -> bool {
        let bound = self.without_sigma()
            || state.honest().all(|(_, node)| node.signed_sigma.contains(history));
        let show = to_show(history);
        if self.nothing_shown() || show.iter().all(Vec::is_empty) {
            return bound;
        }
        // Every accumulator has a message in the round in which receipts are shown.
        let said = |(_, node): (usize, &Node)| node.signed_receipts.contains(history);
        let exist = show.iter().flatten().all(|(bid, lacking)| can_show(state, *bid, lacking));
        bound && exist && state.honest().all(said)
    }
}

/// Whether the receipts of these accumulators for a bid exist, or can be made by the dishonest.
#[must_use]
pub fn can_show(state: &State, bid: usize, lacking: &[usize]) -> bool {
    lacking.iter().all(|k| state.nodes[*k].as_ref().is_none_or(|node| node.receipted[bid]))
}

/// A mark in words.
pub(super) fn tell(mark: Mark) -> &'static str {
    match mark {
        Mark::Absent => "leaves out",
        Mark::Listed => "lists",
        Mark::Flagged => "flags",
    }
}
