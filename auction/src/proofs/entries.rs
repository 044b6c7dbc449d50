//! A ladder's or a stage's ciphertexts proved against the commitment to a summed vector.
//!
//! One proof for all ciphertexts, joined under weights that the whole statement fixes:
//! knowledge of `(z, R, tau)` with `C = <z, U> + R H`, `sum w_i A_i = tau G` and
//! `sum w_i B_i = tau Y + <q, z> G`, where `q` says which entries of the vector the joined
//! plaintext is. A linear relation with `K + 2` secrets. PROTOCOL sections 5 and 8.

use curve25519_dalek::Scalar;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::elgamal::Ciphertext;
use crate::field::{Canonical, Fe};
use crate::group::{Generators, Point, PointBytes, ScalarBytes};
use crate::layout::{Label, Layout};
use crate::prices::Level;
use crate::proofs::batch::EquationBatch;
use crate::proofs::commitment::commit;
use crate::proofs::joined::{Joined, JoinedMask};
use crate::proofs::masked::canonical;
use crate::proofs::{Place, ProofError, expect_length, short_weights};
use crate::secret::{SecretScalar, SecretVector};

/// Which sums the ciphertexts are said to encrypt.
#[derive(Debug, Clone)]
pub enum Summed<'a> {
    /// Entries of one committed sum at several levels, in the order of the ciphertexts.
    Ladder {
        /// Commitment to the whole sum.
        sum: Point,
        /// The levels shown.
        levels: &'a [Level],
    },
    /// The entry at one level of several committed sums, in the order of the ciphertexts.
    Blocks {
        /// Commitments to the sums of the blocks.
        sums: Vec<Point>,
        /// The level.
        level: Level,
    },
}

/// What is claimed of one accumulator's ciphertexts.
#[derive(Debug, Clone)]
pub struct EntriesStatement<'a> {
    /// The key they are encrypted under.
    pub key: Point,
    /// What they encrypt.
    pub summed: Summed<'a>,
    /// The ciphertexts.
    pub ciphertexts: &'a [Ciphertext],
}

/// A proof, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesProof {
    /// First messages of the three rows.
    pub first: [PointBytes; 3],
    /// One response a level.
    pub vector: Vec<ScalarBytes>,
    /// Response for the blinding.
    pub blinding: ScalarBytes,
    /// Response for the joined randomness.
    pub randomness: ScalarBytes,
}

/// The part of a proof that depends on no statement: masks, two first messages, and the third's
/// part on the key. The multi-scalar multiplication in it is the dear part of a proof, so masks
/// are made before closing. A mask that served two statements would give the secret away, so it
/// serves one: proving consumes it.
pub struct EntriesMask {
    pub(super) vector: SecretVector,
    pub(super) blinding: SecretScalar,
    pub(super) first: Point,
    joined: Box<JoinedMask>,
}

impl EntriesMask {
    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.joined) + size_of_val(self.vector.expose())
    }

    /// A fresh mask for statements under `key`, in constant time.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(
        generators: &Generators,
        key: &Point,
        levels: usize,
        rng: &mut R,
    ) -> Self {
        let vector = SecretVector::random(levels, rng);
        let blinding = SecretScalar::random(rng);
        let first = commit(generators, vector.expose(), blinding.expose()).into();
        Self { vector, blinding, first, joined: JoinedMask::generate(key, rng) }
    }

    /// The first message on `G`: no two masks have the same.
    #[must_use]
    pub fn name(&self) -> PointBytes {
        self.joined.name()
    }
}

/// `mask + challenge * secret`, entry by entry, in constant time.
pub(super) fn respond_all(
    challenge: &Scalar,
    masks: &[Scalar],
    secrets: &[Scalar],
) -> Vec<ScalarBytes> {
    let factor = Fe::from_scalar(challenge);
    let response = |(mask, secret): (&Scalar, &Scalar)| {
        let answer = Canonical::from_scalar(secret).times(factor);
        ScalarBytes((Canonical::from_scalar(mask) + answer).to_bytes())
    };
    masks.iter().zip(secrets).map(response).collect()
}

/// What an accumulator knows that makes the statement true.
pub struct EntriesWitness<'a> {
    /// The opened vector: the sum itself for a ladder, the weighted sum of the blocks else.
    pub vector: &'a SecretVector,
    /// Its blinding.
    pub blinding: &'a SecretScalar,
    /// The randomness of each ciphertext.
    pub randomness: &'a SecretVector,
}

impl EntriesStatement<'_> {
    /// The weights that join the ciphertexts, fixed by the uncombined statement. Powers of one
    /// challenge along the levels shown, counted from 1; 128-bit weights for blocks.
    #[must_use]
    pub fn weights(&self, place: &Place<'_>) -> Vec<Scalar> {
        let mut layout = place.bind(Label::EntryWeights).layout();
        self.write(&mut layout);
        match &self.summed {
            Summed::Ladder { .. } => {
                let y = layout.scalar();
                let powers = std::iter::successors(Some(y), |power| Some(power * y));
                powers.take(self.ciphertexts.len()).collect()
            }
            Summed::Blocks { .. } => {
                // A long statement is hashed once.
                short_weights(Label::EntryWeights, &layout.hash(), self.ciphertexts.len())
            }
        }
    }

    /// Proves the statement under `weights`, with a mask that was made for its key; constant time
    /// in mask and witness. The mask comes in its box, so that it is erased where it lay.
    #[must_use]
    pub fn prove(
        &self,
        place: &Place<'_>,
        weights: &[Scalar],
        witness: &EntriesWitness<'_>,
        mask: Box<EntriesMask>,
    ) -> EntriesProof {
        let masked: Scalar = self
            .selection(weights)
            // Levels of the auction index vectors of the auction's length.
            .map(|(level, weight)| mask.vector.expose()[level.index()] * weight)
            .sum();
        let [second, third] = mask.joined.first(&masked);
        let first = [mask.first.bytes(), second, third];
        let challenge = self.challenge(place, &first);
        let blinding = mask.blinding.expose() + challenge * witness.blinding.expose();
        EntriesProof {
            first,
            vector: respond_all(&challenge, mask.vector.expose(), witness.vector.expose()),
            blinding: (&blinding).into(),
            randomness: mask.joined.respond(&challenge, weights, witness.randomness),
        }
    }

    /// Adds the proof's three equations to a batch, a weight each.
    ///
    /// # Errors
    /// [`ProofError`] when the proof is not of this statement's shape.
    pub fn append(
        &self,
        place: &Place<'_>,
        levels: usize,
        proof: &EntriesProof,
        batch: &mut EquationBatch,
    ) -> Result<(), ProofError> {
        expect_length("responses", proof.vector.len(), levels)?;
        let vector = canonical(&proof.vector)?;
        let (blinding, opening) = (proof.blinding.decode()?, proof.first[0].decode()?);
        let weights = self.weights(place);
        let challenge = self.challenge(place, &proof.first);
        // opening + challenge * C - <z, U> - R H = 0
        let weight = batch.weight();
        batch.term(weight, &opening);
        match &self.summed {
            Summed::Ladder { sum, .. } => batch.term(weight * challenge, sum),
            Summed::Blocks { sums, .. } => {
                for (sum, d) in sums.iter().zip(&weights) {
                    batch.term(weight * challenge * d, sum);
                }
            }
        }
        batch.vector(-weight, 0, vector.iter().copied());
        batch.blinding(-weight * blinding);
        // Levels of the auction index a vector whose length was checked above.
        let joined: Scalar =
            self.selection(&weights).map(|(level, q)| vector[level.index()].to_scalar() * q).sum();
        let (key, ciphertexts) = (&self.key, self.ciphertexts);
        let rows = Joined { key, ciphertexts, weights: &weights, challenge: &challenge };
        rows.append(&[proof.first[1], proof.first[2]], &proof.randomness, &joined, batch)
    }

    /// The vector `q`, as the levels where it is not zero.
    fn selection<'a>(
        &'a self,
        weights: &'a [Scalar],
    ) -> Box<dyn Iterator<Item = (Level, Scalar)> + 'a> {
        match &self.summed {
            Summed::Ladder { levels, .. } => {
                Box::new(levels.iter().copied().zip(weights.iter().copied()))
            }
            Summed::Blocks { level, .. } => Box::new(std::iter::once((*level, Scalar::ONE))),
        }
    }

    fn challenge(&self, place: &Place<'_>, first: &[PointBytes; 3]) -> Scalar {
        let mut layout = place.bind(Label::Entries).layout();
        self.write(&mut layout);
        for point in first {
            layout.fixed(&point.0);
        }
        layout.scalar()
    }

    fn write(&self, layout: &mut Layout) {
        layout.point(&self.key);
        match &self.summed {
            Summed::Ladder { sum, levels } => {
                layout.u8(1).point(sum).count(levels.len());
                for level in *levels {
                    layout.u32(level.0);
                }
            }
            Summed::Blocks { sums, level } => {
                layout.u8(2).u32(level.0).count(sums.len());
                for sum in sums {
                    layout.point(sum);
                }
            }
        }
        layout.count(self.ciphertexts.len());
        for ciphertext in self.ciphertexts {
            ciphertext.write(layout);
        }
    }
}
