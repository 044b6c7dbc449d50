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
mod few;
mod holds;
mod ids;
mod key_hash;
mod past;
mod readmitted;
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
pub(crate) use apply::{Ended, Left};
pub(crate) use chain::RawEntry;
pub use chain::{Attachment, Chain, ChainError, Entry, MAX_ATTACHMENT_BYTES, MAX_CHAIN_REQUESTS};
pub use code::{Class, Code};
pub use correction::{correction_id, correction_reference};
pub use encoding::NotALedger;
pub use few::Few;
pub use ids::{AccountId, Charter, CharterError, Currency, RequestId, Sum};
pub(crate) use past::Past;
pub(crate) use readmitted::MAX_READMITTED_BYTES;
pub use readmitted::{LostCommit, Readmitted};
pub use records::{Fate, Record, Window};
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
    /// Each attachment that was committed with an id in memory, under its entry.
    attachments: BTreeMap<u64, Attached>,
    /// The same of ids that were brought back for the batch being applied.
    recalled_attachments: BTreeMap<u64, Digest>,
    /// The holds that the batch being applied has ended.
    ended: Vec<Ended>,
    /// Ids that had left, and that the batch being applied has given another fate.
    retold: Vec<Left>,
    /// What the chain being applied has changed so far; empty between chains.
    undo: Vec<Undo>,
    /// What the requests of the chain being applied have met; kept to be used again.
    steps: Vec<apply::Step>,
}

/// An attachment of which the ledger keeps the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attached {
    digest: Digest,
    /// How many ids of its chain are in memory.
    records: u8,
}

impl Ledger {
    /// A ledger in which nothing has happened yet, and which keeps everything in memory.
    #[must_use]
    pub fn new(charter: Charter) -> Self {
        Self::with_window(charter, Window::ALL)
    }

    /// The same, from whose memory ids leave. Before a batch is applied, what it says of those is
    /// to be recalled: [`Ledger::missing`].
    pub(crate) fn with_window(charter: Charter, window: Window) -> Self {
        Self {
            charter,
            time: Time(0),
            entries: 0,
            accounts: Accounts::default(),
            records: Records::new(window),
            holds: Holds::default(),
            attachments: BTreeMap::new(),
            recalled_attachments: BTreeMap::new(),
            ended: Vec::new(),
            retold: Vec::new(),
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

    /// Whether a request names an escrow account: then it belongs to an auction.
    pub(crate) fn concerns_escrow(&self, request: &Request) -> bool {
        let named = request.action.accounts().into_iter().flatten();
        named.filter_map(|id| self.account(&id)).any(|account| account.kind == Kind::Escrow)
    }

    /// The place of an account in the order of opening.
    pub(crate) fn number_of(&self, id: &AccountId) -> Option<u32> {
        self.accounts.find(id).map(|index| index.0)
    }

    /// All accounts, in order of opening.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        self.accounts.list()
    }

    /// What became of the request that the owner of `account` gave `id`, where that is in memory.
    #[must_use]
    pub fn record(&self, account: &AccountId, id: RequestId) -> Option<&Record> {
        let account = self.accounts.find(account)?;
        self.records.find(account, id).map(|index| self.records.at(index))
    }

    /// How many ids are decided.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records.count()
    }

    /// How many decided ids are in memory.
    #[must_use]
    pub fn records_kept(&self) -> usize {
        self.records.kept()
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

    /// The hash of the attachment that was committed with an entry, where an id of that is in
    /// memory.
    #[must_use]
    pub fn attachment(&self, entry: u64) -> Option<Digest> {
        let kept = self.attachments.get(&entry).map(|attached| attached.digest);
        kept.or_else(|| self.recalled_attachments.get(&entry).copied())
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
            .field("records", &self.records.count())
            .field("holds", &self.holds.len())
            .finish_non_exhaustive()
    }
}
