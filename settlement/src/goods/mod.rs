//! Goods: a file encrypted under a fresh key, so that whoever has the key has the goods.
//! SETTLEMENT, section "Goods format".
//!
//! A header, then the file in chunks of 64 KiB, each encrypted by itself and bound by nonce and
//! associated data to its place, to the header and to being the last one or not (the STREAM
//! construction). The checksum is a tree hash over header and encrypted chunks; a spec or an
//! offer names it beside the length and the hash of the key. Everything is read and written in
//! one pass with one chunk in memory.

mod checksum;
mod cipher;
mod encrypted;
mod encryption;
mod error;
mod files;
mod header;
mod item;
mod key;

use std::io::{Read, Write};
use std::ops::ControlFlow;

use auction::settlement_terms::{Goods, MAX_GOODS_BYTES};
use rand::CryptoRng;

use cipher::{Cipher, TAG_BYTES};
use encrypted::Encrypted;

pub use encryption::{Encryption, PREFIX_BYTES};
pub use error::GoodsError;
pub use files::{CheckedGoods, Existing, check_file, open_file, seal_file};
pub use item::checksum_of_item;
pub use key::{GoodsKey, NotAGoodsKey};

/// Bytes of the file in a chunk; the last one may have fewer.
pub const CHUNK_BYTES: usize = 1 << 16;

/// The progress of whoever does not watch, for the functions of this module. They call theirs
/// after each chunk with the bytes of encrypted goods done so far, and end with
/// [`GoodsError::Stopped`] when it breaks.
pub fn unwatched(_done: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Length of the encrypted goods of a file of `plaintext_length` bytes; nothing where that is
/// above [`MAX_GOODS_BYTES`].
#[must_use]
pub fn encrypted_length(plaintext_length: u64) -> Option<u64> {
    let chunks = plaintext_length.div_ceil(CHUNK_BYTES as u64).max(1);
    let tags = chunks.checked_mul(TAG_BYTES as u64)?;
    let length = plaintext_length.checked_add(tags)?.checked_add(header::BYTES as u64)?;
    (length <= MAX_GOODS_BYTES).then_some(length)
}

/// Encrypts a file under `key`, which should be a fresh one, and says what a spec has to name.
///
/// # Errors
/// [`GoodsError`] when the file is longer than goods may be or not as long as was said, or when
/// it cannot be read or the goods not written.
pub fn seal<R: CryptoRng + ?Sized>(
    mut reader: impl Read,
    plaintext_length: u64,
    mut writer: impl Write,
    key: &GoodsKey,
    rng: &mut R,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Goods, GoodsError> {
    let mut prefix = [0; PREFIX_BYTES];
    rng.fill_bytes(&mut prefix);
    let encryption = Encryption::new(key, plaintext_length, prefix)?;
    let goods = encryption.encrypt(&mut reader, &mut writer, progress)?;
    writer.flush().map_err(GoodsError::Write)?;
    Ok(goods)
}

/// Decrypts goods. What was written is good only once this has returned without an error: the
/// checksum comes out at the end. [`open_file`] lets nothing out before that.
///
/// # Errors
/// [`GoodsError`] when these are not the expected goods, the key is another one, or reading or
/// writing fails.
pub fn open(
    reader: impl Read,
    mut writer: impl Write,
    key: &GoodsKey,
    expected: &Goods,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), GoodsError> {
    key.check(&expected.key_hash)?;
    let goods = Encrypted::begin(reader)?.expecting(expected)?;
    let cipher = Cipher::new(key, goods.header());
    goods.read(progress, |place, bytes| {
        let plaintext = cipher.open(place, bytes)?;
        writer.write_all(plaintext).map_err(GoodsError::Write)
    })?;
    writer.flush().map_err(GoodsError::Write)
}

/// Checks without the key that these are the expected goods: header, length and checksum.
///
/// # Errors
/// [`GoodsError`] when they are not, or cannot be read.
pub fn check(
    reader: impl Read,
    expected: &Goods,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), GoodsError> {
    let goods = Encrypted::begin(reader)?.expecting(expected)?;
    goods.read(progress, |_, _| Ok(()))?;
    Ok(())
}

/// Checks that these are the expected goods and that `key` opens all of them; the plaintext is
/// thrown away. What a settlement server does before it gives its escrow receipt.
///
/// # Errors
/// [`GoodsError`] when they are not, or cannot be read.
pub fn check_with_key(
    reader: impl Read,
    key: &GoodsKey,
    expected: &Goods,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), GoodsError> {
    open(reader, std::io::sink(), key, expected, progress)
}

/// Reads encrypted goods and says what a spec would have to name for them.
///
/// # Errors
/// [`GoodsError`] when these are no goods, are not whole, or cannot be read.
pub fn measure(
    reader: impl Read,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Goods, GoodsError> {
    Encrypted::begin(reader)?.read(progress, |_, _| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_costs_a_tag_and_an_empty_file_has_one() {
        let chunk = CHUNK_BYTES as u64;
        for (plaintext, chunks) in
            [(0, 1), (1, 1), (chunk - 1, 1), (chunk, 1), (chunk + 1, 2), (5 * chunk, 5)]
        {
            let length = 73 + plaintext + 16 * chunks;
            assert_eq!(encrypted_length(plaintext), Some(length), "{plaintext}");
        }
    }

    #[test]
    fn goods_are_at_most_a_tebibyte_with_everything() {
        let longest = (0..=MAX_GOODS_BYTES)
            .rev()
            .step_by(16)
            .find(|&length| encrypted_length(length).is_some())
            .unwrap();
        assert!(encrypted_length(longest).unwrap() > MAX_GOODS_BYTES - 32);
        assert_eq!(encrypted_length(u64::MAX), None);
    }
}
