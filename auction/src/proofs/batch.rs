//! Many equations checked as one multi-scalar multiplication.
//!
//! Every equation gets a fresh 128-bit weight of its own from the verifier's randomness. One
//! weight for a whole proof would let the errors of two of its equations cancel.

use std::sync::Arc;

use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::rngs::ChaCha20Rng;
use rand::{Rng as _, SeedableRng as _};

use crate::field::{Fe, ProductSum, differences};
use crate::group::{Generators, Point};
use crate::proofs::ProofError;

/// Equations of the form `sum s_i P_i = 0`, joined under random weights.
///
/// Time depends on the scalars, so they must be public, or blinded as [`crate::checking`] does.
pub struct EquationBatch {
    generators: Arc<Generators>,
    rng: ChaCha20Rng,
    levels: Vec<ProductSum>,
    bits: Vec<Fe>,
    squares: Vec<Fe>,
    blinding: Scalar,
    base: Scalar,
    scalars: Vec<Scalar>,
    points: Vec<RistrettoPoint>,
}

impl EquationBatch {
    /// An empty batch for auctions of `levels` levels; `seed` is fresh and the verifier's own.
    #[must_use]
    pub fn new(generators: &Arc<Generators>, levels: usize, seed: [u8; 32]) -> Self {
        Self {
            generators: Arc::clone(generators),
            rng: ChaCha20Rng::from_seed(seed),
            levels: std::iter::repeat_with(ProductSum::new).take(levels).collect(),
            bits: vec![Fe::ZERO; generators.bits().len()],
            squares: vec![Fe::ZERO; generators.squares().len()],
            blinding: Scalar::ZERO,
            base: Scalar::ZERO,
            scalars: Vec::new(),
            points: Vec::new(),
        }
    }

    /// A fresh weight, for the next equation.
    pub fn weight(&mut self) -> Scalar {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        Scalar::from(u128::from_le_bytes(bytes))
    }

    /// Adds `scalar * point`.
    pub fn term(&mut self, scalar: Scalar, point: &Point) {
        self.scalars.push(scalar);
        self.points.push(*point.value());
    }

    /// Adds `scalar * (point + point + ..)`.
    pub fn sum_term(&mut self, scalar: Scalar, points: &[Point]) {
        self.scalars.push(scalar);
        self.points.push(points.iter().map(Point::value).sum());
    }

    /// Adds `scalar * G`.
    pub fn base(&mut self, scalar: Scalar) {
        self.base += scalar;
    }

    /// Adds `scalar * H`.
    pub fn blinding(&mut self, scalar: Scalar) {
        self.blinding += scalar;
    }

    /// Adds `weight * <vector, U>`, one entry a level.
    pub fn levels_by_difference(&mut self, weight: Scalar, vector: &[Scalar]) {
        let weight = Fe::from_scalar(&weight);
        for (sum, entry) in self.levels.iter_mut().zip(differences(vector)) {
            sum.add(&weight, &Fe::from_scalar(&entry));
        }
    }

    /// The weights of `P_1..P_K`, to add to.
    pub fn levels_mut(&mut self) -> &mut [ProductSum] {
        &mut self.levels
    }

    /// The weights of the bit generators and of the square generators, to add to.
    pub fn bits_and_squares_mut(&mut self) -> (&mut [Fe], &mut [Fe]) {
        (&mut self.bits, &mut self.squares)
    }

    /// Whether all equations hold (but for a chance of 2^-128 for each that does not).
    ///
    /// # Errors
    /// [`ProofError::DoesNotHold`].
    pub fn check(mut self) -> Result<(), ProofError> {
        let levels: Vec<Fe> = self.levels.iter().map(ProductSum::reduce).collect();
        let fixed: [(&[Fe], &[RistrettoPoint]); 3] = [
            (&levels, self.generators.levels(levels.len())),
            (&self.bits, self.generators.bits()),
            (&self.squares, self.generators.squares()),
        ];
        for (scalars, points) in fixed {
            // Generators that no equation used would cost without adding anything.
            if scalars.iter().any(|scalar| *scalar != Fe::ZERO) {
                self.scalars.extend(scalars.iter().map(|scalar| scalar.to_scalar()));
                self.points.extend_from_slice(points);
            }
        }
        self.scalars.push(self.blinding);
        self.points.push(*self.generators.blinding().value());
        let sum = RistrettoPoint::vartime_multiscalar_mul(&self.scalars, &self.points)
            + RistrettoPoint::mul_base(&self.base);
        if sum.is_identity() { Ok(()) } else { Err(ProofError::DoesNotHold) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::basepoint;

    fn batch(seed: u8) -> EquationBatch {
        EquationBatch::new(&Generators::for_levels(4), 4, [seed; 32])
    }

    #[test]
    fn true_equations_pass_and_false_ones_fail() {
        let mut good = batch(1);
        let weight = good.weight();
        good.term(weight * Scalar::from(5u64), &basepoint());
        good.base(-weight * Scalar::from(5u64));
        assert_eq!(good.check(), Ok(()));
        let mut bad = batch(1);
        let weight = bad.weight();
        bad.term(weight * Scalar::from(5u64), &basepoint());
        bad.base(-weight * Scalar::from(4u64));
        assert_eq!(bad.check(), Err(ProofError::DoesNotHold));
    }

    #[test]
    fn errors_that_cancel_under_one_weight_do_not_cancel_here() {
        // Two false equations, G = 0 and -G = 0: their plain sum is true.
        let mut cancelling = batch(2);
        for sign in [Scalar::ONE, -Scalar::ONE] {
            let weight = cancelling.weight();
            cancelling.base(weight * sign);
        }
        assert_eq!(cancelling.check(), Err(ProofError::DoesNotHold));
    }

    #[test]
    fn vectors_over_differences_are_what_they_say() {
        let vector: Vec<_> = [7u64, 5, 3, 2].map(Scalar::from).to_vec();
        let generators = Generators::for_levels(4);
        let levels = generators.levels(4);
        // <z, U> with U_j = P_j - P_{j-1}, written out.
        let mut expected = vector[0] * levels[0];
        for j in 1..4 {
            expected += vector[j] * (levels[j] - levels[j - 1]);
        }
        let mut equal = batch(3);
        let weight = equal.weight();
        equal.levels_by_difference(weight, &vector);
        equal.term(-weight, &expected.into());
        assert_eq!(equal.check(), Ok(()));
    }
}
