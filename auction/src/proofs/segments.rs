//! Ciphertexts proved against a masked vector, segment by segment.
//!
//! What is secret is the mask `y` of the vector: `z = u - y`. One proof for some segments and all
//! ciphertexts, each of the sum of a run of entries in them, joined under weights that the whole
//! statement fixes: knowledge of `(y_b, rho_b)` with `M_b = <y_b, U_b> + rho_b H` for each of the
//! segments, and of `tau` with `sum w_i A_i = tau G` and
//! `sum w_i (B_i - u_i G) = tau Y - sum w_i y_i G`, `u_i` and `y_i` summed over the runs. A linear
//! relation. Each segment has an equation of its own, so that nothing of one can stand in
//! another. PROTOCOL sections 5 and 8.

use std::ops::Range;

use curve25519_dalek::Scalar;
use serde::{Deserialize, Serialize};

use super::entries::respond_all;
use super::joined::{Joined, JoinedMask};
use super::masked::{SegmentsMask, ShownVector, VectorMask, canonical};
use crate::elgamal::Ciphertext;
use crate::field::Canonical;
use crate::group::{Point, PointBytes, ScalarBytes};
use crate::layout::{Label, Layout};
use crate::proofs::batch::EquationBatch;
use crate::proofs::{Place, ProofError, expect_length};
use crate::secret::SecretVector;
use crate::segments::Segments;

/// What is claimed of one accumulator's ciphertexts.
#[derive(Debug, Clone)]
pub struct SegmentsStatement<'a> {
    /// The key they are encrypted under.
    pub key: Point,
    /// The vector that the segments are of.
    pub vector: &'a ShownVector,
    /// How it is cut into segments.
    pub segments: &'a Segments,
    /// Numbers of the segments that are opened: all, or one.
    pub opened: Range<usize>,
    /// The runs of entries shown, in the order of the ciphertexts; all lie in the segments opened.
    pub shown: Vec<Range<usize>>,
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

/// First messages: of the segments' equations, and of the joined ones.
pub(super) struct First {
    pub(super) segments: Vec<PointBytes>,
    pub(super) joined: [PointBytes; 2],
}

/// What a prover knows.
pub(super) struct SegmentsWitness<'a> {
    /// The vector's mask.
    pub(super) mask: &'a VectorMask,
    /// The randomness of each ciphertext.
    pub(super) randomness: &'a SecretVector,
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

    /// Proves the statement. `mask` is the vector's, `randomness` that of each ciphertext, and
    /// `fresh` serves this statement alone; constant time in all of them.
    #[must_use]
    pub fn prove(
        &self,
        place: &Place<'_>,
        weights: &[Scalar],
        mask: &VectorMask,
        randomness: &SecretVector,
        fresh: SegmentsProofMask,
    ) -> SegmentsProof {
        let SegmentsProofMask { segments, joined } = fresh;
        let first = self.first(&segments, &joined, weights);
        let challenge = self.challenge(place, &first);
        let witness = SegmentsWitness { mask, randomness };
        self.respond(&challenge, weights, first, &witness, (&segments, &joined))
    }

    /// The first messages.
    pub(super) fn first(
        &self,
        segments: &SegmentsMask,
        joined: &JoinedMask,
        weights: &[Scalar],
    ) -> First {
        // There is a commitment for each segment.
        let commitments = &segments.commitments[self.opened.clone()];
        let masked = -self.join(weights, 0, segments.vector.expose(), |scalar| *scalar);
        First {
            segments: commitments.iter().map(Point::bytes).collect(),
            joined: joined.first(&masked),
        }
    }

    /// The responses to a challenge.
    pub(super) fn respond(
        &self,
        challenge: &Scalar,
        weights: &[Scalar],
        first: First,
        witness: &SegmentsWitness<'_>,
        (segments, joined): (&SegmentsMask, &JoinedMask),
    ) -> SegmentsProof {
        // Masks cover the vector, and have a blinding for each segment.
        let (entries, opened) = (self.entries(), self.opened.clone());
        let part = |fresh: &SecretVector, secret: &SecretVector, range: Range<usize>| {
            let (fresh, secret) = (&fresh.expose()[range.clone()], &secret.expose()[range]);
            respond_all(challenge, fresh, secret)
        };
        let mask = witness.mask;
        SegmentsProof {
            first: first.segments,
            joined: first.joined,
            vector: part(&segments.vector, &mask.vector, entries),
            blindings: part(&segments.blindings, &mask.blindings, opened),
            randomness: joined.respond(challenge, weights, witness.randomness),
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
        let first = First { segments: proof.first.clone(), joined: proof.joined };
        let challenge = self.challenge(place, &first);
        self.append_under(&challenge, place, proof, batch).map(|_| ())
    }

    /// The same under a challenge that hashes more. Returns the responses of the vector.
    pub(super) fn append_under(
        &self,
        challenge: &Scalar,
        place: &Place<'_>,
        proof: &SegmentsProof,
        batch: &mut EquationBatch,
    ) -> Result<Vec<Canonical>, ProofError> {
        let (entries, segments) = (self.entries(), self.opened.len());
        expect_length("first messages", proof.first.len(), segments)?;
        expect_length("responses", proof.vector.len(), entries.len())?;
        expect_length("responses for blindings", proof.blindings.len(), segments)?;
        let vector = canonical(&proof.vector)?;
        let blindings = canonical(&proof.blindings)?;
        let first = proof.first.iter().map(PointBytes::decode).collect::<Result<Vec<_>, _>>()?;
        let weights = self.weights(place);
        // Each segment: first + challenge * M_b - <y_b, U_b> - rho_b H = 0
        let committed = self.vector.masks()[self.opened.clone()].iter();
        let said = first.iter().zip(committed).zip(&blindings);
        let runs = self.segments.entries(self.opened.clone());
        for (run, ((first, committed), blinding)) in runs.zip(said) {
            let weight = batch.weight();
            batch.term(weight, first);
            batch.term(weight * challenge, committed);
            // The responses are those of the segments' entries.
            let responses = &vector[run.start - entries.start..run.end - entries.start];
            batch.vector(-weight, run.start, responses.iter().copied());
            batch.blinding(-weight * blinding.to_scalar());
        }
        // sum w (B - u G) = tau Y - sum w y G
        let shown = self.join(&weights, 0, self.vector.entries(), |entry| entry.to_scalar());
        let answered = self.join(&weights, entries.start, &vector, |entry| entry.to_scalar());
        let (key, ciphertexts) = (&self.key, self.ciphertexts);
        let rows = Joined { key, ciphertexts, weights: &weights, challenge };
        rows.append(&proof.joined, &proof.randomness, &(challenge * shown - answered), batch)?;
        Ok(vector)
    }

    /// The entries of the runs shown, joined under weights; `first` is the entry that `entries`
    /// begin with.
    fn join<E>(
        &self,
        weights: &[Scalar],
        first: usize,
        entries: &[E],
        scalar: impl Fn(&E) -> Scalar,
    ) -> Scalar {
        let joined = self.shown.iter().zip(weights).map(|(run, weight)| {
            // Runs lie in the segments opened.
            let run = &entries[run.start - first..run.end - first];
            run.iter().map(&scalar).sum::<Scalar>() * weight
        });
        joined.sum()
    }

    /// The entries of a vector that the segments opened are.
    fn entries(&self) -> Range<usize> {
        let mut runs = self.segments.entries(self.opened.clone());
        let first = runs.next().unwrap_or_default();
        first.start..runs.last().map_or(first.end, |last| last.end)
    }

    fn challenge(&self, place: &Place<'_>, first: &First) -> Scalar {
        let mut layout = place.bind(Label::Segments).layout();
        self.write(&mut layout);
        first.write(&mut layout);
        layout.scalar()
    }

    pub(super) fn write(&self, layout: &mut Layout) {
        layout.point(&self.key).digest(self.vector.digest());
        layout.count(self.opened.start).count(self.opened.len());
        for run in self.segments.entries(self.opened.clone()) {
            layout.count(run.start).count(run.end);
        }
        layout.count(self.shown.len());
        for run in &self.shown {
            layout.count(run.start).count(run.end);
        }
        layout.count(self.ciphertexts.len());
        for ciphertext in self.ciphertexts {
            ciphertext.write(layout);
        }
    }
}

impl First {
    pub(super) fn write(&self, layout: &mut Layout) {
        layout.count(self.segments.len());
        for point in self.segments.iter().chain(&self.joined) {
            layout.fixed(&point.0);
        }
    }
}
