//! ElGamal in the exponent: `(t G, t Y + v G)` hides the number `v` from everyone who lacks a
//! part of the key behind `Y`. PROTOCOL section 5.

use curve25519_dalek::{RistrettoPoint, Scalar};
use serde::{Deserialize, Serialize};

use crate::group::{EncodingError, Point, PointBytes};
use crate::layout::Layout;

/// A ciphertext, as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiphertextBytes {
    /// `t G`.
    pub a: PointBytes,
    /// `t Y + v G`.
    pub b: PointBytes,
}

impl CiphertextBytes {
    /// Decodes both elements.
    ///
    /// # Errors
    /// [`EncodingError::Point`].
    pub fn decode(&self) -> Result<Ciphertext, EncodingError> {
        Ok(Ciphertext { a: self.a.decode()?, b: self.b.decode()? })
    }
}

/// A ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ciphertext {
    /// `t G`.
    pub a: Point,
    /// `t Y + v G`.
    pub b: Point,
}

impl Ciphertext {
    /// Encrypts `value` under `key` with the randomness `t`, in constant time.
    #[must_use]
    pub fn encrypt(key: &Point, value: &Scalar, t: &Scalar) -> Self {
        let masked = key.value() * t + RistrettoPoint::mul_base(value);
        Self { a: RistrettoPoint::mul_base(t).into(), b: masked.into() }
    }

    /// The ciphertext of the sum of the plaintexts.
    #[must_use]
    pub fn sum<'a>(ciphertexts: impl IntoIterator<Item = &'a Self> + Clone) -> Self {
        Self {
            a: Point::sum(ciphertexts.clone().into_iter().map(|c| &c.a)),
            b: Point::sum(ciphertexts.into_iter().map(|c| &c.b)),
        }
    }

    /// The ciphertext of the sum of the plaintexts less one.
    #[must_use]
    pub fn sum_minus_one(ciphertexts: &[Self]) -> Self {
        let one = curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
        let b: RistrettoPoint = ciphertexts.iter().map(|c| c.b.value()).sum();
        Self { a: Point::sum(ciphertexts.iter().map(|c| &c.a)), b: (b - one).into() }
    }

    /// As it travels.
    #[must_use]
    pub fn bytes(&self) -> CiphertextBytes {
        CiphertextBytes { a: self.a.bytes(), b: self.b.bytes() }
    }

    pub(crate) fn write(&self, layout: &mut Layout) {
        layout.point(&self.a).point(&self.b);
    }
}
