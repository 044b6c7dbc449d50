//! What journaled requests moved from which account to which.

use std::collections::HashMap;

use crate::ledger::{AccountId, Action, Code, Currency, Entry, HoldKey, Ledger, Part, Request};

/// Money that a request of an entry moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The request's place in its chain, from 0.
    pub request: u8,
    /// Who gave.
    pub debit: AccountId,
    /// Who got.
    pub credit: AccountId,
    /// In which currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: u64,
    /// The hold that it was taken from.
    pub hold: Option<HoldKey>,
}

/// Live holds, as far as they are needed to know what posting them moves.
#[derive(Debug, Default)]
pub struct Movements {
    holds: HashMap<HoldKey, (AccountId, u64)>,
}

impl Movements {
    /// Learns an entry, which the ledger has applied; answers with what it moved. Entries come in
    /// order, each once.
    pub fn learn(&mut self, entry: &Entry, ledger: &Ledger) -> Vec<Moved> {
        if entry.codes.iter().any(|code| *code != Code::Done) {
            return Vec::new();
        }
        // A chain has at most MAX_CHAIN_REQUESTS members.
        let requests = (0u8..).zip(entry.chain.requests());
        requests
            .filter_map(|(place, request)| self.learn_request(place, request.request(), ledger))
            .collect()
    }

    fn learn_request(&mut self, place: u8, request: &Request, ledger: &Ledger) -> Option<Moved> {
        let operator = ledger.charter().operator();
        let (debit, credit, amount, hold) = match request.action {
            Action::Post(moved)
            | Action::Purchase(moved)
            | Action::Correct { movement: moved, .. } => {
                (moved.debit, moved.credit, moved.amount.get(), None)
            }
            Action::Hold { movement, .. } => {
                let key = HoldKey { account: movement.debit, id: request.id };
                self.holds.insert(key, (movement.credit, movement.amount.get()));
                return None;
            }
            Action::PostHold { hold, part, .. } => {
                let (credit, held) = self.holds.remove(&hold)?;
                let amount = match part {
                    Part::Whole => held,
                    Part::Amount(amount) => amount,
                };
                (hold.account, credit, amount, Some(hold))
            }
            Action::VoidHold { hold, .. } => {
                self.holds.remove(&hold);
                return None;
            }
            Action::Deposit { owner, currency, amount, .. } => {
                let debit = AccountId::of_owner(&operator, currency);
                (debit, AccountId::of_owner(&owner, currency), amount.get(), None)
            }
            Action::Withdraw { account, amount, .. } => {
                let currency = ledger.account(&account)?.currency;
                (account, AccountId::of_owner(&operator, currency), amount.get(), None)
            }
            Action::Cancel { .. } | Action::OpenEscrow { .. } => return None,
        };
        let currency = ledger.account(&debit)?.currency;
        (amount > 0).then_some(Moved { request: place, debit, credit, currency, amount, hold })
    }
}
