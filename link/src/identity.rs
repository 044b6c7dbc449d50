//! Who someone is: an Ed25519 key, secret on one side and public on the other.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use rand::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// A secret Ed25519 key. Cleared when dropped, printed without the secret.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
}

impl Identity {
    /// The identity of a 32-byte seed, as RFC 8032 expands it.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(seed) }
    }

    /// A fresh identity.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The public half, which peers pin.
    #[must_use]
    pub fn public(&self) -> PeerKey {
        PeerKey(self.key.verifying_key().to_bytes())
    }

    /// The seed, for the one who has to keep it. It is the whole secret: do not copy it into
    /// anything that is not cleared or encrypted.
    #[must_use]
    pub fn expose_seed(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, seed redacted)", self.public())
    }
}

/// A public Ed25519 key. Written as 64 hexadecimal digits to people and in text formats, as its
/// 32 bytes on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 32]);

impl PeerKey {
    /// Whether the bytes are the one encoding of a point that can identify somebody: on the
    /// curve, canonical, and not of small order (with such a key anyone can forge signatures).
    pub(crate) fn is_well_formed(&self) -> bool {
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().as_bytes() == &self.0)
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerKey({self})")
    }
}

/// The text is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a public key: expected 64 hexadecimal digits")]
pub struct ParsePeerKeyError;

impl FromStr for PeerKey {
    type Err = ParsePeerKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParsePeerKeyError)?;
        Ok(Self(bytes))
    }
}

impl Serialize for PeerKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for PeerKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            Ok(Self(<[u8; 32]>::deserialize(deserializer)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_seed() {
        let seed = [0x5a; 32];
        let identity = Identity::from_seed(&seed);
        let printed = format!("{identity:?} {identity:#?}");
        assert!(printed.contains(&identity.public().to_string()));
        assert!(!printed.contains(&hex::encode(seed)) && !printed.contains("90, 90"));
    }

    #[test]
    fn keys_travel_as_text_and_as_bytes() {
        let key = Identity::from_seed(&[1; 32]).public();
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!("00ff".parse::<PeerKey>(), Err(ParsePeerKeyError));
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(text, format!("\"{key}\""));
        assert_eq!(serde_json::from_str::<PeerKey>(&text).unwrap(), key);
        let bytes = auction::wire::encode(&key).unwrap();
        assert_eq!(bytes, key.0);
        assert_eq!(auction::wire::decode::<PeerKey>(&bytes, 32).unwrap(), key);
    }

    #[test]
    fn weak_and_uncanonical_keys_are_not_well_formed() {
        assert!(Identity::from_seed(&[1; 32]).public().is_well_formed());
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert!(!PeerKey(neutral).is_well_formed());
        // p + 3 in little endian: the point with y = 3, spelled a second way.
        let mut uncanonical = [0xff; 32];
        (uncanonical[0], uncanonical[31]) = (0xf0, 0x7f);
        let mut canonical = [0; 32];
        canonical[0] = 3;
        assert!(PeerKey(canonical).is_well_formed());
        assert!(!PeerKey(uncanonical).is_well_formed());
        assert!((0..32u8).any(|y| !PeerKey([y; 32]).is_well_formed()));
    }
}
