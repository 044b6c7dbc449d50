//! Many Ed25519 signatures verified strictly and each by itself, faster than one after the other.
//!
//! SETTLEMENT, section "Ledger", "Signatures". What is accepted is exactly what `verify_strict` of
//! ed25519-dalek accepts. That decodes the key A and the nonce point R, refuses either of small
//! order and an s that is not reduced, computes E = [s]B - [k]A with k = SHA-512(R, A, message),
//! and compares the canonical encoding of E with the bytes of R. Here
//! - keys that were seen are kept decoded;
//! - R is not decoded: where its bytes are those of E it decodes to E, so its order is E's, and
//!   where they are not, both refuse;
//! - the points E, each computed from its own signature alone, are encoded together, which shares
//!   a division. There is no random sum of equations: no signature helps another.
//!
//! The server's own threads go this way. Whoever audits or judges goes by the library.

use std::collections::HashMap;

use auction::keys::{PublicKey, Signature};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest as _, Sha512};

/// A signature, and what it is said to be of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) key: PublicKey,
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a Signature,
}

/// Keys kept decoded: those under which something was signed lately.
#[derive(Debug)]
pub(crate) struct Keyring {
    /// Half of what is kept at most; when it is full it becomes the older half.
    young: HashMap<[u8; 32], NegatedKey>,
    old: HashMap<[u8; 32], NegatedKey>,
    half: usize,
}

/// Minus A, of a key A that is not of small order.
#[derive(Debug, Clone, Copy)]
struct NegatedKey(EdwardsPoint);

impl NegatedKey {
    fn decode(key: &PublicKey) -> Option<Self> {
        let point = VerifyingKey::from_bytes(&key.0).ok()?.to_edwards();
        (!point.is_small_order()).then_some(Self(-point))
    }
}

/// What a claim comes down to, where key and signature are what they must be.
struct Opened {
    /// The claim's place.
    place: usize,
    key: NegatedKey,
    /// E = [s]B - [k]A: the point whose encoding the signature must begin with.
    point: EdwardsPoint,
}

impl Keyring {
    /// Keeps at most `most` keys, of some 200 bytes each.
    pub(crate) fn new(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (most / 2).max(1) }
    }

    /// Which of the claims hold, in order.
    pub(crate) fn hold(&mut self, claims: &[Claim<'_>]) -> Vec<bool> {
        let opened = claims.iter().enumerate().filter_map(|(place, claim)| self.open(place, claim));
        let opened: Vec<Opened> = opened.collect();
        let points: Vec<EdwardsPoint> = opened.iter().map(|opened| opened.point).collect();
        let mut holds = vec![false; claims.len()];
        for (opened, nonce) in opened.into_iter().zip(EdwardsPoint::compress_batch_alloc(&points)) {
            let place = opened.place;
            let (Some(claim), Some(hold)) = (claims.get(place), holds.get_mut(place)) else {
                continue;
            };
            *hold = claim.signature.0.starts_with(nonce.as_bytes());
            if *hold {
                self.keep(claim.key, opened.key);
            }
        }
        holds
    }

    fn open(&self, place: usize, claim: &Claim<'_>) -> Option<Opened> {
        let (nonce, scalar) = claim.signature.0.split_first_chunk::<32>()?;
        let scalar = Option::<Scalar>::from(Scalar::from_canonical_bytes(*scalar.first_chunk()?))?;
        let key = self.find(&claim.key).or_else(|| NegatedKey::decode(&claim.key))?;
        let mut hash = Sha512::new();
        hash.update(nonce);
        hash.update(claim.key.0);
        hash.update(claim.message);
        let challenge = Scalar::from_hash(hash);
        let point = EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &key.0, &scalar);
        (!point.is_small_order()).then_some(Opened { place, key, point })
    }

    fn find(&self, key: &PublicKey) -> Option<NegatedKey> {
        self.young.get(&key.0).or_else(|| self.old.get(&key.0)).copied()
    }

    /// Keeps the key of a claim that holds: to push another out, a stranger needs signatures.
    fn keep(&mut self, key: PublicKey, decoded: NegatedKey) {
        if self.young.contains_key(&key.0) {
            return;
        }
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.0, decoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;
    use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
    use ed25519_dalek::{Signer as _, SigningKey};
    use rand::rngs::StdRng;
    use rand::{Rng as _, RngExt as _, SeedableRng as _};

    struct Crafted {
        kind: &'static str,
        key: [u8; 32],
        message: [u8; 8],
        signature: [u8; 64],
    }

    impl Crafted {
        fn strictly(&self) -> bool {
            let signature = ed25519_dalek::Signature::from_bytes(&self.signature);
            VerifyingKey::from_bytes(&self.key)
                .is_ok_and(|key| key.verify_strict(&self.message, &signature).is_ok())
        }
    }

    fn challenge(nonce: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
        Scalar::from_hash(Sha512::new().chain_update(nonce).chain_update(key).chain_update(message))
    }

    fn scalar(rng: &mut StdRng) -> Scalar {
        let mut bytes = [0; 64];
        rng.fill_bytes(&mut bytes);
        Scalar::from_bytes_mod_order_wide(&bytes)
    }

    /// Signed with key `a` and nonce `r`, to each of which a torsion point is added; zero for
    /// either leaves the torsion point alone.
    fn with_torsion(
        (a, torsion_a): (Scalar, EdwardsPoint),
        (r, torsion_r): (Scalar, EdwardsPoint),
        message: [u8; 8],
    ) -> ([u8; 32], [u8; 64]) {
        let key = (&a * ED25519_BASEPOINT_TABLE + torsion_a).compress().to_bytes();
        let nonce = (&r * ED25519_BASEPOINT_TABLE + torsion_r).compress().to_bytes();
        let s = r + challenge(&nonce, &key, &message) * a;
        (key, [nonce, s.to_bytes()].concat().try_into().unwrap())
    }

    /// Encodings that no encoder makes: y not reduced, or the sign of a zero x.
    fn odd_encodings() -> Vec<[u8; 32]> {
        let mut odd = Vec::new();
        for low in 0u8..=18 {
            for sign in [0x7f, 0xff] {
                // p + low, where p = 2^255 - 19.
                let mut bytes = [0xff; 32];
                (bytes[0], bytes[31]) = (0xed + low, sign);
                odd.push(bytes);
            }
        }
        for (first, last) in [(1, 0x80), (0xec, 0xff)] {
            let mut bytes = if first == 1 { [0; 32] } else { [0xff; 32] };
            (bytes[0], bytes[31]) = (first, last);
            odd.push(bytes);
        }
        odd
    }

    fn crafted(rng: &mut StdRng) -> Vec<Crafted> {
        let mut all = Vec::new();
        let mut add = |kind, key, message: [u8; 8], signature| {
            all.push(Crafted { kind, key, message, signature });
        };
        for torsion_a in EIGHT_TORSION {
            for torsion_r in EIGHT_TORSION {
                for _ in 0..4 {
                    let (a, r) = (scalar(rng), scalar(rng));
                    let message: [u8; 8] = rng.random();
                    let zero = Scalar::ZERO;
                    let (key, signed) = with_torsion((a, torsion_a), (r, torsion_r), message);
                    add("both with torsion", key, message, signed);
                    let (key, signed) = with_torsion((zero, torsion_a), (r, torsion_r), message);
                    add("key of small order", key, message, signed);
                    let (key, signed) = with_torsion((a, torsion_a), (zero, torsion_r), message);
                    add("nonce of small order", key, message, signed);
                    let (key, signed) = with_torsion((zero, torsion_a), (zero, torsion_r), message);
                    add("both of small order", key, message, signed);
                }
            }
        }
        for _ in 0..40 {
            let signing = SigningKey::from_bytes(&rng.random());
            let key = signing.verifying_key().to_bytes();
            let message: [u8; 8] = rng.random();
            let good = signing.sign(&message).to_bytes();
            add("good", key, message, good);
            let mut altered = good;
            altered[rng.random_range(0..64)] ^= 1 << rng.random_range(0..8);
            add("altered", key, message, altered);
            add("another message", key, rng.random(), good);
            add("another key", rng.random(), message, good);
            // s + l, which the equation does not tell from s.
            let mut order = [0; 32];
            order.copy_from_slice(&(-Scalar::ONE).to_bytes());
            let (mut carry, mut unreduced) = (1u16, good);
            for (byte, more) in unreduced[32..].iter_mut().zip(order) {
                carry += u16::from(*byte) + u16::from(more);
                *byte = carry as u8;
                carry >>= 8;
            }
            add("s not reduced", key, message, unreduced);
        }
        for odd in odd_encodings() {
            let message: [u8; 8] = rng.random();
            let s = scalar(rng);
            let signing = SigningKey::from_bytes(&rng.random());
            let good = signing.sign(&message).to_bytes();
            add("odd key", odd, message, good);
            let mut nonce = good;
            nonce[..32].copy_from_slice(&odd);
            add("odd nonce", signing.verifying_key().to_bytes(), message, nonce);
            // Under a key of small order any s fits some nonce.
            let nonce = (&s * ED25519_BASEPOINT_TABLE).compress().to_bytes();
            add("odd key", odd, message, [nonce, s.to_bytes()].concat().try_into().unwrap());
        }
        all
    }

    #[test]
    fn what_holds_is_what_the_library_accepts_strictly() {
        let seed = std::env::var("GAVEL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
        println!("GAVEL_SEED={seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut crafted = crafted(&mut rng);
        // A claim must hold or not whatever stands beside it.
        for last in (1..crafted.len()).rev() {
            crafted.swap(last, rng.random_range(0..=last));
        }
        let mut keyring = Keyring::new(64);
        let mut accepted = std::collections::BTreeMap::new();
        let mut rest = &crafted[..];
        while !rest.is_empty() {
            let (some, left) = rest.split_at(rng.random_range(1..=40).min(rest.len()));
            rest = left;
            // Twice: the second time the keys that held are kept.
            for _ in 0..2 {
                let signatures: Vec<_> = some.iter().map(|one| Signature(one.signature)).collect();
                let claims = some.iter().zip(&signatures).map(|(one, signature)| Claim {
                    key: PublicKey(one.key),
                    message: &one.message,
                    signature,
                });
                let holds = keyring.hold(&claims.collect::<Vec<_>>());
                for (one, holds) in some.iter().zip(holds) {
                    assert_eq!(holds, one.strictly(), "{}, key {:?}", one.kind, one.key);
                    *accepted.entry(one.kind).or_insert(0) += u32::from(holds);
                }
            }
        }
        assert_eq!(accepted["good"], 80);
        // Of those about one in eight is good by chance; the test must have met both.
        assert!(accepted["both with torsion"] > 20, "{accepted:?}");
        for (kind, count) in accepted {
            assert!(count == 0 || ["good", "both with torsion"].contains(&kind), "{kind}");
        }
    }

    #[test]
    fn a_keyring_keeps_no_more_than_it_may_and_only_keys_that_signed() {
        let mut keyring = Keyring::new(8);
        for seed in 0..40u8 {
            let secret = SigningKey::from_bytes(SecretKey::from_seed(&[seed; 32]).seed());
            let key = PublicKey(secret.verifying_key().to_bytes());
            let signature = Signature(secret.sign(b"this").to_bytes());
            let that = Claim { key, message: b"that", signature: &signature };
            assert_eq!(keyring.hold(&[that]), [false]);
            assert!(keyring.find(&key).is_none());
            let this = Claim { key, message: b"this", signature: &signature };
            assert_eq!(keyring.hold(&[this, that, this]), [true, false, true]);
            assert!(keyring.find(&key).is_some());
            assert!(keyring.young.len() + keyring.old.len() <= 8);
        }
        assert!(keyring.hold(&[]).is_empty());
    }
}
