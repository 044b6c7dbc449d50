//! Stages that are proved against segments: in the first of several a vector is shown under a mask,
//! and later ones open a segment of it. PROTOCOL sections 5 and 8.

use std::sync::Arc;

use curve25519_dalek::RistrettoPoint;
use rand::CryptoRng;

use super::stage::{CiphertextSeed, Pads};
use super::{Party, PartyError};
use crate::elgamal::Ciphertext;
use crate::group::{Point, PointBytes};
use crate::join::Auction;
use crate::messages::{EntriesPart, StageProof};
use crate::prices::Level;
use crate::proofs::Place;
use crate::proofs::entries::EntriesMask;
use crate::proofs::joined::JoinedMask;
use crate::proofs::masked::{SegmentsMask, ShownVector, VectorMask};
use crate::proofs::placed::{PlacedStatement, PlacedWitness};
use crate::proofs::segments::{SegmentsProof, SegmentsProofMask};
use crate::referee::{Referee, Tally, statements};
use crate::secret::SecretVector;
use crate::segments::Segments;
use crate::step::{Against, Masked, Shown};

/// What is drawn for one stage that is proved against segments.
pub(super) struct SegmentsStage {
    segments: Segments,
    proof: SegmentsProofMask,
    pads: Pads,
}

/// What is drawn for the first of such stages: the mask of the vector beside that of the proof.
pub(super) struct FirstStage {
    vector: SegmentsMask,
    stage: SegmentsStage,
}

impl SegmentsStage {
    /// A fresh mask with pads for `count` ciphertexts, in constant time.
    pub(super) fn generate<R: CryptoRng + ?Sized>(
        auction: &Auction,
        segments: &Segments,
        seed: &CiphertextSeed,
        count: usize,
        rng: &mut R,
    ) -> Self {
        let joined = JoinedMask::generate(auction.key(), rng);
        let blindings = SecretVector::random(segments.len(), rng);
        let mask = SegmentsMask::generate(auction.generators(), segments, blindings, rng);
        let pads = Pads::make(auction.context(), auction.key(), seed, &joined.name(), 0..count);
        let proof = SegmentsProofMask { segments: mask, joined };
        Self { segments: segments.clone(), proof, pads }
    }

    /// Of which segments it is.
    pub(super) fn segments(&self) -> &Segments {
        &self.segments
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.proof.segments.bytes()
            + size_of_val(&*self.proof.joined)
            + self.pads.bytes()
    }
}

impl FirstStage {
    /// A fresh mask with pads for `count` ciphertexts, in constant time. The blindings of the
    /// vector's mask come from the seed: after a restart the later stages need them again.
    pub(super) fn generate<R: CryptoRng + ?Sized>(
        auction: &Auction,
        segments: &Segments,
        seed: &CiphertextSeed,
        count: usize,
        rng: &mut R,
    ) -> Self {
        let stage = SegmentsStage::generate(auction, segments, seed, count, rng);
        let name = stage.proof.joined.name();
        let blindings = seed.blindings(auction.context(), &name, segments.len());
        let vector = SegmentsMask::generate(auction.generators(), segments, blindings, rng);
        Self { vector, stage }
    }

    /// Of which segments it is.
    pub(super) fn segments(&self) -> &Segments {
        &self.stage.segments
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.vector.bytes() + self.stage.bytes()
    }
}

/// What a stage makes: what is sent, and decoded what this program's referee need not decode.
pub(super) type Stage = (EntriesPart, Vec<Ciphertext>, Option<Box<ShownVector>>);

impl Party {
    /// 5, 8 The ciphertexts of a stage that is proved against segments.
    pub(super) fn segments_stage<R: CryptoRng + ?Sized>(
        &mut self,
        place: &Place<'_>,
        referee: &Referee,
        tally: &Tally,
        (shown, masked): (&Shown, &Masked),
        rng: &mut R,
    ) -> Result<Stage, PartyError> {
        let (auction, count) = (Arc::clone(&self.auction), shown.count());
        if masked.opened.is_none() {
            let FirstStage { vector, stage } =
                self.masks.take_first(&auction, &masked.segments, count, rng);
            let SegmentsStage { proof, pads, .. } = stage;
            let ciphertexts = self.encrypt_stage(tally, shown, &proof.joined.name(), pads)?;
            let (proof, vector) = match shown {
                Shown::Ladder { .. } => {
                    self.first_ladder(place, tally, (shown, masked), &ciphertexts, vector, proof)?
                }
                Shown::Blocks { level, .. } => {
                    let whole = self.masks.take_stage(&auction, 0, rng).proof;
                    let shown = (shown, masked, *level);
                    self.first_blocks(place, tally, shown, &ciphertexts, vector, (proof, whole))?
                }
            };
            return Ok((part(&ciphertexts, proof), ciphertexts, Some(Box::new(vector))));
        }
        let stage = self.masks.take_later(&auction, &masked.segments, count, rng);
        let SegmentsStage { proof, pads, .. } = stage;
        let ciphertexts = self.encrypt_stage(tally, shown, &proof.joined.name(), pads)?;
        let vector = referee.masked().get(self.me).ok_or(PartyError::NothingDue)?;
        let proof = self.prove_segments(place, (shown, masked), &ciphertexts, vector, proof)?;
        Ok((part(&ciphertexts, StageProof::Segment(proof)), ciphertexts, None))
    }

    /// 5 The sum under its mask, and a proof against all of its segments.
    fn first_ladder(
        &mut self,
        place: &Place<'_>,
        tally: &Tally,
        shown: (&Shown, &Masked),
        ciphertexts: &[Ciphertext],
        vector: SegmentsMask,
        fresh: SegmentsProofMask,
    ) -> Result<(StageProof, ShownVector), PartyError> {
        let sum = self.sum.as_ref().ok_or(PartyError::NothingDue)?;
        // One sum an accumulator, and this party is one.
        let (sum, vector, mask) = vector.show_sum(place, &tally.sums()[self.me], sum);
        self.mask = Some(mask);
        let proof = self.prove_segments(place, shown, ciphertexts, &vector, fresh)?;
        Ok((StageProof::Ladder { sum, proof }, vector))
    }

    /// 8 The entries at the winner level under a mask, and a proof against all blocks of them.
    fn first_blocks(
        &mut self,
        place: &Place<'_>,
        tally: &Tally,
        (shown, masked, level): (&Shown, &Masked, Level),
        ciphertexts: &[Ciphertext],
        vector: SegmentsMask,
        (fresh, whole): (SegmentsProofMask, Box<EntriesMask>),
    ) -> Result<(StageProof, ShownVector), PartyError> {
        let positions = masked.range.singles();
        let entries = self.block_entries(tally, &positions, level)?;
        let (entries, vector, mask) = vector.show(place, &entries);
        let blocks = statements::segments(self.auction.key(), &vector, masked, shown, ciphertexts);
        let commitments = &tally.commitments(self.me, masked.range);
        let statement = PlacedStatement { blocks, commitments, level };
        let weights = statement.weights(place);
        let weighted = &self.weigh_blocks(tally, &positions, &weights)?;
        let stage = self.stage.as_ref().ok_or(PartyError::NothingDue)?;
        let witness = PlacedWitness { mask: &mask, randomness: &stage.randomness, weighted };
        let proof = statement.prove(place, &weights, &witness, fresh, whole);
        self.mask = Some(mask);
        Ok((StageProof::Placed { entries, proof }, vector))
    }

    /// 5, 8 A proof against the segments that are opened of a vector that this party showed.
    fn prove_segments(
        &self,
        place: &Place<'_>,
        (shown, masked): (&Shown, &Masked),
        ciphertexts: &[Ciphertext],
        vector: &ShownVector,
        fresh: SegmentsProofMask,
    ) -> Result<SegmentsProof, PartyError> {
        let statement =
            statements::segments(self.auction.key(), vector, masked, shown, ciphertexts);
        let mask = self.mask.as_ref().ok_or(PartyError::NothingDue)?;
        let stage = self.stage.as_ref().ok_or(PartyError::NothingDue)?;
        let weights = statement.weights(place);
        Ok(statement.prove(place, &weights, mask, &stage.randomness, fresh))
    }

    /// Begins a stage, and encrypts its entries with the pads that have this name.
    fn encrypt_stage(
        &mut self,
        tally: &Tally,
        shown: &Shown,
        name: &PointBytes,
        pads: Pads,
    ) -> Result<Vec<Ciphertext>, PartyError> {
        self.begin_stage(tally, shown, name)?;
        let stage = self.stage.as_ref().ok_or(PartyError::NothingDue)?;
        let (context, key) = (self.auction.context(), self.auction.key());
        Ok(pads.encrypt(context, key, &self.secret.seed, name, &stage.entries))
    }

    /// Finds the mask again of a vector that a stored message of this party's own showed; whether
    /// it is found, or the message showed none.
    ///
    /// # Errors
    /// [`PartyError`] when the store lacks a share of the set.
    pub(super) fn recall_mask(
        &mut self,
        tally: &Tally,
        shown: &Shown,
        proof: &StageProof,
    ) -> Result<bool, PartyError> {
        let (Some(said), Against::Masked(masked)) = (proof.masked(), shown.against()) else {
            return Ok(true);
        };
        let entries;
        let vector = match shown {
            Shown::Ladder { .. } => &self.sum.as_ref().ok_or(PartyError::NothingDue)?.vector,
            Shown::Blocks { level, .. } => {
                entries = self.block_entries(tally, &masked.range.singles(), *level)?;
                &entries
            }
        };
        let (context, segments) = (self.auction.context(), &masked.segments);
        let blindings = self.secret.seed.blindings(context, proof.mask_name(), segments.len());
        let generators = self.auction.generators();
        self.mask = VectorMask::recall(generators, segments, said, vector, blindings);
        Ok(self.mask.is_some())
    }

    /// The summed entries at some levels.
    pub(super) fn ladder_entries(&self, levels: &[Level]) -> Result<SecretVector, PartyError> {
        let sum = self.sum.as_ref().ok_or(PartyError::NothingDue)?;
        // The auction's levels index its vectors.
        let entries = levels.iter().map(|level| sum.vector.expose()[level.index()]).collect();
        Ok(SecretVector::new(entries))
    }
}

fn part(ciphertexts: &[Ciphertext], proof: StageProof) -> EntriesPart {
    EntriesPart { ciphertexts: ciphertexts.iter().map(Ciphertext::bytes).collect(), proof }
}

/// Whether these are the `t_j G` of a stage's ciphertexts.
pub(super) fn made_with(randomness: &SecretVector, part: &EntriesPart) -> bool {
    let made = randomness.expose().iter();
    let made = made.map(|t| Point::from(RistrettoPoint::mul_base(t)).bytes());
    made.eq(part.ciphertexts.iter().map(|ciphertext| ciphertext.a))
}
