//! Items in the clear, as the settlement server holds them for a purchase by its authority.

use std::io::Read;
use std::ops::ControlFlow;

use auction::layout::Digest;
use auction::settlement_terms::MAX_GOODS_BYTES;
use zeroize::Zeroizing;

use super::checksum::Tree;
use super::{CHUNK_BYTES, GoodsError};

/// The checksum of an item, and its length in bytes: a tree hash over chunks of 64 KiB.
///
/// # Errors
/// [`GoodsError`] when it cannot be read, is longer than goods may be, or the watcher stops it.
pub fn checksum_of_item(
    mut reader: impl Read,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(Digest, u64), GoodsError> {
    let mut tree = Tree::default();
    let mut length = 0;
    let mut chunk = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
    loop {
        chunk.clear();
        let read = reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        let read = read.map_err(GoodsError::Read)?;
        if read == 0 {
            return Ok((tree.checksum_of_item(length), length));
        }
        tree.push(&chunk);
        length += read as u64;
        if length > MAX_GOODS_BYTES {
            return Err(GoodsError::TooLong { length });
        }
        if progress(length).is_break() {
            return Err(GoodsError::Stopped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{GoodsKey, measure, seal, unwatched};
    use super::*;

    #[test]
    fn every_byte_and_the_length_count() {
        let sum = |bytes: &[u8]| checksum_of_item(bytes, &mut unwatched).unwrap();
        assert_eq!(sum(&[]).1, 0);
        let long = vec![7; 2 * CHUNK_BYTES];
        let mut sums = vec![sum(&[]).0, sum(&[0]).0, sum(&[0, 0]).0, sum(&long).0];
        for at in [0, CHUNK_BYTES - 1, CHUNK_BYTES, long.len() - 1] {
            let mut altered = long.clone();
            altered[at] ^= 1;
            sums.push(sum(&altered).0);
        }
        sums.push(sum(&long[1..]).0);
        let different: std::collections::BTreeSet<_> = sums.iter().collect();
        assert_eq!(different.len(), sums.len());
    }

    #[test]
    fn an_item_is_not_mistaken_for_encrypted_goods() {
        let key = GoodsKey::from_bytes(&[1; 32]);
        let mut encrypted = Vec::new();
        seal([5].as_slice(), 1, &mut encrypted, &key, &mut rand::rng(), &mut unwatched).unwrap();
        let goods = measure(encrypted.as_slice(), &mut unwatched).unwrap();
        let item = checksum_of_item(encrypted.as_slice(), &mut unwatched).unwrap();
        assert_eq!(item.1, goods.bytes);
        assert_ne!(item.0, goods.checksum);
    }
}
