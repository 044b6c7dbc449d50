//! Sums of products of field elements, unreduced, with one reduction at the end.
//!
//! Such a sum has one limb more than a term, so that it holds 2^64 terms: more additions than any
//! machine makes. No overflow check is needed.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::limbs::add_product;
use super::montgomery::{Fe, R1, R2, montgomery_product};

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

impl fmt::Debug for ProductSum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProductSum(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::Scalar;
    use num_bigint::BigUint;

    use super::super::oracle::{big, edge_limbs, order, random_limbs, scalar_of, seeded};
    use super::*;

    /// Terms in the tests of the largest carries.
    const MANY: u32 = 20_000;

    #[test]
    fn every_value_that_fits_is_reduced_right() {
        let mut rng = seeded("product sums");
        let r_inverse = BigUint::from(2u8).pow(256).modinv(&order()).unwrap();
        let mut nines: Vec<[u64; 9]> = edge_limbs();
        nines.extend((0..200).map(|_| random_limbs::<9>(&mut rng)));
        for limbs in nines {
            assert_eq!(big(&ProductSum(limbs).reduce().0), big(&limbs) * &r_inverse % order());
        }
    }

    #[test]
    fn growing_sums_equal_big_integers_and_dalek() {
        let mut rng = seeded("growing product sums");
        let mut a: Vec<Scalar> =
            edge_limbs::<4>().iter().map(|limbs| scalar_of(&big(limbs))).collect();
        a.extend((0..100).map(|_| scalar_of(&big(&random_limbs::<4>(&mut rng)))));
        let mut b = a.clone();
        b.rotate_left(7);
        let (mut sum, mut expected, mut integer) = (ProductSum::new(), Scalar::ZERO, BigUint::ZERO);
        for (x, y) in a.iter().zip(&b) {
            sum.add(&Fe::from_scalar(x), &Fe::from_scalar(y));
            expected += x * y;
            integer += BigUint::from_bytes_le(x.as_bytes()) * BigUint::from_bytes_le(y.as_bytes());
            assert_eq!(sum.reduce().to_scalar(), expected);
            assert_eq!(expected, scalar_of(&integer));
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
    fn it_prints_redacted_and_is_cleared() {
        let mut sum = ProductSum::new();
        sum.add(&Fe::ONE, &Fe::ONE);
        assert_eq!(format!("{sum:?}"), "ProductSum(redacted)");
        sum.zeroize();
        assert_eq!(sum.0, [0; 9]);
    }
}
