//! The hash by which decided ids are found in memory.
//!
//! Clients choose ids, so nobody may be able to choose some that meet in one place of the table.
//! First comes the multilinear family of D. Lemire and O. Kaser, "Strongly universal string hashing
//! is fast" (The Computer Journal, 2014), Theorem 3.1, with words of 64 bits in arithmetic of 128:
//! under secret random factors the upper half of the sum is the same for two different keys no more
//! often than for two random numbers, whichever keys they are. That sum is linear: who knew of two
//! ids that share a place would know many that do. So it is not a place itself, but is folded once
//! more under two further secrets, by which ids that meet say nothing of others. All secrets are of
//! the process.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes [`KEY_BYTES`] at a time.
#[derive(Clone)]
pub(super) struct KeyHash {
    start: u128,
    /// Of the account, and of either half of the id.
    factors: [u128; 3],
    fold: Fold,
}

/// Secrets of the last step.
#[derive(Clone, Copy)]
struct Fold {
    add: u64,
    multiply: u64,
}

impl Fold {
    fn of(self, word: u64) -> u64 {
        let product = u128::from(word ^ self.add) * u128::from(self.multiply);
        (product >> 64) as u64 ^ product as u64
    }
}

/// Width of an account's number and an id.
pub(super) const KEY_BYTES: usize = 4 + 16;

impl Default for KeyHash {
    fn default() -> Self {
        let secret = RandomState::new();
        let half = |number: u32| u128::from(secret.hash_one(number));
        let factor = |number: u32| half(2 * number) << 64 | half(2 * number + 1);
        let fold = Fold { add: secret.hash_one(8_u32), multiply: secret.hash_one(9_u32) | 1 };
        Self { start: factor(0), factors: [factor(1), factor(2), factor(3)], fold }
    }
}

impl BuildHasher for KeyHash {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher { sum: self.start, factors: self.factors, fold: self.fold }
    }
}

pub(super) struct KeyHasher {
    sum: u128,
    factors: [u128; 3],
    fold: Fold,
}

impl Hasher for KeyHasher {
    /// Takes a key whole: the table's hash all of it in one piece.
    fn write(&mut self, bytes: &[u8]) {
        let Some((account, id)) = bytes.split_first_chunk::<4>() else { return };
        let Some((low, high)) = id.split_first_chunk::<8>() else { return };
        let Some(high) = high.first_chunk::<8>() else { return };
        let words = [
            u64::from(u32::from_le_bytes(*account)),
            u64::from_le_bytes(*low),
            u64::from_le_bytes(*high),
        ];
        for (word, factor) in words.into_iter().zip(self.factors) {
            self.sum = self.sum.wrapping_add(factor.wrapping_mul(word.into()));
        }
    }

    fn finish(&self) -> u64 {
        self.fold.of((self.sum >> 64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn hash(with: &KeyHash, account: u32, id: u128) -> u64 {
        let mut key = [0; KEY_BYTES];
        key[..4].copy_from_slice(&account.to_le_bytes());
        key[4..].copy_from_slice(&id.to_le_bytes());
        let mut hasher = with.build_hasher();
        hasher.write(&key);
        hasher.finish()
    }

    #[test]
    fn keys_that_differ_anywhere_have_places_of_their_own() {
        let with = KeyHash::default();
        let mut seen = HashSet::new();
        for bit in 0..128 {
            assert!(seen.insert(hash(&with, 0, 1 << bit)), "bit {bit} of the id");
        }
        for bit in 0..32 {
            assert!(seen.insert(hash(&with, 1 << bit, 0)), "bit {bit} of the account");
        }
    }

    #[test]
    fn ids_in_a_row_or_with_many_zeros_spread_like_random_ones() {
        // The table goes by the lowest bits and the highest seven: both, for ids that a fixed hash
        // would send to one place.
        let rows: [fn(u128) -> u128; 3] = [|n| n, |n| n << 64, |n| n << 96 | n];
        for row in rows {
            let with = KeyHash::default();
            let (mut low, mut high) = (vec![0; 1 << 10], vec![0; 1 << 7]);
            for number in 0..1 << 14 {
                let hash = hash(&with, 3, row(number));
                low[(hash & 1023) as usize] += 1;
                high[(hash >> 57) as usize] += 1;
            }
            // 16 and 128 on average.
            assert!(low.iter().all(|count| *count < 16 * 8), "low bits");
            assert!(high.iter().all(|count| *count < 128 * 8), "high bits");
        }
    }

    #[test]
    fn another_table_hashes_otherwise() {
        let tables = [KeyHash::default(), KeyHash::default()];
        assert_ne!(hash(&tables[0], 1, 2), hash(&tables[1], 1, 2));
        assert_eq!(hash(&tables[0], 1, 2), hash(&tables[0].clone(), 1, 2));
    }
}
