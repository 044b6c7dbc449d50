//! Additive shares of a bid vector. PROTOCOL section 2, step 1; Tygar 1998, section 6.2.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
use curve25519_dalek::Scalar;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::field::{
    ENTRY_BYTES, LengthError, VectorSum, WeightedVectorSum, entry_to_scalar, is_canonical,
};
use crate::group::EncodingError;
use crate::layout::Layout;
use crate::proofs::{ProofError, expect_length};
use crate::secret::{SecretScalar, SecretVector};

/// A share as it travels: to one accumulator, and into its sealed store.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub enum Share {
    /// A seed whose ChaCha20 keystream is the share.
    Seed([u8; 32]),
    /// Every entry by itself.
    Explicit {
        /// One entry a level.
        entries: Vec<[u8; 32]>,
        /// The blinding of the commitment.
        blinding: [u8; 32],
    },
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Seed(_) => "Share::Seed(..)",
            Self::Explicit { .. } => "Share::Explicit(..)",
        })
    }
}

impl Share {
    /// A fresh seed.
    #[must_use]
    pub fn random_seed<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let share = Self::Seed(seed);
        seed.zeroize();
        share
    }

    /// An explicit share of the given entries and blinding.
    #[must_use]
    pub fn explicit(entries: &SecretVector, blinding: &SecretScalar) -> Self {
        Self::Explicit {
            entries: entries.expose().iter().map(Scalar::to_bytes).collect(),
            blinding: blinding.expose().to_bytes(),
        }
    }

    /// The share vector and blinding for `levels` levels.
    ///
    /// Entry `j` of a seed is the 48 keystream bytes at offset `48 j`, little-endian, modulo the
    /// group order; the blinding is the entry after the last level's. The keystream is made
    /// piece by piece where it is summed: it never lies in memory as a whole.
    ///
    /// # Errors
    /// [`ProofError`] when an explicit share has another length or an entry that is no scalar.
    pub fn expand(&self, levels: usize) -> Result<ExpandedShare<'_>, ProofError> {
        self.check_shape(levels)?;
        Ok(self.expand_formed(levels))
    }

    /// Takes note that the share has the shape of those of `levels` levels.
    ///
    /// # Errors
    /// [`ProofError`] when an explicit share has another length or an entry that is no scalar.
    pub fn form(self, levels: usize) -> Result<FormedShare, ProofError> {
        self.check_shape(levels)?;
        Ok(self.formed(levels))
    }

    /// The share, once its shape was checked.
    pub(crate) fn formed(self, levels: usize) -> FormedShare {
        FormedShare { share: self, levels }
    }

    pub(crate) fn check_shape(&self, levels: usize) -> Result<(), ProofError> {
        let Self::Explicit { entries, blinding } = self else { return Ok(()) };
        expect_length("share entries", entries.len(), levels)?;
        if !entries.iter().chain([blinding]).all(is_canonical) {
            return Err(EncodingError::Scalar.into());
        }
        Ok(())
    }

    /// Expands a share whose shape was checked.
    fn expand_formed(&self, levels: usize) -> ExpandedShare<'_> {
        let blinding = match self {
            Self::Seed(seed) => blinding_of(seed, levels),
            Self::Explicit { blinding, .. } => Scalar::from_bytes_mod_order(*blinding),
        };
        ExpandedShare { share: self, levels, blinding: SecretScalar::new(blinding) }
    }

    pub(crate) fn write(&self, layout: &mut Layout) {
        match self {
            Self::Seed(seed) => {
                layout.u8(0).fixed(seed);
            }
            Self::Explicit { entries, blinding } => {
                // Hashed here, with the faster hash, so that signing need not hash it all.
                let mut hash = Sha256::new();
                hash.update(entries.as_flattened());
                layout.u8(1).count(entries.len()).fixed(&hash.finalize().into()).fixed(blinding);
            }
        }
    }
}

/// A share of the right shape: as many entries as the auction has levels, each a scalar.
pub struct FormedShare {
    share: Share,
    levels: usize,
}

impl FormedShare {
    /// The share as it travels.
    #[must_use]
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// As [`Share::expand`], which cannot fail for this share.
    #[must_use]
    pub fn expand(&self) -> ExpandedShare<'_> {
        self.share.expand_formed(self.levels)
    }

    /// Gives the share back.
    #[must_use]
    pub fn into_share(self) -> Share {
        self.share
    }
}

/// A share vector with its blinding, ready to be summed.
pub struct ExpandedShare<'a> {
    share: &'a Share,
    levels: usize,
    blinding: SecretScalar,
}

/// Bytes of a block of the cipher.
const BLOCK_BYTES: usize = 64;

/// Entries of a seed share that are made at a time: a buffer that stays in the nearest cache.
const PIECE: usize = 64;

// Whole blocks alone are asked of the cipher: none is left over in a buffer of its own.
const _: () = assert!((PIECE * ENTRY_BYTES).is_multiple_of(BLOCK_BYTES));

/// The keystream of a seed, with nonce zero, from block number `block` on.
fn keystream(seed: &[u8; 32], block: usize) -> ChaCha20 {
    let mut cipher = ChaCha20::new(seed.into(), &[0; 12].into());
    // Ladders are far shorter than the 2^32 blocks that there are.
    cipher.seek((block * BLOCK_BYTES) as u64);
    cipher
}

/// The blinding of a seed's commitment: the entry after the last level's.
fn blinding_of(seed: &[u8; 32], levels: usize) -> Scalar {
    let (block, offset) = (levels * ENTRY_BYTES / BLOCK_BYTES, levels * ENTRY_BYTES % BLOCK_BYTES);
    let mut blocks = Zeroizing::new([0; 2 * BLOCK_BYTES]);
    keystream(seed, block).write_keystream(blocks.as_mut());
    let mut last = Zeroizing::new([0; ENTRY_BYTES]);
    // The offset is less than a block, an entry too: two blocks hold both.
    last.copy_from_slice(&blocks[offset..offset + ENTRY_BYTES]);
    entry_to_scalar(&last)
}

impl ExpandedShare<'_> {
    /// The blinding `rho` of the commitment.
    #[must_use]
    pub fn blinding(&self) -> &SecretScalar {
        &self.blinding
    }

    /// Hands a seed's keystream on, piece by piece with the entry that each begins at.
    fn pieces(&self, seed: &[u8; 32], mut take: impl FnMut(usize, &[[u8; ENTRY_BYTES]])) {
        let mut cipher = keystream(seed, 0);
        let mut piece = Zeroizing::new([0; PIECE * ENTRY_BYTES]);
        for first in (0..self.levels).step_by(PIECE) {
            cipher.write_keystream(piece.as_mut());
            let (entries, _) = piece.as_chunks::<ENTRY_BYTES>();
            take(first, &entries[..PIECE.min(self.levels - first)]);
        }
    }
}

/// A sum of share vectors and blindings, plain or weighted, reduced once at its end.
pub struct ShareSum {
    plain: VectorSum,
    blinding: SecretScalar,
}

/// A sum of share vectors and blindings with a weight each.
pub struct WeightedShareSum {
    weighted: WeightedVectorSum,
    blinding: SecretScalar,
}

/// A summed share: `S^(k)` with its blinding.
pub struct SummedShare {
    /// One entry a level.
    pub vector: SecretVector,
    /// The blinding of the summed commitment.
    pub blinding: SecretScalar,
}

impl ShareSum {
    /// The empty sum.
    #[must_use]
    pub fn new(levels: usize) -> Self {
        Self { plain: VectorSum::new(levels), blinding: SecretScalar::new(Scalar::ZERO) }
    }

    /// Adds a share.
    ///
    /// # Errors
    /// [`LengthError`] when the share is of another number of levels.
    pub fn add(&mut self, share: &ExpandedShare<'_>) -> Result<(), LengthError> {
        check_length(share.levels, self.plain.len())?;
        self.blinding.add(share.blinding.expose());
        match share.share {
            Share::Seed(seed) => {
                share.pieces(seed, |first, entries| self.plain.add_raw_from(first, entries));
                Ok(())
            }
            Share::Explicit { entries, .. } => self.plain.add_integers(entries),
        }
    }

    /// Takes a share away.
    ///
    /// # Errors
    /// [`LengthError`] when the share is of another number of levels.
    pub fn subtract(&mut self, share: &ExpandedShare<'_>) -> Result<(), LengthError> {
        check_length(share.levels, self.plain.len())?;
        self.blinding.add(&-share.blinding.expose());
        match share.share {
            Share::Seed(seed) => {
                share.pieces(seed, |first, entries| self.plain.subtract_raw_from(first, entries));
                Ok(())
            }
            Share::Explicit { entries, .. } => self.plain.subtract_integers(entries),
        }
    }

    /// Adds all shares of another sum.
    ///
    /// # Errors
    /// [`LengthError`] when the other is of another number of levels.
    pub fn add_sum(&mut self, other: &Self) -> Result<(), LengthError> {
        check_length(other.plain.len(), self.plain.len())?;
        self.blinding.add(other.blinding.expose());
        self.plain.add_sum(&other.plain)
    }

    /// The sum.
    #[must_use]
    pub fn finish(self) -> SummedShare {
        let vector = SecretVector::new(self.plain.finish());
        SummedShare { vector, blinding: self.blinding }
    }
}

impl WeightedShareSum {
    /// The empty sum.
    #[must_use]
    pub fn new(levels: usize) -> Self {
        Self { weighted: WeightedVectorSum::new(levels), blinding: SecretScalar::new(Scalar::ZERO) }
    }

    /// Adds `weight * share`.
    ///
    /// # Errors
    /// [`LengthError`] when the share is of another number of levels.
    pub fn add(&mut self, weight: u128, share: &ExpandedShare<'_>) -> Result<(), LengthError> {
        check_length(share.levels, self.weighted.len())?;
        self.blinding.add(&(Scalar::from(weight) * share.blinding.expose()));
        match share.share {
            Share::Seed(seed) => {
                share.pieces(seed, |first, entries| {
                    self.weighted.add_raw_from(weight, first, entries);
                });
                Ok(())
            }
            Share::Explicit { entries, .. } => self.weighted.add_integers(weight, entries),
        }
    }

    /// Adds `weight * share` here and the share itself to `plain`: it is expanded once for both.
    ///
    /// # Errors
    /// [`LengthError`] when the share is of another number of levels than one of the sums.
    pub fn add_to_both(
        &mut self,
        weight: u128,
        share: &ExpandedShare<'_>,
        plain: &mut ShareSum,
    ) -> Result<(), LengthError> {
        check_length(share.levels, self.weighted.len())?;
        check_length(share.levels, plain.plain.len())?;
        let Share::Seed(seed) = share.share else {
            self.add(weight, share)?;
            return plain.add(share);
        };
        self.blinding.add(&(Scalar::from(weight) * share.blinding.expose()));
        plain.blinding.add(share.blinding.expose());
        share.pieces(seed, |first, entries| {
            self.weighted.add_raw_from(weight, first, entries);
            plain.plain.add_raw_from(first, entries);
        });
        Ok(())
    }

    /// Adds `weight * vector` and `weight * blinding` of a sum made before.
    ///
    /// # Errors
    /// [`LengthError`] when the sum is of another number of levels.
    pub fn add_sum(&mut self, weight: u128, sum: &SummedShare) -> Result<(), LengthError> {
        self.blinding.add(&(Scalar::from(weight) * sum.blinding.expose()));
        self.weighted.add_scalars(weight, sum.vector.expose())
    }

    /// The sum.
    #[must_use]
    pub fn finish(self) -> SummedShare {
        let vector = SecretVector::new(self.weighted.finish());
        SummedShare { vector, blinding: self.blinding }
    }
}

fn check_length(got: usize, expected: usize) -> Result<(), LengthError> {
    if got == expected { Ok(()) } else { Err(LengthError { got, expected, unit: "levels" }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;

    /// The share vector and the blinding, written out with another generator of the keystream.
    fn entries_of(seed: [u8; 32], levels: usize) -> Vec<Scalar> {
        let mut stream = vec![0; (levels + 1) * ENTRY_BYTES];
        ChaCha20Rng::from_seed(seed).fill_bytes(&mut stream);
        let (entries, _) = stream.as_chunks();
        entries.iter().map(entry_to_scalar).collect()
    }

    fn summed(sum: ShareSum) -> Vec<Scalar> {
        let SummedShare { vector, blinding } = sum.finish();
        vector.expose().iter().chain([blinding.expose()]).copied().collect()
    }

    #[test]
    fn a_seed_expands_to_its_keystream_and_equals_its_explicit_form() {
        // Blinding at the beginning of a block, across two, at a block's end; several pieces.
        for levels in [1usize, 2, 3, 4, 5, 63, 64, 65, 66, 127, 128, 200, 1023, 1024] {
            let seed = [levels as u8; 32];
            let share = Share::Seed(seed);
            let mut sum = ShareSum::new(levels);
            sum.add(&share.expand(levels).unwrap()).unwrap();
            let first = sum.finish();
            let expected = entries_of(seed, levels);
            assert_eq!(first.vector.expose(), &expected[..levels]);
            assert_eq!(*first.blinding.expose(), expected[levels]);
            let explicit = Share::explicit(&first.vector, &first.blinding);
            let mut again = ShareSum::new(levels);
            again.add(&explicit.expand(levels).unwrap()).unwrap();
            assert_eq!(summed(again), expected);
        }
    }

    #[test]
    fn the_keystream_is_that_of_rfc_8439() {
        // Appendix A.1, test vector 1: key, nonce and counter zero.
        let mut block = [0; 8];
        keystream(&[0; 32], 0).write_keystream(&mut block);
        assert_eq!(block, [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
    }

    proptest! {
        #[test]
        fn sums_made_together_or_apart_are_the_same(
            shares in prop::collection::vec(
                (any::<[u8; 32]>(), any::<u128>(), any::<bool>(), any::<bool>()), 0..6),
            levels in 1usize..140,
        ) {
            let (mut plain, mut weighted) = (ShareSum::new(levels), WeightedShareSum::new(levels));
            let mut kept = vec![Scalar::ZERO; levels + 1];
            let mut all = kept.clone();
            let mut given = Vec::new();
            for (seed, weight, explicit, keep) in shares {
                let entries = entries_of(seed, levels);
                let share = if explicit {
                    let vector = SecretVector::new(entries[..levels].to_vec());
                    Share::explicit(&vector, &SecretScalar::new(entries[levels]))
                } else {
                    Share::Seed(seed)
                };
                let share = share.form(levels).unwrap();
                weighted.add_to_both(weight, &share.expand(), &mut plain).unwrap();
                for (j, entry) in entries.iter().enumerate() {
                    all[j] += Scalar::from(weight) * entry;
                    if keep {
                        kept[j] += entry;
                    }
                }
                given.push((share, keep));
            }
            let mut sum = ShareSum::new(levels);
            sum.add_sum(&plain).unwrap();
            for (share, _) in given.iter().filter(|(_, keep)| !keep) {
                sum.subtract(&share.expand()).unwrap();
            }
            prop_assert_eq!(summed(sum), kept);
            let SummedShare { vector, blinding } = weighted.finish();
            prop_assert_eq!(vector.expose(), &all[..levels]);
            prop_assert_eq!(blinding.expose(), &all[levels]);
        }
    }

    #[test]
    fn sums_of_other_numbers_of_levels_do_not_mix() {
        let share = Share::Seed([1; 32]).form(4).unwrap();
        let (mut four, mut five) = (ShareSum::new(4), ShareSum::new(5));
        let mut weighted = WeightedShareSum::new(4);
        assert!(five.add(&share.expand()).is_err());
        assert!(five.subtract(&share.expand()).is_err());
        assert!(weighted.add_to_both(1, &share.expand(), &mut five).is_err());
        assert!(WeightedShareSum::new(5).add_to_both(1, &share.expand(), &mut four).is_err());
        assert!(four.add_sum(&five).is_err());
        for sum in [summed(four), summed(five)] {
            assert!(sum.iter().all(|entry| *entry == Scalar::ZERO));
        }
    }

    #[test]
    fn explicit_shares_of_the_wrong_shape_are_refused() {
        let share = |entries| Share::Explicit { entries, blinding: [0; 32] };
        assert!(share(vec![[0; 32]; 4]).expand(5).is_err());
        assert!(share(vec![[0xff; 32]; 5]).expand(5).is_err());
        assert!(
            Share::Explicit { entries: vec![[0; 32]; 5], blinding: [0xff; 32] }.expand(5).is_err()
        );
        assert!(share(vec![[0; 32]; 5]).expand(5).is_ok());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Share::Seed([65; 32])), "Share::Seed(..)");
    }
}
