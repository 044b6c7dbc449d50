//! Sums of shares: vectors and blindings, reduced once at the end. PROTOCOL sections 2, 3 and 5.

use curve25519_dalek::Scalar;
use subtle::{Choice, ConditionallySelectable as _};

use super::explicit::ExplicitEntries;
use super::{ExpandedShare, Share, keystream};
use crate::field::{EntrySum, LengthError, VectorSum, WeightedVectorSum};
use crate::secret::{SecretScalar, SecretVector};

/// A sum of share vectors and blindings.
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
        LengthError::check(share.levels, self.plain.len())?;
        self.blinding.add(share.blinding.expose());
        match share.share {
            Share::Seed(seed) => {
                keystream::pieces(seed, share.levels, |first, entries| {
                    self.plain.add_seed_entries(first, entries);
                });
                Ok(())
            }
            Share::Explicit { entries, .. } => self.plain.add_explicit(entries.as_slice()),
        }
    }

    /// Takes a share away.
    ///
    /// # Errors
    /// [`LengthError`] when the share is of another number of levels.
    pub fn subtract(&mut self, share: &ExpandedShare<'_>) -> Result<(), LengthError> {
        LengthError::check(share.levels, self.plain.len())?;
        self.blinding.add(&-share.blinding.expose());
        match share.share {
            Share::Seed(seed) => {
                keystream::pieces(seed, share.levels, |first, entries| {
                    self.plain.subtract_seed_entries(first, entries);
                });
                Ok(())
            }
            Share::Explicit { entries, .. } => self.plain.subtract_explicit(entries.as_slice()),
        }
    }

    /// Adds all shares of another sum.
    ///
    /// # Errors
    /// [`LengthError`] when the other is of another number of levels.
    pub fn add_sum(&mut self, other: &Self) -> Result<(), LengthError> {
        LengthError::check(other.plain.len(), self.plain.len())?;
        self.blinding.add(other.blinding.expose());
        self.plain.add_sum(&other.plain)
    }

    /// 2.1 The entries that the explicit share must have so that it and the seeds' shares, of
    /// which this is the sum, add up to a bid: `1 - (u - sum x)`, for the `u` that `is_one` tells
    /// of each level from 1 on. Constant time in the choices.
    #[must_use]
    pub fn remaining(&self, is_one: impl Fn(u32) -> Choice) -> ExplicitEntries {
        let entry = |(level, mut sum): (u32, EntrySum)| {
            // 1 - u
            let zero = u64::conditional_select(&1, &0, is_one(level));
            sum.add_integer(zero.into());
            sum.to_explicit_entry()
        };
        ExplicitEntries::new((1u32..).zip(self.plain.entries()).map(entry).collect())
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
        LengthError::check(share.levels, self.weighted.len())?;
        self.blinding.add(&(Scalar::from(weight) * share.blinding.expose()));
        match share.share {
            Share::Seed(seed) => {
                keystream::pieces(seed, share.levels, |first, entries| {
                    self.weighted.add_seed_entries(weight, first, entries);
                });
                Ok(())
            }
            Share::Explicit { entries, .. } => {
                self.weighted.add_explicit(weight, entries.as_slice())
            }
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
        LengthError::check(share.levels, self.weighted.len())?;
        LengthError::check(share.levels, plain.plain.len())?;
        let Share::Seed(seed) = share.share else {
            self.add(weight, share)?;
            return plain.add(share);
        };
        self.blinding.add(&(Scalar::from(weight) * share.blinding.expose()));
        plain.blinding.add(share.blinding.expose());
        keystream::pieces(seed, share.levels, |first, entries| {
            self.weighted.add_seed_entries(weight, first, entries);
            plain.plain.add_seed_entries(first, entries);
        });
        Ok(())
    }

    /// The sum.
    #[must_use]
    pub fn finish(self) -> SummedShare {
        let vector = SecretVector::new(self.weighted.finish());
        SummedShare { vector, blinding: self.blinding }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;
    use crate::prices::Level;
    use crate::shares::ExplicitEntry;

    /// The share vector of a seed and its blinding, written out with another generator of the
    /// keystream.
    fn seeded(seed: [u8; 32], levels: usize) -> Vec<Scalar> {
        let mut stream = vec![0; 48 + 16 * (levels + 1)];
        ChaCha20Rng::from_seed(seed).fill_bytes(&mut stream);
        let mut wide = [0; 64];
        wide[..48].copy_from_slice(&stream[..48]);
        let (entries, _) = stream[64..].as_chunks();
        let entries = entries.iter().map(|entry| Scalar::from(u128::from_le_bytes(*entry)));
        entries.chain([Scalar::from_bytes_mod_order_wide(&wide)]).collect()
    }

    /// An explicit share of random entries, with its vector and blinding.
    fn explicit(seed: [u8; 32], levels: usize) -> (Share, Vec<Scalar>) {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let entries: Vec<ExplicitEntry> = (0..levels)
            .map(|_| {
                let mut entry = [0; 17];
                rng.fill_bytes(&mut entry[..16]);
                entry[16] = entry[0] % 2;
                entry
            })
            .collect();
        let blinding = SecretScalar::random(&mut rng);
        let value = |entry: &ExplicitEntry| {
            let mut bytes = [0; 32];
            bytes[..17].copy_from_slice(entry);
            Scalar::ONE - Scalar::from_bytes_mod_order(bytes)
        };
        let expected = entries.iter().map(value).chain([*blinding.expose()]).collect();
        (Share::explicit(ExplicitEntries::new(entries), &blinding), expected)
    }

    fn summed(sum: ShareSum) -> Vec<Scalar> {
        let SummedShare { vector, blinding } = sum.finish();
        vector.expose().iter().chain([blinding.expose()]).copied().collect()
    }

    #[test]
    fn what_seeds_leave_of_a_bid_adds_up_to_it() {
        for (seeds, levels) in [(1u8, 5), (2, 300), (15, 64)] {
            for level in [1, 2, levels / 2, levels] {
                let mut sum = ShareSum::new(levels as usize);
                for seed in 0..seeds {
                    let share = Share::Seed([seed + level as u8; 32]);
                    sum.add(&share.expand(levels as usize).unwrap()).unwrap();
                }
                let remaining = sum.remaining(|j| Choice::from(u8::from(j <= level)));
                let blinding = SecretScalar::new(Scalar::from(4u8));
                let share = Share::explicit(remaining, &blinding);
                // Within the range that is asked of it.
                let share = share.form(levels as usize, usize::from(seeds) + 1).unwrap();
                sum.add(&share.expand()).unwrap();
                let unary = (1..=levels).map(|j| Scalar::from(u8::from(j <= level)));
                assert_eq!(sum.finish().vector.expose(), unary.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn one_entry_alone_is_that_of_the_whole_vector() {
        for levels in [1usize, 4, 5, 259] {
            let (explicit, _) = explicit([levels as u8; 32], levels);
            for share in [Share::Seed([9; 32]), explicit] {
                let share = share.form(levels, 3).unwrap();
                let expanded = share.expand();
                let mut sum = ShareSum::new(levels);
                sum.add(&expanded).unwrap();
                let entry = |j| expanded.entry(Level(j)).map(|entry| entry.reduce());
                let entries: Vec<_> = (1..=levels as u32).map_while(entry).collect();
                assert_eq!(entries, sum.finish().vector.expose());
                assert!(entry(levels as u32 + 1).is_none());
            }
        }
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
            for (seed, weight, is_explicit, keep) in shares {
                let (share, entries) = if is_explicit {
                    explicit(seed, levels)
                } else {
                    (Share::Seed(seed), seeded(seed, levels))
                };
                let share = share.form(levels, 3).unwrap();
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
        let share = Share::Seed([1; 32]).form(4, 2).unwrap();
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
        let share = |entries, blinding| {
            let entries = ExplicitEntries::new(entries);
            Share::Explicit { entries, blinding }
        };
        let fits = vec![[0; 17]; 5];
        let mut large = fits.clone();
        large[4][16] = 2;
        assert!(share(fits[..4].to_vec(), [0; 32]).expand(5).is_err());
        assert!(share(fits.clone(), [0xff; 32]).expand(5).is_err());
        assert!(share(fits.clone(), [0; 32]).expand(5).is_ok());
        assert!(share(large.clone(), [0; 32]).form(5, 3).is_err());
        assert!(share(large, [0; 32]).form(5, 4).is_ok());
        assert!(share(fits.clone(), [0xff; 32]).form(5, 3).is_err());
        assert!(share(fits, [0; 32]).form(6, 3).is_err());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Share::Seed([65; 32])), "Share::Seed(..)");
    }
}
