//! Accounts and their four balances.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};

use auction::keys::PublicKey;

use super::code::Code;
use super::ids::{AccountId, Currency};

/// Largest balance, so that differences of balances have a sign.
pub const MAX_BALANCE: u128 = i128::MAX as u128;

/// The four balances of an account, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balances {
    /// Money that left.
    pub debits_posted: u128,
    /// Money set aside to leave.
    pub debits_pending: u128,
    /// Money that came.
    pub credits_posted: u128,
    /// Money that others set aside for this account.
    pub credits_pending: u128,
}

impl Balances {
    /// What is in the account, holds not counted. Below zero for the operator alone.
    #[must_use]
    pub fn posted(&self) -> i128 {
        // Both are at most MAX_BALANCE.
        self.credits_posted as i128 - self.debits_posted as i128
    }

    /// What is set aside by the account's own holds.
    #[must_use]
    pub fn pending(&self) -> u128 {
        self.debits_pending
    }

    /// What can be spent: posted less pending. Below zero for the operator alone.
    #[must_use]
    pub fn available(&self) -> i128 {
        self.posted().saturating_sub_unsigned(self.debits_pending)
    }
}

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A customer's, a merchant's, a house's.
    Owner = 1,
    /// The operator's: the world outside. The one account that may be below zero.
    Operator = 2,
    /// Kept by the postings module for one subject.
    Escrow = 3,
}

impl Kind {
    pub(super) fn from_number(number: u8) -> Option<Self> {
        [Self::Owner, Self::Operator, Self::Escrow].into_iter().find(|kind| *kind as u8 == number)
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// Whose signature moves its money.
    pub owner: PublicKey,
    /// Its currency.
    pub currency: Currency,
    /// What it is for.
    pub kind: Kind,
    /// Its balances.
    pub balances: Balances,
}

impl Account {
    /// Checks that `amount` more may be debited, holds counted.
    pub(super) fn covers(&self, amount: u64) -> Result<(), Code> {
        let Balances { debits_posted, debits_pending, credits_posted, .. } = self.balances;
        let debits = debits_posted
            .checked_add(debits_pending)
            .and_then(|debits| debits.checked_add(u128::from(amount)))
            .filter(|debits| *debits <= MAX_BALANCE)
            .ok_or(Code::Overflow)?;
        if self.kind != Kind::Operator && debits > credits_posted {
            return Err(Code::InsufficientFunds);
        }
        Ok(())
    }

    /// Checks that `amount` more may be credited.
    pub(super) fn has_room(&self, amount: u64) -> Result<(), Code> {
        let Balances { credits_posted, credits_pending, .. } = self.balances;
        credits_posted
            .checked_add(credits_pending)
            .and_then(|credits| credits.checked_add(u128::from(amount)))
            .filter(|credits| *credits <= MAX_BALANCE)
            .map(|_| ())
            .ok_or(Code::Overflow)
    }
}

/// An account's place, in order of opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AccountIndex(pub(super) u32);

/// Hashes account ids, which are hashes themselves: all that is needed beside their first eight
/// bytes is a secret of the process, so that nobody can choose ids that meet in one place.
#[derive(Debug, Clone)]
struct ByIdHash {
    add: u64,
    multiply: u64,
}

impl Default for ByIdHash {
    fn default() -> Self {
        let secret = RandomState::new();
        Self { add: secret.hash_one(1), multiply: secret.hash_one(2) | 1 }
    }
}

impl BuildHasher for ByIdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher { add: self.add, multiply: self.multiply, word: 0 }
    }
}

struct IdHasher {
    add: u64,
    multiply: u64,
    word: u64,
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.word ^= u64::from_le_bytes(*first);
        }
    }

    /// The length that stands before a slice says nothing here.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        let word = u128::from(self.word ^ self.add) * u128::from(self.multiply);
        (word >> 64) as u64 ^ word as u64
    }
}

/// All accounts.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    list: Vec<Account>,
    index: HashMap<AccountId, AccountIndex, ByIdHash>,
    currencies: BTreeMap<Currency, u32>,
}

impl Accounts {
    pub(super) fn find(&self, id: &AccountId) -> Option<AccountIndex> {
        self.index.get(id).copied()
    }

    /// The account at a place.
    pub(super) fn at(&self, index: AccountIndex) -> &Account {
        // `open` alone makes indices, and accounts go only when the chain that opened them is
        // rolled back, with everything that mentions them.
        &self.list[index.0 as usize]
    }

    pub(super) fn balances_mut(&mut self, index: AccountIndex) -> &mut Balances {
        // As in `at`.
        &mut self.list[index.0 as usize].balances
    }

    /// Checks that an account in `currency` can be opened.
    pub(super) fn may_open(&self, currency: Currency) -> Result<(), Code> {
        if self.currencies.keys().any(|known| known.same_code(currency) && *known != currency) {
            return Err(Code::OtherDecimals);
        }
        u32::try_from(self.list.len()).map(|_| ()).map_err(|_| Code::Overflow)
    }

    /// Opens an account, which must not exist, after `may_open`.
    pub(super) fn open(&mut self, account: Account) -> AccountIndex {
        // `may_open` saw that the count fits.
        let index = AccountIndex(self.list.len() as u32);
        self.index.insert(account.id, index);
        *self.currencies.entry(account.currency).or_default() += 1;
        self.list.push(account);
        index
    }

    /// Takes back the last opening.
    pub(super) fn close_last(&mut self) {
        let Some(account) = self.list.pop() else { return };
        self.index.remove(&account.id);
        if let Some(count) = self.currencies.get_mut(&account.currency) {
            *count -= 1;
            if *count == 0 {
                self.currencies.remove(&account.currency);
            }
        }
    }

    /// All accounts, in order of opening.
    pub(super) fn list(&self) -> &[Account] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_counts_holds_and_posted_does_not() {
        let balances = Balances {
            debits_posted: 10,
            debits_pending: 5,
            credits_posted: 30,
            credits_pending: 100,
        };
        assert_eq!(balances.posted(), 20);
        assert_eq!(balances.pending(), 5);
        assert_eq!(balances.available(), 15);
        let empty = Balances { debits_posted: 7, ..Balances::default() };
        assert_eq!(empty.available(), -7);
    }
}
