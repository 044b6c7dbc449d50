//! Products: an accumulator multiplies `(A, B - G)` by the plaintext `s` of its own ciphertext and
//! rerandomises it, `(s A + t' G, s (B - G) + t' Y)`. PROTOCOL section 6.
//!
//! What of this and of its proof lies on `G` and `Y` alone depends on no test: `t'` and the masks
//! are drawn, and that part is computed, before closing. They are fresh, kept in memory alone, and
//! serve one product.

use curve25519_dalek::RistrettoPoint;
use rand::CryptoRng;
use zeroize::Zeroize as _;

use crate::elgamal::Ciphertext;
use crate::group::{Point, PointBytes, basepoint};
use crate::layout::Label;
use crate::messages::Product;
use crate::proofs::Place;
use crate::referee::statements;
use crate::secret::SecretScalar;
use crate::step::Multiplied;

/// What is drawn for one product; in a box, since lists grow and leave behind what they held.
pub(super) struct ProductMask(Box<Drawn>);

struct Drawn {
    /// `t'`.
    again: SecretScalar,
    /// Masks of `t`, `s` and `t'`.
    masks: [SecretScalar; 3],
    /// First messages of the two rows without `A` and `B`.
    first: [PointBytes; 2],
    /// Halves of `t' G` and `t' Y`, then of the same for the mask of `t'`.
    halves: [RistrettoPoint; 4],
}

impl Drop for Drawn {
    fn drop(&mut self) {
        // Who has `t' G` can take it out of the product again.
        self.halves.zeroize();
    }
}

impl ProductMask {
    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.0)
    }

    /// Fresh masks for products under `key`, in constant time.
    #[must_use]
    pub(super) fn generate<R: CryptoRng + ?Sized>(
        key: &Point,
        count: usize,
        rng: &mut R,
    ) -> Vec<Self> {
        let on = |secret: &SecretScalar| {
            let half = secret.half();
            [basepoint().times(&half), key.times(&half)]
        };
        let mut drawn: Vec<Self> = Vec::with_capacity(count);
        let mut first = Vec::with_capacity(2 * count);
        for _ in 0..count {
            let again = SecretScalar::random(rng);
            let masks = std::array::from_fn(|_| SecretScalar::random(rng));
            let [t, s, t_again] = &masks;
            let [t_g, t_y] = on(t);
            first.extend([t_g, t_y + basepoint().times(&s.half())]);
            let [[a, b], [c, d]] = [on(&again), on(t_again)];
            let unset = [PointBytes([0; 32]); 2];
            let halves = [a, b, c, d];
            drawn.push(Self(Box::new(Drawn { again, masks, first: unset, halves })));
        }
        let first = Point::from_halves(&first);
        let (pairs, _) = first.as_chunks::<2>();
        for (mask, pair) in drawn.iter_mut().zip(pairs) {
            mask.0.first = pair.map(|point| point.bytes());
        }
        drawn
    }
}

/// A product to be made: what is multiplied, and the secrets behind the prover's own ciphertext.
pub(super) struct Factor<'a> {
    /// What is multiplied.
    pub(super) of: &'a Multiplied,
    /// `t`.
    pub(super) randomness: SecretScalar,
    /// `s`.
    pub(super) plaintext: SecretScalar,
}

/// The products of accumulator `k` with their proofs, and decoded; each with a mask of its own.
/// Constant time in all secrets. There are as many masks as factors.
pub(super) fn multiply(
    place: &Place<'_>,
    key: &Point,
    k: usize,
    factors: Vec<Factor<'_>>,
    masks: Vec<ProductMask>,
) -> (Vec<Product>, Vec<Ciphertext>) {
    debug_assert_eq!(factors.len(), masks.len());
    let mut halves = Vec::with_capacity(4 * factors.len());
    for (factor, mask) in factors.iter().zip(&masks) {
        let Ciphertext { a, b } = &factor.of.less_one;
        let [again_g, again_y, mask_g, mask_y] = &mask.0.halves;
        let (s, s_mask) = (factor.plaintext.half(), mask.0.masks[1].half());
        halves.extend([
            a.times(&s) + again_g,
            b.times(&s) + again_y,
            a.times(&s_mask) + mask_g,
            b.times(&s_mask) + mask_y,
        ]);
    }
    let points = Point::from_halves(&halves);
    let (points, _) = points.as_chunks::<4>();
    let product = |((factor, mask), points): ((Factor<'_>, ProductMask), &[Point; 4])| {
        let [a, b, first_a, first_b] = *points;
        let ciphertext = Ciphertext { a, b };
        let first = mask.0.first.into_iter().chain([first_a.bytes(), first_b.bytes()]).collect();
        let witness = [&factor.randomness, &factor.plaintext, &mask.0.again];
        let statement = statements::multiply(key, k, factor.of, &ciphertext);
        let proof = statement.respond(place.bind(Label::Multiply), first, &mask.0.masks, &witness);
        (Product { ciphertext: ciphertext.bytes(), proof }, ciphertext)
    };
    factors.into_iter().zip(masks).zip(points).map(product).unzip()
}
