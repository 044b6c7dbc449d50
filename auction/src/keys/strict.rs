//! Strict verification of Ed25519 signatures.
//!
//! The rule is `VerifyingKey::verify_strict` of `ed25519-dalek`: `s` is below the group order, no
//! element of small order stands for the key or for `R`, and `R` is the one encoding of
//! `s B - k A`, without a factor for the cofactor. What that function computes beside it is left
//! out: `R` need not be decoded, for once its bytes are those of `s B - k A` it is that element.
//! And the one inversion in encoding `s B - k A` is shared by all signatures of a batch. Every
//! signature is still held against its own equation: what is accepted alone and in a batch is the
//! same.

use curve25519_dalek::Scalar;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use sha2::{Digest as _, Sha512};

use super::{BadSignature, PublicKey, Signature};
use crate::layout::Layout;

/// A public key, ready to verify signatures.
#[derive(Debug, Clone, Copy)]
pub struct DecodedKey {
    key: PublicKey,
    /// `-A`.
    negative: EdwardsPoint,
    weak: bool,
}

/// A signature whose expected `R` is computed and not encoded yet.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// `s B - k A`; none where key or `s` are such that nothing holds.
    expected: Option<EdwardsPoint>,
    /// `R`.
    claimed: [u8; 32],
}

impl DecodedKey {
    /// Decodes a key; nothing when the bytes are none.
    pub(super) fn new(key: PublicKey) -> Option<Self> {
        let point = CompressedEdwardsY(key.0).decompress()?;
        Some(Self { key, negative: -point, weak: point.is_small_order() })
    }

    /// As [`PublicKey::verify`].
    ///
    /// # Errors
    /// [`BadSignature`] when the signature does not hold.
    pub fn verify(&self, layout: &Layout, signature: &Signature) -> Result<(), BadSignature> {
        match Claim::hold(&[self.claim(layout, signature)])[..] {
            [true] => Ok(()),
            _ => Err(BadSignature { key: self.key }),
        }
    }

    /// That this key signed `layout`, to be held against `signature` together with others.
    #[must_use]
    pub fn claim(&self, layout: &Layout, signature: &Signature) -> Claim {
        let [claimed, s] = [0, 32].map(|half| {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(&signature.0[half..half + 32]);
            bytes
        });
        let s: Option<Scalar> = Scalar::from_canonical_bytes(s).into();
        let expected = s.filter(|_| !self.weak).map(|s| {
            let hash = Sha512::new()
                .chain_update(claimed)
                .chain_update(self.key.0)
                .chain_update(layout.as_bytes());
            let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
            EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &self.negative, &s)
        });
        Claim { expected, claimed }
    }
}

impl Claim {
    /// Which of the signatures hold.
    #[must_use]
    pub fn hold(claims: &[Self]) -> Vec<bool> {
        let points: Vec<EdwardsPoint> =
            claims.iter().map(|claim| claim.expected.unwrap_or_default()).collect();
        let encoded = EdwardsPoint::compress_batch_alloc(&points);
        let holds = |(claim, (point, encoded)): (&Self, (&EdwardsPoint, CompressedEdwardsY))| {
            claim.expected.is_some() && encoded.0 == claim.claimed && !point.is_small_order()
        };
        claims.iter().zip(points.iter().zip(encoded)).map(holds).collect()
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use rand::rngs::ChaCha20Rng;
    use rand::{Rng as _, RngExt as _, SeedableRng as _};

    use super::*;
    use crate::keys::SecretKey;
    use crate::layout::{Digest, Label};

    fn layout(text: u64) -> Layout {
        let mut layout = Layout::new(Label::Bid, &Digest::default());
        layout.u64(text);
        layout
    }

    /// The rule, by the library.
    fn by_the_library(key: &PublicKey, layout: &Layout, signature: &Signature) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&key.0).is_ok_and(|key| {
            let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
            key.verify_strict(layout.as_bytes(), &signature).is_ok()
        })
    }

    fn joined(r: [u8; 32], s: &Scalar) -> Signature {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(s.as_bytes());
        Signature(bytes)
    }

    fn challenge(r: &[u8; 32], key: &[u8; 32], layout: &Layout) -> Scalar {
        let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(layout.as_bytes());
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    }

    /// Signatures with every kind of element of small order in or beside `A` and `R`: some hold
    /// with the cofactor alone, some without it, some for keys under which everything holds.
    fn with_torsion(rng: &mut ChaCha20Rng) -> Vec<(PublicKey, Layout, Signature)> {
        let mut all = Vec::new();
        for (a, r) in (0..8).flat_map(|a| (0..8).map(move |r| (a, r))) {
            for (secret, nonce) in [
                (Scalar::random(rng), Scalar::random(rng)),
                (Scalar::ZERO, Scalar::random(rng)),
                (Scalar::random(rng), Scalar::ZERO),
                (Scalar::ZERO, Scalar::ZERO),
            ] {
                let key = ED25519_BASEPOINT_POINT * secret + EIGHT_TORSION[a];
                let key = key.compress().0;
                // Among a few texts some challenge is a multiple of 8.
                for text in 0..9 {
                    let layout = layout(text);
                    let r = (ED25519_BASEPOINT_POINT * nonce + EIGHT_TORSION[r]).compress().0;
                    let s = nonce + challenge(&r, &key, &layout) * secret;
                    all.push((PublicKey(key), layout, joined(r, &s)));
                }
            }
        }
        all
    }

    #[test]
    fn what_holds_is_what_the_library_says_alone_and_together() {
        let seed = rand::rng().random();
        println!("seed {seed}");
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut cases = with_torsion(&mut rng);
        for text in 0..20 {
            let secret = SecretKey::generate(&mut rng);
            let (key, layout) = (secret.public(), layout(text));
            let signature = secret.sign(&layout);
            let mut altered = signature;
            altered.0[rng.random_range(0..64)] ^= 1 << rng.random_range(0..8);
            // s + l, which the equation would accept.
            let mut above = signature;
            let order = ED25519_ORDER;
            let mut carry = 0;
            for (byte, add) in above.0[32..].iter_mut().zip(order) {
                let sum = u16::from(*byte) + u16::from(add) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
            let mut noise = [0; 64];
            rng.fill_bytes(&mut noise);
            for signature in [signature, altered, above, Signature(noise), Signature([0; 64])] {
                cases.push((key, layout.clone(), signature));
            }
        }
        // Encodings of keys and of R that are not the canonical ones.
        for bytes in not_canonical() {
            let s = Scalar::random(&mut rng);
            cases.push((PublicKey(bytes), layout(1), joined(bytes, &s)));
            cases.push((PublicKey(bytes), layout(1), joined(bytes, &Scalar::ZERO)));
            let key = SecretKey::generate(&mut rng).public();
            cases.push((key, layout(1), joined(bytes, &s)));
        }
        let expected: Vec<bool> =
            cases.iter().map(|(key, text, signed)| by_the_library(key, text, signed)).collect();
        assert!(expected.iter().filter(|holds| **holds).count() > 20);
        let mut claims = Vec::new();
        for ((key, layout, signature), expected) in cases.iter().zip(&expected) {
            assert_eq!(key.verify(layout, signature).is_ok(), *expected, "{key} {signature:?}");
            let decoded = key.decode();
            assert_eq!(decoded.is_ok(), ed25519_dalek::VerifyingKey::from_bytes(&key.0).is_ok());
            let nothing = Claim { expected: None, claimed: [0; 32] };
            claims.push(decoded.map_or(nothing, |key| key.claim(layout, signature)));
        }
        assert_eq!(Claim::hold(&claims), expected);
        assert!(Claim::hold(&[]).is_empty());
    }

    /// The group order, little-endian.
    const ED25519_ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    /// Numbers from the field's prime on, with either sign, and a zero with a sign.
    fn not_canonical() -> Vec<[u8; 32]> {
        let mut all = Vec::new();
        for low in 0xed..=0xffu8 {
            let mut bytes = [0xff; 32];
            bytes[0] = low;
            all.push(bytes);
            bytes[31] = 0x7f;
            all.push(bytes);
        }
        for y in [1u8, 0] {
            let mut bytes = [0; 32];
            (bytes[0], bytes[31]) = (y, 0x80);
            all.push(bytes);
        }
        all
    }
}
