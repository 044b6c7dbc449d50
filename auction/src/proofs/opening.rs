//! Decryption factors: `F_i = x A_i` for every blinded ciphertext of a round, with the exponent of
//! `Y = x G`. PROTOCOL section 6.
//!
//! One proof for all, since one `x` made them: they are joined under 128-bit weights that hash all
//! of them, the first of which is 1, `sum w_i F_i = x sum w_i A_i`. Nobody has to compute the
//! joined elements but the prover, who needs one for his first message; the challenge hashes what
//! they are joined from.

use curve25519_dalek::traits::VartimeMultiscalarMul as _;
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::CryptoRng;

use crate::elgamal::Ciphertext;
use crate::group::{Point, PointBytes, ScalarBytes, basepoint};
use crate::layout::{Label, Layout};
use crate::proofs::batch::EquationBatch;
use crate::proofs::linear::LinearProof;
use crate::proofs::{Place, ProofError, expect_length, short_weights};
use crate::secret::SecretScalar;

/// What is claimed: as many factors as ciphertexts, each the first element of its ciphertext times
/// the exponent of the key.
#[derive(Debug, Clone, Copy)]
pub struct OpeningStatement<'a> {
    /// `Y_k`.
    pub key: Point,
    /// The ciphertexts opened.
    pub blinded: &'a [Ciphertext],
    /// Their factors.
    pub factors: &'a [Point],
}

impl OpeningStatement<'_> {
    /// Proves the statement; constant time in the exponent.
    #[must_use]
    pub fn prove<R: CryptoRng + ?Sized>(
        &self,
        place: &Place<'_>,
        exponent: &SecretScalar,
        rng: &mut R,
    ) -> LinearProof {
        let weights = self.weights(place);
        // Weights and elements are public.
        let points: Vec<_> = self.blinded.iter().map(|blinded| blinded.a.value()).collect();
        let joined = match points[..] {
            [alone] => *alone,
            _ => RistrettoPoint::vartime_multiscalar_mul(&weights, points),
        };
        let mask = SecretScalar::random(rng);
        let half = mask.half();
        let first = Point::from_halves(&[basepoint().times(&half), joined * half.expose()]);
        let first: Vec<PointBytes> = first.iter().map(Point::bytes).collect();
        let challenge = self.challenge(place, &first);
        let response = ScalarBytes::from(&(mask.expose() + challenge * exponent.expose()));
        LinearProof { first, responses: vec![response] }
    }

    /// Adds the proof's two equations to a batch, a weight each.
    ///
    /// # Errors
    /// [`ProofError`] when the proof is not of this statement's shape.
    pub fn append(
        &self,
        place: &Place<'_>,
        proof: &LinearProof,
        batch: &mut EquationBatch,
    ) -> Result<(), ProofError> {
        expect_length("factors", self.factors.len(), self.blinded.len())?;
        expect_length("first messages", proof.first.len(), 2)?;
        expect_length("responses", proof.responses.len(), 1)?;
        // The lengths were checked.
        let first = [proof.first[0].decode()?, proof.first[1].decode()?];
        let response = proof.responses[0].decode()?;
        let challenge = self.challenge(place, &proof.first);
        // first_0 + challenge * Y - response * G = 0
        let weight = batch.weight();
        batch.term(weight, &first[0]);
        batch.term(weight * challenge, &self.key);
        batch.base(-weight * response);
        // first_1 + challenge * sum w_i F_i - response * sum w_i A_i = 0
        let weight = batch.weight();
        batch.term(weight, &first[1]);
        for (w, (blinded, factor)) in
            self.weights(place).iter().zip(self.blinded.iter().zip(self.factors))
        {
            batch.term(weight * challenge * w, factor);
            batch.shared_term(-weight * response * w, &blinded.a);
        }
        Ok(())
    }

    /// The weights that join the factors, fixed by the whole statement. Where a factor is wrong
    /// the joined equation is a false one in the weights that are drawn, or it is the first alone
    /// and its weight is 1.
    fn weights(&self, place: &Place<'_>) -> Vec<Scalar> {
        let mut layout = place.bind(Label::OpenWeights).layout();
        self.write(&mut layout);
        let mut weights = short_weights(Label::OpenWeights, &layout.hash(), self.factors.len());
        if let Some(first) = weights.first_mut() {
            *first = Scalar::ONE;
        }
        weights
    }

    fn challenge(&self, place: &Place<'_>, first: &[PointBytes]) -> Scalar {
        let mut layout = place.bind(Label::Open).layout();
        self.write(&mut layout);
        layout.count(first.len());
        for point in first {
            layout.fixed(&point.0);
        }
        layout.scalar()
    }

    fn write(&self, layout: &mut Layout) {
        layout.point(&self.key).count(self.factors.len());
        for (ciphertext, factor) in self.blinded.iter().zip(self.factors) {
            layout.point(&ciphertext.a).point(factor);
        }
    }
}
