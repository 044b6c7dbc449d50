//! A goods key sealed to one reader: to an auction's escrow key, or to the winner's delivery key.
//! SETTLEMENT, section "Goods format" and steps 1 and 4 of "An auction's payment".
//!
//! HPKE (RFC 9180) in its base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.
//! Purpose and auction id are its `info`, so that what was sealed for one use opens for no other.

use auction::layout::Digest;
use curve25519_dalek::montgomery::MontgomeryPoint;
use hkdf::Hkdf;
use hpke::aead::{AeadTag, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable as _, HpkeError, Kem, OpModeR, OpModeS, Serializable as _,
    single_shot_open_inout_detached, single_shot_seal_inout_detached_with_rng,
};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::goods::GoodsKey;
use crate::layout::{Label, Statement};

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

/// What a key is sealed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be kept by the settlement server until the auction is decided.
    Escrow,
    /// For the winner.
    Delivery,
}

/// The public half of an [`OpeningKey`], as received (X25519).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SealingKey([u8; 32]);

/// The secret half of a [`SealingKey`]. Neither copied nor printed; erased when dropped.
pub struct OpeningKey(PrivateKey);

/// A goods key that only one [`OpeningKey`] opens, for one purpose in one auction.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    encapsulated: [u8; 32],
    key: [u8; 32],
    tag: [u8; 16],
}

/// Nothing can be sealed to this key: whoever made it did not make it as [`OpeningKey`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing can be sealed to the key {}: it is no X25519 key, or one of small order", hex::encode(.0))]
pub struct UnusableKey(pub [u8; 32]);

/// The sealed key is damaged, or was sealed to another key, for another purpose or auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed goods key does not open with this key, for this purpose and auction")]
pub struct DoesNotOpen;

impl SealingKey {
    /// The key of these bytes, whatever they are: see [`SealingKey::is_usable`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Whether something can be sealed to it: the canonical encoding of a point that is not of
    /// small order (with one of those everybody knows what is agreed on).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        // Every secret is a multiple of the cofactor: it takes small order to zero, and
        // nothing else.
        is_canonical(&self.0) && MontgomeryPoint(self.0).mul_clamped([0; 32]).0 != [0; 32]
    }
}

impl OpeningKey {
    /// A fresh key.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        Self::from_bytes(&bytes)
    }

    /// The key for a purpose that follows from the seed of a signature key (HKDF-SHA256): who
    /// has kept that key has kept this one.
    #[must_use]
    pub fn derive(seed: &[u8; 32], purpose: Purpose) -> Self {
        let label = match purpose {
            Purpose::Escrow => Label::EscrowOpeningKey,
            Purpose::Delivery => Label::DeliveryOpeningKey,
        };
        let info = Statement::new(label, &Digest::default()).hash();
        let mut bytes = Zeroizing::new([0; 32]);
        #[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8160 bytes")]
        Hkdf::<Sha256>::new(None, seed)
            .expand(&info.0, bytes.as_mut())
            .expect("32 bytes are within what HKDF gives");
        Self::from_bytes(&bytes)
    }

    /// The key of bytes that [`OpeningKey::to_bytes`] gave; any bytes make one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        #[expect(clippy::expect_used, reason = "any 32 bytes are an X25519 secret")]
        Self(PrivateKey::from_bytes(bytes).expect("32 bytes are a key"))
    }

    /// The bytes, to keep in a private place.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.0.write_exact(bytes.as_mut());
        bytes
    }

    /// The public half.
    #[must_use]
    pub fn sealing_key(&self) -> SealingKey {
        SealingKey(X25519HkdfSha256::sk_to_pk(&self.0).to_bytes().into())
    }
}

impl SealedKey {
    /// Seals `key` to the holder of `to`, for one purpose in one auction.
    ///
    /// # Errors
    /// [`UnusableKey`] when nothing can be sealed to that key.
    pub fn seal<R: CryptoRng + ?Sized>(
        key: &GoodsKey,
        to: &SealingKey,
        purpose: Purpose,
        auction: &Digest,
        mut rng: &mut R,
    ) -> Result<Self, UnusableKey> {
        let unusable = |_: HpkeError| UnusableKey(to.0);
        if !to.is_usable() {
            return Err(UnusableKey(to.0));
        }
        let recipient = PublicKey::from_bytes(&to.0).map_err(unusable)?;
        let mut buffer = Zeroizing::new(*key.expose());
        let (encapsulated, tag) = single_shot_seal_inout_detached_with_rng::<
            ChaCha20Poly1305,
            HkdfSha256,
            X25519HkdfSha256,
        >(
            &OpModeS::Base,
            &recipient,
            &info(purpose, auction),
            InOutBuf::from(buffer.as_mut_slice()),
            &[],
            &mut rng,
        )
        .map_err(unusable)?;
        Ok(Self {
            encapsulated: encapsulated.to_bytes().into(),
            key: *buffer,
            tag: tag.to_bytes().into(),
        })
    }

    /// Opens what was sealed to this key, for this purpose and auction. Anyone may have sealed
    /// it: compare [`GoodsKey::hash`] with what the spec names ([`GoodsKey::check`]).
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open(
        &self,
        with: &OpeningKey,
        purpose: Purpose,
        auction: &Digest,
    ) -> Result<GoodsKey, DoesNotOpen> {
        // Another spelling of the same point would be another sealed key of the same content.
        if !is_canonical(&self.encapsulated) {
            return Err(DoesNotOpen);
        }
        let refused = |_: HpkeError| DoesNotOpen;
        let encapsulated = EncappedKey::from_bytes(&self.encapsulated).map_err(refused)?;
        let tag = AeadTag::<ChaCha20Poly1305>::from_bytes(&self.tag).map_err(refused)?;
        let mut buffer = Zeroizing::new(self.key);
        single_shot_open_inout_detached::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &with.0,
            &encapsulated,
            &info(purpose, auction),
            InOutBuf::from(buffer.as_mut_slice()),
            &[],
            &tag,
        )
        .map_err(refused)?;
        Ok(GoodsKey::from_bytes(&buffer))
    }
}

fn info(purpose: Purpose, auction: &Digest) -> [u8; 32] {
    let label = match purpose {
        Purpose::Escrow => Label::EscrowedKey,
        Purpose::Delivery => Label::DeliveredKey,
    };
    Statement::new(label, auction).hash().0
}

/// Whether these bytes are a number below `2^255 - 19`.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [lowest, between @ .., highest] = bytes;
    let at_the_top = *highest == 0x7f && between.iter().all(|byte| *byte == 0xff);
    *highest < 0x80 && !(at_the_top && *lowest >= 0xed)
}

impl std::fmt::Display for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealingKey({self})")
    }
}

impl std::fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedKey({}..)", hex::encode(&self.encapsulated[..4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::wire;

    const AUCTION: Digest = Digest([5; 32]);

    fn sealed(to: &OpeningKey, purpose: Purpose) -> (GoodsKey, SealedKey) {
        let key = GoodsKey::generate(&mut rand::rng());
        let to = to.sealing_key();
        let sealed = SealedKey::seal(&key, &to, purpose, &AUCTION, &mut rand::rng()).unwrap();
        (key, sealed)
    }

    #[test]
    fn a_key_opens_for_its_reader_purpose_and_auction_alone() {
        let reader = OpeningKey::generate(&mut rand::rng());
        let stranger = OpeningKey::generate(&mut rand::rng());
        let (escrow, delivery) = (Purpose::Escrow, Purpose::Delivery);
        for (purpose, other) in [(escrow, delivery), (delivery, escrow)] {
            let (key, sealed) = sealed(&reader, purpose);
            assert!(sealed.open(&reader, purpose, &AUCTION).is_ok_and(|opened| opened == key));
            assert!(sealed.open(&stranger, purpose, &AUCTION).is_err());
            assert!(sealed.open(&reader, other, &AUCTION).is_err());
            assert!(sealed.open(&reader, purpose, &Digest([6; 32])).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let reader = OpeningKey::generate(&mut rand::rng());
        let (_, sealed) = sealed(&reader, Purpose::Delivery);
        let bytes = wire::encode(&sealed).unwrap();
        assert_eq!(bytes.len(), 80);
        assert_eq!(wire::decode::<SealedKey>(&bytes, 80).unwrap(), sealed);
        for bit in 0..8 * bytes.len() {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let altered: SealedKey = wire::decode(&altered, 80).unwrap();
            let opened = altered.open(&reader, Purpose::Delivery, &AUCTION);
            assert!(matches!(opened, Err(DoesNotOpen)), "bit {bit}");
        }
    }

    #[test]
    fn nothing_is_sealed_to_a_key_of_small_order_or_to_no_key() {
        // All of small order on curve and twist, then what is no canonical encoding.
        let unusable = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0900000000000000000000000000000000000000000000000000000000000080",
        ];
        let key = GoodsKey::generate(&mut rand::rng());
        for text in unusable {
            let to = SealingKey::from_bytes(Digest::from_hex(text).unwrap().0);
            assert!(!to.is_usable(), "{text}");
            let sealed = SealedKey::seal(&key, &to, Purpose::Delivery, &AUCTION, &mut rand::rng());
            assert_eq!(sealed, Err(UnusableKey(to.to_bytes())));
        }
        for _ in 0..20 {
            let good = OpeningKey::generate(&mut rand::rng()).sealing_key();
            assert!(good.is_usable());
        }
        // The neighbour of the base point is on the twist, as half of all keys may be.
        assert!(
            SealingKey::from_bytes(OpeningKey::from_bytes(&[0; 32]).sealing_key().0).is_usable()
        );
    }

    #[test]
    fn an_encapsulation_of_small_order_is_refused() {
        let reader = OpeningKey::generate(&mut rand::rng());
        let (_, mut sealed) = sealed(&reader, Purpose::Escrow);
        sealed.encapsulated = [0; 32];
        assert!(sealed.open(&reader, Purpose::Escrow, &AUCTION).is_err());
    }

    #[test]
    fn derived_keys_differ_by_seed_and_purpose_and_last() {
        let public = |key: &OpeningKey| key.sealing_key();
        let delivery = OpeningKey::derive(&[1; 32], Purpose::Delivery);
        assert_eq!(public(&delivery), public(&OpeningKey::derive(&[1; 32], Purpose::Delivery)));
        assert_ne!(public(&delivery), public(&OpeningKey::derive(&[2; 32], Purpose::Delivery)));
        assert_ne!(public(&delivery), public(&OpeningKey::derive(&[1; 32], Purpose::Escrow)));
        assert_ne!(public(&delivery), public(&OpeningKey::from_bytes(&[1; 32])));
        let kept = OpeningKey::from_bytes(&delivery.to_bytes());
        let (key, sealed) = sealed(&delivery, Purpose::Delivery);
        let opened = sealed.open(&kept, Purpose::Delivery, &AUCTION);
        assert!(opened.is_ok_and(|opened| opened == key));
    }
}
