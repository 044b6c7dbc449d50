//! How an id is found again: sixteen bytes, of which the first eight are a keyed hash of account
//! and id, and the rest say which entry decided it and what it stands for. Whether the entry
//! really is that id's is seen in the entry; so a hash that two ids share costs a look and no more.

use sha2::{Digest as _, Sha256};

use crate::ledger::{Fate, HoldKey};

/// The secret under which this index hashes: nobody can choose ids that meet.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct HashKey(pub(super) [u8; KEY_BYTES]);

const KEY_BYTES: usize = 16;
/// Of the account, itself a hash, as much is hashed as fits into one block of SHA-256 with key and
/// id: the last nine bytes of that are its padding.
const ACCOUNT_BYTES: usize = 55 - KEY_BYTES - 16;

/// Where an id was decided, and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) entry: u64,
    pub(crate) fate: Fate,
}

impl HashKey {
    /// The first half of what is kept of an id.
    pub(super) fn hash(&self, key: &HoldKey) -> u64 {
        let mut block = [0; KEY_BYTES + 16 + ACCOUNT_BYTES];
        let (secret, rest) = block.split_at_mut(KEY_BYTES);
        let (id, account) = rest.split_at_mut(16);
        secret.copy_from_slice(&self.0);
        id.copy_from_slice(&key.id.get().to_le_bytes());
        // A digest is longer than that.
        account.copy_from_slice(&key.account.0.0[..ACCOUNT_BYTES]);
        let hash: [u8; 32] = Sha256::digest(block).into();
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
