//! The share that has no seed. PROTOCOL section 2, step 1.
//!
//! Its entry is `e = u - sum x`: what the seeds' entries leave of a one or a zero. What travels is
//! `y = 1 - e`, which is never negative and fits 17 bytes.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::field::EXPLICIT_ENTRY_BYTES;
use crate::proofs::ProofError;

/// `y = 1 - e`, little-endian.
pub type ExplicitEntry = [u8; EXPLICIT_ENTRY_BYTES];

/// The entries of an explicit share, one a level. Erased on drop.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ExplicitEntries(Vec<ExplicitEntry>);

impl ExplicitEntries {
    /// Takes charge of entries.
    #[must_use]
    pub fn new(entries: Vec<ExplicitEntry>) -> Self {
        Self(entries)
    }

    /// Reads entries that stand one after the other; none when some bytes are left over.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks();
        rest.is_empty().then(|| Self(entries.to_vec()))
    }

    /// One after the other.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// Each by itself.
    #[must_use]
    pub fn as_slice(&self) -> &[ExplicitEntry] {
        &self.0
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each entry is one that an honest share can have: `0 <= y <= (m - 1) (2^128 - 1) + 1`.
    /// Takes as long for every share.
    pub(super) fn check_range(&self, accumulators: usize) -> Result<(), ProofError> {
        // (m - 1) 2^128 - (m - 2), in 128 bits and a top byte; m is 2 to 16.
        let seeds = accumulators.saturating_sub(1) as u128;
        let (low, borrow) = 0u128.overflowing_sub(seeds.saturating_sub(1));
        let top = seeds as i32 - i32::from(borrow);
        let mut differences = 0;
        for entry in &self.0 {
            let [entry_low @ .., entry_top] = *entry;
            let (_, borrow) = low.overflowing_sub(u128::from_le_bytes(entry_low));
            differences |= top - i32::from(entry_top) - i32::from(borrow);
        }
        if differences < 0 { Err(ProofError::Range("share entry")) } else { Ok(()) }
    }
}

impl Serialize for ExplicitEntries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_bytes())
    }
}

impl<'de> Deserialize<'de> for ExplicitEntries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Whole)
    }
}

/// Reads all entries from one run of bytes.
struct Whole;

impl Visitor<'_> for Whole {
    type Value = ExplicitEntries;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("entries of 17 bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<ExplicitEntries, E> {
        ExplicitEntries::from_bytes(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<ExplicitEntries, E> {
        self.visit_bytes(&Zeroizing::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{decode, encode};

    fn entry(low: u128, top: u8) -> ExplicitEntry {
        let low = low.to_le_bytes();
        core::array::from_fn(|i| if i < 16 { low[i] } else { top })
    }

    #[test]
    fn the_range_is_that_of_honest_shares() {
        for accumulators in 2..=16u8 {
            let seeds = accumulators - 1;
            // (m - 1) (2^128 - 1) + 1, added up.
            let (mut low, mut top) = (1u128, 0u8);
            for _ in 0..seeds {
                let (sum, carry) = low.overflowing_add(u128::MAX);
                (low, top) = (sum, top + u8::from(carry));
            }
            let check = |entries: Vec<ExplicitEntry>| {
                ExplicitEntries::new(entries).check_range(accumulators.into()).is_ok()
            };
            let most = entry(low, top);
            let (above, carry) = low.overflowing_add(1);
            let above = entry(above, top + u8::from(carry));
            assert!(check(vec![most, entry(0, 0), entry(1, 0), entry(u128::MAX, 0)]));
            for bad in [above, entry(0, top + 1), entry(u128::MAX, 0xff), entry(0, 0x80)] {
                assert!(!check(vec![bad]), "{accumulators}");
                assert!(!check(vec![entry(5, 0), bad, entry(5, 0)]), "{accumulators}");
            }
        }
    }

    #[test]
    fn entries_travel_as_one_run_of_bytes() {
        for count in [0, 1, 3] {
            let entries = ExplicitEntries::new(vec![entry(u128::MAX - 5, 7); count]);
            let bytes = encode(&entries).unwrap();
            assert_eq!(bytes.len(), 8 + 17 * count);
            assert_eq!(bytes[8..], *entries.as_bytes());
            assert!(decode::<ExplicitEntries>(&bytes, 100).unwrap() == entries);
            assert_eq!((entries.len(), entries.is_empty()), (count, count == 0));
        }
        for length in [1u64, 16, 18, 33] {
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.resize(8 + length as usize, 1);
            assert!(decode::<ExplicitEntries>(&bytes, 100).is_err());
        }
        // A length that nobody sent.
        assert!(decode::<ExplicitEntries>(&(17u64 << 40).to_le_bytes(), 100).is_err());
    }
}
