//! What the tests seal.

use std::convert::Infallible;

use auction::settlement_terms::Goods;
use rand::{TryCryptoRng, TryRng};
use settlement::goods::{GoodsKey, seal, unwatched};

/// Bytes before the first chunk.
pub(crate) const HEADER: usize = 73;
/// Where the nonce prefix stands in the header.
pub(crate) const PREFIX: std::ops::Range<usize> = 22..41;
/// Where the key's hash stands in the header.
pub(crate) const KEY_HASH: std::ops::Range<usize> = 41..73;
/// Bytes of a full chunk with its tag.
pub(crate) const SEALED_CHUNK: usize = 65_536 + 16;

/// A file in which no two chunks are equal.
pub(crate) fn file(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

pub(crate) fn key(byte: u8) -> GoodsKey {
    GoodsKey::from_bytes(&[byte; 32])
}

/// Seals with a fresh nonce prefix.
pub(crate) fn sealed(file: &[u8], key: &GoodsKey) -> (Vec<u8>, Goods) {
    sealed_with(file, key, &mut rand::rng())
}

pub(crate) fn sealed_with(
    file: &[u8],
    key: &GoodsKey,
    rng: &mut impl rand::CryptoRng,
) -> (Vec<u8>, Goods) {
    let mut bytes = Vec::new();
    let length = file.len() as u64;
    let goods = seal(file, length, &mut bytes, key, rng, &mut unwatched).unwrap();
    assert_eq!(goods.bytes, bytes.len() as u64);
    assert_eq!(goods.key_hash, key.hash());
    (bytes, goods)
}

/// Gives one nonce prefix, again and again.
pub(crate) struct Fixed<'a>(pub(crate) &'a [u8]);

impl TryRng for Fixed<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("sealing asks for bytes alone")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("sealing asks for bytes alone")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed<'_> {}
