//! What should have moved in the place of an entry, used up by what did move.

use super::movements::Moved;
use crate::ledger::{AccountId, Action, HoldKey, Part, Request};

/// From whom, to whom, and out of which hold.
type Way = (AccountId, AccountId, Option<HoldKey>);

/// What may still move rightfully, each way: an amount that was paid is not rightful twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget(Vec<(Way, u64)>);

/// What should have gone from an account to another and did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpaid {
    /// Who should have given.
    pub debit: AccountId,
    /// Who should have got.
    pub credit: AccountId,
    /// Minor units.
    pub amount: u64,
}

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
            match budget.left(&way) {
                Some(left) => *left = left.saturating_add(amount),
                None => budget.0.push((way, amount)),
            }
        }
        budget
    }

    /// One after the other: a chain has few members.
    fn left(&mut self, way: &Way) -> Option<&mut u64> {
        self.0.iter_mut().find(|(one, _)| one == way).map(|(_, left)| left)
    }

    /// Takes what a movement may rightfully move, at most all of it; answers with how much, in
    /// minor units.
    pub fn take(&mut self, moved: &Moved) -> u64 {
        let Some(left) = self.left(&(moved.debit, moved.credit, moved.hold)) else { return 0 };
        let taken = moved.amount.min(*left);
        *left -= taken;
        taken
    }

    /// What is left that an account, which got what it should pass on, has not passed on: what was
    /// not taken from a hold in the first place nobody lacks, and the last who would have been
    /// paid go without it.
    #[must_use]
    pub fn unpaid(&self) -> Vec<Unpaid> {
        let mut unpaid: Vec<Unpaid> = self.0.iter().filter_map(unpaid_way).collect();
        for ((_, into, hold), missing) in &self.0 {
            let mut missing = if hold.is_some() { *missing } else { 0 };
            for one in unpaid.iter_mut().rev().filter(|one| one.debit == *into) {
                let less = one.amount.min(missing);
                one.amount -= less;
                missing -= less;
            }
        }
        unpaid.retain(|one| one.amount > 0);
        unpaid
    }
}

/// What goes from an account to another, and not out of a hold, which is gone.
fn unpaid_way(((debit, credit, hold), amount): &(Way, u64)) -> Option<Unpaid> {
    let unpaid = Unpaid { debit: *debit, credit: *credit, amount: *amount };
    hold.is_none().then_some(unpaid)
}
