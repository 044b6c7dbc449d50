//! The header of encrypted goods, and the chunks that follow from it.

use auction::layout::Digest;

use super::{CHUNK_BYTES, GoodsError, encrypted_length};

const MAGIC: [u8; 8] = *b"gavelgds";
const VERSION: u16 = 1;
/// Random bytes at the head of every nonce; four bytes of index and one of flag follow.
pub const PREFIX_BYTES: usize = 19;
/// Encoded length: magic, version, plaintext length, chunk size, nonce prefix, key hash.
pub(super) const BYTES: usize = 8 + 2 + 8 + 4 + PREFIX_BYTES + 32;

/// What encrypted goods begin with. It is within the limits: made by [`Header::new`] or
/// [`Header::decode`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    plaintext_length: u64,
    pub(super) prefix: [u8; PREFIX_BYTES],
    pub(super) key_hash: Digest,
}

/// A chunk's place: what its nonce says, and its length in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: u32,
    pub(super) last: bool,
    /// Bytes of the file, at most [`CHUNK_BYTES`].
    pub(super) plaintext: usize,
}

impl Header {
    pub(super) fn new(
        plaintext_length: u64,
        key_hash: Digest,
        prefix: [u8; PREFIX_BYTES],
    ) -> Result<Self, GoodsError> {
        if encrypted_length(plaintext_length).is_none() {
            return Err(GoodsError::TooLong { length: plaintext_length });
        }
        Ok(Self { plaintext_length, prefix, key_hash })
    }

    pub(super) fn plaintext_length(&self) -> u64 {
        self.plaintext_length
    }

    pub(super) fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let (magic, rest) = bytes.split_at_mut(8);
        let (version, rest) = rest.split_at_mut(2);
        let (length, rest) = rest.split_at_mut(8);
        let (chunk, rest) = rest.split_at_mut(4);
        let (prefix, key_hash) = rest.split_at_mut(PREFIX_BYTES);
        magic.copy_from_slice(&MAGIC);
        version.copy_from_slice(&VERSION.to_le_bytes());
        length.copy_from_slice(&self.plaintext_length.to_le_bytes());
        chunk.copy_from_slice(&(CHUNK_BYTES as u32).to_le_bytes());
        prefix.copy_from_slice(&self.prefix);
        key_hash.copy_from_slice(&self.key_hash.0);
        bytes
    }

    pub(super) fn decode(bytes: &[u8; BYTES]) -> Result<Self, GoodsError> {
        let mut at = 0;
        let magic: [u8; 8] = take(bytes, &mut at);
        if magic != MAGIC {
            return Err(GoodsError::NotGoods);
        }
        let got = u16::from_le_bytes(take(bytes, &mut at));
        if got != VERSION {
            return Err(GoodsError::Version { got });
        }
        let plaintext_length = u64::from_le_bytes(take(bytes, &mut at));
        if encrypted_length(plaintext_length).is_none() {
            return Err(GoodsError::TooLongByHeader { got: plaintext_length });
        }
        let got = u32::from_le_bytes(take(bytes, &mut at));
        if got as usize != CHUNK_BYTES {
            return Err(GoodsError::ChunkBytes { got });
        }
        let prefix = take(bytes, &mut at);
        let key_hash = Digest(take(bytes, &mut at));
        Ok(Self { plaintext_length, prefix, key_hash })
    }

    /// Length of the goods that begin so.
    pub(super) fn encrypted_length(&self) -> u64 {
        // Above the limit there is no header.
        encrypted_length(self.plaintext_length).unwrap_or(u64::MAX)
    }

    /// How many chunks follow: at least one, at most 2^24, since goods are at most 2^40 bytes.
    pub(super) fn chunks(&self) -> u32 {
        let chunks = self.plaintext_length.div_ceil(CHUNK_BYTES as u64).max(1);
        u32::try_from(chunks).unwrap_or(u32::MAX)
    }

    /// The chunk of a number below [`Header::chunks`].
    pub(super) fn place(&self, index: u32) -> Place {
        let chunk = CHUNK_BYTES as u64;
        let plaintext = (self.plaintext_length - u64::from(index) * chunk).min(chunk) as usize;
        Place { index, last: index + 1 == self.chunks(), plaintext }
    }

    /// The chunks that follow, in order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<'_> {
        (0..self.chunks()).map(|index| self.place(index))
    }
}

/// The next `N` bytes; the fields add up to the array's length.
fn take<const N: usize>(bytes: &[u8; BYTES], at: &mut usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[*at..*at + N]);
    *at += N;
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: u64) -> Header {
        Header::new(length, Digest([9; 32]), [5; PREFIX_BYTES]).unwrap()
    }

    #[test]
    fn a_header_is_read_again_and_refused_outside_its_limits() {
        let header = header(70_000);
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes).unwrap(), header);
        let altered = |at: usize| {
            let mut bytes = bytes;
            bytes[at] ^= 0x80;
            Header::decode(&bytes)
        };
        assert!(matches!(altered(0), Err(GoodsError::NotGoods)));
        assert!(matches!(altered(9), Err(GoodsError::Version { got: 0x8001 })));
        assert!(matches!(altered(17), Err(GoodsError::TooLongByHeader { .. })));
        assert!(matches!(altered(18), Err(GoodsError::ChunkBytes { .. })));
    }

    #[test]
    fn the_last_chunk_holds_what_is_left() {
        let chunk = CHUNK_BYTES;
        for (length, sizes) in [
            (0, vec![0]),
            (1, vec![1]),
            (chunk, vec![chunk]),
            (chunk + 1, vec![chunk, 1]),
            (3 * chunk, vec![chunk; 3]),
        ] {
            let header = header(length as u64);
            let places: Vec<Place> = header.places().collect();
            let got: Vec<usize> = places.iter().map(|place| place.plaintext).collect();
            assert_eq!(got, sizes);
            let last: Vec<bool> = places.iter().map(|place| place.last).collect();
            assert_eq!(last.iter().filter(|last| **last).count(), 1);
            assert_eq!(last.last(), Some(&true));
        }
    }
}
