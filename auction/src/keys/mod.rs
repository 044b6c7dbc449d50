//! Ed25519 keys and signatures: identities of accumulators and sellers, and the keys that
//! bidders make for one auction.
//!
//! One rule everywhere: strict verification, every signature by its own equation (`strict.rs`).
//! Batch verification accepts more than that, and two verifiers that disagree on a signature
//! disagree on an auction.

mod strict;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

pub use strict::{Claim, DecodedKey};

/// An Ed25519 public key, as received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey(pub [u8; 32]);

/// The signature does not fit key and content, or the key is not one that may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify under key {key}")]
pub struct BadSignature {
    /// The key that was claimed.
    pub key: PublicKey,
}

impl PublicKey {
    /// Verifies `signature` on `layout`, strictly: no small-order key, canonical encodings alone.
    ///
    /// # Errors
    /// [`BadSignature`] when it does not hold.
    pub fn verify(&self, layout: &Layout, signature: &Signature) -> Result<(), BadSignature> {
        self.decode()?.verify(layout, signature)
    }

    /// Decodes the key, for whoever has several signatures of it to verify.
    ///
    /// # Errors
    /// [`BadSignature`] when the bytes are no key: nothing can be signed under them.
    pub fn decode(&self) -> Result<DecodedKey, BadSignature> {
        DecodedKey::new(*self).ok_or(BadSignature { key: *self })
    }

    /// Whether this is the canonical encoding of a key that can verify anything.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().to_bytes() == self.0)
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text.trim()).ok()?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// An Ed25519 signature, as received.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "([u8; 32], [u8; 32])", into = "([u8; 32], [u8; 32])")]
pub struct Signature(pub [u8; 64]);

impl From<([u8; 32], [u8; 32])> for Signature {
    fn from((r, s): ([u8; 32], [u8; 32])) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        Self(bytes)
    }
}

impl From<Signature> for ([u8; 32], [u8; 32]) {
    fn from(signature: Signature) -> Self {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&signature.0[..32]);
        s.copy_from_slice(&signature.0[32..]);
        (r, s)
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signature({}..)", hex::encode(&self.0[..4]))
    }
}

/// The secret half of a key. Neither copied nor printed; erased when dropped.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// A fresh key.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The key of a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, to keep in a private place.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a layout.
    #[must_use]
    pub fn sign(&self, layout: &Layout) -> Signature {
        Signature(self.0.sign(layout.as_bytes()).to_bytes())
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Digest, Label};

    #[test]
    fn a_signature_holds_for_its_key_and_content_alone() {
        let key = SecretKey::from_seed(&[7; 32]);
        let other = SecretKey::from_seed(&[8; 32]);
        let layout = Layout::new(Label::Bid, &Digest::default());
        let signature = key.sign(&layout);
        assert!(key.public().verify(&layout, &signature).is_ok());
        assert!(other.public().verify(&layout, &signature).is_err());
        assert!(
            key.public()
                .verify(&Layout::new(Label::Share, &Digest::default()), &signature)
                .is_err()
        );
        for bit in 0..512 {
            let mut altered = signature;
            altered.0[bit / 8] ^= 1 << (bit % 8);
            assert!(key.public().verify(&layout, &altered).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn small_order_keys_are_not_usable() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert!(!PublicKey(neutral).is_usable());
        assert!(!PublicKey([0xff; 32]).is_usable());
        assert!(SecretKey::from_seed(&[1; 32]).public().is_usable());
    }

    #[test]
    fn debug_shows_no_seed() {
        let shown = format!("{:?}", SecretKey::from_seed(&[7; 32]));
        assert!(!shown.contains("0707"));
    }
}
