//! Sums of many terms, unreduced, with one reduction at the end.
//!
//! Each sum has one limb more than a term, so that it holds 2^64 terms: more additions than
//! any machine makes. No overflow check is needed.

use core::fmt;

use curve25519_dalek::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::limbs::{
    add, add_product, bytes_from_limbs, difference, limbs_from_bytes, weight_limbs,
};
use super::montgomery::{Fe, R1, R2, montgomery_product};

/// Bytes of one raw entry of a share expansion: 384 bits, PROTOCOL section 2 step 1.
pub const ENTRY_BYTES: usize = 48;

/// `2^448` modulo `l`.
const TWO_POW_448: [u64; 4] =
    [0x79da_f520_a00a_cb65, 0xe24b_abbe_38d1_d7a9, 0xb399_411b_7c30_9a3d, 0x0ed9_ce5a_30a2_c131];

/// The smallest multiple of `l` that no raw entry exceeds.
const ABOVE_ENTRIES: [u64; 7] = [
    0x1e90_41f0_bccb_717c,
    0x5e94_7a9b_44a7_bf41,
    0x8126_31a5_cf5d_3ece,
    0x0def_9dea_2f79_cd65,
    0,
    0,
    1,
];

/// The limbs of one raw entry, least significant first.
#[inline(always)]
pub fn entry_limbs(entry: &[u8; ENTRY_BYTES]) -> [u64; 6] {
    let (words, _) = entry.as_chunks::<8>();
    // Six words of eight bytes are the 48 bytes.
    core::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

/// The value of one raw entry modulo `l` (PROTOCOL section 2 step 1).
pub fn entry_to_scalar(entry: &[u8; ENTRY_BYTES]) -> Scalar {
    let mut wide = [0u8; 64];
    wide[..ENTRY_BYTES].copy_from_slice(entry);
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// A sum of raw entries. Erased on drop.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct EntrySum([u64; 7]);

impl EntrySum {
    /// The empty sum.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a raw entry, any 384-bit integer.
    #[inline(always)]
    pub fn add(&mut self, entry: &[u64; 6]) {
        add(&mut self.0, entry);
    }

    /// Adds a scalar.
    #[inline(always)]
    pub fn add_scalar(&mut self, scalar: &Scalar) {
        self.add_integer(scalar.as_bytes());
    }

    /// Adds a 256-bit integer.
    #[inline(always)]
    pub fn add_integer(&mut self, integer: &[u8; 32]) {
        add(&mut self.0, &limbs_from_bytes(integer));
    }

    /// Takes a raw entry away. As a term of the sum it counts like one that is added.
    #[inline(always)]
    pub fn subtract(&mut self, entry: &[u64; 6]) {
        // A multiple of l less the entry is never negative, whatever was added before.
        add(&mut self.0, &difference(&ABOVE_ENTRIES, entry));
    }

    /// Takes a 256-bit integer away.
    #[inline(always)]
    pub fn subtract_integer(&mut self, integer: &[u8; 32]) {
        add(&mut self.0, &difference(&ABOVE_ENTRIES, &limbs_from_bytes(integer)));
    }

    /// Adds all terms of another sum.
    #[inline(always)]
    pub fn add_sum(&mut self, other: &Self) {
        add(&mut self.0, &other.0);
    }

    /// The sum modulo `l`.
    pub fn reduce(&self) -> Scalar {
        let mut wide = [0; 8];
        wide[..7].copy_from_slice(&self.0);
        scalar_from_512_bits(&wide)
    }
}

/// A sum of raw entries, each times a 128-bit weight. Erased on drop.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct WeightedSum([u64; 9]);

impl WeightedSum {
    /// The empty sum.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `weight * entry`; the entry is any 384-bit integer.
    #[inline(always)]
    pub fn add(&mut self, weight: u128, entry: &[u64; 6]) {
        add_product(&mut self.0, &weight_limbs(weight), entry);
    }

    /// Adds `weight * scalar`.
    #[inline(always)]
    pub fn add_scalar(&mut self, weight: u128, scalar: &Scalar) {
        self.add_integer(weight, scalar.as_bytes());
    }

    /// Adds `weight * integer` for a 256-bit integer.
    #[inline(always)]
    pub fn add_integer(&mut self, weight: u128, integer: &[u8; 32]) {
        add_product(&mut self.0, &weight_limbs(weight), &limbs_from_bytes(integer));
    }

    /// The sum modulo `l`.
    pub fn reduce(&self) -> Scalar {
        // The two limbs from 2^448 up are replaced by what they are modulo l, at most 381 bits.
        let [low @ .., seventh, eighth] = self.0;
        let mut wide = [0; 8];
        wide[..7].copy_from_slice(&low);
        add_product(&mut wide, &[seventh, eighth], &TWO_POW_448);
        scalar_from_512_bits(&wide)
    }
}

/// A sum of products of two field elements. Erased on drop.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct ProductSum([u64; 9]);

impl ProductSum {
    /// The empty sum.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `a * b`.
    #[inline(always)]
    pub fn add(&mut self, a: &Fe, b: &Fe) {
        add_product(&mut self.0, &a.0, &b.0);
    }

    /// The sum.
    pub fn reduce(&self) -> Fe {
        // Both factors carry 2^256, the result shall carry it once: everything is divided by
        // 2^256, which a Montgomery product by 1, 2^256 and 2^512 does for the three parts.
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0] = self.0;
        let low = Fe(montgomery_product(&[a0, a1, a2, a3], &[1, 0, 0, 0]));
        let middle = Fe(montgomery_product(&[b0, b1, b2, b3], &R1));
        let high = Fe(montgomery_product(&[c0, 0, 0, 0], &R2));
        low + middle + high
    }
}

/// The inner product `<a, b>`.
///
/// # Panics
/// When the lengths differ: that is a mistake of the caller.
pub fn inner_product(a: &[Fe], b: &[Fe]) -> Fe {
    assert_eq!(a.len(), b.len(), "inner product of vectors of different lengths");
    let mut sum = ProductSum::new();
    for (x, y) in a.iter().zip(b) {
        sum.add(x, y);
    }
    sum.reduce()
}

fn scalar_from_512_bits(limbs: &[u64; 8]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&bytes_from_limbs(limbs))
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
redacted!(EntrySum, WeightedSum, ProductSum);

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::super::oracle::{big, edge_limbs, order, random_limbs, scalar_of, seeded};
    use super::*;

    /// Terms in the tests of the largest carries.
    const MANY: u32 = 20_000;

    fn entries() -> Vec<[u64; 6]> {
        let mut rng = seeded("accumulate");
        let mut entries = edge_limbs();
        entries.extend((0..60).map(|_| random_limbs::<6>(&mut rng)));
        entries
    }

    fn weights() -> Vec<u128> {
        let mut rng = seeded("weights");
        let mut weights = vec![0, 1, u128::from(u64::MAX), 1 << 64, 1 << 127, u128::MAX];
        weights.extend((0..10).map(|_| {
            let [low, high] = random_limbs::<2>(&mut rng);
            (u128::from(high) << 64) + u128::from(low)
        }));
        weights
    }

    fn scalars() -> Vec<Scalar> {
        edge_limbs::<4>().iter().map(|limbs| scalar_of(&big(limbs))).collect()
    }

    #[test]
    fn a_raw_entry_is_its_little_endian_value() {
        let mut bytes = [0u8; ENTRY_BYTES];
        bytes[0] = 3;
        bytes[47] = 1;
        let value = BigUint::from(3u8) + (BigUint::from(1u8) << 376);
        assert_eq!(big(&entry_limbs(&bytes)), value);
        assert_eq!(entry_to_scalar(&bytes), scalar_of(&value));
        assert_eq!(entry_to_scalar(&[0xff; 48]), scalar_of(&big(&[u64::MAX; 6])));
    }

    #[test]
    fn single_entries_and_growing_sums_equal_big_integers() {
        let (mut sum, mut expected) = (EntrySum::new(), BigUint::ZERO);
        for entry in entries() {
            let mut alone = EntrySum::new();
            alone.add(&entry);
            assert_eq!(alone.reduce(), scalar_of(&big(&entry)));
            sum.add(&entry);
            expected += big(&entry);
            assert_eq!(sum.reduce(), scalar_of(&expected));
        }
        for scalar in scalars() {
            let before = sum.reduce();
            sum.add_scalar(&scalar);
            assert_eq!(sum.reduce(), before + scalar);
        }
    }

    #[test]
    fn what_is_taken_away_is_the_negative_modulo_the_order() {
        let above = big(&ABOVE_ENTRIES);
        assert_eq!(&above % order(), BigUint::ZERO);
        assert!(above > big(&[u64::MAX; 6]) && above - order() <= big(&[u64::MAX; 6]));
        for entry in entries() {
            let (mut alone, mut other) = (EntrySum::new(), EntrySum::new());
            alone.subtract(&entry);
            assert_eq!(alone.reduce(), -scalar_of(&big(&entry)));
            other.add(&entry);
            alone.add_sum(&other);
            assert_eq!(alone.reduce(), Scalar::ZERO);
            let integer = [entry[0], entry[1], entry[2], entry[3]];
            let mut alone = EntrySum::new();
            alone.subtract_integer(&bytes_from_limbs(&integer));
            assert_eq!(alone.reduce(), -scalar_of(&big(&integer)));
        }
    }

    #[test]
    fn weighted_terms_and_growing_sums_equal_big_integers() {
        let (mut sum, mut expected) = (WeightedSum::new(), BigUint::ZERO);
        for weight in weights() {
            for entry in entries() {
                let mut alone = WeightedSum::new();
                alone.add(weight, &entry);
                let term = big(&entry) * weight;
                assert_eq!(alone.reduce(), scalar_of(&term));
                sum.add(weight, &entry);
                expected += term;
                assert_eq!(sum.reduce(), scalar_of(&expected));
            }
            for scalar in scalars() {
                let before = sum.reduce();
                sum.add_scalar(weight, &scalar);
                expected += BigUint::from_bytes_le(scalar.as_bytes()) * weight;
                assert_eq!(sum.reduce(), before + Scalar::from(weight) * scalar);
            }
        }
    }

    #[test]
    fn many_largest_terms_do_not_overflow() {
        let (mut plain, mut weighted) = (EntrySum::new(), WeightedSum::new());
        for _ in 0..MANY {
            plain.add(&[u64::MAX; 6]);
            weighted.add(u128::MAX, &[u64::MAX; 6]);
        }
        let entry = big(&[u64::MAX; 6]);
        assert_eq!(big(&plain.0), &entry * MANY);
        assert_eq!(plain.reduce(), scalar_of(&(&entry * MANY)));
        assert_eq!(big(&weighted.0), &entry * u128::MAX * MANY);
        assert_eq!(weighted.reduce(), scalar_of(&(entry * u128::MAX * MANY)));
    }

    #[test]
    fn every_value_that_fits_is_reduced_right() {
        let mut rng = seeded("reduce");
        let r_inverse = BigUint::from(2u8).pow(256).modinv(&order()).unwrap();
        let mut sevens: Vec<[u64; 7]> = edge_limbs();
        sevens.extend((0..200).map(|_| random_limbs::<7>(&mut rng)));
        for limbs in sevens {
            assert_eq!(EntrySum(limbs).reduce(), scalar_of(&big(&limbs)));
        }
        let mut nines: Vec<[u64; 9]> = edge_limbs();
        nines.extend((0..200).map(|_| random_limbs::<9>(&mut rng)));
        for limbs in nines {
            assert_eq!(WeightedSum(limbs).reduce(), scalar_of(&big(&limbs)));
            assert_eq!(big(&ProductSum(limbs).reduce().0), big(&limbs) * &r_inverse % order());
        }
    }

    #[test]
    fn inner_products_equal_big_integers_and_dalek() {
        let mut rng = seeded("inner product");
        let mut a = scalars();
        a.extend((0..100).map(|_| scalar_of(&big(&random_limbs::<4>(&mut rng)))));
        let mut b = a.clone();
        b.rotate_left(7);
        let [x, y] = [&a, &b].map(|s| s.iter().map(Fe::from_scalar).collect::<Vec<_>>());
        let mut expected = Scalar::ZERO;
        let mut integer = BigUint::ZERO;
        for n in 0..=a.len() {
            assert_eq!(inner_product(&x[..n], &y[..n]).to_scalar(), expected);
            assert_eq!(expected, scalar_of(&integer));
            if n < a.len() {
                expected += a[n] * b[n];
                integer += BigUint::from_bytes_le(a[n].as_bytes())
                    * BigUint::from_bytes_le(b[n].as_bytes());
            }
        }
    }

    #[test]
    fn many_largest_products_do_not_overflow() {
        let mut largest = super::super::montgomery::ORDER;
        largest[0] -= 1;
        let mut sum = ProductSum::new();
        for _ in 0..MANY {
            sum.add(&Fe(largest), &Fe(largest));
        }
        assert_eq!(big(&sum.0), big(&largest) * big(&largest) * MANY);
    }

    #[test]
    #[should_panic(expected = "different lengths")]
    fn inner_product_refuses_different_lengths() {
        inner_product(&[Fe::ONE], &[]);
    }

    #[test]
    fn sums_print_redacted_and_are_cleared() {
        let mut sum = EntrySum::new();
        sum.add(&[7; 6]);
        assert_eq!(format!("{sum:?}"), "EntrySum(redacted)");
        assert_eq!(format!("{:?}", WeightedSum::new()), "WeightedSum(redacted)");
        assert_eq!(format!("{:?}", ProductSum::new()), "ProductSum(redacted)");
        sum.zeroize();
        assert_eq!(sum.0, [0; 7]);
    }
}
