//! From a receipt of a lost commit to the chain that is submitted for it. SETTLEMENT, section
//! "Readmission".

use auction::spec::Time;

use super::{Bookkeeper, Unflushed};
use crate::journal::{JournalError, Storage};
use crate::ledger::{
    Action, Chain, Code, Entry, Fate, HoldKey, Outcome, Readmitted, Reply, VerifiedRequest,
};
use crate::readmission::{Brought, NotReadmitted, kinds::outside_escrow};

impl<S: Storage> Bookkeeper<S> {
    /// Holds what a receipt proves against this journal's restores; answers with the chain to
    /// [`Bookkeeper::submit`].
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read back; inside, [`NotReadmitted`].
    pub fn readmit(
        &mut self,
        brought: Brought,
        clock: Time,
    ) -> Result<Unflushed<Result<Chain, NotReadmitted>>, JournalError> {
        let now = self.ledger.time().max(clock);
        let restores = self.journal.restores()?;
        let there = self.journal.leaf(brought.commit().number)? == Some(brought.leaf());
        let lost = restores.check(brought.commit(), there, now);
        let lost = lost.and_then(|()| Ok(outside_escrow(&self.ledger, brought.chain())?));
        if let Err(refused) = lost {
            return Ok(self.unflushed(Err(refused)));
        }
        let (commit, chain) = brought.into_parts();
        // What is decided already needs none of the rest.
        let holds = if self.knows_all(&chain)? { Vec::new() } else { self.holds_of(&chain)? };
        let chain = chain.readmitted_as(Readmitted::new(commit, holds));
        Ok(self.unflushed(Ok(chain)))
    }

    fn knows_all(&mut self, chain: &Chain) -> Result<bool, JournalError> {
        for request in chain.requests() {
            let account = request.signing_account(self.ledger.charter());
            if self.find(&account, request.request().id)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The requests that made the holds which a chain ends and which have expired, out of the
    /// chain or the journal.
    fn holds_of(&mut self, chain: &Chain) -> Result<Vec<VerifiedRequest>, JournalError> {
        let charter = *self.ledger.charter();
        let made = |chain: &Chain, key: &HoldKey| {
            let is_it = |one: &&VerifiedRequest| {
                one.request().id == key.id && one.signing_account(&charter) == key.account
            };
            chain.requests().iter().find(is_it).cloned()
        };
        let mut holds = Vec::new();
        for request in chain.requests() {
            let (Action::PostHold { hold, .. } | Action::VoidHold { hold, .. }) =
                request.request().action
            else {
                continue;
            };
            let mut found = made(chain, &hold);
            if found.is_none()
                && let Some(record) = self.find(&hold.account, hold.id)?
                && record.fate == Fate::HoldExpired
                && let Some(entry) = self.journal.entry(record.entry)?
            {
                let entry = Entry::decode(&entry.entry, &charter);
                found = entry.and_then(|entry| made(&entry.chain, &hold));
            }
            holds.extend(found);
        }
        Ok(holds)
    }

    /// Whether what comes back would come too late: as exactly as an audit sees it, by the time of
    /// the batch itself.
    pub(super) fn readmission_is_over(
        &mut self,
        batch: &[Chain],
        clock: Time,
    ) -> Result<bool, JournalError> {
        if batch.iter().all(|chain| chain.readmitted().is_none()) {
            return Ok(false);
        }
        let now = self.ledger.time().max(clock);
        Ok(self.journal.restores()?.until().is_some_and(|until| now >= until))
    }
}

/// The answer to a chain that is not given to the ledger.
pub(super) fn refused(chain: &Chain, code: Code) -> Outcome {
    let reply = Reply { code, entry: None, repeated: false, balances: None };
    Outcome { replies: chain.requests().iter().map(|_| reply).collect(), entry: None }
}
