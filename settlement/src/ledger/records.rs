//! What became of every id: the ground of idempotence.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use auction::layout::Digest;

use super::account::AccountIndex;
use super::code::Code;
use super::ids::RequestId;

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
    pub(super) fn from_number(number: u8) -> Option<Self> {
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
pub(super) struct RecordIndex(pub(super) u32);

/// Account and id in twenty bytes: there are millions of these.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key([u8; 20]);

impl Key {
    fn new(account: AccountIndex, id: RequestId) -> Self {
        let mut bytes = [0; 20];
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

/// All records.
#[derive(Clone, Default)]
pub(super) struct Records {
    list: Vec<Record>,
    // Keyed hashing with a secret of the process: clients choose the ids. Never iterated.
    index: HashMap<Key, RecordIndex>,
}

impl Records {
    pub(super) fn find(&self, account: AccountIndex, id: RequestId) -> Option<RecordIndex> {
        self.index.get(&Key::new(account, id)).copied()
    }

    pub(super) fn at(&self, index: RecordIndex) -> &Record {
        // `insert` alone makes indices, and records go only when the chain that made them is
        // rolled back, with everything that mentions them.
        &self.list[index.0 as usize]
    }

    pub(super) fn set_fate(&mut self, index: RecordIndex, fate: Fate) {
        // As in `at`.
        self.list[index.0 as usize].fate = fate;
    }

    /// Whether another record fits.
    pub(super) fn has_room(&self) -> Result<(), Code> {
        u32::try_from(self.list.len()).map(|_| ()).map_err(|_| Code::Overflow)
    }

    /// Adds a record whose id is not there yet, after `has_room`.
    pub(super) fn insert(&mut self, record: Record) -> RecordIndex {
        // `has_room` saw that the count fits.
        let index = RecordIndex(self.list.len() as u32);
        self.index.insert(Key::new(record.account, record.id), index);
        self.list.push(record);
        index
    }

    pub(super) fn remove_last(&mut self) {
        if let Some(record) = self.list.pop() {
            self.index.remove(&Key::new(record.account, record.id));
        }
    }

    pub(super) fn list(&self) -> &[Record] {
        &self.list
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.list.reserve(more);
        self.index.reserve(more);
    }
}
