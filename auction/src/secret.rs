//! Secret scalars: not copied, not printed, erased when dropped.

use curve25519_dalek::Scalar;
use rand::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::field::half;

/// A secret scalar.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretScalar(Scalar);

impl SecretScalar {
    /// A uniform scalar, zero with negligible chance.
    #[must_use]
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self(Scalar::random(rng))
    }

    /// Takes charge of a scalar.
    #[must_use]
    pub fn new(scalar: Scalar) -> Self {
        Self(scalar)
    }

    /// Adds to the value.
    pub fn add(&mut self, scalar: &Scalar) {
        self.0 += scalar;
    }

    /// The value, for constant-time arithmetic.
    #[must_use]
    pub fn expose(&self) -> &Scalar {
        &self.0
    }

    /// The value that doubled is this one: points that are to be encoded are made as halves
    /// ([`crate::group::Point::from_halves`]).
    #[must_use]
    pub fn half(&self) -> Self {
        Self(half(&self.0))
    }
}

impl std::fmt::Debug for SecretScalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretScalar(..)")
    }
}

/// A vector of secret scalars, one a level.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretVector(Vec<Scalar>);

impl SecretVector {
    /// Takes charge of a vector.
    #[must_use]
    pub fn new(scalars: Vec<Scalar>) -> Self {
        Self(scalars)
    }

    /// Uniform entries.
    #[must_use]
    pub fn random<R: CryptoRng + ?Sized>(length: usize, rng: &mut R) -> Self {
        Self((0..length).map(|_| Scalar::random(rng)).collect())
    }

    /// The entries, for constant-time arithmetic.
    #[must_use]
    pub fn expose(&self) -> &[Scalar] {
        &self.0
    }
}

impl std::fmt::Debug for SecretVector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretVector({} entries)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_redacts() {
        let scalar = SecretScalar::new(Scalar::from(123_456_789u64));
        let vector = SecretVector::new(vec![Scalar::from(123_456_789u64)]);
        assert_eq!(format!("{scalar:?} {vector:?}"), "SecretScalar(..) SecretVector(1 entries)");
    }

    #[test]
    fn two_halves_are_the_whole() {
        let scalar = SecretScalar::new(Scalar::from(7u8));
        let half = scalar.half();
        assert_eq!(half.expose() + half.expose(), *scalar.expose());
    }

    #[test]
    fn zeroize_clears() {
        let mut vector = SecretVector::new(vec![Scalar::ONE; 3]);
        vector.zeroize();
        assert!(vector.expose().is_empty());
        let mut scalar = SecretScalar::new(Scalar::ONE);
        scalar.zeroize();
        assert_eq!(*scalar.expose(), Scalar::ZERO);
    }
}
