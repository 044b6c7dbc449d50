//! Stages: ciphertexts of entries, and one proof for all of them. PROTOCOL sections 5 and 8.
//!
//! The randomness `t_j` of a stage's ciphertexts is hashed from the party's seed and from the first
//! message on `G` of the stage's proof. That first message belongs to a mask that is fresh, in memory
//! alone, and serves one proof: so no two statements ever meet the same `t_j`, and what lies on
//! `G` and `Y` alone is computed before closing. After a restart the first message is read in the
//! stored message, and the seed in the sealed store: nothing else need be kept. (So it is with the
//! blindings of a vector shown under a mask; the mask itself is what was shown less the vector.)

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

    /// Number `j` of what is drawn for one use in the stage whose proof has this first message.
    fn draw(&self, label: Label, context: &Digest, first: &PointBytes, j: usize) -> SecretScalar {
        let mut layout = Zeroizing::new(Layout::new(label, context));
        SecretScalar::new(layout.fixed(self.expose()).fixed(&first.0).count(j).scalar())
    }

    fn draw_all(
        &self,
        label: Label,
        context: &Digest,
        first: &PointBytes,
        count: usize,
    ) -> SecretVector {
        let draw = |j| *self.draw(label, context, first, j).expose();
        SecretVector::new((0..count).map(draw).collect())
    }

    /// `t_0, t_1, ..` of that stage's ciphertexts.
    pub(super) fn randomness(
        &self,
        context: &Digest,
        first: &PointBytes,
        count: usize,
    ) -> SecretVector {
        self.draw_all(Label::EntryRandomness, context, first, count)
    }

    /// `rho_1, rho_2, ..` of the mask that a vector is shown under in that stage.
    pub(super) fn blindings(
        &self,
        context: &Digest,
        first: &PointBytes,
        count: usize,
    ) -> SecretVector {
        self.draw_all(Label::SegmentBlinding, context, first, count)
    }
}

impl std::fmt::Debug for CiphertextSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CiphertextSeed(..)")
    }
}

/// What is drawn for one stage that is proved against a whole vector: the mask of its proof, and
/// of its ciphertexts all that depends on no entry.
pub(super) struct StageMask {
    pub(super) proof: Box<EntriesMask>,
    pub(super) pads: Pads,
}

/// Halves of `t_j G` and of `t_j Y`, for some `j` from 0.
pub(super) struct Pads(Vec<[RistrettoPoint; 2]>);

impl Drop for Pads {
    fn drop(&mut self) {
        // Who has `t Y` has the entry times `G`, and a sum of shares is 128 bits long at most.
        self.0.iter_mut().for_each(|pair| pair.zeroize());
    }
}

impl Pads {
    /// For the `j` of a range, in constant time.
    pub(super) fn make(
        context: &Digest,
        key: &Point,
        seed: &CiphertextSeed,
        first: &PointBytes,
        which: std::ops::Range<usize>,
    ) -> Self {
        let pad = |j| {
            let half = seed.draw(Label::EntryRandomness, context, first, j).half();
            [basepoint().times(&half), key.times(&half)]
        };
        Self(which.map(pad).collect())
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Encrypts entries in constant time, `(t G, t Y + v G)` each, under the key, from the seed and
    /// in the stage that the pads were made for. Pads that lack are made now; all are gone
    /// afterwards.
    pub(super) fn encrypt(
        self,
        context: &Digest,
        key: &Point,
        seed: &CiphertextSeed,
        first: &PointBytes,
        entries: &SecretVector,
    ) -> Vec<Ciphertext> {
        let (have, count) = (self.0.len(), entries.expose().len());
        let more = Self::make(context, key, seed, first, have..count.max(have));
        let mut halves = Zeroizing::new(Vec::with_capacity(2 * count));
        for ([on_g, on_key], entry) in self.0.iter().chain(&more.0).zip(entries.expose()) {
            let entry = SecretScalar::new(*entry).half();
            halves.extend([*on_g, on_key + basepoint().times(&entry)]);
        }
        let points = Point::from_halves(&halves);
        let (pairs, _) = points.as_chunks::<2>();
        pairs.iter().map(|[a, b]| Ciphertext { a: *a, b: *b }).collect()
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

    /// Whether it can serve ciphertexts of its own.
    pub(super) fn has_pads(&self) -> bool {
        !self.pads.0.is_empty()
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.proof.bytes() + self.pads.bytes()
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
        let name = Point::from(RistrettoPoint::random(&mut rng)).bytes();
        let randomness = seed.randomness(&context, &name, 4);
        let plain = entries.expose().iter().zip(randomness.expose());
        let expected: Vec<_> =
            plain.map(|(entry, t)| Ciphertext::encrypt(&key, entry, t)).collect();
        for prepared in [0, 2, 4, 9] {
            let pads = Pads::make(&context, &key, &seed, &name, 0..prepared);
            assert_eq!(pads.encrypt(&context, &key, &seed, &name, &entries), expected);
        }
    }

    #[test]
    fn what_is_drawn_for_one_use_is_not_drawn_for_another() {
        let seed = CiphertextSeed::new(Zeroizing::new([5; 32]));
        let (context, name) = (Digest([6; 32]), PointBytes([7; 32]));
        let randomness = seed.randomness(&context, &name, 3);
        let blindings = seed.blindings(&context, &name, 3);
        for (t, rho) in randomness.expose().iter().zip(blindings.expose()) {
            assert_ne!(t, rho);
        }
    }

    #[test]
    fn a_seed_prints_nothing() {
        let seed = CiphertextSeed::new(Zeroizing::new([201; 32]));
        assert_eq!(format!("{seed:?}"), "CiphertextSeed(..)");
    }
}
