//! Stages that are proved against segments: in the first of several a vector is shown under a mask,
//! and later ones open a segment of it. PROTOCOL sections 5 and 8.

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
use crate::proofs::joined::JoinedMask;
use crate::proofs::masked::{SegmentsMask, ShownVector, VectorMask};
use crate::proofs::placed::{PlacedStatement, PlacedWitness};
use crate::proofs::segments::SegmentsProofMask;
use crate::referee::{Referee, Tally, statements};
use crate::search::Interval;
use crate::secret::SecretVector;
use crate::segments::Segments;
use crate::step::{Against, Placed, Shown};

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
        shown: &Shown,
        rng: &mut R,
    ) -> Result<Stage, PartyError> {
        match shown {
            Shown::Ladder { levels, against: Against::MaskedSum } => {
                self.first_ladder(place, tally, (shown, levels), rng)
            }
            Shown::Blocks { level, blocks, placed: Some(placed @ Placed { opened: None, .. }) } => {
                self.first_blocks(place, tally, (shown, *level, blocks, placed), rng)
            }
            _ => self.later_stage(place, referee, tally, shown, rng),
        }
    }

    /// 5 The sum under its mask, and ciphertexts at levels of all segments.
    fn first_ladder<R: CryptoRng + ?Sized>(
        &mut self,
        place: &Place<'_>,
        tally: &Tally,
        (shown, levels): (&Shown, &[Level]),
        rng: &mut R,
    ) -> Result<Stage, PartyError> {
        let auction = std::sync::Arc::clone(&self.auction);
        let segments = auction.segments();
        let FirstStage { vector, stage } =
            self.masks.take_first(&auction, segments, levels.len(), rng);
        let SegmentsStage { proof, pads, .. } = stage;
        let ciphertexts = self.encrypt_stage(tally, shown, &proof.joined.name(), pads)?;
        let sum = self.sum.as_ref().ok_or(PartyError::NothingDue)?;
        // One sum an accumulator, and this party is one.
        let (said, vector, mask) = vector.show_sum(place, &tally.sums()[self.me], sum);
        let statement = statements::ladder(&auction, &vector, None, levels, &ciphertexts);
        let stage = self.stage.as_ref().ok_or(PartyError::NothingDue)?;
        let weights = statement.weights(place);
        let proof = statement.prove(place, &weights, &mask, &stage.randomness, proof);
        self.mask = Some(mask);
        let proof = StageProof::Ladder { sum: said, proof };
        Ok((part(&ciphertexts, proof), ciphertexts, Some(Box::new(vector))))
    }

    /// 8 The entries at the winner level under a mask, and ciphertexts of all blocks.
    fn first_blocks<R: CryptoRng + ?Sized>(
        &mut self,
        place: &Place<'_>,
        tally: &Tally,
        (shown, level, blocks, placed): (&Shown, Level, &[Interval], &Placed),
        rng: &mut R,
    ) -> Result<Stage, PartyError> {
        let auction = std::sync::Arc::clone(&self.auction);
        let FirstStage { vector, stage } =
            self.masks.take_first(&auction, &placed.segments, blocks.len(), rng);
        let SegmentsStage { proof, pads, .. } = stage;
        let whole = self.masks.take_stage(&auction, 0, rng).proof;
        let ciphertexts = self.encrypt_stage(tally, shown, &proof.joined.name(), pads)?;
        let entries = self.entries_at(tally, placed.range, level)?;
        let (said, vector, mask) = vector.show(place, &entries);
        let statement = PlacedStatement {
            blocks: statements::blocks(auction.key(), &vector, placed, blocks, &ciphertexts),
            commitments: &tally.commitments(self.me, placed.range),
            level,
        };
        let weights = statement.weights(place);
        let weighted = self.weigh_blocks(tally, &placed.range.singles(), &weights)?;
        let stage = self.stage.as_ref().ok_or(PartyError::NothingDue)?;
        let (randomness, weighted) = (&stage.randomness, &weighted);
        let witness = PlacedWitness { mask: &mask, randomness, weighted };
        let proof = statement.prove(place, &weights, &witness, proof, whole);
        self.mask = Some(mask);
        let proof = StageProof::Placed { entries: said, proof };
        Ok((part(&ciphertexts, proof), ciphertexts, Some(Box::new(vector))))
    }

    /// 5, 8 Ciphertexts of what lies in one segment of the vector that was shown.
    fn later_stage<R: CryptoRng + ?Sized>(
        &mut self,
        place: &Place<'_>,
        referee: &Referee,
        tally: &Tally,
        shown: &Shown,
        rng: &mut R,
    ) -> Result<Stage, PartyError> {
        let auction = std::sync::Arc::clone(&self.auction);
        let segments = match shown {
            Shown::Blocks { placed: Some(placed), .. } => &placed.segments,
            _ => auction.segments(),
        };
        let stage = self.masks.take_later(&auction, segments, shown.count(), rng);
        let SegmentsStage { proof, pads, .. } = stage;
        let ciphertexts = self.encrypt_stage(tally, shown, &proof.joined.name(), pads)?;
        let vector = referee.masked().get(self.me).ok_or(PartyError::NothingDue)?;
        let statement = match shown {
            Shown::Ladder { levels, against: Against::Segment(segment) } => {
                statements::ladder(&auction, vector, Some(*segment), levels, &ciphertexts)
            }
            Shown::Blocks { blocks, placed: Some(placed), .. } => {
                statements::blocks(auction.key(), vector, placed, blocks, &ciphertexts)
            }
            _ => return Err(PartyError::NothingDue),
        };
        let mask = self.mask.as_ref().ok_or(PartyError::NothingDue)?;
        let stage = self.stage.as_ref().ok_or(PartyError::NothingDue)?;
        let weights = statement.weights(place);
        let proof = statement.prove(place, &weights, mask, &stage.randomness, proof);
        let proof = StageProof::Segment(proof);
        Ok((part(&ciphertexts, proof), ciphertexts, None))
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

    /// Finds the mask again of a vector that a stored message of this party's own showed. Nothing
    /// to be found in messages that show none.
    ///
    /// # Errors
    /// [`PartyError`]; with nothing in it where the message is not of this party's making.
    pub(super) fn recall_mask(
        &mut self,
        tally: &Tally,
        shown: &Shown,
        proof: &StageProof,
    ) -> Result<Option<()>, PartyError> {
        let Some(said) = proof.masked() else { return Ok(Some(())) };
        let (context, generators) = (self.auction.context(), self.auction.generators());
        let entries;
        let (vector, segments) = match shown {
            Shown::Blocks { level, placed: Some(placed), .. } => {
                entries = self.entries_at(tally, placed.range, *level)?;
                (&entries, &placed.segments)
            }
            _ => {
                let sum = self.sum.as_ref().ok_or(PartyError::NothingDue)?;
                (&sum.vector, self.auction.segments())
            }
        };
        let blindings = self.secret.seed.blindings(context, proof.mask_name(), segments.len());
        self.mask = VectorMask::recall(generators, segments, said, vector, blindings);
        Ok(self.mask.as_ref().map(|_| ()))
    }

    /// The summed entries at some levels.
    pub(super) fn ladder_entries(&self, levels: &[Level]) -> Result<SecretVector, PartyError> {
        let sum = self.sum.as_ref().ok_or(PartyError::NothingDue)?;
        // The auction's levels index its vectors.
        let entries = levels.iter().map(|level| sum.vector.expose()[level.index()]).collect();
        Ok(SecretVector::new(entries))
    }

    /// This accumulator's entries at a level, of each bidder at a run of positions.
    fn entries_at(
        &self,
        tally: &Tally,
        positions: Interval,
        level: Level,
    ) -> Result<SecretVector, PartyError> {
        self.block_entries(tally, &positions.singles(), level)
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
