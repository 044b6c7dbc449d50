//! Stages: ciphertexts of entries, and one proof for all of them. PROTOCOL sections 5 and 8.
//!
//! The randomness `t_j` of a stage's ciphertexts is hashed from the party's seed and from a first
//! message of the stage's proof. That first message belongs to a mask that is fresh, in memory
//! alone, and serves one proof: so no two statements ever meet the same `t_j`, and what lies on
//! `G` and `Y` alone is computed before closing. After a restart the first message is read in the
//! stored message, and the seed in the sealed store: nothing else need be kept.

use std::sync::Arc;

use curve25519_dalek::RistrettoPoint;
use rand::CryptoRng;
use zeroize::{Zeroize as _, Zeroizing};

use crate::elgamal::Ciphertext;
use crate::group::{Point, PointBytes, basepoint};
use crate::join::Auction;
use crate::layout::{Digest, Label, Layout};
use crate::proofs::entries::EntriesMask;
use crate::secret::{SecretScalar, SecretVector};

/// What the randomness of a party's ciphertexts is drawn from: secret, and the same from joining
/// to the outcome. A copy is the same seed; it is erased with the last.
#[derive(Clone)]
pub struct CiphertextSeed(Arc<Zeroizing<[u8; 32]>>);

impl CiphertextSeed {
    pub(super) fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Arc::new(bytes))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// `t_j` of the stage whose proof has this first message.
    fn draw(&self, context: &Digest, first: &PointBytes, j: usize) -> SecretScalar {
        let mut layout = Zeroizing::new(Layout::new(Label::EntryRandomness, context));
        SecretScalar::new(layout.fixed(self.expose()).fixed(&first.0).count(j).scalar())
    }

    /// `t_0, t_1, ..` of that stage.
    pub(super) fn draw_all(
        &self,
        context: &Digest,
        first: &PointBytes,
        count: usize,
    ) -> SecretVector {
        let draw = |j| *self.draw(context, first, j).expose();
        SecretVector::new((0..count).map(draw).collect())
    }
}

impl std::fmt::Debug for CiphertextSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CiphertextSeed(..)")
    }
}

/// What is drawn for one stage: the mask of its proof, and of its ciphertexts all that depends on
/// no entry.
pub(super) struct StageMask {
    pub(super) proof: Box<EntriesMask>,
    pads: Pads,
}

/// Halves of `t_j G` and of `t_j Y`, for some `j` from 0.
struct Pads(Vec<[RistrettoPoint; 2]>);

impl Drop for Pads {
    fn drop(&mut self) {
        // Who has `t Y` has the entry times `G`, and a sum of shares is 128 bits long at most.
        self.0.iter_mut().for_each(|pair| pair.zeroize());
    }
}

impl Pads {
    /// For the `j` of a range, in constant time.
    fn make(
        context: &Digest,
        key: &Point,
        seed: &CiphertextSeed,
        first: &PointBytes,
        which: std::ops::Range<usize>,
    ) -> Self {
        let pad = |j| {
            let half = seed.draw(context, first, j).half();
            [basepoint().times(&half), key.times(&half)]
        };
        Self(which.map(pad).collect())
    }
}

impl StageMask {
    /// A fresh mask with pads for `count` ciphertexts, in constant time.
    pub(super) fn generate<R: CryptoRng + ?Sized>(
        auction: &Auction,
        seed: &CiphertextSeed,
        count: usize,
        rng: &mut R,
    ) -> Self {
        let (generators, levels) = (auction.generators(), auction.levels());
        let proof = Box::new(EntriesMask::generate(generators, auction.key(), levels, rng));
        let pads = Pads::make(auction.context(), auction.key(), seed, &proof.name(), 0..count);
        Self { proof, pads }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.proof.bytes() + size_of_val(&*self.pads.0)
    }

    /// Encrypts entries in constant time, `(t G, t Y + v G)` each, under the key and from the seed
    /// that the mask was made for. Pads that lack are made now; all are gone afterwards.
    pub(super) fn encrypt(
        self,
        context: &Digest,
        key: &Point,
        seed: &CiphertextSeed,
        entries: &SecretVector,
    ) -> (Vec<Ciphertext>, Box<EntriesMask>) {
        let Self { proof, pads } = self;
        let (have, count) = (pads.0.len(), entries.expose().len());
        let more = Pads::make(context, key, seed, &proof.name(), have..count.max(have));
        let mut halves = Zeroizing::new(Vec::with_capacity(2 * count));
        for ([on_g, on_key], entry) in pads.0.iter().chain(&more.0).zip(entries.expose()) {
            let entry = SecretScalar::new(*entry).half();
            halves.extend([*on_g, on_key + basepoint().times(&entry)]);
        }
        let points = Point::from_halves(&halves);
        let (pairs, _) = points.as_chunks::<2>();
        (pairs.iter().map(|[a, b]| Ciphertext { a: *a, b: *b }).collect(), proof)
    }
}

/// The secrets of the stage under way.
pub(super) struct StageSecrets {
    /// `s`: the plaintext of each ciphertext.
    pub(super) entries: SecretVector,
    /// `t`: the randomness of each.
    pub(super) randomness: SecretVector,
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::Scalar;
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;

    #[test]
    fn pads_made_before_or_when_they_are_due_give_the_same_ciphertexts() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let key = Point::from(RistrettoPoint::random(&mut rng));
        let seed = CiphertextSeed::new(Zeroizing::new([5; 32]));
        let context = Digest([6; 32]);
        let entries = SecretVector::new([0u64, 1, 2, 1 << 40].map(Scalar::from).to_vec());
        for prepared in [0, 2, 4, 9] {
            let generators = crate::group::Generators::for_levels(3);
            let proof = Box::new(EntriesMask::generate(&generators, &key, 3, &mut rng));
            let name = proof.name();
            let pads = Pads::make(&context, &key, &seed, &name, 0..prepared);
            let mask = StageMask { proof, pads };
            let (made, proof) = mask.encrypt(&context, &key, &seed, &entries);
            assert_eq!(proof.name(), name);
            let randomness = seed.draw_all(&context, &name, 4);
            let plain = entries.expose().iter().zip(randomness.expose());
            let expected: Vec<_> =
                plain.map(|(entry, t)| Ciphertext::encrypt(&key, entry, t)).collect();
            assert_eq!(made, expected);
        }
    }

    #[test]
    fn a_seed_prints_nothing() {
        let seed = CiphertextSeed::new(Zeroizing::new([201; 32]));
        assert_eq!(format!("{seed:?}"), "CiphertextSeed(..)");
    }
}
