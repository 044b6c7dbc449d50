//! What must hold at every instant: sums of zero, cover, and no hold without its owner.

use std::collections::BTreeMap;

use super::Ledger;
use super::account::{AccountIndex, Kind, MAX_BALANCE};
use super::ids::{AccountId, Currency};
use super::records::Fate;

/// Sums over all accounts of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// All posted debits.
    pub debits_posted: u128,
    /// All pending debits.
    pub debits_pending: u128,
    /// All posted credits.
    pub credits_posted: u128,
    /// All pending credits.
    pub credits_pending: u128,
}

/// What does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// Money was made or lost.
    #[error("debits and credits of {0:?} differ")]
    Sums(Currency),
    /// An account owes.
    #[error("debits of account {0} exceed its credits")]
    Uncovered(AccountId),
    /// Pending balances are not the sum of the live holds.
    #[error("pending balances of account {0} are not those of its live holds")]
    Pending(AccountId),
    /// A live hold without the record of it, or the other way round.
    #[error("a hold of account {0} has no owner")]
    Orphan(AccountId),
}

impl Ledger {
    /// The sums over all accounts, by currency.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Currency, Totals> {
        let mut totals: BTreeMap<Currency, Totals> = BTreeMap::new();
        for account in self.accounts.list() {
            let total = totals.entry(account.currency).or_default();
            let balances = account.balances;
            // Saturating: a sum that large is unequal to its counterpart or never reached.
            let add = |sum: &mut u128, more: u128| *sum = sum.saturating_add(more);
            add(&mut total.debits_posted, balances.debits_posted);
            add(&mut total.debits_pending, balances.debits_pending);
            add(&mut total.credits_posted, balances.credits_posted);
            add(&mut total.credits_pending, balances.credits_pending);
        }
        totals
    }

    /// Checks all of it, account by account and hold by hold.
    ///
    /// # Errors
    /// [`Unsound`] names the first thing that does not hold.
    pub fn check(&self) -> Result<(), Unsound> {
        for (currency, total) in self.totals() {
            if total.debits_posted != total.credits_posted
                || total.debits_pending != total.credits_pending
            {
                return Err(Unsound::Sums(currency));
            }
        }
        let mut pending: BTreeMap<AccountIndex, (u128, u128)> = BTreeMap::new();
        for (index, hold) in self.holds.live() {
            let record = self.records.at(index);
            if record.fate != Fate::Held || record.account != hold.debit {
                return Err(Unsound::Orphan(self.accounts.at(hold.debit).id));
            }
            pending.entry(hold.debit).or_default().0 += u128::from(hold.amount);
            pending.entry(hold.credit).or_default().1 += u128::from(hold.amount);
        }
        let held = self.records.list().filter(|(_, record)| record.fate == Fate::Held);
        if held.count() != self.holds.len() {
            return Err(Unsound::Orphan(AccountId(self.charter.id())));
        }
        for (place, account) in self.accounts.list().iter().enumerate() {
            let balances = account.balances;
            // The list is no longer than an index can count.
            let index = AccountIndex(place as u32);
            let holds = pending.get(&index).copied().unwrap_or_default();
            if (balances.debits_pending, balances.credits_pending) != holds {
                return Err(Unsound::Pending(account.id));
            }
            let all = [balances.debits_posted, balances.debits_pending, balances.credits_posted];
            let debits = balances.debits_posted.saturating_add(balances.debits_pending);
            if all.iter().any(|balance| *balance > MAX_BALANCE)
                || (account.kind != Kind::Operator && debits > balances.credits_posted)
            {
                return Err(Unsound::Uncovered(account.id));
            }
        }
        Ok(())
    }
}
