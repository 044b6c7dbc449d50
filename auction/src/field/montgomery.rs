//! One field element in Montgomery form.

use core::fmt;

use curve25519_dalek::Scalar;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use super::limbs::{bytes_from_limbs, limbs_from_bytes, weight_limbs};

/// The group order `l`.
pub(super) const ORDER: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 1 << 60];

/// `-1/l` modulo 2^64.
const ORDER_NEGATIVE_INVERSE: u64 = 0xd2b5_1da3_1254_7e1b;

/// `R = 2^256` modulo `l`.
pub(super) const R1: [u64; 4] =
    [0xd6ec_3174_8d98_951d, 0xc6ef_5bf4_737d_cf70, 0xffff_ffff_ffff_fffe, 0x0fff_ffff_ffff_ffff];

/// `R^2` modulo `l`.
pub(super) const R2: [u64; 4] =
    [0xa406_11e3_449c_0f01, 0xd00e_1ba7_6885_9347, 0xceec_73d2_17f5_be65, 0x0399_411b_7c30_9a3d];

/// An integer modulo `l`, kept as `x * 2^256 mod l`, fully reduced.
///
/// It is `Copy` and not erased on drop: use it for public values and inside formulas, and keep
/// stored secrets in `Zeroizing<Vec<Fe>>`. `Debug` shows nothing of the value, equality takes
/// constant time.
#[derive(Clone, Copy, Default)]
pub struct Fe(pub(super) [u64; 4]);

/// Whether 32 little-endian bytes are below `l`, so that they are the one encoding of a scalar.
pub fn is_canonical(bytes: &[u8; 32]) -> bool {
    let limbs = super::limbs::limbs_from_bytes(bytes);
    let mut borrow = false;
    for (limb, order) in limbs.iter().zip(&ORDER) {
        (_, borrow) = limb.borrowing_sub(*order, borrow);
    }
    borrow
}

impl Fe {
    /// Zero.
    pub const ZERO: Self = Self([0; 4]);
    /// One.
    pub const ONE: Self = Self(R1);

    /// The element equal to `scalar`.
    #[inline]
    pub fn from_scalar(scalar: &Scalar) -> Self {
        Self(montgomery_product(&limbs_from_bytes(scalar.as_bytes()), &R2))
    }

    /// The element that 32 bytes encode; none unless they are its canonical encoding.
    #[inline]
    pub fn from_canonical(bytes: &[u8; 32]) -> Option<Self> {
        is_canonical(bytes).then(|| Self(montgomery_product(&limbs_from_bytes(bytes), &R2)))
    }

    /// The scalar equal to this element.
    #[inline]
    pub fn to_scalar(self) -> Scalar {
        let canonical = montgomery_product(&self.0, &[1, 0, 0, 0]);
        Scalar::from_bytes_mod_order(bytes_from_limbs(&canonical))
    }

    /// The element equal to `value`.
    pub fn from_u64(value: u64) -> Self {
        Self(montgomery_product(&[value, 0, 0, 0], &R2))
    }

    /// The element equal to `value`.
    pub fn from_u128(value: u128) -> Self {
        let [low, high] = weight_limbs(value);
        Self(montgomery_product(&[low, high, 0, 0], &R2))
    }

    /// `self * self`.
    #[inline]
    pub fn square(self) -> Self {
        self * self
    }

    /// `self + self`.
    #[inline]
    pub fn double(self) -> Self {
        self + self
    }
}

/// `a * b / 2^256` modulo `l`, fully reduced, for any `a` and for `b` below `l`.
///
/// After each limb of `a` the running value is below `2 l` (it was, and `b` and `l` are each
/// added at most 2^64 - 1 times before one limb is shifted out), so four limbs hold it.
#[inline(always)]
pub(super) fn montgomery_product(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
    let mut t = [0u64; 4];
    for digit in *a {
        let (t0, high) = digit.carrying_mul_add(b[0], t[0], 0);
        let (t1, high) = digit.carrying_mul_add(b[1], t[1], high);
        let (t2, high) = digit.carrying_mul_add(b[2], t[2], high);
        let (t3, t4) = digit.carrying_mul_add(b[3], t[3], high);

        // Adds the multiple of l that clears t0. Limb 2 of l is 0 and limb 3 is 2^60, so two
        // of the four products are a zero and a shift.
        let multiple = t0.wrapping_mul(ORDER_NEGATIVE_INVERSE);
        let (_, high) = multiple.carrying_mul_add(ORDER[0], t0, 0);
        let (r0, high) = multiple.carrying_mul_add(ORDER[1], t1, high);
        let (r1, carry) = t2.overflowing_add(high);
        let (r2, carry) = t3.carrying_add(multiple << 60, carry);
        let (r3, _) = t4.carrying_add(multiple >> 4, carry);
        t = [r0, r1, r2, r3];
    }
    subtract_order_once(&t)
}

/// `value mod l` for `value < 2 l`.
#[inline(always)]
pub(super) fn subtract_order_once(value: &[u64; 4]) -> [u64; 4] {
    let (difference, borrow) = subtract(value, &ORDER);
    add_order_if(&difference, borrow)
}

/// `a - b` modulo 2^256, and whether it was negative.
#[inline(always)]
pub(super) fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (d0, borrow) = a[0].overflowing_sub(b[0]);
    let (d1, borrow) = a[1].borrowing_sub(b[1], borrow);
    let (d2, borrow) = a[2].borrowing_sub(b[2], borrow);
    let (d3, borrow) = a[3].borrowing_sub(b[3], borrow);
    ([d0, d1, d2, d3], borrow)
}

/// `value`, or `value + l` modulo 2^256 when `condition` holds.
#[inline(always)]
pub(super) fn add_order_if(value: &[u64; 4], condition: bool) -> [u64; 4] {
    // Hidden from the optimiser, which has been seen to turn such a mask into a branch.
    let mask = core::hint::black_box(u64::from(condition)).wrapping_neg();
    let (s0, carry) = value[0].overflowing_add(ORDER[0] & mask);
    let (s1, carry) = value[1].carrying_add(ORDER[1] & mask, carry);
    let (s2, carry) = value[2].carrying_add(0, carry);
    let (s3, _) = value[3].carrying_add(ORDER[3] & mask, carry);
    [s0, s1, s2, s3]
}

impl From<u64> for Fe {
    fn from(value: u64) -> Self {
        Self::from_u64(value)
    }
}

impl From<u128> for Fe {
    fn from(value: u128) -> Self {
        Self::from_u128(value)
    }
}

impl From<&Scalar> for Fe {
    fn from(scalar: &Scalar) -> Self {
        Self::from_scalar(scalar)
    }
}

impl From<Fe> for Scalar {
    fn from(element: Fe) -> Self {
        element.to_scalar()
    }
}

impl ConstantTimeEq for Fe {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for Fe {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Fe {}

impl ConditionallySelectable for Fe {
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self(core::array::from_fn(|i| u64::conditional_select(&a.0[i], &b.0[i], choice)))
    }
}

impl Zeroize for Fe {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Fe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fe(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::super::oracle::{big, edge_limbs, order};
    use super::*;

    #[test]
    fn canonical_is_below_the_order() {
        let order = super::super::limbs::bytes_from_limbs::<4, 32>(&ORDER);
        let mut below = order;
        below[0] -= 1;
        let mut above = order;
        above[0] += 1;
        let cases =
            [(order, false), (below, true), (above, false), ([0; 32], true), ([0xff; 32], false)];
        for (bytes, expected) in cases {
            assert_eq!(is_canonical(&bytes), expected);
            assert_eq!(bool::from(Scalar::from_canonical_bytes(bytes).is_some()), expected);
        }
    }

    #[test]
    fn constants_are_what_they_say() {
        let r = BigUint::from(1u8) << 256;
        assert_eq!(big(&ORDER), order());
        assert_eq!(big(&R1), &r % order());
        assert_eq!(big(&R2), &r * &r % order());
        assert_eq!(ORDER[0].wrapping_mul(ORDER_NEGATIVE_INVERSE), u64::MAX);
        assert_eq!(Fe::ONE.to_scalar(), Scalar::ONE);
        assert_eq!(Fe::ZERO.to_scalar(), Scalar::ZERO);
        assert_eq!(Fe::default(), Fe::ZERO);
    }

    #[test]
    fn the_product_is_reduced_for_any_first_factor() {
        let r_inverse = BigUint::from(2u8).pow(256).modinv(&order()).unwrap();
        for a in edge_limbs::<4>() {
            for b in edge_limbs::<4>().into_iter().filter(|b| big(b) < order()) {
                let product = big(&montgomery_product(&a, &b));
                assert_eq!(product, big(&a) * big(&b) * &r_inverse % order());
            }
        }
    }

    #[test]
    fn selection_takes_the_second_for_one() {
        let (a, b) = (Fe::from_u64(77), Fe::from_u64(5));
        assert_eq!(Fe::conditional_select(&a, &b, Choice::from(0)), a);
        assert_eq!(Fe::conditional_select(&a, &b, Choice::from(1)), b);
    }

    #[test]
    fn integers_convert() {
        for value in [0, 1, 2, u128::from(u64::MAX), 1 << 64, u128::MAX] {
            assert_eq!(Fe::from(value).to_scalar(), Scalar::from(value));
            assert_eq!(Scalar::from(Fe::from(value as u64)), Scalar::from(value as u64));
        }
        assert_eq!(Fe::from(&Scalar::from(9u8)), Fe::from_u64(9));
    }

    #[test]
    fn debug_shows_nothing_and_zeroize_clears() {
        let mut element = Fe::from_u64(5);
        assert_eq!(format!("{element:?}"), "Fe(redacted)");
        element.zeroize();
        assert_eq!(element, Fe::ZERO);
    }
}
