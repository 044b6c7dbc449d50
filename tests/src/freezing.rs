//! The rounds held still: with one accumulator frozen the others go no further, so that a test
//! can act at a moment of its choice however fast the rounds are.

use link::service::{Phase, State};

use crate::committee::Committee;
use crate::sale::Sale;

/// Where an auction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Bids are taken, or not even that.
    Open,
    /// Closed; the set is being agreed on.
    Set,
    /// The search for the price.
    Price,
    /// The search for the winner.
    Winner,
    /// The outcome is known and being signed.
    Outcome,
    /// Signed by all.
    Done,
}

impl Part {
    /// Where a state is.
    ///
    /// # Panics
    /// When the auction has ended without an outcome.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let complete = state.phases.last().map_or("", |report| report.phase.as_str());
        match &state.phase {
            Phase::Joining(_) | Phase::Waiting | Phase::Open => Self::Open,
            Phase::Closed { step, .. } if step == "outcome" => Self::Outcome,
            Phase::Closed { .. } if complete == "set" => Self::Price,
            Phase::Closed { .. } if complete == "price" => Self::Winner,
            Phase::Closed { .. } => Self::Set,
            Phase::Done => Self::Done,
            Phase::Stopped(_) | Phase::Void => panic!("{state:?}"),
        }
    }
}

/// Lets an accumulator that was frozen before closing run in short slices until the others wait
/// for it in the wanted part, and leaves it frozen there. False, and it runs, when the rounds
/// went past that part within one slice.
///
/// # Panics
/// When the auction ends without an outcome, or the others do not come to a halt.
pub async fn freeze_in(committee: &Committee, sale: &Sale, frozen: usize, wanted: Part) -> bool {
    loop {
        let part = standstill(sale, frozen).await;
        if part == wanted {
            return true;
        }
        committee.accumulators[frozen].thaw();
        if part > wanted {
            return false;
        }
        committee.accumulators[frozen].freeze();
    }
}

/// Where all others are, once each of them waits for the frozen one. One may wait for more: for
/// those whom the frozen one's last message has not reached.
async fn standstill(sale: &Sale, frozen: usize) -> Part {
    let waits = |state: &State| match &state.phase {
        Phase::Closed { waiting_for, .. } => {
            waiting_for.iter().any(|waiting| usize::from(*waiting) == frozen)
        }
        phase => *phase == Phase::Done,
    };
    let mut parts = Vec::new();
    for k in (0..sale.peers.len()).filter(|k| *k != frozen) {
        parts.push(Part::of(&sale.until(k, "a standstill", waits).await));
    }
    parts.into_iter().max().unwrap()
}
