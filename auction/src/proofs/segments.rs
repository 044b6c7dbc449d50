//! A ladder's ciphertexts proved against a masked sum, segment by segment.
//!
//! What is secret is the mask `y` of the sum: `z = u - y`. One proof for some segments and all
//! ciphertexts of levels in them, joined under weights that the whole statement fixes: knowledge
//! of `(y_b, rho_b)` with `A_b = <y_b, U_b> + rho_b H` for each of the segments, and of `tau`
//! with `sum w_i A_i = tau G` and `sum w_i (B_i - u_i G) = tau Y - sum w_i y_i G`. A linear
//! relation. Each segment has an equation of its own, so that nothing of one can stand in
//! another. PROTOCOL section 5.

use std::ops::Range;

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::masked::{SegmentsMask, ShownSum, SumMask, canonical};
use crate::elgamal::Ciphertext;
use crate::field::{Canonical, Fe};
use crate::group::{Point, PointBytes, ScalarBytes};
use crate::layout::{Label, Layout};
use crate::prices::Level;
use crate::proofs::batch::EquationBatch;
use crate::proofs::{Place, ProofError, expect_length};
use crate::secret::{SecretScalar, SecretVector};
use crate::segments::Segments;

/// What is claimed of one accumulator's ciphertexts.
#[derive(Debug, Clone)]
pub struct SegmentsStatement<'a> {
    /// The key they are encrypted under.
    pub key: Point,
    /// The sum that the segments are of.
    pub sum: &'a ShownSum,
    /// How the ladder is cut into segments.
    pub segments: &'a Segments,
    /// Numbers of the segments that are opened: all, or one.
    pub opened: Range<usize>,
    /// The levels shown, in the order of the ciphertexts; all lie in the segments opened.
    pub levels: &'a [Level],
    /// The ciphertexts.
    pub ciphertexts: &'a [Ciphertext],
}

/// A proof, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentsProof {
    /// First messages of the segments' equations.
    pub first: Vec<PointBytes>,
    /// First messages of the two joined equations.
    pub joined: [PointBytes; 2],
    /// One response a level of the segments, in order.
    pub vector: Vec<ScalarBytes>,
    /// Responses for the segments' blindings.
    pub blindings: Vec<ScalarBytes>,
    /// Response for the joined randomness.
    pub randomness: ScalarBytes,
}

/// The mask of the joined equations, and what of their first messages depends on no statement.
pub struct JoinedMask {
    randomness: SecretScalar,
    first: Point,
    on_key: RistrettoPoint,
}

impl Drop for JoinedMask {
    fn drop(&mut self) {
        // Who has it can take it out of the first message that holds a masked sum.
        self.on_key.zeroize();
    }
}

impl JoinedMask {
    /// A fresh mask for statements under `key`, in constant time.
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
}

/// Masks of one proof: it serves one statement, and proving consumes it.
pub struct SegmentsProofMask {
    /// For the segments' equations, of all segments.
    pub segments: SegmentsMask,
    /// For the joined ones; in a box, so that it is erased where it lay.
    pub joined: Box<JoinedMask>,
}

impl SegmentsStatement<'_> {
    /// The weights that join the ciphertexts: powers of one challenge along the levels shown,
    /// counted from 1, fixed by the uncombined statement.
    #[must_use]
    pub fn weights(&self, place: &Place<'_>) -> Vec<Scalar> {
        let mut layout = place.bind(Label::SegmentWeights).layout();
        self.write(&mut layout);
        let y = layout.scalar();
        let powers = std::iter::successors(Some(y), |power| Some(power * y));
        powers.take(self.ciphertexts.len()).collect()
    }

    /// Proves the statement. `mask` is the sum's, `randomness` that of each ciphertext, and
    /// `fresh` serves this statement alone; constant time in all of them.
    #[must_use]
    pub fn prove(
        &self,
        place: &Place<'_>,
        weights: &[Scalar],
        mask: &SumMask,
        randomness: &SecretVector,
        fresh: SegmentsProofMask,
    ) -> SegmentsProof {
        let SegmentsProofMask { segments, joined } = fresh;
        // Levels of the auction index vectors of the auction's length.
        let pairs = self.levels.iter().zip(weights);
        let masked: Scalar =
            pairs.map(|(level, w)| segments.vector.expose()[level.index()] * w).sum();
        let second: Point = (joined.on_key - RistrettoPoint::mul_base(&masked)).into();
        // There are a commitment and a blinding for each segment.
        let first = segments.commitments[self.opened.clone()].iter().map(Point::bytes).collect();
        let joined_first = [joined.first.bytes(), second.bytes()];
        let challenge = self.challenge(place, &first, &joined_first);
        let tau = weights.iter().zip(randomness.expose()).map(|(w, t)| w * t).sum();
        let tau = SecretScalar::new(tau);
        let respond = |mask: &Scalar, secret: &Scalar| (&(mask + challenge * secret)).into();
        let factor = Fe::from_scalar(&challenge);
        let response = |(mask, secret): (&Scalar, &Scalar)| {
            let answer = Canonical::from_scalar(secret).times(factor);
            ScalarBytes((Canonical::from_scalar(mask) + answer).to_bytes())
        };
        let entries = self.entries();
        let fresh_vector = &segments.vector.expose()[entries.clone()];
        let vector = fresh_vector.iter().zip(&mask.vector.expose()[entries]);
        let opened = self.opened.clone();
        let fresh_blindings = &segments.blindings.expose()[opened.clone()];
        let blindings = fresh_blindings.iter().zip(&mask.blindings.expose()[opened]);
        SegmentsProof {
            first,
            joined: joined_first,
            vector: vector.map(response).collect(),
            blindings: blindings.map(|(mask, secret)| respond(mask, secret)).collect(),
            randomness: respond(joined.randomness.expose(), tau.expose()),
        }
    }

    /// Adds the proof's equations to a batch, a weight each.
    ///
    /// # Errors
    /// [`ProofError`] when the proof is not of this statement's shape.
    pub fn append(
        &self,
        place: &Place<'_>,
        proof: &SegmentsProof,
        batch: &mut EquationBatch,
    ) -> Result<(), ProofError> {
        let (entries, segments) = (self.entries(), self.opened.len());
        expect_length("first messages", proof.first.len(), segments)?;
        expect_length("responses", proof.vector.len(), entries.len())?;
        expect_length("responses for blindings", proof.blindings.len(), segments)?;
        let vector = canonical(&proof.vector)?;
        let blindings = canonical(&proof.blindings)?;
        let randomness = proof.randomness.decode()?;
        let first = proof.first.iter().map(PointBytes::decode).collect::<Result<Vec<_>, _>>()?;
        let [first_a, first_b] = [proof.joined[0].decode()?, proof.joined[1].decode()?];
        let weights = self.weights(place);
        let challenge = self.challenge(place, &proof.first, &proof.joined);
        // Each segment: first + challenge * A_b - <y_b, U_b> - rho_b H = 0
        let committed = self.sum.masks()[self.opened.clone()].iter();
        let said = first.iter().zip(committed).zip(&blindings);
        for (run, ((first, committed), blinding)) in
            self.segments.entries(self.opened.clone()).zip(said)
        {
            let weight = batch.weight();
            batch.term(weight, first);
            batch.term(weight * challenge, committed);
            // The responses are those of the segments' entries.
            let responses = &vector[run.start - entries.start..run.end - entries.start];
            batch.vector(-weight, run.start, responses.iter().copied());
            batch.blinding(-weight * blinding.to_scalar());
        }
        // first_a + challenge * sum w A - tau G = 0
        let weight_a = batch.weight();
        batch.term(weight_a, &first_a);
        batch.base(-weight_a * randomness);
        // first_b + challenge * sum w (B - u G) - tau Y + sum w y G = 0
        let weight_b = batch.weight();
        batch.term(weight_b, &first_b);
        batch.shared_term(-weight_b * randomness, &self.key);
        let (mut shown, mut answered) = (Scalar::ZERO, Scalar::ZERO);
        for (level, w) in self.levels.iter().zip(&weights) {
            // The levels lie in the segments opened.
            shown += self.sum.entries()[level.index()].to_scalar() * w;
            answered += vector[level.index() - entries.start].to_scalar() * w;
        }
        batch.base(weight_b * (answered - challenge * shown));
        for (ciphertext, w) in self.ciphertexts.iter().zip(&weights) {
            batch.term(weight_a * challenge * w, &ciphertext.a);
            batch.term(weight_b * challenge * w, &ciphertext.b);
        }
        Ok(())
    }

    /// The entries of a vector that the segments opened are.
    fn entries(&self) -> Range<usize> {
        let mut runs = self.segments.entries(self.opened.clone());
        let first = runs.next().unwrap_or_default();
        first.start..runs.last().map_or(first.end, |last| last.end)
    }

    fn challenge(
        &self,
        place: &Place<'_>,
        first: &Vec<PointBytes>,
        joined: &[PointBytes; 2],
    ) -> Scalar {
        let mut layout = place.bind(Label::Segments).layout();
        self.write(&mut layout);
        layout.count(first.len());
        for point in first.iter().chain(joined) {
            layout.fixed(&point.0);
        }
        layout.scalar()
    }

    fn write(&self, layout: &mut Layout) {
        layout.point(&self.key).digest(self.sum.digest());
        layout.count(self.opened.start).count(self.opened.len());
        for run in self.segments.entries(self.opened.clone()) {
            layout.count(run.start).count(run.end);
        }
        layout.count(self.levels.len());
        for level in self.levels {
            layout.u32(level.0);
        }
        layout.count(self.ciphertexts.len());
        for ciphertext in self.ciphertexts {
            ciphertext.write(layout);
        }
    }
}
