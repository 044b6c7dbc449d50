//! The goods key, and the keys that it is sealed to.

use auction::keys::SecretKey;
use auction::layout::Digest;
use settlement::goods::GoodsKey;
use settlement::sealed_key::{OpeningKey, Purpose, SealedKey, SealingKey};

pub fn goods_key() -> GoodsKey {
    GoodsKey::from_bytes(&[42; 32])
}

pub fn opening_of(bidder: &SecretKey) -> OpeningKey {
    OpeningKey::derive(bidder.seed(), Purpose::Delivery)
}

pub fn delivery_of(bidder: &SecretKey) -> SealingKey {
    opening_of(bidder).sealing_key()
}

pub fn escrow_opening() -> OpeningKey {
    OpeningKey::from_bytes(&[5; 32])
}

pub fn escrow_key() -> SealingKey {
    escrow_opening().sealing_key()
}

pub fn seal_to(key: &SealingKey, purpose: Purpose, auction: &Digest) -> SealedKey {
    SealedKey::seal(&goods_key(), key, purpose, auction, &mut crate::in_memory::rng(31)).unwrap()
}
