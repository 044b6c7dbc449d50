//! Sums of share entries, unreduced, with one reduction at the end (PROTOCOL section 2 step 1,
//! sections 3 and 5).
//!
//! An entry of a seed share is a 128-bit integer, one of an explicit share a 136-bit integer that
//! counts negatively. Their sums are signed integers in two's complement: adding and taking away
//! are additions of limbs, in any order, and wrap around to the true value as long as that fits.
//! It does for 2^55 entries, far more than any auction has.

use core::fmt;

use curve25519_dalek::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::limbs::{add, add_product, bytes_from_limbs, subtract, subtract_product, weight_limbs};
use super::montgomery::{ORDER, add_order_if};

/// Bytes of one entry of a seed share.
pub const SEED_ENTRY_BYTES: usize = 16;

/// Bytes of one entry of an explicit share.
pub const EXPLICIT_ENTRY_BYTES: usize = 17;

/// The limbs of one entry of a seed share, least significant first.
#[inline(always)]
pub(super) fn seed_entry_limbs(entry: &[u8; SEED_ENTRY_BYTES]) -> [u64; 2] {
    weight_limbs(u128::from_le_bytes(*entry))
}

/// The limbs of one entry of an explicit share, least significant first.
#[inline(always)]
pub(super) fn explicit_entry_limbs(entry: &[u8; EXPLICIT_ENTRY_BYTES]) -> [u64; 3] {
    let [low @ .., top] = *entry;
    let [first, second] = seed_entry_limbs(&low);
    [first, second, u64::from(top)]
}

/// A sum of entries, below 2^191 in size. Erased on drop.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct EntrySum(pub(super) [u64; 3]);

impl EntrySum {
    /// The empty sum.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry of a seed share.
    #[inline(always)]
    pub fn add_seed_entry(&mut self, entry: &[u8; SEED_ENTRY_BYTES]) {
        add(&mut self.0, &seed_entry_limbs(entry));
    }

    /// Takes an entry of a seed share away.
    #[inline(always)]
    pub fn subtract_seed_entry(&mut self, entry: &[u8; SEED_ENTRY_BYTES]) {
        subtract(&mut self.0, &seed_entry_limbs(entry));
    }

    /// Adds the integer in an entry of an explicit share.
    #[inline(always)]
    pub fn add_explicit_entry(&mut self, entry: &[u8; EXPLICIT_ENTRY_BYTES]) {
        add(&mut self.0, &explicit_entry_limbs(entry));
    }

    /// Takes the integer in an entry of an explicit share away.
    #[inline(always)]
    pub fn subtract_explicit_entry(&mut self, entry: &[u8; EXPLICIT_ENTRY_BYTES]) {
        subtract(&mut self.0, &explicit_entry_limbs(entry));
    }

    /// Adds a 128-bit integer.
    #[inline(always)]
    pub fn add_integer(&mut self, integer: u128) {
        add(&mut self.0, &weight_limbs(integer));
    }

    /// Takes a 128-bit integer away.
    #[inline(always)]
    pub fn subtract_integer(&mut self, integer: u128) {
        subtract(&mut self.0, &weight_limbs(integer));
    }

    /// Adds all entries of another sum.
    #[inline(always)]
    pub fn add_sum(&mut self, other: &Self) {
        add(&mut self.0, &other.0);
    }

    /// The sum as an entry of an explicit share, which it must fit: at least zero and below 2^136.
    pub fn to_explicit_entry(&self) -> [u8; EXPLICIT_ENTRY_BYTES] {
        let bytes: [u8; 24] = bytes_from_limbs(&self.0);
        core::array::from_fn(|i| bytes[i])
    }

    /// The sum modulo `l`.
    pub fn reduce(&self) -> Scalar {
        let [a, b, c] = self.0;
        let negative = is_negative(c);
        // Its size is below 2^191 < l: a negative sum less than nothing is one l above.
        let sign = u64::from(negative).wrapping_neg();
        let reduced = add_order_if(&[a, b, c, sign], negative);
        Scalar::from_bytes_mod_order(bytes_from_limbs(&reduced))
    }
}

/// A sum of entries, each times a 128-bit weight; below 2^319 in size. Erased on drop.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct WeightedSum([u64; 5]);

impl WeightedSum {
    /// The empty sum.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `weight` times an entry of a seed share.
    #[inline(always)]
    pub fn add_seed_entry(&mut self, weight: u128, entry: &[u8; SEED_ENTRY_BYTES]) {
        add_product(&mut self.0, &weight_limbs(weight), &seed_entry_limbs(entry));
    }

    /// Takes `weight` times the integer in an entry of an explicit share away.
    #[inline(always)]
    pub fn subtract_explicit_entry(&mut self, weight: u128, entry: &[u8; EXPLICIT_ENTRY_BYTES]) {
        subtract_product(&mut self.0, &weight_limbs(weight), &explicit_entry_limbs(entry));
    }

    /// Adds `weight` times a sum of entries, which must be below 2^160 in size: one of 2^24
    /// entries.
    #[inline(always)]
    pub fn add_sum(&mut self, weight: u128, sum: &EntrySum) {
        let weight = weight_limbs(weight);
        add_product(&mut self.0, &weight, &sum.0);
        // A negative sum was taken for one that is greater by 2^192.
        let sign = u64::from(is_negative(sum.0[2])).wrapping_neg();
        let excess = weight.map(|limb| limb & core::hint::black_box(sign));
        subtract(&mut self.0, &[0, 0, 0, excess[0], excess[1]]);
    }

    /// Adds a sum of entries, unweighted.
    #[inline(always)]
    pub fn add_unweighted(&mut self, sum: &EntrySum) {
        self.add_sum(1, sum);
    }

    /// The sum modulo `l`.
    pub fn reduce(&self) -> Scalar {
        let [a, b, c, d, e] = self.0;
        let sign = u64::from(is_negative(e)).wrapping_neg();
        // The multiple of l is above every sum's size: what comes out is at least zero.
        let mut value = [a, b, c, d, e, sign];
        add(&mut value, &MULTIPLE_OF_ORDER);
        let mut wide = [0; 8];
        wide[..6].copy_from_slice(&value);
        Scalar::from_bytes_mod_order_wide(&bytes_from_limbs(&wide))
    }
}

/// `2^67 l`, above 2^319.
const MULTIPLE_OF_ORDER: [u64; 6] = {
    let mut limbs = [0; 6];
    let mut i = 0;
    while i < 4 {
        limbs[i + 1] |= ORDER[i] << 3;
        limbs[i + 2] = ORDER[i] >> 61;
        i += 1;
    }
    limbs
};

/// Whether the number of which this is the top limb is negative.
#[inline(always)]
fn is_negative(top: u64) -> bool {
    top >> 63 == 1
}

macro_rules! redacted {
    ($($sum:ident),*) => {$(
        impl fmt::Debug for $sum {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!(stringify!($sum), "(redacted)"))
            }
        }
    )*};
}
redacted!(EntrySum, WeightedSum);

#[cfg(test)]
mod tests {
    use num_bigint::{BigInt, BigUint};

    use super::super::oracle::{
        big, edge_limbs, order, random_limbs, scalar_of, seeded, signed_scalar_of,
    };
    use super::*;

    /// Terms in the tests of the largest carries.
    const MANY: u32 = 20_000;

    fn seed_entries() -> Vec<[u8; SEED_ENTRY_BYTES]> {
        let mut rng = seeded("seed entries");
        let mut entries: Vec<[u64; 2]> = edge_limbs();
        entries.extend((0..40).map(|_| random_limbs::<2>(&mut rng)));
        entries.iter().map(bytes_from_limbs).collect()
    }

    fn explicit_entries() -> Vec<[u8; EXPLICIT_ENTRY_BYTES]> {
        let mut all = vec![[0; 17], [0xff; 17]];
        for (top, low) in (0..=255u8).step_by(51).zip(seed_entries().into_iter().rev()) {
            all.push(core::array::from_fn(|i| if i < 16 { low[i] } else { top }));
        }
        all
    }

    fn weights() -> Vec<u128> {
        let mut rng = seeded("weights");
        let mut weights = vec![0, 1, u128::from(u64::MAX), 1 << 64, 1 << 127, u128::MAX];
        weights.extend((0..6).map(|_| {
            let [low, high] = random_limbs::<2>(&mut rng);
            (u128::from(high) << 64) + u128::from(low)
        }));
        weights
    }

    fn number(bytes: &[u8]) -> BigInt {
        BigUint::from_bytes_le(bytes).into()
    }

    #[test]
    fn sums_of_entries_added_and_taken_away_equal_big_integers() {
        let (mut sum, mut expected) = (EntrySum::new(), BigInt::ZERO);
        // First all that goes below zero, then all that comes above again.
        for entry in explicit_entries() {
            let mut alone = EntrySum::new();
            alone.subtract_explicit_entry(&entry);
            assert_eq!(alone.reduce(), signed_scalar_of(&-number(&entry)));
            sum.subtract_explicit_entry(&entry);
            expected -= number(&entry);
            assert_eq!(sum.reduce(), signed_scalar_of(&expected));
        }
        for entry in seed_entries() {
            sum.subtract_seed_entry(&entry);
            expected -= number(&entry);
            sum.subtract_integer(u128::from_le_bytes(entry) >> 3);
            expected -= number(&entry) >> 3;
            assert_eq!(sum.reduce(), signed_scalar_of(&expected));
        }
        for entry in explicit_entries() {
            sum.add_explicit_entry(&entry);
            expected += number(&entry);
            assert_eq!(sum.reduce(), signed_scalar_of(&expected));
        }
        for entry in seed_entries() {
            sum.add_seed_entry(&entry);
            sum.add_seed_entry(&entry);
            sum.add_integer(u128::from_le_bytes(entry) >> 3);
            expected += number(&entry) * 2 + (number(&entry) >> 3);
            assert_eq!(sum.reduce(), signed_scalar_of(&expected));
        }
        let mut twice = sum.clone();
        twice.add_sum(&sum);
        assert_eq!(twice.reduce(), signed_scalar_of(&(expected * 2)));
    }

    #[test]
    fn weighted_entries_equal_big_integers() {
        let (mut sum, mut expected) = (WeightedSum::new(), BigInt::ZERO);
        for weight in weights() {
            for entry in explicit_entries() {
                let term = number(&entry) * weight;
                let mut alone = WeightedSum::new();
                alone.subtract_explicit_entry(weight, &entry);
                assert_eq!(alone.reduce(), signed_scalar_of(&-&term));
                sum.subtract_explicit_entry(weight, &entry);
                expected -= term;
                assert_eq!(sum.reduce(), signed_scalar_of(&expected));
            }
        }
        for weight in weights() {
            for entry in seed_entries() {
                sum.add_seed_entry(weight, &entry);
                expected += number(&entry) * weight;
                assert_eq!(sum.reduce(), signed_scalar_of(&expected));
            }
        }
    }

    #[test]
    fn weighted_sums_keep_the_sign() {
        let (mut all, mut expected) = (WeightedSum::new(), BigInt::ZERO);
        for centre in [BigInt::ZERO, BigInt::from(1) << 128, BigInt::from(1) << 160] {
            for offset in -1..=1 {
                for sign in [1, -1] {
                    let value = &centre * sign + offset;
                    let modulus = BigInt::from(1) << 192;
                    let wrapped: BigInt = ((&value % &modulus) + &modulus) % &modulus;
                    let digits = wrapped.magnitude().to_u64_digits();
                    let limb = |i| digits.get(i).copied().unwrap_or(0);
                    let sum = EntrySum([limb(0), limb(1), limb(2)]);
                    assert_eq!(sum.reduce(), signed_scalar_of(&value));
                    for weight in weights() {
                        all.add_sum(weight, &sum);
                        expected += &value * weight;
                        assert_eq!(all.reduce(), signed_scalar_of(&expected));
                    }
                    all.add_unweighted(&sum);
                    expected += &value;
                    assert_eq!(all.reduce(), signed_scalar_of(&expected));
                }
            }
        }
    }

    #[test]
    fn many_largest_terms_do_not_overflow() {
        let (mut plain, mut weighted) = (EntrySum::new(), WeightedSum::new());
        for _ in 0..MANY {
            plain.subtract_explicit_entry(&[0xff; 17]);
            weighted.subtract_explicit_entry(u128::MAX, &[0xff; 17]);
        }
        let entry = number(&[0xff; 17]);
        assert_eq!(plain.reduce(), signed_scalar_of(&(-&entry * MANY)));
        assert_eq!(weighted.reduce(), signed_scalar_of(&(-entry * u128::MAX * MANY)));
    }

    #[test]
    fn every_value_that_fits_is_reduced_right() {
        assert_eq!(big(&MULTIPLE_OF_ORDER), order() << 67);
        let signed = |limbs: &[u64]| {
            let end = BigInt::from(1) << (64 * limbs.len());
            let value = BigInt::from(big(limbs));
            if value >= &end / 2 { value - end } else { value }
        };
        let mut rng = seeded("reduce");
        let mut threes: Vec<[u64; 3]> = edge_limbs();
        threes.extend((0..200).map(|_| random_limbs::<3>(&mut rng)));
        for limbs in threes {
            assert_eq!(EntrySum(limbs).reduce(), signed_scalar_of(&signed(&limbs)));
        }
        let mut fives: Vec<[u64; 5]> = edge_limbs();
        fives.extend((0..200).map(|_| random_limbs::<5>(&mut rng)));
        for limbs in fives {
            assert_eq!(WeightedSum(limbs).reduce(), signed_scalar_of(&signed(&limbs)));
        }
    }

    #[test]
    fn a_sum_is_written_as_an_entry() {
        for entry in explicit_entries() {
            let mut sum = EntrySum::new();
            sum.add_explicit_entry(&entry);
            assert_eq!(sum.to_explicit_entry(), entry);
        }
        assert_eq!(scalar_of(&big(&explicit_entry_limbs(&[1; 17]))), {
            let mut bytes = [0; 32];
            bytes[..17].fill(1);
            Scalar::from_bytes_mod_order(bytes)
        });
    }

    #[test]
    fn sums_print_redacted_and_are_cleared() {
        let mut sum = EntrySum::new();
        sum.add_integer(7);
        assert_eq!(format!("{sum:?}"), "EntrySum(redacted)");
        assert_eq!(format!("{:?}", WeightedSum::new()), "WeightedSum(redacted)");
        sum.zeroize();
        assert_eq!(sum.0, [0; 3]);
    }
}
