//! Which movements were not rightful, and what has been moved back.

use std::collections::{BTreeMap, BTreeSet};

use auction::layout::Digest;

use super::budget::Unpaid;
use super::movements::Moved;
use crate::ledger::{
    AccountId, Currency, HoldKey, Ledger, MAX_CHAIN_REQUESTS, correction_reference,
};

/// The place of the first payment that an entry withheld: after all that a chain can hold.
const FIRST_WITHHELD: u8 = {
    assert!(MAX_CHAIN_REQUESTS < 128, "places are counted in a byte");
    MAX_CHAIN_REQUESTS as u8
};

/// What is wrong with a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It was made, and should not have been.
    Made,
    /// It should have been made the other way round, and was not: who should have given keeps what
    /// belongs to who should have got, as if it had come from him.
    Withheld,
}

/// A movement, or a part of one, that was not rightful; or money that was withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongMovement {
    /// The journal entry.
    pub entry: u64,
    /// Made or withheld.
    pub fault: Fault,
    /// What moved, all of it; of what was withheld, from whom it is kept and who keeps it.
    pub moved: Moved,
    /// How much of it was not rightful, in minor units.
    pub wrong: u64,
    /// How much of that corrections have moved back.
    pub corrected: u64,
    /// What a correction of it refers to.
    pub reference: Digest,
}

impl WrongMovement {
    /// What has not been moved back, in minor units.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.wrong - self.corrected
    }
}

/// A correction that is a misdeed itself: all that it moved past what was wrong is not rightful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongCorrection {
    /// It names nothing that was found wrong.
    #[error("the operator corrected a movement that was rightful, or that there is none of")]
    Rightful,
    /// It moves between others.
    #[error("the operator corrected entry {entry} by moving money between other accounts")]
    OtherAccounts {
        /// The entry that it names.
        entry: u64,
    },
    /// It moves back more than was wrong.
    #[error("the operator moved back {got} where entry {entry} had moved {left} without right")]
    TooMuch {
        /// The entry that it names.
        entry: u64,
        /// What it moved.
        got: u64,
        /// What was left to be moved back.
        left: u64,
    },
}

/// An account that does not hold what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Astray {
    /// The account.
    pub account: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// What it holds, posted, in minor units.
    pub posted: i128,
    /// What it would hold had only rightful movements been made.
    pub rightful: i128,
}

/// All movements of a journal, sorted into rightful ones and others.
#[derive(Debug, Default)]
pub struct Wrongs {
    /// By what a correction of it refers to.
    wrong: BTreeMap<Digest, WrongMovement>,
    /// Holds that nobody rightfully made.
    tainted: BTreeSet<HoldKey>,
    /// What every account should hold.
    rightful: BTreeMap<AccountId, i128>,
}

impl Wrongs {
    /// Takes note of a movement of which `rightful` minor units, at most all, should have moved.
    pub fn add(&mut self, entry: u64, leaf: &[u8; 32], moved: &Moved, rightful: u64) {
        let rightful = rightful.min(moved.amount);
        self.count(moved, rightful);
        let wrong = moved.amount - rightful;
        if wrong > 0 {
            let reference = correction_reference(leaf, moved.request);
            let (fault, moved, corrected) = (Fault::Made, *moved, 0);
            let found = WrongMovement { entry, fault, moved, wrong, corrected, reference };
            self.wrong.insert(reference, found);
        }
    }

    /// Takes note of what an entry should have paid and did not. A correction pays it, under a
    /// reference as if it stood after all that a chain can hold.
    pub fn withhold(&mut self, entry: u64, leaf: &[u8; 32], currency: Currency, unpaid: &[Unpaid]) {
        for (request, one) in (FIRST_WITHHELD..=u8::MAX).zip(unpaid) {
            let (debit, credit, amount) = (one.credit, one.debit, one.amount);
            let moved = Moved { request, debit, credit, currency, amount, hold: None };
            let kept = Moved { debit: credit, credit: debit, ..moved };
            self.count(&kept, amount);
            let reference = correction_reference(leaf, request);
            let (fault, wrong, corrected) = (Fault::Withheld, amount, 0);
            let found = WrongMovement { entry, fault, moved, wrong, corrected, reference };
            self.wrong.insert(reference, found);
        }
    }

    fn count(&mut self, moved: &Moved, amount: u64) {
        *self.rightful.entry(moved.debit).or_default() -= i128::from(amount);
        *self.rightful.entry(moved.credit).or_default() += i128::from(amount);
    }

    /// Takes note of a hold that nobody rightfully made: what is taken from it is not rightful.
    pub fn taint(&mut self, hold: HoldKey) {
        self.tainted.insert(hold);
    }

    /// Whether nobody rightfully made a hold.
    #[must_use]
    pub fn is_tainted(&self, hold: &HoldKey) -> bool {
        self.tainted.contains(hold)
    }

    /// Holds a correction against what was found wrong. What it rightly moves back is neither
    /// rightful nor wrong: it takes away from what was wrong.
    ///
    /// # Errors
    /// [`WrongCorrection`]; then what is too much of it is a wrong movement of its own.
    pub fn correct(
        &mut self,
        entry: u64,
        leaf: &[u8; 32],
        moved: &Moved,
        reference: &Digest,
    ) -> Result<(), WrongCorrection> {
        let judged = match self.wrong.get_mut(reference) {
            None => Err((WrongCorrection::Rightful, moved.amount)),
            Some(wrong) => wrong.take_back(moved),
        };
        judged.map_err(|(wrong, too_much)| {
            let part = Moved { amount: too_much, ..*moved };
            self.add(entry, leaf, &part, 0);
            wrong
        })
    }

    /// All movements that were not rightful, in the order in which they were made.
    #[must_use]
    pub fn movements(&self) -> Vec<WrongMovement> {
        let mut all: Vec<WrongMovement> = self.wrong.values().copied().collect();
        all.sort_by_key(|wrong| (wrong.entry, wrong.moved.request));
        all
    }

    /// What of an entry was not rightful.
    #[must_use]
    pub fn of_entry(&self, entry: u64) -> Vec<WrongMovement> {
        self.movements().into_iter().filter(|wrong| wrong.entry == entry).collect()
    }

    /// The accounts that do not hold what they should, by id.
    #[must_use]
    pub fn astray(&self, ledger: &Ledger) -> Vec<Astray> {
        let mut astray = Vec::new();
        for account in ledger.accounts() {
            let (posted, id) = (account.balances.posted(), account.id);
            let rightful = self.rightful.get(&id).copied().unwrap_or_default();
            if posted != rightful {
                astray.push(Astray { account: id, currency: account.currency, posted, rightful });
            }
        }
        astray.sort_by_key(|one| one.account);
        astray
    }
}

impl WrongMovement {
    /// Takes a correction; answers with how much of it is too much, where it is.
    fn take_back(&mut self, moved: &Moved) -> Result<(), (WrongCorrection, u64)> {
        let entry = self.entry;
        if (moved.debit, moved.credit) != (self.moved.credit, self.moved.debit) {
            return Err((WrongCorrection::OtherAccounts { entry }, moved.amount));
        }
        let (got, left) = (moved.amount, self.left());
        self.corrected += got.min(left);
        if got > left {
            return Err((WrongCorrection::TooMuch { entry, got, left }, got - left));
        }
        Ok(())
    }
}
