//! Additive shares of a bid vector. PROTOCOL section 2, step 1; Tygar 1998, section 6.2.

use curve25519_dalek::Scalar;
use rand::rngs::ChaCha20Rng;
use rand::{CryptoRng, Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::field::{
    ENTRY_BYTES, LengthError, VectorSum, WeightedVectorSum, entry_to_scalar, is_canonical,
};
use crate::group::{EncodingError, ScalarBytes};
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
        let blinding = match self {
            Self::Seed(seed) => {
                let mut rng = ChaCha20Rng::from_seed(*seed);
                // The generator counts words of four bytes.
                rng.set_word_pos((levels * ENTRY_BYTES / 4) as u128);
                let mut last = Zeroizing::new([0; ENTRY_BYTES]);
                rng.fill_bytes(last.as_mut());
                entry_to_scalar(&last)
            }
            Self::Explicit { entries, blinding } => {
                expect_length("share entries", entries.len(), levels)?;
                if !entries.iter().all(is_canonical) {
                    return Err(EncodingError::Scalar.into());
                }
                ScalarBytes(*blinding).decode()?
            }
        };
        Ok(ExpandedShare { share: self, levels, blinding: SecretScalar::new(blinding) })
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

/// A share vector with its blinding, ready to be summed.
pub struct ExpandedShare<'a> {
    share: &'a Share,
    levels: usize,
    blinding: SecretScalar,
}

/// Entries of a seed share that are made at a time: a buffer that stays in the nearest cache.
const PIECE: usize = 64;

impl ExpandedShare<'_> {
    /// The blinding `rho` of the commitment.
    #[must_use]
    pub fn blinding(&self) -> &SecretScalar {
        &self.blinding
    }

    /// Hands a seed's keystream on, piece by piece with the entry that each begins at.
    fn pieces(&self, seed: &[u8; 32], mut take: impl FnMut(usize, &[[u8; ENTRY_BYTES]])) {
        let mut rng = ChaCha20Rng::from_seed(*seed);
        let mut piece = Zeroizing::new([0; PIECE * ENTRY_BYTES]);
        for first in (0..self.levels).step_by(PIECE) {
            rng.fill_bytes(piece.as_mut());
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
    use super::*;

    #[test]
    fn a_seed_expands_to_its_keystream_and_equals_its_explicit_form() {
        let seed = Share::Seed([3; 32]);
        let mut sum = ShareSum::new(5);
        sum.add(&seed.expand(5).unwrap()).unwrap();
        let first = sum.finish();
        // RFC 8439 block function, key of threes, nonce and counter zero: the generator is
        // the plain keystream, so entry 0 is its first 48 bytes.
        let mut stream = [0; 6 * 48];
        ChaCha20Rng::from_seed([3; 32]).fill_bytes(&mut stream);
        for j in 0..6 {
            let mut wide = [0; 64];
            wide[..48].copy_from_slice(&stream[48 * j..48 * j + 48]);
            let expected = Scalar::from_bytes_mod_order_wide(&wide);
            let got = if j < 5 { &first.vector.expose()[j] } else { first.blinding.expose() };
            assert_eq!(*got, expected);
        }
        let explicit = Share::explicit(&first.vector, &first.blinding);
        let mut again = ShareSum::new(5);
        again.add(&explicit.expand(5).unwrap()).unwrap();
        assert_eq!(again.finish().vector.expose(), first.vector.expose());
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
