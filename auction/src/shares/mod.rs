//! Additive shares of a bid vector. PROTOCOL section 2, step 1; Tygar 1998, section 6.2.

mod explicit;
mod keystream;
mod sums;

use curve25519_dalek::Scalar;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use explicit::{ExplicitEntries, ExplicitEntry};
pub use sums::{ShareSum, SummedShare, WeightedShareSum};

use crate::field::{EntrySum, is_canonical};
use crate::group::EncodingError;
use crate::layout::Layout;
use crate::prices::Level;
use crate::proofs::{ProofError, expect_length};
use crate::secret::SecretScalar;

/// A share as it travels: to one accumulator, and into its sealed store.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub enum Share {
    /// A seed whose ChaCha20 keystream is the share.
    Seed([u8; 32]),
    /// Every entry by itself.
    Explicit {
        /// One entry a level, as `1 - e`.
        entries: ExplicitEntries,
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
    pub fn explicit(entries: ExplicitEntries, blinding: &SecretScalar) -> Self {
        Self::Explicit { entries, blinding: blinding.expose().to_bytes() }
    }

    /// The share vector and blinding for `levels` levels.
    ///
    /// The keystream of a seed is made piece by piece where it is summed: it never lies in memory
    /// as a whole.
    ///
    /// # Errors
    /// [`ProofError`] when an explicit share has another length or a blinding that is no scalar.
    pub fn expand(&self, levels: usize) -> Result<ExpandedShare<'_>, ProofError> {
        self.check_shape(levels)?;
        Ok(self.expand_formed(levels))
    }

    /// Takes note that the share has the shape of those of `levels` levels among `accumulators`.
    ///
    /// # Errors
    /// [`ProofError`] when an explicit share has another length, an entry that no honest share
    /// has, or a blinding that is no scalar.
    pub fn form(self, levels: usize, accumulators: usize) -> Result<FormedShare, ProofError> {
        self.check_form(levels, accumulators)?;
        Ok(self.formed(levels))
    }

    /// What [`Share::form`] checks.
    pub(crate) fn check_form(&self, levels: usize, accumulators: usize) -> Result<(), ProofError> {
        self.check_shape(levels)?;
        if let Self::Explicit { entries, .. } = self {
            entries.check_range(accumulators)?;
        }
        Ok(())
    }

    /// The share, once its form was checked.
    pub(crate) fn formed(self, levels: usize) -> FormedShare {
        FormedShare { share: self, levels }
    }

    fn check_shape(&self, levels: usize) -> Result<(), ProofError> {
        let Self::Explicit { entries, blinding } = self else { return Ok(()) };
        expect_length("share entries", entries.len(), levels)?;
        if is_canonical(blinding) { Ok(()) } else { Err(EncodingError::Scalar.into()) }
    }

    /// Expands a share whose shape was checked.
    fn expand_formed(&self, levels: usize) -> ExpandedShare<'_> {
        let blinding = match self {
            Self::Seed(seed) => keystream::blinding(seed),
            Self::Explicit { blinding, .. } => {
                SecretScalar::new(Scalar::from_bytes_mod_order(*blinding))
            }
        };
        ExpandedShare { share: self, levels, blinding }
    }

    pub(crate) fn write(&self, layout: &mut Layout) {
        match self {
            Self::Seed(seed) => {
                layout.u8(0).fixed(seed);
            }
            Self::Explicit { entries, blinding } => {
                // Hashed here, with the faster hash, so that signing need not hash it all.
                let mut hash = Sha256::new();
                hash.update(entries.as_bytes());
                layout.u8(1).count(entries.len()).fixed(&hash.finalize().into()).fixed(blinding);
            }
        }
    }
}

/// A share of the right shape: as many entries as the auction has levels, each within the range
/// of honest ones.
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

impl ExpandedShare<'_> {
    /// The blinding `rho` of the commitment.
    #[must_use]
    pub fn blinding(&self) -> &SecretScalar {
        &self.blinding
    }

    /// The entry at one level, which costs no more than that; nothing where there is no such
    /// level.
    #[must_use]
    pub fn entry(&self, level: Level) -> Option<EntrySum> {
        let mut entry = EntrySum::new();
        match self.share {
            Share::Seed(seed) if level.index() < self.levels => {
                entry.add_seed_entry(&keystream::entry(seed, level));
            }
            Share::Seed(_) => return None,
            Share::Explicit { entries, .. } => {
                entry.subtract_explicit_entry(entries.as_slice().get(level.index())?);
                entry.add_integer(1);
            }
        }
        Some(entry)
    }
}
