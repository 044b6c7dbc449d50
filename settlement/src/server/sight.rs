//! Who may see what: an account its owner, a receipt who takes part in it, the operator both.

use auction::keys::PublicKey;

use crate::ledger::{AccountId, Action, Chain, Charter, Currency, Ledger, VerifiedRequest};

/// Whose key asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    key: PublicKey,
    is_operator: bool,
}

impl Asker {
    pub(crate) fn new(key: PublicKey, charter: &Charter) -> Self {
        Self { key, is_operator: key == charter.operator() }
    }

    /// Whether this is the operator.
    pub(crate) fn is_operator(self) -> bool {
        self.is_operator
    }

    /// His key.
    pub(crate) fn key(self) -> PublicKey {
        self.key
    }

    /// Whether he is the holder of this key himself.
    pub(crate) fn is(self, key: &PublicKey) -> bool {
        self.key == *key
    }

    /// Whether he sees what the holder of `owner` owns.
    pub(crate) fn sees(self, owner: &PublicKey) -> bool {
        self.is_operator || self.key == *owner
    }

    /// Whether he sees this account.
    pub(crate) fn sees_account(self, ledger: &Ledger, account: &AccountId) -> bool {
        ledger.account(account).is_some_and(|account| self.sees(&account.owner))
    }

    /// Whether he can take part in a request of `account`: he owns it, or has an account in its
    /// currency himself.
    pub(crate) fn may_take_part(self, ledger: &Ledger, account: &AccountId) -> bool {
        let Some(account) = ledger.account(account) else { return false };
        let own = AccountId::of_owner(&self.key, account.currency);
        self.sees(&account.owner) || ledger.account(&own).is_some()
    }

    /// Whether an account that he owns in `currency` gives or gets something in a chain. Who
    /// merely gets his hold back takes no part: the same chain names others like him.
    pub(crate) fn takes_part(self, chain: &Chain, currency: Currency) -> bool {
        let own = AccountId::of_owner(&self.key, currency);
        let named = |request: &VerifiedRequest| match request.request().action {
            Action::Post(movement)
            | Action::Hold { movement, .. }
            | Action::Purchase(movement)
            | Action::Correct { movement, .. } => movement.debit == own || movement.credit == own,
            Action::PostHold { account, hold, .. } => account == own || hold.account == own,
            Action::VoidHold { account, .. }
            | Action::Cancel { account }
            | Action::Withdraw { account, .. } => account == own,
            Action::Deposit { owner, .. } => owner == self.key,
            Action::OpenEscrow { .. } => false,
        };
        self.is_operator || chain.requests().iter().any(named)
    }
}
