//! Many equations checked as one multi-scalar multiplication.
//!
//! Every equation gets a fresh 128-bit weight of its own from the verifier's randomness. One
//! weight for a whole proof would let the errors of two of its equations cancel.

use std::collections::HashMap;
use std::sync::Arc;

use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::rngs::ChaCha20Rng;
use rand::{Rng as _, SeedableRng as _};

use crate::field::{Canonical, CanonicalSum, Fe, ProductSum};
use crate::group::{BASEPOINT, Generators, Point, PointBytes};
use crate::proofs::ProofError;

/// Most points of one multiplication. More are multiplied in parts: what a part looks up again
/// and again then stays in the nearer caches, and buckets grow no further with the number.
const TOGETHER: usize = 6000;

/// Equations of the form `sum s_i P_i = 0`, joined under random weights.
///
/// Time depends on the scalars, so they must be public, or blinded as [`crate::checking`] does.
pub struct EquationBatch {
    generators: Arc<Generators>,
    rng: ChaCha20Rng,
    /// `K`.
    count: usize,
    /// Weights of `P_1..P_K`; empty until there are some, as are the next three.
    levels: Vec<ProductSum>,
    /// The weighted sum of vectors over `U_1..U_K`.
    vectors: Vec<CanonicalSum>,
    bits: Vec<Fe>,
    squares: Vec<Fe>,
    blinding: Scalar,
    base: Scalar,
    scalars: Vec<Scalar>,
    points: Vec<RistrettoPoint>,
    /// Where the points stand that several equations share.
    shared: HashMap<PointBytes, usize>,
}

impl EquationBatch {
    /// An empty batch for auctions of `levels` levels; `seed` is fresh and the verifier's own.
    #[must_use]
    pub fn new(generators: &Arc<Generators>, levels: usize, seed: [u8; 32]) -> Self {
        Self {
            generators: Arc::clone(generators),
            rng: ChaCha20Rng::from_seed(seed),
            count: levels,
            levels: Vec::new(),
            vectors: Vec::new(),
            bits: Vec::new(),
            squares: Vec::new(),
            blinding: Scalar::ZERO,
            base: Scalar::ZERO,
            scalars: Vec::new(),
            points: Vec::new(),
            shared: HashMap::new(),
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

    /// Adds `scalar * point` for a point that other equations may have too: it is multiplied once.
    pub fn shared_term(&mut self, scalar: Scalar, point: &Point) {
        if point.bytes() == BASEPOINT {
            return self.base(scalar);
        }
        let next = self.scalars.len();
        let place = *self.shared.entry(point.bytes()).or_insert(next);
        match self.scalars.get_mut(place) {
            Some(sum) => *sum += scalar,
            None => self.term(scalar, point),
        }
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

    /// Adds `weight * <vector, U>`, one entry a level from the one at index `first` on.
    pub fn vector(
        &mut self,
        weight: Scalar,
        first: usize,
        vector: impl Iterator<Item = Canonical>,
    ) {
        let weight = Fe::from_scalar(&weight);
        self.vectors.resize_with(self.count, CanonicalSum::new);
        for (sum, entry) in self.vectors.iter_mut().skip(first).zip(vector) {
            sum.add(&weight, &entry);
        }
    }

    /// The weights of `P_1..P_K`, to add to.
    pub fn levels_mut(&mut self) -> &mut [ProductSum] {
        self.levels.resize_with(self.count, ProductSum::new);
        &mut self.levels
    }

    /// The weights of the bit generators and of the square generators, to add to.
    pub fn bits_and_squares_mut(&mut self) -> (&mut [Fe], &mut [Fe]) {
        self.bits.resize(self.generators.bits().len(), Fe::ZERO);
        self.squares.resize(self.generators.squares().len(), Fe::ZERO);
        (&mut self.bits, &mut self.squares)
    }

    /// Whether all equations hold (but for a chance of 2^-128 for each that does not).
    ///
    /// # Errors
    /// [`ProofError::DoesNotHold`].
    pub fn check(mut self) -> Result<(), ProofError> {
        let canonical = |all: &[Fe]| all.iter().map(|fe| Canonical::from_fe(*fe)).collect();
        let fixed: [(Vec<Canonical>, &[RistrettoPoint]); 3] = [
            (self.level_weights(), self.generators.levels(self.count)),
            (canonical(&self.bits), self.generators.bits()),
            (canonical(&self.squares), self.generators.squares()),
        ];
        for (scalars, points) in fixed {
            // Where no equation named them there are no weights, and none for the last digits
            // where all proofs are short.
            for (scalar, point) in scalars.into_iter().zip(points) {
                if scalar != Canonical::default() {
                    self.scalars.push(scalar.to_scalar());
                    self.points.push(*point);
                }
            }
        }
        if self.blinding != Scalar::ZERO {
            self.scalars.push(self.blinding);
            self.points.push(*self.generators.blinding().value());
        }
        let sum = multiply(&self.scalars, &self.points) + RistrettoPoint::mul_base(&self.base);
        if sum.is_identity() { Ok(()) } else { Err(ProofError::DoesNotHold) }
    }

    /// The weights of `P_1..P_K`, those of vectors included: `<z, U> = sum (z_j - z_{j+1}) P_j`.
    fn level_weights(&self) -> Vec<Canonical> {
        let mut weights: Vec<Canonical> =
            self.levels.iter().map(|sum| Canonical::from_fe(sum.reduce())).collect();
        // Where nothing was added, as outside the segment that is opened, nothing is reduced.
        let reduce = |sum: &CanonicalSum| {
            if sum.is_empty() { Canonical::default() } else { sum.reduce() }
        };
        let vector: Vec<Canonical> = self.vectors.iter().map(reduce).collect();
        weights.resize(weights.len().max(vector.len()), Canonical::default());
        let following = vector.iter().skip(1).copied().chain([Canonical::default()]);
        for (weight, (this, next)) in weights.iter_mut().zip(vector.iter().zip(following)) {
            *weight = *weight + (*this - next);
        }
        weights
    }
}

/// `sum s_i P_i`, in time that depends on the scalars.
fn multiply(scalars: &[Scalar], points: &[RistrettoPoint]) -> RistrettoPoint {
    let parts = scalars.len().div_ceil(TOGETHER).max(1);
    let size = scalars.len().div_ceil(parts).max(1);
    let product =
        |(scalars, points)| RistrettoPoint::vartime_multiscalar_mul::<&[_], &[_]>(scalars, points);
    scalars.chunks(size).zip(points.chunks(size)).map(product).sum()
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
    fn shared_points_count_for_every_equation() {
        let generators = Generators::for_levels(4);
        let [point, other] = [0, 1].map(|i| Point::from(generators.levels(4)[i]));
        let five = Scalar::from(5u8);
        for (last, holds) in [(five, true), (five + Scalar::ONE, false)] {
            // 5 P = 2 P + 3 P, 5 Q = Q + 4 Q, and 5 G = 5 G, with P, Q and G shared.
            let mut batch = batch(4);
            for (point, [left, right]) in
                [(point, [2u8, 3]), (other, [1, 4]), (basepoint(), [5, 0])]
            {
                let weight = batch.weight();
                batch.shared_term(weight * five, &point);
                batch.shared_term(-weight * Scalar::from(left), &point);
                batch.shared_term(-weight * Scalar::from(right), &point);
            }
            let weight = batch.weight();
            batch.shared_term(weight * last, &other);
            batch.term(-weight * five, &other);
            assert_eq!(batch.check().is_ok(), holds);
        }
    }

    #[test]
    fn a_multiplication_in_parts_is_the_whole() {
        let point = curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
        for count in [0, 1, TOGETHER, TOGETHER + 1, 2 * TOGETHER + 3] {
            let scalars: Vec<Scalar> = (1..=count as u64).map(Scalar::from).collect();
            let expected = point * scalars.iter().sum::<Scalar>();
            assert_eq!(multiply(&scalars, &vec![point; count]), expected, "{count}");
        }
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
        equal.vector(weight, 0, vector.iter().map(Canonical::from_scalar));
        equal.term(-weight, &expected.into());
        assert_eq!(equal.check(), Ok(()));
    }
}
