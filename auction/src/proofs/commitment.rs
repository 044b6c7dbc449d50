//! Commitments to vectors, `<z, U> + rho H`, whole or a run of their entries. PROTOCOL "Notation".

use curve25519_dalek::traits::MultiscalarMul as _;
use curve25519_dalek::{RistrettoPoint, Scalar};

use crate::group::Generators;
use crate::secret::SecretVector;

/// `<vector, U> + blinding H`, in constant time.
#[must_use]
pub fn commit(generators: &Generators, vector: &[Scalar], blinding: &Scalar) -> RistrettoPoint {
    commit_run(generators, 0, vector, blinding)
}

/// The same of a run of a vector's entries, from the one at index `first` on, under their own
/// generators; in constant time.
#[must_use]
pub fn commit_run(
    generators: &Generators,
    first: usize,
    run: &[Scalar],
    blinding: &Scalar,
) -> RistrettoPoint {
    let points = generators.levels(first + run.len());
    // `<z, U> = sum (z_j - z_{j+1}) P_j`; a run begins with `U_first = P_first - P_before`, and
    // before the first level there is nothing. Room for all beforehand: a list that grows leaves
    // what it held behind.
    let leading = first.checked_sub(1).zip(run.first());
    let mut weights = Vec::with_capacity(run.len() + 1);
    weights.extend(leading.map(|(_, entry)| -entry));
    let following = run.iter().skip(1).chain([&Scalar::ZERO]);
    weights.extend(run.iter().zip(following).map(|(this, next)| this - next));
    let weights = SecretVector::new(weights);
    // The generators of the run's levels, and the one before.
    let points = &points[leading.map_or(first, |(before, _)| before)..];
    RistrettoPoint::multiscalar_mul(
        weights.expose().iter().chain([blinding]),
        points.iter().chain([generators.blinding().value()]),
    )
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;

    #[test]
    fn a_commitment_is_what_the_notation_says() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let generators = Generators::for_levels(8);
        let points = generators.levels(8);
        let vector: Vec<Scalar> = (0..8).map(|_| Scalar::random(&mut rng)).collect();
        let rho = Scalar::random(&mut rng);
        for (first, end) in [(0, 8), (0, 1), (0, 3), (3, 8), (7, 8), (2, 5), (4, 4), (0, 0)] {
            let mut expected = generators.blinding().value() * rho;
            for j in first..end {
                // U_j = P_j - P_{j-1}, written out.
                expected += points[j] * vector[j];
                if j > 0 {
                    expected -= points[j - 1] * vector[j];
                }
            }
            let made = commit_run(&generators, first, &vector[first..end], &rho);
            assert_eq!(made, expected, "{first}..{end}");
        }
        assert_eq!(commit(&generators, &vector, &rho), commit_run(&generators, 0, &vector, &rho));
    }
}
