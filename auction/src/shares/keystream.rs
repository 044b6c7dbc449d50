//! The share that a seed expands to: its ChaCha20 keystream with nonce zero. PROTOCOL section 2,
//! step 1.
//!
//! The first 48 bytes are the blinding, modulo the group order; entry `j`, counted from 1, is the
//! 16 bytes at offset `48 + 16 j`.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
use curve25519_dalek::Scalar;
use zeroize::Zeroizing;

use crate::field::SEED_ENTRY_BYTES;
use crate::prices::Level;
use crate::secret::SecretScalar;

/// Bytes of a block of the cipher. The first one holds the blinding and no entry.
const BLOCK_BYTES: usize = 64;

/// Bytes of the blinding before its reduction: 384 bits, the width that RFC 9380 section 5.2 asks
/// of a 253-bit field.
const BLINDING_BYTES: usize = 48;

/// Entries that are made at a time: a buffer that stays in the nearest cache.
const PIECE: usize = 256;

// Whole blocks alone are asked of the cipher: none is left over in a buffer of its own.
const _: () = assert!((PIECE * SEED_ENTRY_BYTES).is_multiple_of(BLOCK_BYTES));

/// The keystream of a seed from block number `block` on.
fn keystream(seed: &[u8; 32], block: usize) -> ChaCha20 {
    let mut cipher = ChaCha20::new(seed.into(), &[0; 12].into());
    // Ladders are far shorter than the 2^32 blocks that there are.
    cipher.seek((block * BLOCK_BYTES) as u64);
    cipher
}

/// One block of the keystream.
fn block(seed: &[u8; 32], block: usize) -> Zeroizing<[u8; BLOCK_BYTES]> {
    let mut bytes = Zeroizing::new([0; BLOCK_BYTES]);
    keystream(seed, block).write_keystream(bytes.as_mut());
    bytes
}

/// The blinding of a seed's commitment.
pub(super) fn blinding(seed: &[u8; 32]) -> SecretScalar {
    let mut wide = block(seed, 0);
    wide[BLINDING_BYTES..].fill(0);
    SecretScalar::new(Scalar::from_bytes_mod_order_wide(&wide))
}

/// The entry at one level.
pub(super) fn entry(seed: &[u8; 32], level: Level) -> Zeroizing<[u8; SEED_ENTRY_BYTES]> {
    const ENTRIES: usize = BLOCK_BYTES / SEED_ENTRY_BYTES;
    let block = block(seed, 1 + level.index() / ENTRIES);
    let (entries, _) = block.as_chunks::<SEED_ENTRY_BYTES>();
    // A block holds as many entries as the remainder can say.
    Zeroizing::new(entries[level.index() % ENTRIES])
}

/// Hands the entries of all levels on, piece by piece with the index that each begins at.
pub(super) fn pieces(
    seed: &[u8; 32],
    levels: usize,
    mut take: impl FnMut(usize, &[[u8; SEED_ENTRY_BYTES]]),
) {
    let mut cipher = keystream(seed, 1);
    let mut piece = Zeroizing::new([0; PIECE * SEED_ENTRY_BYTES]);
    for first in (0..levels).step_by(PIECE) {
        let count = PIECE.min(levels - first);
        // Whole blocks: the last one may hold more entries than are asked for.
        let bytes = (count * SEED_ENTRY_BYTES).next_multiple_of(BLOCK_BYTES);
        cipher.write_keystream(&mut piece[..bytes]);
        let (entries, _) = piece.as_chunks::<SEED_ENTRY_BYTES>();
        take(first, &entries[..count]);
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha20Rng;
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    #[test]
    fn the_keystream_is_that_of_rfc_8439() {
        // Appendix A.1, test vector 1: key, nonce and counter zero.
        assert_eq!(block(&[0; 32], 0)[..8], [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90]);
    }

    #[test]
    fn blinding_and_entries_stand_where_they_are_said_to() {
        // Several pieces, and ends within a block.
        for levels in [1usize, 2, 3, 4, 5, 255, 256, 257, 512, 700] {
            let seed = [levels as u8; 32];
            // The stream once more, from another generator of it.
            let mut stream = vec![0; 48 + 16 * (levels + 1)];
            ChaCha20Rng::from_seed(seed).fill_bytes(&mut stream);
            let mut wide = [0; 64];
            wide[..48].copy_from_slice(&stream[..48]);
            assert_eq!(*blinding(&seed).expose(), Scalar::from_bytes_mod_order_wide(&wide));
            let mut next = 0;
            pieces(&seed, levels, |first, entries| {
                assert_eq!(first, next);
                for value in entries {
                    next += 1;
                    assert_eq!(value[..], stream[48 + 16 * next..][..16]);
                    assert_eq!(*entry(&seed, Level(next as u32)), *value);
                }
            });
            assert_eq!(next, levels);
        }
    }
}
