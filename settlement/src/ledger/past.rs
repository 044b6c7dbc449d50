//! Ids that have left the ledger's memory: which of them a batch speaks of, and what it is told of
//! them.

use auction::layout::Digest;

use super::apply::{Left, Step};
use super::chain::Chain;
use super::code::Code;
use super::records::{Fate, Record};
use super::request::{Action, HoldKey};
use super::{Ledger, VerifiedRequest};

/// What is known of an id that has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    /// The hash of what was signed.
    pub(crate) content: Digest,
    /// The entry that decided it.
    pub(crate) entry: u64,
    /// The code that it was answered with.
    pub(crate) code: Code,
    /// What it stands for.
    pub(crate) fate: Fate,
    /// The hash of what was committed with it.
    pub(crate) attachment: Option<Digest>,
}

impl Ledger {
    /// The ids that a batch speaks of and that are not in memory, though they may have been
    /// decided: each is to be looked for, and brought back where it is found, before the batch is
    /// applied. One that is spoken of twice is named twice.
    pub(crate) fn missing<'a>(&self, batch: impl Iterator<Item = &'a Chain>) -> Vec<HoldKey> {
        let all = |request: &VerifiedRequest| {
            let own = HoldKey {
                account: request.signing_account(&self.charter),
                id: request.request().id,
            };
            [Some(own), named_hold(request)]
        };
        self.absent(batch, all)
    }

    /// The same without the ids that the requests themselves make: for a batch that was applied
    /// before, by who trusts that those were new.
    pub(crate) fn missing_holds<'a>(&self, batch: impl Iterator<Item = &'a Chain>) -> Vec<HoldKey> {
        self.absent(batch, |request| [named_hold(request), None])
    }

    fn absent<'a>(
        &self,
        batch: impl Iterator<Item = &'a Chain>,
        spoken_of: impl Fn(&VerifiedRequest) -> [Option<HoldKey>; 2],
    ) -> Vec<HoldKey> {
        if !self.records.any_left() {
            return Vec::new();
        }
        let mut absent = Vec::new();
        for request in batch.flat_map(Chain::requests) {
            for key in spoken_of(request).into_iter().flatten() {
                // Who has no account has no ids.
                absent.extend(self.missing_key(&key));
            }
        }
        absent
    }

    /// The same of one id.
    pub(crate) fn missing_key(&self, key: &HoldKey) -> Option<HoldKey> {
        let known = self.accounts.find(&key.account)?;
        let missing = self.records.any_left() && self.records.find(known, key.id).is_none();
        missing.then_some(*key)
    }

    /// Lets go what was brought back, where no batch follows.
    pub(crate) fn forget_recalled(&mut self) {
        self.records.forget_recalled();
        self.recalled_attachments.clear();
    }

    /// Brings an id back for the next batch.
    pub(crate) fn recall(&mut self, key: &HoldKey, past: &Past) {
        let Some(account) = self.accounts.find(&key.account) else { return };
        let Past { content, entry, code, fate, attachment } = *past;
        self.records.recall(Record { id: key.id, content, entry, code, fate, account });
        if let Some(digest) = attachment {
            self.recalled_attachments.insert(entry, digest);
        }
    }

    /// Says of the holds that a committed chain has ended, and that were only brought back, what
    /// became of them: under the entry that is being made, so that nobody who replays what comes
    /// before it learns of it.
    pub(super) fn retell(&mut self, steps: &[Step]) {
        for (key, _) in steps.iter().filter_map(|step| step.ended) {
            let Some(account) = self.accounts.find(&key.account) else { continue };
            if !self.records.is_recalled(account, key.id) {
                continue;
            }
            if let Some(index) = self.records.find(account, key.id) {
                let fate = self.records.at(index).fate;
                let (account, id, entry) = (key.account, key.id, self.entries);
                self.retold.push(Left { account, id, entry, fate });
            }
        }
    }

    /// After a batch: what is too much for the memory goes.
    pub(super) fn let_go(&mut self) -> Vec<Left> {
        let left = self.records.let_go();
        for Record { entry, .. } in &left {
            if let Some(attached) = self.attachments.get_mut(entry) {
                attached.records = attached.records.saturating_sub(1);
                if attached.records == 0 {
                    self.attachments.remove(entry);
                }
            }
        }
        let name = |record: Record| {
            let Record { id, entry, fate, account, .. } = record;
            Left { account: self.accounts.at(account).id, id, entry, fate }
        };
        left.into_iter().map(name).collect()
    }
}

/// The hold that a request is to end.
fn named_hold(request: &VerifiedRequest) -> Option<HoldKey> {
    match &request.request().action {
        Action::PostHold { hold, .. } | Action::VoidHold { hold, .. } => Some(*hold),
        _ => None,
    }
}
