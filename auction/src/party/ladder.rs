//! The search for the price in several stages: the sum shown once under a mask, and ciphertexts
//! proved against its segments. PROTOCOL section 5.

use curve25519_dalek::RistrettoPoint;
use rand::CryptoRng;

use super::stage::{CiphertextSeed, Pads, StageSecrets};
use super::{Party, PartyError};
use crate::elgamal::Ciphertext;
use crate::group::Point;
use crate::join::Auction;
use crate::messages::{EntriesPart, StageProof};
use crate::prices::Level;
use crate::proofs::Place;
use crate::proofs::masked::{SegmentsMask, ShownSum};
use crate::proofs::segments::{JoinedMask, SegmentsProofMask};
use crate::referee::{Referee, Tally, statements};
use crate::secret::SecretVector;
use crate::step::Against;

/// What is drawn for one stage that is proved against segments.
pub(super) struct LadderMask {
    proof: SegmentsProofMask,
    pads: Pads,
}

/// What is drawn for the first of such stages: the mask of the sum beside that of the proof.
pub(super) struct FirstMask {
    sum: SegmentsMask,
    stage: LadderMask,
}

impl LadderMask {
    /// A fresh mask with pads for `count` ciphertexts, in constant time.
    pub(super) fn generate<R: CryptoRng + ?Sized>(
        auction: &Auction,
        seed: &CiphertextSeed,
        count: usize,
        rng: &mut R,
    ) -> Self {
        let joined = JoinedMask::generate(auction.key(), rng);
        let blindings = SecretVector::random(auction.segments().len(), rng);
        let segments = segments_mask(auction, blindings, rng);
        let pads = Pads::make(auction.context(), auction.key(), seed, &joined.name(), 0..count);
        Self { proof: SegmentsProofMask { segments, joined }, pads }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.proof.segments.bytes()
            + size_of_val(&*self.proof.joined)
            + self.pads.bytes()
    }
}

impl FirstMask {
    /// A fresh mask with pads for `count` ciphertexts, in constant time. The blindings of the
    /// sum's mask come from the seed: after a restart the later stages need them again.
    pub(super) fn generate<R: CryptoRng + ?Sized>(
        auction: &Auction,
        seed: &CiphertextSeed,
        count: usize,
        rng: &mut R,
    ) -> Self {
        let stage = LadderMask::generate(auction, seed, count, rng);
        let name = stage.proof.joined.name();
        let blindings = seed.blindings(auction.context(), &name, auction.segments().len());
        Self { sum: segments_mask(auction, blindings, rng), stage }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.sum.bytes() + self.stage.bytes()
    }
}

fn segments_mask<R: CryptoRng + ?Sized>(
    auction: &Auction,
    blindings: SecretVector,
    rng: &mut R,
) -> SegmentsMask {
    let (generators, segments) = (auction.generators(), auction.segments());
    SegmentsMask::generate(generators, segments, auction.levels(), blindings, rng)
}

impl Party {
    /// 5 The ciphertexts of a ladder against segments, in the first of several stages with the
    /// sum under its mask.
    pub(super) fn ladder<R: CryptoRng + ?Sized>(
        &mut self,
        place: &Place<'_>,
        referee: &Referee,
        tally: &Tally,
        (levels, against): (&[Level], Against),
        rng: &mut R,
    ) -> Result<(EntriesPart, Vec<Ciphertext>, Option<ShownSum>), PartyError> {
        let auction = std::sync::Arc::clone(&self.auction);
        let (first, LadderMask { proof, pads }) = match against {
            Against::MaskedSum => {
                let FirstMask { sum, stage } = self.masks.take_first(&auction, levels.len(), rng);
                (Some(sum), stage)
            }
            _ => (None, self.masks.take_later(&auction, levels.len(), rng)),
        };
        let name = proof.joined.name();
        let seed = self.secret.seed.clone();
        let randomness = seed.randomness(auction.context(), &name, levels.len());
        let entries = self.ladder_entries(levels)?;
        let ciphertexts = pads.encrypt(auction.context(), auction.key(), &seed, &name, &entries);
        let mut said = None;
        if let Some(mask) = first {
            let sum = self.sum.as_ref().ok_or(PartyError::NothingDue)?;
            // One sum an accumulator, and this party is one.
            let (masked, shown, opened) = mask.show(place, &tally.sums()[self.me], sum);
            (said, self.sum_mask) = (Some((masked, shown)), Some(opened));
        }
        let known = referee.shown_sums().get(self.me);
        let shown = said.as_ref().map(|(_, shown)| shown).or(known);
        let shown = shown.ok_or(PartyError::NothingDue)?;
        let mask = self.sum_mask.as_ref().ok_or(PartyError::NothingDue)?;
        let segment = match against {
            Against::Segment(segment) => Some(segment),
            _ => None,
        };
        let statement = statements::segments(&auction, shown, segment, levels, &ciphertexts);
        let weights = statement.weights(place);
        let proof = statement.prove(place, &weights, mask, &randomness, proof);
        self.stage = Some(StageSecrets { entries, randomness });
        let (proof, shown) = match said {
            Some((sum, shown)) => (StageProof::Masked { sum, proof }, Some(shown)),
            None => (StageProof::Segment(proof), None),
        };
        let bytes = ciphertexts.iter().map(Ciphertext::bytes).collect();
        Ok((EntriesPart { ciphertexts: bytes, proof }, ciphertexts, shown))
    }

    /// The summed entries at some levels.
    pub(super) fn ladder_entries(&self, levels: &[Level]) -> Result<SecretVector, PartyError> {
        let sum = self.sum.as_ref().ok_or(PartyError::NothingDue)?;
        // The auction's levels index its vectors.
        let entries = levels.iter().map(|level| sum.vector.expose()[level.index()]).collect();
        Ok(SecretVector::new(entries))
    }
}

/// Whether these are the `t_j G` of a stage's ciphertexts.
pub(super) fn made_with(randomness: &SecretVector, part: &EntriesPart) -> bool {
    let made = randomness.expose().iter();
    let made = made.map(|t| Point::from(RistrettoPoint::mul_base(t)).bytes());
    made.eq(part.ciphertexts.iter().map(|ciphertext| ciphertext.a))
}
