//! Sums of whole share vectors, entry by entry, unreduced until the end (PROTOCOL sections 2, 3
//! and 5).
//!
//! A share comes as the keystream of its seed, or as the entries `y = 1 - e` of the one share
//! that has no seed: adding its `e` is taking `y` away, and the ones, which are the same in every
//! entry, are counted apart.

use core::fmt;

use curve25519_dalek::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::accumulate::{EXPLICIT_ENTRY_BYTES, EntrySum, SEED_ENTRY_BYTES, WeightedSum};

/// A share vector was not as long as the sum it was to be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("share vector has the wrong length: got {got} entries, expected {expected}")]
pub struct LengthError {
    /// Entries given.
    pub got: usize,
    /// Entries of the sum.
    pub expected: usize,
}

impl LengthError {
    /// Checks a length.
    ///
    /// # Errors
    /// The error, when `got` is not `expected`.
    pub fn check(got: usize, expected: usize) -> Result<(), Self> {
        if got == expected { Ok(()) } else { Err(Self { got, expected }) }
    }
}

/// The sum of share vectors. Erased on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct VectorSum {
    sums: Vec<EntrySum>,
    /// What belongs to every entry.
    ones: EntrySum,
}

impl VectorSum {
    /// The empty sum of vectors of `len` entries.
    pub fn new(len: usize) -> Self {
        let sums = core::iter::repeat_with(EntrySum::new).take(len).collect();
        Self { sums, ones: EntrySum::new() }
    }

    /// Entries of each vector.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether the vectors have no entries.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds a piece of a seed share to the entries from `first` on; what lies beyond the vector
    /// is left out.
    #[inline]
    pub fn add_seed_entries(&mut self, first: usize, entries: &[[u8; SEED_ENTRY_BYTES]]) {
        for (sum, entry) in self.sums.iter_mut().skip(first).zip(entries) {
            sum.add_seed_entry(entry);
        }
    }

    /// Takes a piece of a seed share away, as [`Self::add_seed_entries`] adds it.
    #[inline]
    pub fn subtract_seed_entries(&mut self, first: usize, entries: &[[u8; SEED_ENTRY_BYTES]]) {
        for (sum, entry) in self.sums.iter_mut().skip(first).zip(entries) {
            sum.subtract_seed_entry(entry);
        }
    }

    /// Adds an explicit share.
    ///
    /// # Errors
    /// [`LengthError`] when it has another length; nothing was added.
    pub fn add_explicit(
        &mut self,
        entries: &[[u8; EXPLICIT_ENTRY_BYTES]],
    ) -> Result<(), LengthError> {
        LengthError::check(entries.len(), self.sums.len())?;
        for (sum, entry) in self.sums.iter_mut().zip(entries) {
            sum.subtract_explicit_entry(entry);
        }
        self.ones.add_integer(1);
        Ok(())
    }

    /// Takes an explicit share away.
    ///
    /// # Errors
    /// [`LengthError`] when it has another length; nothing was taken away.
    pub fn subtract_explicit(
        &mut self,
        entries: &[[u8; EXPLICIT_ENTRY_BYTES]],
    ) -> Result<(), LengthError> {
        LengthError::check(entries.len(), self.sums.len())?;
        for (sum, entry) in self.sums.iter_mut().zip(entries) {
            sum.add_explicit_entry(entry);
        }
        self.ones.subtract_integer(1);
        Ok(())
    }

    /// Adds all shares of another sum.
    ///
    /// # Errors
    /// [`LengthError`] when it is of vectors of another length; nothing was added.
    pub fn add_sum(&mut self, other: &Self) -> Result<(), LengthError> {
        LengthError::check(other.sums.len(), self.sums.len())?;
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            sum.add_sum(other);
        }
        self.ones.add_sum(&other.ones);
        Ok(())
    }

    /// The sum of each entry as a signed integer.
    pub fn entries(&self) -> impl Iterator<Item = EntrySum> + '_ {
        self.sums.iter().map(|sum| {
            let mut entry = sum.clone();
            entry.add_sum(&self.ones);
            entry
        })
    }

    /// The sum of each entry modulo `l`. The scalars are as secret as the shares were.
    pub fn finish(self) -> Vec<Scalar> {
        self.entries().map(|entry| entry.reduce()).collect()
    }
}

/// The sum of share vectors, each times a 128-bit weight. Erased on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct WeightedVectorSum {
    sums: Vec<WeightedSum>,
    /// What belongs to every entry.
    ones: EntrySum,
}

impl WeightedVectorSum {
    /// The empty sum of vectors of `len` entries.
    pub fn new(len: usize) -> Self {
        let sums = core::iter::repeat_with(WeightedSum::new).take(len).collect();
        Self { sums, ones: EntrySum::new() }
    }

    /// Entries of each vector.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether the vectors have no entries.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds `weight` times a piece of a seed share to the entries from `first` on; what lies
    /// beyond the vector is left out.
    #[inline]
    pub fn add_seed_entries(
        &mut self,
        weight: u128,
        first: usize,
        entries: &[[u8; SEED_ENTRY_BYTES]],
    ) {
        for (sum, entry) in self.sums.iter_mut().skip(first).zip(entries) {
            sum.add_seed_entry(weight, entry);
        }
    }

    /// Adds `weight` times an explicit share.
    ///
    /// # Errors
    /// [`LengthError`] when it has another length; nothing was added.
    pub fn add_explicit(
        &mut self,
        weight: u128,
        entries: &[[u8; EXPLICIT_ENTRY_BYTES]],
    ) -> Result<(), LengthError> {
        LengthError::check(entries.len(), self.sums.len())?;
        for (sum, entry) in self.sums.iter_mut().zip(entries) {
            sum.subtract_explicit_entry(weight, entry);
        }
        self.ones.add_integer(weight);
        Ok(())
    }

    /// The sum of each entry modulo `l`. The scalars are as secret as the shares were.
    pub fn finish(mut self) -> Vec<Scalar> {
        for sum in &mut self.sums {
            sum.add_unweighted(&self.ones);
        }
        self.sums.iter().map(WeightedSum::reduce).collect()
    }
}

macro_rules! redacted {
    ($($sum:ident),*) => {$(
        impl fmt::Debug for $sum {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($sum), "({} entries, redacted)"), self.len())
            }
        }
    )*};
}
redacted!(VectorSum, WeightedVectorSum);

#[cfg(test)]
mod tests {
    use num_bigint::{BigInt, BigUint};
    use proptest::prelude::*;

    use super::super::oracle::signed_scalar_of;
    use super::*;

    /// Entries of the vectors tested.
    const LEN: usize = 5;

    /// One share of `LEN` entries.
    #[derive(Debug, Clone)]
    enum Share {
        Seed(Vec<[u8; 16]>),
        Explicit(Vec<[u8; 17]>),
    }

    impl Share {
        fn integers(&self) -> Vec<BigInt> {
            let number = |bytes: &[u8]| BigInt::from(BigUint::from_bytes_le(bytes));
            match self {
                Self::Seed(all) => all.iter().map(|entry| number(entry)).collect(),
                Self::Explicit(all) => all.iter().map(|entry| 1 - number(entry)).collect(),
            }
        }

        fn add_to(&self, sum: &mut VectorSum) {
            match self {
                Self::Seed(entries) => {
                    // Two pieces, as a keystream comes.
                    sum.add_seed_entries(0, &entries[..2]);
                    sum.add_seed_entries(2, &entries[2..]);
                }
                Self::Explicit(entries) => sum.add_explicit(entries).unwrap(),
            }
        }

        fn subtract_from(&self, sum: &mut VectorSum) {
            match self {
                Self::Seed(entries) => {
                    sum.subtract_seed_entries(3, &entries[3..]);
                    sum.subtract_seed_entries(0, &entries[..3]);
                }
                Self::Explicit(entries) => sum.subtract_explicit(entries).unwrap(),
            }
        }

        fn add_weighted(&self, weight: u128, sum: &mut WeightedVectorSum) {
            match self {
                Self::Seed(entries) => {
                    sum.add_seed_entries(weight, 0, &entries[..2]);
                    sum.add_seed_entries(weight, 2, &entries[2..]);
                }
                Self::Explicit(entries) => sum.add_explicit(weight, entries).unwrap(),
            }
        }
    }

    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![Just(0), Just(0xff), any::<u8>()]
    }

    fn share() -> impl Strategy<Value = Share> {
        let seed = prop::collection::vec(prop::array::uniform16(byte()), LEN);
        let explicit = prop::collection::vec((byte(), prop::array::uniform16(byte())), LEN);
        let joined = |(top, low): (u8, [u8; 16])| {
            core::array::from_fn(|i| if i < 16 { low[i] } else { top })
        };
        prop_oneof![
            seed.prop_map(Share::Seed),
            explicit.prop_map(move |all| Share::Explicit(all.into_iter().map(joined).collect())),
        ]
    }

    fn weight() -> impl Strategy<Value = u128> {
        prop_oneof![Just(0), Just(1), Just(u128::MAX), any::<u128>()]
    }

    fn scalars_of(integers: &[BigInt]) -> Vec<Scalar> {
        integers.iter().map(signed_scalar_of).collect()
    }

    proptest! {
        #[test]
        fn sums_equal_big_integers(
            shares in prop::collection::vec((weight(), share()), 0..40),
        ) {
            let (mut plain, mut weighted) = (VectorSum::new(LEN), WeightedVectorSum::new(LEN));
            let mut expected = vec![BigInt::ZERO; LEN];
            let mut expected_weighted = vec![BigInt::ZERO; LEN];
            for (weight, share) in &shares {
                share.add_to(&mut plain);
                share.add_weighted(*weight, &mut weighted);
                for (j, integer) in share.integers().iter().enumerate() {
                    expected[j] += integer;
                    expected_weighted[j] += integer * *weight;
                }
            }
            prop_assert_eq!(plain.finish(), scalars_of(&expected));
            prop_assert_eq!(weighted.finish(), scalars_of(&expected_weighted));
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_away_was_never_added(
            shares in prop::collection::vec((any::<bool>(), any::<bool>(), share()), 0..20)
        ) {
            let (mut sum, mut second) = (VectorSum::new(LEN), VectorSum::new(LEN));
            let mut kept = VectorSum::new(LEN);
            for (keep, _, share) in &shares {
                share.add_to(&mut sum);
                if *keep {
                    share.add_to(&mut kept);
                }
            }
            // In any order and from either part of a sum made in two.
            for (_, here, share) in shares.iter().filter(|(keep, ..)| !keep) {
                share.subtract_from(if *here { &mut sum } else { &mut second });
            }
            sum.add_sum(&second).unwrap();
            prop_assert_eq!(sum.finish(), kept.finish());
        }
    }

    #[test]
    fn thousands_of_largest_shares_do_not_overflow() {
        let (mut plain, mut weighted) = (VectorSum::new(LEN), WeightedVectorSum::new(LEN));
        for _ in 0..5000 {
            plain.add_explicit(&[[0xff; 17]; LEN]).unwrap();
            weighted.add_explicit(u128::MAX, &[[0xff; 17]; LEN]).unwrap();
        }
        let total = (1 - BigInt::from(BigUint::from_bytes_le(&[0xff; 17]))) * 5000;
        assert_eq!(plain.finish(), vec![signed_scalar_of(&total); LEN]);
        assert_eq!(weighted.finish(), vec![signed_scalar_of(&(total * u128::MAX)); LEN]);
    }

    #[test]
    fn each_entry_has_its_own_sum() {
        let entry = |value: u8| core::array::from_fn(|i| if i == 0 { value } else { 0 });
        let mut sum = VectorSum::new(3);
        sum.add_seed_entries(0, &[1, 2, 3].map(entry));
        let explicit = |value: u8| core::array::from_fn(|i| if i == 0 { value } else { 0 });
        // 1 - y: 1, 0, -1.
        sum.add_explicit(&[0, 1, 2].map(explicit)).unwrap();
        assert_eq!(sum.finish(), [2u8, 2, 2].map(Scalar::from));
    }

    #[test]
    fn a_wrong_length_is_refused_and_adds_nothing() {
        let mut plain = VectorSum::new(2);
        let mut weighted = WeightedVectorSum::new(2);
        for got in [0, 1, 3] {
            let error = LengthError { got, expected: 2 };
            let entries = vec![[1; 17]; got];
            assert_eq!(plain.add_explicit(&entries), Err(error));
            assert_eq!(plain.subtract_explicit(&entries), Err(error));
            assert_eq!(weighted.add_explicit(1, &entries), Err(error));
            let mut other = VectorSum::new(got);
            other.add_explicit(&entries).unwrap();
            assert_eq!(plain.add_sum(&other), Err(error));
        }
        // What lies beyond is left out.
        plain.add_seed_entries(2, &[[1; 16]]);
        weighted.add_seed_entries(1, 2, &[[1; 16]]);
        assert_eq!(plain.finish(), [Scalar::ZERO; 2]);
        assert_eq!(weighted.finish(), [Scalar::ZERO; 2]);
    }

    #[test]
    fn debug_shows_the_length_alone() {
        let mut sum = VectorSum::new(2);
        sum.add_explicit(&[[77; 17]; 2]).unwrap();
        assert_eq!(format!("{sum:?}"), "VectorSum(2 entries, redacted)");
        let weighted = WeightedVectorSum::new(3);
        assert_eq!(format!("{weighted:?}"), "WeightedVectorSum(3 entries, redacted)");
        assert_eq!((weighted.len(), weighted.is_empty()), (3, false));
        assert!(VectorSum::new(0).finish().is_empty());
    }
}
