//! How an id is found again: sixteen bytes, of which the first eight are a keyed hash of account
//! and id, and the rest say which entry decided it and what it stands for. Whether the entry
//! really is that id's is seen in the entry; so a hash that two ids share costs a look and no more.

use sha2::{Digest as _, Sha256};

use crate::ledger::{Fate, HoldKey};

/// The secret under which this index hashes: nobody can choose ids that meet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct HashKey(pub(super) [u8; 32]);

/// Where an id was decided, and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) entry: u64,
    pub(crate) fate: Fate,
}

impl HashKey {
    /// The first half of what is kept of an id.
    pub(super) fn hash(&self, key: &HoldKey) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(key.account.0.0);
        hash.update(key.id.get().to_le_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        hash.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }

    /// What is kept of an id: the hash, the entry in six bytes, the fate in one.
    pub(super) fn pack(&self, key: &HoldKey, located: Located) -> u128 {
        let Located { entry, fate } = located;
        u128::from(self.hash(key)) << 64 | u128::from(entry) << 16 | u128::from(fate as u8)
    }
}

impl Located {
    /// Reads the second half.
    pub(super) fn unpack(rest: u64) -> Option<Self> {
        let fate = Fate::from_number(rest as u8)?;
        Some(Self { entry: rest >> 16, fate })
    }
}
