//! What can be moved back now.

use std::collections::HashMap;

use auction::spec::Time;

use super::wrongs::{Fault, WrongMovement};
use crate::ledger::{AccountId, Action, Kind, Ledger, Movement, Request, Sum, correction_id};

/// A correction to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What it corrects.
    pub wrong: WrongMovement,
    /// How much it moves back, in minor units: zero where whoever got the money has spent it, or
    /// what was withheld is not there yet.
    pub amount: u64,
    /// Which part of the correction it is.
    pub part: u32,
}

impl Planned {
    /// What stays wrong after it, in minor units.
    #[must_use]
    pub fn rest(&self) -> u64 {
        self.wrong.left() - self.amount
    }

    /// The request, good until then, for the operator to sign; nothing, where there is nothing to
    /// take.
    #[must_use]
    pub fn request(&self, until: Time) -> Option<Request> {
        let (WrongMovement { moved, reference, .. }, part) = (self.wrong, self.part);
        let amount = Sum::new(self.amount)?;
        let (debit, credit) = (moved.credit, moved.debit);
        let movement = Movement { debit, credit, amount, reference };
        let action = Action::Correct { currency: moved.currency, movement, part };
        Some(Request { id: correction_id(&reference, part), until, action })
    }
}

/// What can be moved back of what is wrong, with what the accounts have available: the last
/// movement first, so that what went through an account is there when its turn comes. Then what was
/// withheld is paid, out of what does not belong where it is: nobody is paid with another's money.
/// Holds are not touched.
#[must_use]
pub fn plan(wrongs: &[WrongMovement], ledger: &Ledger) -> Vec<Planned> {
    let mut money = Money::of(wrongs, ledger);
    let open = || wrongs.iter().filter(|wrong| wrong.left() > 0);
    let made = open().rev().filter(|wrong| wrong.fault == Fault::Made);
    let withheld = open().filter(|wrong| wrong.fault == Fault::Withheld);
    let plan_one = |wrong: &WrongMovement| {
        let amount = money.take_back(wrong);
        Planned { wrong: *wrong, amount, part: next_part(wrong, ledger) }
    };
    made.chain(withheld).map(plan_one).collect()
}

/// What accounts have, as a plan goes on.
struct Money<'a> {
    ledger: &'a Ledger,
    available: HashMap<AccountId, i128>,
    /// What an account holds beside what it should.
    beside: HashMap<AccountId, i128>,
}

impl<'a> Money<'a> {
    fn of(wrongs: &[WrongMovement], ledger: &'a Ledger) -> Self {
        let mut beside = HashMap::new();
        for wrong in wrongs {
            let left = i128::from(wrong.left());
            *beside.entry(wrong.moved.credit).or_default() += left;
            *beside.entry(wrong.moved.debit).or_default() -= left;
        }
        Self { ledger, available: HashMap::new(), beside }
    }

    fn available(&mut self, id: AccountId) -> &mut i128 {
        self.available.entry(id).or_insert_with(|| match self.ledger.account(&id) {
            // The world outside gives whatever it is asked.
            Some(account) if account.kind == Kind::Operator => i128::MAX / 2,
            Some(account) => account.balances.available(),
            None => 0,
        })
    }

    /// Moves back as much as there is; answers with how much.
    fn take_back(&mut self, wrong: &WrongMovement) -> u64 {
        let (from, to) = (wrong.moved.credit, wrong.moved.debit);
        let beside = self.beside.get(&from).copied().unwrap_or_default();
        let there = *self.available(from);
        let have = match wrong.fault {
            Fault::Made => there,
            Fault::Withheld => there.min(beside),
        };
        let amount = u64::try_from(have.max(0)).unwrap_or(u64::MAX).min(wrong.left());
        for (account, change) in [(from, -i128::from(amount)), (to, i128::from(amount))] {
            *self.available(account) += change;
            *self.beside.entry(account).or_default() += change;
        }
        amount
    }
}

/// The first part under whose id the ledger knows nothing. What is known there need not have moved
/// anything back: a refusal for lack of funds is final for its id, a correction may have gone
/// between other accounts, and the operator may have used the id for something else.
fn next_part(wrong: &WrongMovement, ledger: &Ledger) -> u32 {
    let operator = AccountId::of_owner(&ledger.charter().operator(), wrong.moved.currency);
    let is_known =
        |part: &u32| ledger.record(&operator, correction_id(&wrong.reference, *part)).is_some();
    // The ledger has fewer records than there are parts.
    (0..u32::MAX).find(|part| !is_known(part)).unwrap_or(u32::MAX)
}
