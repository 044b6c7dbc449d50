//! The two equations that all ciphertexts of a stage are joined in: `sum w_i A_i = tau G` and
//! `sum w_i B_i = tau Y + v G`, where `v` is what the rest of the statement says of their joined
//! plaintext. PROTOCOL sections 5 and 8.

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::CryptoRng;
use zeroize::Zeroize as _;

use crate::elgamal::Ciphertext;
use crate::group::{Point, PointBytes, ScalarBytes};
use crate::proofs::ProofError;
use crate::proofs::batch::EquationBatch;
use crate::secret::{SecretScalar, SecretVector};

/// The mask of the joined equations, and what of their first messages depends on no statement.
/// It serves one statement.
pub struct JoinedMask {
    randomness: SecretScalar,
    first: Point,
    on_key: RistrettoPoint,
}

impl Drop for JoinedMask {
    fn drop(&mut self) {
        // Who has it can take it out of the second first message, which holds a masked sum.
        self.on_key.zeroize();
    }
}

impl JoinedMask {
    /// A fresh mask for statements under `key`, in constant time; in a box, so that it is erased
    /// where it lay.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(key: &Point, rng: &mut R) -> Box<Self> {
        let randomness = SecretScalar::random(rng);
        let first = RistrettoPoint::mul_base(randomness.expose()).into();
        let on_key = key.times(&randomness);
        Box::new(Self { randomness, first, on_key })
    }

    /// The first message on `G`: no two masks have the same.
    #[must_use]
    pub fn name(&self) -> PointBytes {
        self.first.bytes()
    }

    /// The first messages, where the masks of what is claimed of the plaintexts join to `masked`.
    pub(super) fn first(&self, masked: &Scalar) -> [PointBytes; 2] {
        let second: Point = (self.on_key + RistrettoPoint::mul_base(masked)).into();
        [self.first.bytes(), second.bytes()]
    }

    /// The response for `tau`, joined of the randomness of each ciphertext.
    pub(super) fn respond(
        &self,
        challenge: &Scalar,
        weights: &[Scalar],
        randomness: &SecretVector,
    ) -> ScalarBytes {
        let tau = weights.iter().zip(randomness.expose()).map(|(w, t)| w * t).sum();
        let tau = SecretScalar::new(tau);
        (&(self.randomness.expose() + challenge * tau.expose())).into()
    }
}

/// What the joined equations are about.
pub(super) struct Joined<'a> {
    pub(super) key: &'a Point,
    pub(super) ciphertexts: &'a [Ciphertext],
    pub(super) weights: &'a [Scalar],
    pub(super) challenge: &'a Scalar,
}

impl Joined<'_> {
    /// Adds both equations to a batch, a weight each. `answered` is what the responses join to in
    /// place of the plaintexts, less what is public of these, times the challenge.
    ///
    /// # Errors
    /// [`ProofError::Encoding`].
    pub(super) fn append(
        &self,
        first: &[PointBytes; 2],
        randomness: &ScalarBytes,
        answered: &Scalar,
        batch: &mut EquationBatch,
    ) -> Result<(), ProofError> {
        let [first_a, first_b] = [first[0].decode()?, first[1].decode()?];
        let randomness = randomness.decode()?;
        // first_a + challenge * sum w A - tau G = 0
        let weight_a = batch.weight();
        batch.term(weight_a, &first_a);
        batch.base(-weight_a * randomness);
        // first_b + challenge * sum w B - tau Y - answered G = 0
        let weight_b = batch.weight();
        batch.term(weight_b, &first_b);
        batch.shared_term(-weight_b * randomness, self.key);
        batch.base(-weight_b * answered);
        for (ciphertext, w) in self.ciphertexts.iter().zip(self.weights) {
            batch.term(weight_a * self.challenge * w, &ciphertext.a);
            batch.term(weight_b * self.challenge * w, &ciphertext.b);
        }
        Ok(())
    }
}
