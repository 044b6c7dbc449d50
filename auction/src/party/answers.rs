//! The party's part in the tests: multiply, blind, open. PROTOCOL section 6.
//!
//! Whatever is to be sent is computed as halves, which are doubled and encoded together.

use rand::CryptoRng;

use super::product::{Factor, multiply};
use super::{Party, PartyError};
use crate::elgamal::Ciphertext;
use crate::group::Point;
use crate::layout::Label;
use crate::messages::{Blinded, Content, Opened};
use crate::proofs::Place;
use crate::proofs::opening::OpeningStatement;
use crate::referee::{Said, statements};
use crate::secret::{SecretScalar, SecretVector};
use crate::step::Multiplied;

impl Party {
    /// 6 `s (A, B - G)`, rerandomised.
    pub(super) fn multiply<R: CryptoRng + ?Sized>(
        &mut self,
        place: &Place<'_>,
        due: &[Multiplied],
        rng: &mut R,
    ) -> Result<(Content, Said), PartyError> {
        let key = self.auction.key();
        let masks = self.masks.take_products(key, due.len(), rng);
        let stage = self.stage.as_ref().ok_or(PartyError::NothingDue)?;
        let factor = |of| {
            let Multiplied { shown, .. }: &Multiplied = of;
            let secret = |vector: &SecretVector| {
                let scalar = vector.expose().get(*shown).copied();
                scalar.map(SecretScalar::new).ok_or(PartyError::NothingDue)
            };
            let (randomness, plaintext) = (secret(&stage.randomness)?, secret(&stage.entries)?);
            Ok::<_, PartyError>(Factor { of, randomness, plaintext })
        };
        // Room for all beforehand: a list that grows leaves what it held behind.
        let mut factors = Vec::with_capacity(due.len());
        for of in due {
            factors.push(factor(of)?);
        }
        let (products, ciphertexts) = multiply(place, key, self.me, factors, masks);
        Ok((Content::Multiply(products), Said::Multiply(ciphertexts)))
    }

    /// 6 `r_k E` for a fresh nonzero `r_k` a test.
    pub(super) fn blind<R: CryptoRng + ?Sized>(
        place: &Place<'_>,
        tests: &[Ciphertext],
        rng: &mut R,
    ) -> (Content, Said) {
        let mut halves = Vec::with_capacity(4 * tests.len());
        let mut drawn = Vec::with_capacity(tests.len());
        for test in tests {
            // A uniform scalar is zero with a chance of 2^-252.
            let (r, mask) = (SecretScalar::random(rng), SecretScalar::random(rng));
            for secret in [r.half(), mask.half()] {
                halves.extend([test.a.times(&secret), test.b.times(&secret)]);
            }
            drawn.push((r, mask));
        }
        let points = Point::from_halves(&halves);
        let (points, _) = points.as_chunks::<4>();
        let blind = |((test, (r, mask)), points): ((&Ciphertext, _), &[Point; 4])| {
            let [a, b, first_a, first_b] = *points;
            let blinded = Ciphertext { a, b };
            let first = vec![first_a.bytes(), first_b.bytes()];
            let binding = place.bind(Label::Blind);
            let proof = statements::blind(test, &blinded).respond(binding, first, &[mask], &[&r]);
            (Blinded { ciphertext: blinded.bytes(), proof }, blinded)
        };
        let (said, ciphertexts) = tests.iter().zip(drawn).zip(points).map(blind).unzip();
        (Content::Blind(said), Said::Blind(ciphertexts))
    }

    /// 6 `x_k A'` a test.
    pub(super) fn open<R: CryptoRng + ?Sized>(
        &self,
        place: &Place<'_>,
        blinded: &[Ciphertext],
        rng: &mut R,
    ) -> (Content, Said) {
        let half = self.secret.decryption.half();
        let halves: Vec<_> = blinded.iter().map(|blinded| blinded.a.times(&half)).collect();
        let factors = Point::from_halves(&halves);
        // One key an accumulator, and this party is one.
        let key = self.auction.keys()[self.me];
        let statement = OpeningStatement { key, blinded, factors: &factors };
        let proof = statement.prove(place, &self.secret.decryption, rng);
        let opened = Opened { factors: factors.iter().map(Point::bytes).collect(), proof };
        (Content::Open(opened), Said::Open(factors))
    }
}
