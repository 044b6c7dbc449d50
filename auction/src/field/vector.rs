//! Sums of whole share vectors, entry by entry, unreduced until the end (PROTOCOL sections 3
//! and 5).
//!
//! A share comes as the raw keystream of its seed, 48 bytes an entry, or as the explicit
//! scalars of the one share that has no seed.

use core::fmt;

use curve25519_dalek::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::accumulate::{ENTRY_BYTES, EntrySum, WeightedSum, entry_limbs};

/// A share vector was not as long as the sum it was to be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("share vector has the wrong length: got {got} {unit}, expected {expected}")]
pub struct LengthError {
    /// The length given.
    pub got: usize,
    /// The length of the sum, in the same unit.
    pub expected: usize,
    /// What was counted: `bytes` of keystream or `scalars`.
    pub unit: &'static str,
}

/// The sum of share vectors. Erased on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct VectorSum {
    sums: Vec<EntrySum>,
}

impl VectorSum {
    /// The empty sum of vectors of `len` entries.
    pub fn new(len: usize) -> Self {
        Self { sums: core::iter::repeat_with(EntrySum::new).take(len).collect() }
    }

    /// Entries of each vector.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether the vectors have no entries.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds a share given as raw keystream, 48 bytes an entry.
    ///
    /// # Errors
    /// [`LengthError`] when it is not `48 * len` bytes long; nothing was added.
    pub fn add_raw(&mut self, keystream: &[u8]) -> Result<(), LengthError> {
        let entries = raw_entries(keystream, self.sums.len())?;
        self.add_raw_from(0, entries);
        Ok(())
    }

    /// Adds a piece of a share's keystream to the entries from `first` on; what lies beyond the
    /// vector is left out.
    pub fn add_raw_from(&mut self, first: usize, entries: &[[u8; ENTRY_BYTES]]) {
        for (sum, entry) in self.sums.iter_mut().skip(first).zip(entries) {
            sum.add(&entry_limbs(entry));
        }
    }

    /// Adds a share given as 256-bit integers.
    ///
    /// # Errors
    /// [`LengthError`] when there are not `len` of them; nothing was added.
    pub fn add_integers(&mut self, integers: &[[u8; 32]]) -> Result<(), LengthError> {
        check_length(integers.len(), self.sums.len())?;
        for (sum, integer) in self.sums.iter_mut().zip(integers) {
            sum.add_integer(integer);
        }
        Ok(())
    }

    /// Takes a piece of a share's keystream away, as [`Self::add_raw_from`] adds it.
    pub fn subtract_raw_from(&mut self, first: usize, entries: &[[u8; ENTRY_BYTES]]) {
        for (sum, entry) in self.sums.iter_mut().skip(first).zip(entries) {
            sum.subtract(&entry_limbs(entry));
        }
    }

    /// Takes a share given as 256-bit integers away.
    ///
    /// # Errors
    /// [`LengthError`] when there are not `len` of them; nothing was taken away.
    pub fn subtract_integers(&mut self, integers: &[[u8; 32]]) -> Result<(), LengthError> {
        check_length(integers.len(), self.sums.len())?;
        for (sum, integer) in self.sums.iter_mut().zip(integers) {
            sum.subtract_integer(integer);
        }
        Ok(())
    }

    /// Adds all shares of another sum.
    ///
    /// # Errors
    /// [`LengthError`] when it is of vectors of another length; nothing was added.
    pub fn add_sum(&mut self, other: &Self) -> Result<(), LengthError> {
        check_length(other.sums.len(), self.sums.len())?;
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            sum.add_sum(other);
        }
        Ok(())
    }

    /// Adds a share given as scalars.
    ///
    /// # Errors
    /// [`LengthError`] when there are not `len` of them; nothing was added.
    pub fn add_scalars(&mut self, scalars: &[Scalar]) -> Result<(), LengthError> {
        check_length(scalars.len(), self.sums.len())?;
        for (sum, scalar) in self.sums.iter_mut().zip(scalars) {
            sum.add_scalar(scalar);
        }
        Ok(())
    }

    /// The sum of each entry modulo `l`. The scalars are as secret as the shares were.
    pub fn finish(self) -> Vec<Scalar> {
        self.sums.iter().map(EntrySum::reduce).collect()
    }
}

/// The sum of share vectors, each times a 128-bit weight. Erased on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct WeightedVectorSum {
    sums: Vec<WeightedSum>,
}

impl WeightedVectorSum {
    /// The empty sum of vectors of `len` entries.
    pub fn new(len: usize) -> Self {
        Self { sums: core::iter::repeat_with(WeightedSum::new).take(len).collect() }
    }

    /// Entries of each vector.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether the vectors have no entries.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds `weight` times a share given as raw keystream, 48 bytes an entry.
    ///
    /// # Errors
    /// [`LengthError`] when it is not `48 * len` bytes long; nothing was added.
    pub fn add_raw(&mut self, weight: u128, keystream: &[u8]) -> Result<(), LengthError> {
        let entries = raw_entries(keystream, self.sums.len())?;
        self.add_raw_from(weight, 0, entries);
        Ok(())
    }

    /// Adds `weight` times a piece of a share's keystream to the entries from `first` on; what
    /// lies beyond the vector is left out.
    pub fn add_raw_from(&mut self, weight: u128, first: usize, entries: &[[u8; ENTRY_BYTES]]) {
        for (sum, entry) in self.sums.iter_mut().skip(first).zip(entries) {
            sum.add(weight, &entry_limbs(entry));
        }
    }

    /// Adds `weight` times a share given as 256-bit integers.
    ///
    /// # Errors
    /// [`LengthError`] when there are not `len` of them; nothing was added.
    pub fn add_integers(&mut self, weight: u128, integers: &[[u8; 32]]) -> Result<(), LengthError> {
        check_length(integers.len(), self.sums.len())?;
        for (sum, integer) in self.sums.iter_mut().zip(integers) {
            sum.add_integer(weight, integer);
        }
        Ok(())
    }

    /// Adds `weight` times a share given as scalars.
    ///
    /// # Errors
    /// [`LengthError`] when there are not `len` of them; nothing was added.
    pub fn add_scalars(&mut self, weight: u128, scalars: &[Scalar]) -> Result<(), LengthError> {
        check_length(scalars.len(), self.sums.len())?;
        for (sum, scalar) in self.sums.iter_mut().zip(scalars) {
            sum.add_scalar(weight, scalar);
        }
        Ok(())
    }

    /// The sum of each entry modulo `l`. The scalars are as secret as the shares were.
    pub fn finish(self) -> Vec<Scalar> {
        self.sums.iter().map(WeightedSum::reduce).collect()
    }
}

/// The keystream as exactly `len` entries.
fn raw_entries(keystream: &[u8], len: usize) -> Result<&[[u8; ENTRY_BYTES]], LengthError> {
    let (entries, rest) = keystream.as_chunks::<ENTRY_BYTES>();
    if entries.len() == len && rest.is_empty() {
        return Ok(entries);
    }
    let expected = len.saturating_mul(ENTRY_BYTES);
    Err(LengthError { got: keystream.len(), expected, unit: "bytes" })
}

fn check_length(got: usize, expected: usize) -> Result<(), LengthError> {
    if got == expected { Ok(()) } else { Err(LengthError { got, expected, unit: "scalars" }) }
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
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::super::oracle::scalar_of;
    use super::*;

    /// Entries of the vectors tested.
    const LEN: usize = 5;

    /// One share of `LEN` entries.
    #[derive(Debug, Clone)]
    enum Share {
        Raw(Vec<u8>),
        Scalars(Vec<[u8; 32]>),
    }

    impl Share {
        fn integers(&self) -> Vec<BigUint> {
            match self {
                Self::Raw(bytes) => bytes.chunks(48).map(BigUint::from_bytes_le).collect(),
                Self::Scalars(all) => {
                    all.iter().map(|bytes| BigUint::from_bytes_le(bytes)).collect()
                }
            }
        }
    }

    impl Share {
        fn add_to(&self, sum: &mut VectorSum) {
            match self {
                Self::Raw(bytes) => sum.add_raw(bytes).unwrap(),
                Self::Scalars(all) => sum.add_integers(all).unwrap(),
            }
        }

        fn subtract_from(&self, sum: &mut VectorSum) {
            match self {
                Self::Raw(bytes) => {
                    // Two pieces, as a keystream comes.
                    let (entries, _) = bytes.as_chunks();
                    sum.subtract_raw_from(0, &entries[..2]);
                    sum.subtract_raw_from(2, &entries[2..]);
                }
                Self::Scalars(all) => sum.subtract_integers(all).unwrap(),
            }
        }
    }

    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![Just(0), Just(0xff), any::<u8>()]
    }

    fn share() -> impl Strategy<Value = Share> {
        let raw = prop_oneof![
            prop::collection::vec(any::<u8>(), LEN * 48),
            prop::collection::vec(byte(), LEN * 48),
            Just(vec![0xff; LEN * 48]),
        ];
        let scalars = prop::collection::vec(prop::array::uniform32(byte()), LEN);
        prop_oneof![raw.prop_map(Share::Raw), scalars.prop_map(Share::Scalars)]
    }

    fn weight() -> impl Strategy<Value = u128> {
        prop_oneof![Just(0), Just(1), Just(u128::MAX), any::<u128>()]
    }

    fn scalars_of(integers: &[BigUint]) -> Vec<Scalar> {
        integers.iter().map(scalar_of).collect()
    }

    proptest! {
        #[test]
        fn sums_equal_big_integers(
            shares in prop::collection::vec((weight(), share()), 0..40)
        ) {
            let (mut plain, mut weighted) = (VectorSum::new(LEN), WeightedVectorSum::new(LEN));
            let mut expected = vec![BigUint::ZERO; LEN];
            let mut expected_weighted = vec![BigUint::ZERO; LEN];
            for (weight, share) in &shares {
                let integers = share.integers();
                match share {
                    Share::Raw(bytes) => {
                        plain.add_raw(bytes).unwrap();
                        weighted.add_raw(*weight, bytes).unwrap();
                    }
                    Share::Scalars(_) => {
                        let scalars = scalars_of(&integers);
                        plain.add_scalars(&scalars).unwrap();
                        weighted.add_scalars(*weight, &scalars).unwrap();
                    }
                }
                for (j, integer) in integers.iter().enumerate() {
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
        let ones = [0xff; LEN * 48];
        let (mut plain, mut weighted) = (VectorSum::new(LEN), WeightedVectorSum::new(LEN));
        for _ in 0..5000 {
            plain.add_raw(&ones).unwrap();
            weighted.add_raw(u128::MAX, &ones).unwrap();
        }
        let total = BigUint::from_bytes_le(&[0xff; 48]) * 5000u32;
        assert_eq!(plain.finish(), vec![scalar_of(&total); LEN]);
        assert_eq!(weighted.finish(), vec![scalar_of(&(total * u128::MAX)); LEN]);
    }

    #[test]
    fn each_entry_has_its_own_sum() {
        let mut keystream = [0u8; 3 * 48];
        for j in 0..3u8 {
            keystream[48 * usize::from(j)] = j + 1;
        }
        let mut sum = VectorSum::new(3);
        sum.add_raw(&keystream).unwrap();
        sum.add_scalars(&[Scalar::ONE, Scalar::ZERO, -Scalar::ONE]).unwrap();
        assert_eq!(sum.finish(), [2u8, 2, 2].map(Scalar::from));
    }

    #[test]
    fn a_wrong_length_is_refused_and_adds_nothing() {
        let mut plain = VectorSum::new(2);
        let mut weighted = WeightedVectorSum::new(2);
        for got in [0, 48, 95, 97, 144] {
            let error = LengthError { got, expected: 96, unit: "bytes" };
            let bytes = vec![1; got];
            assert_eq!(plain.add_raw(&bytes), Err(error));
            assert_eq!(weighted.add_raw(1, &bytes), Err(error));
        }
        for got in [0, 1, 3] {
            let error = LengthError { got, expected: 2, unit: "scalars" };
            let scalars = vec![Scalar::ONE; got];
            assert_eq!(plain.add_scalars(&scalars), Err(error));
            assert_eq!(weighted.add_scalars(1, &scalars), Err(error));
            assert_eq!(plain.add_integers(&vec![[1; 32]; got]), Err(error));
            assert_eq!(plain.subtract_integers(&vec![[1; 32]; got]), Err(error));
            let mut other = VectorSum::new(got);
            other.add_scalars(&scalars).unwrap();
            assert_eq!(plain.add_sum(&other), Err(error));
        }
        assert_eq!(plain.finish(), [Scalar::ZERO; 2]);
        assert_eq!(weighted.finish(), [Scalar::ZERO; 2]);
    }

    #[test]
    fn vectors_of_no_entries_are_sums_too() {
        let mut sum = VectorSum::new(0);
        assert!(sum.is_empty());
        sum.add_raw(&[]).unwrap();
        assert!(sum.finish().is_empty());
    }

    #[test]
    fn debug_shows_the_length_alone() {
        let mut sum = VectorSum::new(2);
        sum.add_scalars(&[Scalar::from(77u8); 2]).unwrap();
        assert_eq!(format!("{sum:?}"), "VectorSum(2 entries, redacted)");
        let weighted = WeightedVectorSum::new(3);
        assert_eq!(format!("{weighted:?}"), "WeightedVectorSum(3 entries, redacted)");
        assert_eq!(weighted.len(), 3);
    }
}
