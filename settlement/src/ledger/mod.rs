//! The ledger: a pure state machine, no clock, no files, no randomness. It knows no auctions.
//!
//! SETTLEMENT, section "Ledger". [`Ledger::apply`] takes a batch of [`Chain`]s and the time, and
//! answers every request with a numbered [`Code`] and the balances of the account that signed.

mod account;
mod apply;
mod chain;
mod code;
mod correction;
mod encoding;
mod holds;
mod ids;
mod records;
mod request;
mod rules;
mod signed;
mod soundness;
mod undo;

use std::collections::BTreeMap;

use auction::layout::Digest;
use auction::spec::Time;

pub use account::{Account, Balances, Kind, MAX_BALANCE};
pub use apply::{Applied, Outcome, Reply};
pub(crate) use chain::RawEntry;
pub use chain::{Attachment, Chain, ChainError, Entry, MAX_ATTACHMENT_BYTES, MAX_CHAIN_REQUESTS};
pub use code::{Class, Code};
pub use correction::{correction_id, correction_reference};
pub use encoding::NotALedger;
pub use ids::{AccountId, Charter, CharterError, Currency, RequestId, Sum};
pub use records::{Fate, Record};
pub use request::{Action, HoldKey, Movement, Part, Request, RequestError};
pub use signed::{Authority, MAX_REQUEST_BYTES, SignedRequest, Unverified, VerifiedRequest};
pub use soundness::{Totals, Unsound};

use account::Accounts;
use holds::Holds;
use records::Records;
use undo::Undo;

/// Longest time that a request's own time-out, or a hold's, may lie ahead, in milliseconds
/// (400 days).
pub const MAX_AHEAD_MS: u64 = 400 * 24 * 3600 * 1000;
/// The same for the time-out of a purchase, in milliseconds (24 hours).
pub const MAX_ORDER_AHEAD_MS: u64 = 24 * 3600 * 1000;

/// All accounts, ids and holds of one currency area, as they follow from the batches so far.
#[derive(Clone)]
pub struct Ledger {
    charter: Charter,
    time: Time,
    /// Entries decided so far: the number of leaves of the journal's tree.
    entries: u64,
    accounts: Accounts,
    records: Records,
    holds: Holds,
    /// The hash of each committed attachment, under its entry.
    attachments: BTreeMap<u64, Digest>,
    /// What the chain being applied has changed so far; empty between chains.
    undo: Vec<Undo>,
    /// What the requests of the chain being applied have met; kept to be used again.
    steps: Vec<apply::Step>,
}

impl Ledger {
    /// A ledger in which nothing has happened yet.
    #[must_use]
    pub fn new(charter: Charter) -> Self {
        Self {
            charter,
            time: Time(0),
            entries: 0,
            accounts: Accounts::default(),
            records: Records::default(),
            holds: Holds::default(),
            attachments: BTreeMap::new(),
            undo: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Who has which authority.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The time of the last batch.
    #[must_use]
    pub fn time(&self) -> Time {
        self.time
    }

    /// Entries decided so far.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// An account.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.find(id).map(|index| self.accounts.at(index))
    }

    /// All accounts, in order of opening.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        self.accounts.list()
    }

    /// What became of the request that the owner of `account` gave `id`.
    #[must_use]
    pub fn record(&self, account: &AccountId, id: RequestId) -> Option<&Record> {
        let account = self.accounts.find(account)?;
        self.records.find(account, id).map(|index| self.records.at(index))
    }

    /// How many ids are decided.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records.list().len()
    }

    /// How many holds are neither posted, voided nor swept.
    #[must_use]
    pub fn live_holds(&self) -> usize {
        self.holds.len()
    }

    /// When the next hold falls due: with no other traffic, an empty batch is to be made then.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.holds.next_due()
    }

    /// The hash of the attachment that was committed with an entry.
    #[must_use]
    pub fn attachment(&self, entry: u64) -> Option<Digest> {
        self.attachments.get(&entry).copied()
    }

    /// Whether anything was committed with an entry of this range.
    pub(crate) fn has_attachment(&self, entries: std::ops::Range<u64>) -> bool {
        self.attachments.range(entries).next().is_some()
    }

    /// Makes room for `more` decided ids at once, so that none of them waits for it.
    pub fn reserve(&mut self, more: usize) {
        self.records.reserve(more);
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("time", &self.time)
            .field("entries", &self.entries)
            .field("accounts", &self.accounts.list().len())
            .field("records", &self.records.list().len())
            .field("holds", &self.holds.len())
            .finish_non_exhaustive()
    }
}
