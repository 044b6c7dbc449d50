//! What should have moved in the place of an entry, used up by what did move.

use std::collections::BTreeMap;

use super::movements::Moved;
use crate::ledger::{AccountId, Action, HoldKey, Part, Request};

/// From whom, to whom, and out of which hold.
type Way = (AccountId, AccountId, Option<HoldKey>);

/// What may still move rightfully, each way: an amount that was paid is not rightful twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget(BTreeMap<Way, u64>);

impl Budget {
    /// What these requests move, which should have been in an entry's place.
    #[must_use]
    pub fn of(expected: &[Request]) -> Self {
        let mut budget = Self::default();
        for request in expected {
            let (way, amount) = match request.action {
                Action::Post(movement) => {
                    ((movement.debit, movement.credit, None), movement.amount.get())
                }
                Action::PostHold { account, hold, part, .. } => {
                    let amount = match part {
                        // As much as there was; the ledger posts a hold once.
                        Part::Whole => u64::MAX,
                        Part::Amount(amount) => amount,
                    };
                    ((hold.account, account, Some(hold)), amount)
                }
                _ => continue,
            };
            let left = budget.0.entry(way).or_default();
            *left = left.saturating_add(amount);
        }
        budget
    }

    /// Takes what a movement may rightfully move, at most all of it; answers with how much, in
    /// minor units.
    pub fn take(&mut self, moved: &Moved) -> u64 {
        let Some(left) = self.0.get_mut(&(moved.debit, moved.credit, moved.hold)) else { return 0 };
        let taken = moved.amount.min(*left);
        *left -= taken;
        taken
    }
}
