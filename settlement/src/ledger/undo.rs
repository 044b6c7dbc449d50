//! Every change of the state, each with its way back: a chain commits whole or not at all.

use super::Ledger;
use super::account::{Account, AccountIndex, Balances};
use super::holds::LiveHold;
use super::records::{Fate, Record, RecordIndex};

/// How to take back one change.
#[derive(Debug, Clone)]
pub(super) enum Undo {
    Balances(AccountIndex, Balances),
    Opened,
    Recorded,
    Fate(RecordIndex, Fate),
    HoldBegun(RecordIndex),
    HoldEnded(RecordIndex, LiveHold),
}

impl Ledger {
    pub(super) fn set_balances(&mut self, account: AccountIndex, to: Balances) {
        let balances = self.accounts.balances_mut(account);
        self.undo.push(Undo::Balances(account, *balances));
        *balances = to;
    }

    pub(super) fn open_account(&mut self, account: Account) -> AccountIndex {
        self.undo.push(Undo::Opened);
        self.accounts.open(account)
    }

    pub(super) fn insert_record(&mut self, record: Record) -> RecordIndex {
        self.undo.push(Undo::Recorded);
        self.records.insert(record)
    }

    pub(super) fn set_fate(&mut self, record: RecordIndex, fate: Fate) {
        self.undo.push(Undo::Fate(record, self.records.at(record).fate));
        self.records.set_fate(record, fate);
    }

    pub(super) fn begin_hold(&mut self, record: RecordIndex, hold: LiveHold) {
        self.undo.push(Undo::HoldBegun(record));
        self.holds.begin(record, hold);
    }

    pub(super) fn end_hold(&mut self, record: RecordIndex) {
        if let Some(hold) = self.holds.end(record) {
            self.undo.push(Undo::HoldEnded(record, hold));
        }
    }

    /// Makes the changes since the last `keep` or `roll_back` final.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Takes the changes since the last `keep` or `roll_back` back, the last one first.
    pub(super) fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Balances(account, balances) => {
                    *self.accounts.balances_mut(account) = balances;
                }
                Undo::Opened => self.accounts.close_last(),
                Undo::Recorded => self.records.remove_last(),
                Undo::Fate(record, fate) => self.records.set_fate(record, fate),
                Undo::HoldBegun(record) => {
                    self.holds.end(record);
                }
                Undo::HoldEnded(record, hold) => self.holds.begin(record, hold),
            }
        }
    }
}
