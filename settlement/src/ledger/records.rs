//! What became of every id: the ground of idempotence.
//!
//! SETTLEMENT, section "Journal". In memory are the ids decided last and those of live holds; the
//! older ones leave, a fixed number at a time by their count alone, so that every replay lets the
//! same go at the same moment. Nothing is forgotten: before a batch is applied, what it says of
//! ids that left is put beside the others for that batch ([`Past`]).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};

use auction::layout::Digest;

use super::account::AccountIndex;
use super::code::Code;
use super::ids::RequestId;
use super::key_hash::{KEY_BYTES, KeyHash};

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    /// Refused for ever.
    Refused = 1,
    /// Committed, and nothing can follow.
    Committed = 2,
    /// A hold that is live, or due and not yet swept.
    Held = 3,
    /// A hold that was taken, in whole or in part.
    HoldPosted = 4,
    /// A hold that was given up.
    HoldVoided = 5,
    /// A hold whose time-out was reached.
    HoldExpired = 6,
    /// Cancelled before it was used.
    Cancelled = 7,
}

impl Fate {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        use Fate::{Cancelled, Committed, Held, HoldExpired, HoldPosted, HoldVoided, Refused};
        [Refused, Committed, Held, HoldPosted, HoldVoided, HoldExpired, Cancelled]
            .into_iter()
            .find(|fate| *fate as u8 == number)
    }
}

/// What is kept of a decided request; its signed bytes are in the journal entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The request's id.
    pub id: RequestId,
    /// The hash of what was signed.
    pub content: Digest,
    /// The journal entry (leaf of the tree) that decided it.
    pub entry: u64,
    /// The code that it was answered with, and is answered with for ever.
    pub code: Code,
    /// What the id stands for now.
    pub fate: Fate,
    pub(super) account: AccountIndex,
}

/// A record's place, in order of decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RecordIndex(pub(super) u64);

/// Places from here on are of records that were brought back for one batch.
const RECALLED: u64 = 1 << 63;

/// Account and id in twenty bytes: there are many of these.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key([u8; KEY_BYTES]);

impl Key {
    fn new(account: AccountIndex, id: RequestId) -> Self {
        let mut bytes = [0; KEY_BYTES];
        bytes[..4].copy_from_slice(&account.0.to_le_bytes());
        bytes[4..].copy_from_slice(&id.get().to_le_bytes());
        Self(bytes)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// How many decided ids a ledger keeps in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// So many of those decided last stay.
    pub least: usize,
    /// So many more gather before all of them leave together.
    pub leave: usize,
}

impl Window {
    /// Nothing ever leaves.
    pub const ALL: Self = Self { least: usize::MAX, leave: 0 };
}

impl Default for Window {
    /// A quarter of a million and a quarter of that: some 40 MB.
    fn default() -> Self {
        Self { least: 1 << 18, leave: 1 << 16 }
    }
}

/// All records in memory.
#[derive(Clone, Default)]
pub(super) struct Records {
    window: Window,
    /// Those decided last, and how many were decided before them.
    recent: VecDeque<Record>,
    before: u64,
    /// Older ones whose holds were live when they would have left.
    held: BTreeMap<RecordIndex, Record>,
    // Keyed hashing with a secret of the process: clients choose the ids. Never iterated.
    index: HashMap<Key, RecordIndex, KeyHash>,
    /// Older ones that the batch being applied speaks of.
    recalled: Vec<Record>,
    recalled_index: HashMap<Key, RecordIndex, KeyHash>,
}

impl Records {
    pub(super) fn new(window: Window) -> Self {
        Self { window, ..Self::default() }
    }

    pub(super) fn find(&self, account: AccountIndex, id: RequestId) -> Option<RecordIndex> {
        let key = Key::new(account, id);
        let found = self.index.get(&key).copied();
        if found.is_none() && !self.recalled_index.is_empty() {
            return self.recalled_index.get(&key).copied();
        }
        found
    }

    pub(super) fn at(&self, index: RecordIndex) -> &Record {
        if index.0 >= RECALLED {
            // `recall` alone makes such an index, and it lives no longer than the batch.
            return &self.recalled[(index.0 - RECALLED) as usize];
        }
        match index.0.checked_sub(self.before) {
            // `insert` alone makes indices, and records go only when the chain that made them is
            // rolled back, with everything that mentions them, or between batches.
            Some(place) => &self.recent[place as usize],
            // Of older ones only live holds are mentioned, and those are kept.
            None => &self.held[&index],
        }
    }

    /// Sets the fate of a hold's record. Only one that has expired can be a recalled one.
    pub(super) fn set_fate(&mut self, index: RecordIndex, fate: Fate) {
        let record = if let Some(place) = index.0.checked_sub(RECALLED) {
            self.recalled.get_mut(place as usize)
        } else {
            self.kept_mut(index)
        };
        if let Some(record) = record {
            record.fate = fate;
        }
    }

    fn kept_mut(&mut self, index: RecordIndex) -> Option<&mut Record> {
        match index.0.checked_sub(self.before) {
            Some(place) => self.recent.get_mut(place as usize),
            None => self.held.get_mut(&index),
        }
    }

    /// Whether the record of an id was only brought back for the batch being applied.
    pub(super) fn is_recalled(&self, account: AccountIndex, id: RequestId) -> bool {
        self.recalled_index.contains_key(&Key::new(account, id))
    }

    /// Adds a record whose id is not there yet.
    pub(super) fn insert(&mut self, record: Record) -> RecordIndex {
        let index = RecordIndex(self.count());
        self.index.insert(Key::new(record.account, record.id), index);
        self.recent.push_back(record);
        index
    }

    pub(super) fn remove_last(&mut self) {
        if let Some(record) = self.recent.pop_back() {
            self.index.remove(&Key::new(record.account, record.id));
        }
    }

    /// How many were ever decided.
    pub(super) fn count(&self) -> u64 {
        self.before + self.recent.len() as u64
    }

    /// How many are in memory.
    pub(super) fn kept(&self) -> usize {
        self.recent.len() + self.held.len()
    }

    /// Whether any has left.
    pub(super) fn any_left(&self) -> bool {
        self.before > 0
    }

    /// All in memory, in order of decision.
    pub(super) fn list(&self) -> impl Iterator<Item = (RecordIndex, &Record)> {
        let held = self.held.iter().map(|(index, record)| (*index, record));
        let places = self.before..;
        held.chain(places.zip(&self.recent).map(|(place, record)| (RecordIndex(place), record)))
    }

    /// Puts an old record beside the others, until [`Records::forget_recalled`].
    pub(super) fn recall(&mut self, record: Record) {
        let index = RecordIndex(RECALLED + self.recalled.len() as u64);
        self.recalled_index.insert(Key::new(record.account, record.id), index);
        self.recalled.push(record);
    }

    pub(super) fn forget_recalled(&mut self) {
        self.recalled.clear();
        self.recalled_index.clear();
    }

    /// Lets the oldest go where there are too many: all but live holds.
    pub(super) fn let_go(&mut self) -> Vec<Record> {
        let Window { least, leave } = self.window;
        if self.recent.len() < least.saturating_add(leave) || leave == 0 {
            return Vec::new();
        }
        let mut left = Vec::new();
        // Of those that stayed before, the ones that are resolved by now.
        self.held.retain(|_, record| {
            let stays = record.fate == Fate::Held;
            if !stays {
                left.push(*record);
            }
            stays
        });
        while self.recent.len() > least
            && let Some(record) = self.recent.pop_front()
        {
            if record.fate == Fate::Held {
                self.held.insert(RecordIndex(self.before), record);
            } else {
                left.push(record);
            }
            self.before += 1;
        }
        for record in &left {
            self.index.remove(&Key::new(record.account, record.id));
        }
        left
    }

    /// Puts back what an encoding held: `before` first, then the records in order.
    pub(super) fn restore(&mut self, before: u64, index: RecordIndex, record: Record) {
        self.before = before;
        self.index.insert(Key::new(record.account, record.id), index);
        if index.0 < before {
            self.held.insert(index, record);
        } else {
            self.recent.push_back(record);
        }
    }

    /// Whether a record of this place is in memory.
    pub(super) fn has(&self, index: RecordIndex) -> bool {
        match index.0.checked_sub(self.before) {
            Some(place) => place < self.recent.len() as u64,
            None => self.held.contains_key(&index),
        }
    }

    /// How many had been decided before the oldest that is not a live hold's.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    pub(super) fn reserve(&mut self, more: usize) {
        let Window { least, leave } = self.window;
        let more = more.min(least.saturating_add(leave));
        self.recent.reserve(more);
        self.index.reserve(more);
    }
}
