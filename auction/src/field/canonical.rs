//! Scalars as they travel: integers below `l`, not in Montgomery form.
//!
//! A Montgomery product of such an integer and an [`Fe`] is such an integer again. So long vectors
//! of responses are weighted, summed and answered without a conversion of each element.

use core::fmt;
use core::ops::{Add, Sub};

use curve25519_dalek::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::limbs::{add, add_product, bytes_from_limbs, limbs_from_bytes};
use super::montgomery::{
    Fe, R1, R2, add_order_if, is_canonical, montgomery_product, subtract, subtract_order_once,
};

/// An integer below `l`. As [`Fe`] it is `Copy`: keep a vector of secret ones where it is erased.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Canonical([u64; 4]);

impl Canonical {
    /// The integer that 32 bytes encode; none unless they are its one encoding.
    #[inline]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        is_canonical(bytes).then(|| Self(limbs_from_bytes(bytes)))
    }

    /// The one encoding.
    #[inline]
    pub fn to_bytes(self) -> [u8; 32] {
        bytes_from_limbs(&self.0)
    }

    /// The integer of a scalar.
    #[inline]
    pub fn from_scalar(scalar: &Scalar) -> Self {
        // A scalar of the curve library is reduced.
        Self(limbs_from_bytes(scalar.as_bytes()))
    }

    /// The scalar of this integer.
    #[inline]
    pub fn to_scalar(self) -> Scalar {
        Scalar::from_bytes_mod_order(self.to_bytes())
    }

    /// The integer of a field element.
    #[inline]
    pub fn from_fe(element: Fe) -> Self {
        Self(montgomery_product(&element.0, &[1, 0, 0, 0]))
    }

    /// The field element of this integer.
    #[inline]
    pub fn to_fe(self) -> Fe {
        Fe(montgomery_product(&self.0, &R2))
    }

    /// The integer that doubled is this one, modulo `l`.
    #[inline]
    pub fn half(self) -> Self {
        // Even, once l is added to what is odd; below 2^254, so that nothing is shifted in above.
        let [a, b, c, d] = add_order_if(&self.0, self.0[0] & 1 == 1);
        Self([a >> 1 | b << 63, b >> 1 | c << 63, c >> 1 | d << 63, d >> 1])
    }

    /// `self * factor`.
    #[inline]
    pub fn times(self, factor: Fe) -> Self {
        Self(montgomery_product(&self.0, &factor.0))
    }
}

/// The scalar that doubled is this one. Constant time.
pub fn half(scalar: &Scalar) -> Scalar {
    Canonical::from_scalar(scalar).half().to_scalar()
}

impl Add for Canonical {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        // Both are below l < 2^253: no carry leaves the top limb.
        let mut sum = self.0;
        add(&mut sum, &other.0);
        Self(subtract_order_once(&sum))
    }
}

impl Sub for Canonical {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        let (difference, borrow) = subtract(&self.0, &other.0);
        Self(add_order_if(&difference, borrow))
    }
}

impl Zeroize for Canonical {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Canonical(redacted)")
    }
}

/// A sum of such integers, each times a field element; one reduction at its end. Holds 2^64 terms.
/// Erased on drop.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct CanonicalSum([u64; 9]);

impl CanonicalSum {
    /// The empty sum.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `factor * integer`.
    #[inline(always)]
    pub fn add(&mut self, factor: &Fe, integer: &Canonical) {
        add_product(&mut self.0, &factor.0, &integer.0);
    }

    /// Whether nothing was added but zeros. The answer tells of the sum: for public ones.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 9]
    }

    /// The sum.
    pub fn reduce(&self) -> Canonical {
        // Each factor carries 2^256, and the sum shall not: everything is divided by 2^256, which
        // a Montgomery product by 1, 2^256 and 2^512 does for the three parts.
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0] = self.0;
        let low = Canonical(montgomery_product(&[a0, a1, a2, a3], &[1, 0, 0, 0]));
        let middle = Canonical(montgomery_product(&[b0, b1, b2, b3], &R1));
        let high = Canonical(montgomery_product(&[c0, 0, 0, 0], &R2));
        low + middle + high
    }
}

impl fmt::Debug for CanonicalSum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CanonicalSum(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::super::oracle::{
        big, edge_and_random_integers, edge_limbs, order, random_limbs, scalar_of, seeded,
    };
    use super::*;

    fn scalars() -> Vec<Scalar> {
        edge_and_random_integers("canonical").iter().map(scalar_of).collect()
    }

    #[test]
    fn arithmetic_is_that_of_dalek() {
        let all = scalars();
        for (a, b) in all.iter().zip(all.iter().cycle().skip(5)) {
            let (x, y) = (Canonical::from_scalar(a), Canonical::from_scalar(b));
            assert_eq!((x + y).to_scalar(), a + b);
            assert_eq!((x - y).to_scalar(), a - b);
            assert_eq!(x.times(Fe::from_scalar(b)).to_scalar(), a * b);
            assert_eq!(x.to_fe().to_scalar(), *a);
            assert_eq!(Canonical::from_fe(Fe::from_scalar(a)), x);
            assert_eq!(Canonical::from_bytes(&a.to_bytes()), Some(x));
            assert_eq!(x.to_bytes(), a.to_bytes());
            assert_eq!(half(a) + half(a), *a);
        }
    }

    #[test]
    fn what_is_not_reduced_is_not_read() {
        let mut bytes = [0; 32];
        for value in edge_limbs::<4>() {
            bytes.copy_from_slice(&bytes_from_limbs::<4, 32>(&value));
            assert_eq!(Canonical::from_bytes(&bytes).is_some(), big(&value) < order());
        }
    }

    #[test]
    fn growing_sums_equal_big_integers() {
        let all = scalars();
        let (mut sum, mut expected) = (CanonicalSum::new(), Scalar::ZERO);
        for (a, b) in all.iter().zip(all.iter().cycle().skip(7)) {
            sum.add(&Fe::from_scalar(a), &Canonical::from_scalar(b));
            expected += a * b;
            assert_eq!(sum.reduce().to_scalar(), expected);
        }
        let r_inverse = BigUint::from(2u8).pow(256).modinv(&order()).unwrap();
        let mut rng = seeded("canonical sums");
        let mut nines: Vec<[u64; 9]> = edge_limbs();
        nines.extend((0..100).map(|_| random_limbs::<9>(&mut rng)));
        for limbs in nines {
            let reduced = CanonicalSum(limbs).reduce();
            assert_eq!(big(&reduced.0), big(&limbs) * &r_inverse % order());
        }
    }

    #[test]
    fn nothing_is_printed_and_sums_are_cleared() {
        let mut sum = CanonicalSum::new();
        sum.add(&Fe::ONE, &Canonical::from_fe(Fe::from_u64(77)));
        assert_eq!(format!("{sum:?}"), "CanonicalSum(redacted)");
        assert_eq!(format!("{:?}", Canonical::default()), "Canonical(redacted)");
        sum.zeroize();
        assert_eq!(sum.0, [0; 9]);
    }
}
