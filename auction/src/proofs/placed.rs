//! Blocks of the order at the winner level, with every bidder's entry shown under a mask.
//!
//! The entries `s_i` of an accumulator's shares at the level are a vector, `x = s + y`, its
//! segments the blocks; the blocks' ciphertexts are proved against it as in [`super::segments`].
//! That it is of the bids' commitments is proved with it: under weights `e_i` that are fixed once
//! `x` and the masks' commitments are shown, knowledge of `(v, R)` with
//! `sum e_i C_i = <v, U> + R H`, and of `v` at the level, `sum e_i s_i`. From then on a block is
//! opened without the levels beside. PROTOCOL section 8.

use curve25519_dalek::Scalar;
use serde::{Deserialize, Serialize};

use super::entries::{EntriesMask, respond_all};
use super::masked::{VectorMask, canonical};
use super::segments::{
    First, SegmentsProof, SegmentsProofMask, SegmentsStatement, SegmentsWitness,
};
use crate::field::Canonical;
use crate::group::{Point, PointBytes, ScalarBytes};
use crate::layout::{Label, Layout};
use crate::prices::Level;
use crate::proofs::batch::EquationBatch;
use crate::proofs::{Place, ProofError, expect_length, short_weights};
use crate::secret::SecretVector;
use crate::shares::SummedShare;

/// What is claimed of one accumulator's blocks and entries.
#[derive(Debug, Clone)]
pub struct PlacedStatement<'a> {
    /// The blocks against the masked entries, all of them opened.
    pub blocks: SegmentsStatement<'a>,
    /// Commitments to the accumulator's share of each bid, one an entry.
    pub commitments: &'a [Point],
    /// The level.
    pub level: Level,
}

/// A proof, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedProof {
    /// Of the blocks.
    pub blocks: SegmentsProof,
    /// First message on `U` and `H`.
    pub opening: PointBytes,
    /// First message of the entries' sum: a number, since nothing need hide it.
    pub tie: ScalarBytes,
    /// One response a level.
    pub vector: Vec<ScalarBytes>,
    /// Response for the blinding.
    pub blinding: ScalarBytes,
}

/// What an accumulator knows that makes the statement true.
pub struct PlacedWitness<'a> {
    /// The mask of the entries.
    pub mask: &'a VectorMask,
    /// The randomness of each ciphertext.
    pub randomness: &'a SecretVector,
    /// Its shares of the bids, summed under the weights of the positions.
    pub weighted: &'a SummedShare,
}

impl PlacedStatement<'_> {
    /// The weights of the positions, of 128 bits each, fixed by the uncombined statement.
    #[must_use]
    pub fn weights(&self, place: &Place<'_>) -> Vec<Scalar> {
        let mut layout = place.bind(Label::PositionWeights).layout();
        self.write(&mut layout);
        short_weights(Label::PositionWeights, &layout.hash(), self.commitments.len())
    }

    /// Proves the statement under the `weights` of the positions. `fresh` and `whole` serve this
    /// statement alone; constant time in all secrets.
    #[must_use]
    pub fn prove(
        &self,
        place: &Place<'_>,
        weights: &[Scalar],
        witness: &PlacedWitness<'_>,
        fresh: SegmentsProofMask,
        whole: Box<EntriesMask>,
    ) -> PlacedProof {
        let SegmentsProofMask { segments: fresh, joined } = fresh;
        let joins = self.blocks.weights(place);
        let first = self.blocks.first(&fresh, &joined, &joins);
        let masks: Scalar =
            fresh.vector.expose().iter().zip(weights).map(|(mask, e)| mask * e).sum();
        // v + sum e y = sum e x. A level of the auction indexes a vector of its levels.
        let tie = ScalarBytes::from(&(whole.vector.expose()[self.level.index()] + masks));
        let opening = whole.first.bytes();
        let challenge = self.challenge(place, &first, &opening, &tie);
        let SummedShare { vector, blinding } = witness.weighted;
        let rest = SegmentsWitness { mask: witness.mask, randomness: witness.randomness };
        let masks = (&fresh, &*joined);
        PlacedProof {
            blocks: self.blocks.respond(&challenge, &joins, first, &rest, masks),
            opening,
            tie,
            vector: respond_all(&challenge, whole.vector.expose(), vector.expose()),
            blinding: (&(whole.blinding.expose() + challenge * blinding.expose())).into(),
        }
    }

    /// Adds the proof's equations to a batch, a weight each, and checks the one between numbers.
    ///
    /// # Errors
    /// [`ProofError`] when the proof is not of this statement's shape, or the entries' sum is not
    /// that of the bids.
    pub fn append(
        &self,
        place: &Place<'_>,
        levels: usize,
        proof: &PlacedProof,
        batch: &mut EquationBatch,
    ) -> Result<(), ProofError> {
        expect_length("responses", proof.vector.len(), levels)?;
        expect_length("entries", self.blocks.vector.entries().len(), self.commitments.len())?;
        let vector = canonical(&proof.vector)?;
        let (blinding, opening) = (proof.blinding.decode()?, proof.opening.decode()?);
        let weights = self.weights(place);
        let first = First { segments: proof.blocks.first.clone(), joined: proof.blocks.joined };
        let challenge = self.challenge(place, &first, &proof.opening, &proof.tie);
        let entries = self.blocks.append_under(&challenge, place, &proof.blocks, batch)?;
        // opening + challenge * sum e C - <v, U> - R H = 0
        let weight = batch.weight();
        batch.term(weight, &opening);
        for (commitment, e) in self.commitments.iter().zip(&weights) {
            batch.term(weight * challenge * e, commitment);
        }
        batch.vector(-weight, 0, vector.iter().copied());
        batch.blinding(-weight * blinding);
        // v + sum e y = tie + challenge * sum e x, at the level
        let sum = |entries: &[Canonical]| -> Scalar {
            entries.iter().zip(&weights).map(|(entry, e)| entry.to_scalar() * e).sum()
        };
        let answered = vector.get(self.level.index()).copied().unwrap_or_default().to_scalar();
        let shown = challenge * sum(self.blocks.vector.entries());
        if answered + sum(&entries) == proof.tie.decode()? + shown {
            Ok(())
        } else {
            Err(ProofError::DoesNotHold)
        }
    }

    fn challenge(
        &self,
        place: &Place<'_>,
        first: &First,
        opening: &PointBytes,
        tie: &ScalarBytes,
    ) -> Scalar {
        let mut layout = place.bind(Label::Placed).layout();
        self.write(&mut layout);
        first.write(&mut layout);
        layout.fixed(&opening.0).fixed(&tie.0).scalar()
    }

    fn write(&self, layout: &mut Layout) {
        self.blocks.write(layout);
        layout.u32(self.level.0).count(self.commitments.len());
        for commitment in self.commitments {
            layout.point(commitment);
        }
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::RistrettoPoint;
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;
    use crate::elgamal::Ciphertext;
    use crate::group::Generators;
    use crate::keys::PublicKey;
    use crate::layout::Digest;
    use crate::proofs::masked::ShownVector;
    use crate::segments::Segments;

    /// A statement and first messages, of which a part is altered by itself.
    struct Said {
        key: Point,
        entries: ShownVector,
        segments: Segments,
        commitments: Vec<Point>,
        ciphertexts: Vec<Ciphertext>,
        level: Level,
        first: [PointBytes; 6],
        tie: ScalarBytes,
        round: u16,
    }

    fn point(i: u64) -> Point {
        RistrettoPoint::mul_base(&Scalar::from(i)).into()
    }

    impl Said {
        fn new(entries: u64) -> Self {
            let mut rng = ChaCha20Rng::seed_from_u64(entries);
            let segments = Segments::of_order(6, 3, 24, 3);
            let vector = |rng: &mut ChaCha20Rng, count| SecretVector::random(count, rng);
            let blindings = vector(&mut rng, segments.len());
            let generators = Generators::for_levels(24);
            let mask = super::super::masked::SegmentsMask::generate(
                &generators,
                &segments,
                blindings,
                &mut rng,
            );
            let (key, none) = (PublicKey([1; 32]), Digest::default());
            let place = Place { context: &none, prover: &key, round: 1, previous: &none };
            let (_, entries, _) = mask.show(&place, &vector(&mut rng, 6));
            Self {
                key: point(7),
                entries,
                segments,
                commitments: (10..16).map(point).collect(),
                ciphertexts: [20, 30].map(|i| Ciphertext { a: point(i), b: point(i + 1) }).into(),
                level: Level(9),
                first: [40, 41, 42, 43, 44, 45].map(|i| point(i).bytes()),
                tie: ScalarBytes([3; 32]),
                round: 4,
            }
        }

        fn challenge(&self) -> Scalar {
            let [a, b, c, d, e, opening] = self.first;
            let first = First { segments: vec![a, b, c], joined: [d, e] };
            let blocks = SegmentsStatement {
                key: self.key,
                vector: &self.entries,
                segments: &self.segments,
                opened: 0..3,
                shown: self.segments.entries(0..2).collect(),
                ciphertexts: &self.ciphertexts,
            };
            let statement =
                PlacedStatement { blocks, commitments: &self.commitments, level: self.level };
            let (prover, none) = (PublicKey([1; 32]), Digest::default());
            let place =
                Place { context: &none, prover: &prover, round: self.round, previous: &none };
            statement.challenge(&place, &first, &opening, &self.tie)
        }
    }

    #[test]
    fn the_challenge_hashes_the_statement_and_every_first_message() {
        let alterations: [fn(&mut Said); 14] = [
            |said| said.key = point(8),
            |said| said.entries = Said::new(2).entries,
            |said| said.commitments.swap(4, 5),
            |said| said.ciphertexts[0].a = point(1),
            |said| said.ciphertexts[1].b = point(1),
            |said| said.level = Level(10),
            |said| said.round = 5,
            |said| said.tie.0[0] ^= 1,
            |said| said.first[0] = point(1).bytes(),
            |said| said.first[1] = point(1).bytes(),
            |said| said.first[2] = point(1).bytes(),
            |said| said.first[3] = point(1).bytes(),
            |said| said.first[4] = point(1).bytes(),
            |said| said.first[5] = point(1).bytes(),
        ];
        let mut seen = vec![Said::new(1).challenge()];
        assert_eq!(seen[0], Said::new(1).challenge());
        for alter in alterations {
            let mut said = Said::new(1);
            alter(&mut said);
            seen.push(said.challenge());
        }
        for (i, challenge) in seen.iter().enumerate() {
            assert!(!seen[..i].contains(challenge), "{i}");
        }
    }
}
