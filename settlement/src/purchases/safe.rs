//! The safe: goods keys of purchases, sealed for the journal under secrets that only the server
//! has. SETTLEMENT, section "Purchase of digital goods" and its decisions.
//!
//! XChaCha20-Poly1305 under a key of this one purchase (HKDF-SHA256 from the secret and the hash
//! of the order), with a nonce of zeros and `hash(K)` as associated data. The same purchase gives
//! the same bytes, so that an order that comes twice is known again whole.

use auction::layout::Digest;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::goods::GoodsKey;
use crate::layout::{Label, Statement};

/// The server's secrets: the first one seals, each may open. Erased when dropped, not printed.
pub struct Safe(Vec<Zeroizing<[u8; 32]>>);

/// A goods key that only the safe opens, for one purchase.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealedGoodsKey([u8; SealedGoodsKey::BYTES]);

/// None of the secrets opens it: they are others than those it was sealed under, or it is
/// damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed goods key does not open with the keys of this server")]
pub struct DoesNotOpen;

impl Safe {
    /// A safe with these secrets, of which the first seals; nothing, where there is none.
    #[must_use]
    pub fn new(secrets: Vec<Zeroizing<[u8; 32]>>) -> Option<Self> {
        (!secrets.is_empty()).then_some(Self(secrets))
    }

    /// Seals the key of the purchase whose order has this hash.
    #[must_use]
    pub fn seal(&self, order: &Digest, key: &GoodsKey) -> SealedGoodsKey {
        // `new` saw that there is one.
        let secret = &self.0[0];
        let mut sealed = [0; SealedGoodsKey::BYTES];
        let (text, tag) = sealed.split_at_mut(32);
        text.copy_from_slice(key.expose());
        #[expect(clippy::expect_used, reason = "32 bytes are within what the cipher takes")]
        let made = cipher(secret, order)
            .encrypt_inout_detached(&XNonce::default(), &key.hash().0, InOutBuf::from(text))
            .expect("32 bytes");
        tag.copy_from_slice(&made);
        SealedGoodsKey(sealed)
    }

    /// Opens the key of a purchase, and checks that it is the one with that hash.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open(
        &self,
        order: &Digest,
        sealed: &SealedGoodsKey,
        key_hash: &Digest,
    ) -> Result<GoodsKey, DoesNotOpen> {
        let opened = self.0.iter().find_map(|secret| open_with(secret, order, sealed, key_hash));
        opened.filter(|key| key.check(key_hash).is_ok()).ok_or(DoesNotOpen)
    }
}

impl std::fmt::Debug for Safe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Safe({} secrets)", self.0.len())
    }
}

impl SealedGoodsKey {
    /// Length in bytes: the key and a tag.
    pub const BYTES: usize = 48;

    /// The sealed key of these bytes, whatever they are.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl std::fmt::Debug for SealedGoodsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedGoodsKey({}..)", hex::encode(&self.0[..4]))
    }
}

fn open_with(
    secret: &[u8; 32],
    order: &Digest,
    sealed: &SealedGoodsKey,
    key_hash: &Digest,
) -> Option<GoodsKey> {
    let (text, tag) = sealed.0.split_last_chunk::<16>()?;
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(text);
    cipher(secret, order)
        .decrypt_inout_detached(
            &XNonce::default(),
            &key_hash.0,
            InOutBuf::from(key.as_mut_slice()),
            &Tag::from(*tag),
        )
        .ok()?;
    Some(GoodsKey::from_bytes(&key))
}

/// The cipher of one purchase. Its key serves once, so any nonce is fresh.
fn cipher(secret: &[u8; 32], order: &Digest) -> XChaCha20Poly1305 {
    let info = Statement::new(Label::PurchaseKey, order).hash();
    let mut key = Zeroizing::new([0; 32]);
    #[expect(clippy::expect_used, reason = "32 bytes are a key, and within what HKDF gives")]
    Hkdf::<Sha256>::from_prk(secret)
        .expect("32 bytes are a pseudorandom key")
        .expand(&info.0, key.as_mut())
        .expect("32 bytes are within what HKDF gives");
    XChaCha20Poly1305::new((&*key).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(secrets: &[u8]) -> Safe {
        Safe::new(secrets.iter().map(|secret| Zeroizing::new([*secret; 32])).collect()).unwrap()
    }

    #[test]
    fn a_key_opens_for_its_purchase_and_hash_alone() {
        let (key, order) = (GoodsKey::from_bytes(&[7; 32]), Digest([1; 32]));
        let sealed = safe(&[1]).seal(&order, &key);
        assert_eq!(sealed, safe(&[1]).seal(&order, &key));
        assert!(safe(&[1]).open(&order, &sealed, &key.hash()).unwrap() == key);
        let refused = |safe: &Safe, order: u8, sealed: &SealedGoodsKey, hash: &Digest| {
            safe.open(&Digest([order; 32]), sealed, hash).is_err()
        };
        assert!(refused(&safe(&[2]), 1, &sealed, &key.hash()));
        assert!(refused(&safe(&[1]), 2, &sealed, &key.hash()));
        assert!(refused(&safe(&[1]), 1, &sealed, &Digest([9; 32])));
        for bit in 0..8 * SealedGoodsKey::BYTES {
            let mut altered = sealed;
            altered.0[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&safe(&[1]), 1, &altered, &key.hash()), "bit {bit}");
        }
    }

    #[test]
    fn older_secrets_open_and_the_first_seals() {
        let (key, order) = (GoodsKey::from_bytes(&[7; 32]), Digest([1; 32]));
        let old = safe(&[1]).seal(&order, &key);
        let both = safe(&[2, 1]);
        assert!(both.open(&order, &old, &key.hash()).is_ok());
        assert_eq!(both.seal(&order, &key), safe(&[2]).seal(&order, &key));
        assert!(Safe::new(vec![]).is_none());
        assert_eq!(format!("{both:?}"), "Safe(2 secrets)");
    }
}
