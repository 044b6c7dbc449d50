//! What everybody may know of an auction, without asking its task.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use auction::join::{Auction, Join};
use auction::spec::{EarlyClose, VerifiedSpec};
use link::service::{Answer, Phase, State};

use crate::store::{End, StoredAuction};

/// What never changes, and a view of what does.
pub(crate) struct Shared {
    pub(crate) spec: VerifiedSpec,
    /// This node's number in the auction.
    pub(crate) me: usize,
    view: RwLock<View>,
}

/// What changes.
pub(crate) struct View {
    /// Verified joins by accumulator.
    pub(crate) joins: Vec<Option<Join>>,
    /// The auction, once all joined.
    pub(crate) auction: Option<Arc<Auction>>,
    /// The seller's early close.
    pub(crate) early_close: Option<EarlyClose>,
    /// Whether the auction has ended and its secrets are being erased, or are.
    pub(crate) ended: bool,
    /// The state that is shown.
    pub(crate) state: State,
}

impl Shared {
    /// The view of a stored auction, before its task looks at it.
    pub(crate) fn new(spec: VerifiedSpec, stored: &StoredAuction) -> Self {
        let joins: Vec<Option<Join>> = (0..spec.spec().accumulators.len())
            .map(|k| u8::try_from(k).ok().and_then(|k| stored.joins.get(&k).cloned()))
            .collect();
        let mut state = State {
            phase: match (missing(&joins), stored.closed) {
                (missing, _) if !missing.is_empty() => Phase::Joining(missing),
                (_, None) => Phase::Waiting,
                (_, Some(_)) => {
                    Phase::Closed { round: 0, step: "resume".to_owned(), waiting_for: Vec::new() }
                }
            },
            bids: stored.bids,
            outcome: None,
            findings: stored.findings.iter().map(|row| row.text.clone()).collect(),
            phases: Vec::new(),
        };
        match &stored.end {
            None => {}
            Some(End::Done(outcome, phases)) => {
                state.phase = Phase::Done;
                state.bids = outcome.bids;
                state.outcome = Some(*outcome);
                state.phases.clone_from(phases);
            }
            Some(End::Stopped(text, _)) => state.phase = Phase::Stopped(text.clone()),
            Some(End::Void(_)) => state.phase = Phase::Void,
        }
        let view = View {
            joins,
            auction: None,
            early_close: stored.early_close,
            ended: stored.end.is_some(),
            state,
        };
        Self { me: stored.row.me.into(), spec, view: RwLock::new(view) }
    }

    /// The view as it is now.
    pub(crate) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the view. For the auction's task alone.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the auction needs a place among those that run.
    pub(crate) fn runs(&self) -> bool {
        !self.view().ended
    }

    /// The answer that shows spec and joins.
    pub(crate) fn auction_answer(&self) -> Answer {
        let view = self.view();
        Answer::Auction {
            spec: Box::new(self.spec.signed().clone()),
            joins: view.joins.iter().flatten().cloned().collect(),
            early_close: view.early_close,
        }
    }
}

/// The numbers of the accumulators whose join has not come.
pub(super) fn missing(joins: &[Option<Join>]) -> Vec<u8> {
    (0u8..).zip(joins).filter(|(_, join)| join.is_none()).map(|(k, _)| k).collect()
}
