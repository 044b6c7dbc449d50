//! The encryption of one chunk: XChaCha20-Poly1305, with a nonce of prefix, index and last-chunk
//! flag (STREAM, Hoang, Reyhanitabar, Rogaway and Vizár 2015), and the header as associated data.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::header::{self, Header, PREFIX_BYTES, Place};
use super::{GoodsError, GoodsKey};
use crate::layout::{Label, Statement};

/// What encryption adds to a chunk.
pub(super) const TAG_BYTES: usize = 16;

/// Encrypts or decrypts the chunks under one header.
pub(super) struct Cipher {
    chunks: XChaCha20Poly1305,
    prefix: [u8; PREFIX_BYTES],
    header: [u8; header::BYTES],
}

impl Cipher {
    pub(super) fn new(key: &GoodsKey, header: &Header) -> Self {
        let info = Statement::new(Label::GoodsChunks, &header.key_hash).hash();
        let mut chunk_key = Zeroizing::new([0; 32]);
        #[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8160 bytes")]
        Hkdf::<Sha256>::new(None, key.expose())
            .expand(&info.0, chunk_key.as_mut())
            .expect("32 bytes are within what HKDF gives");
        let chunks = XChaCha20Poly1305::new((&*chunk_key).into());
        Self { chunks, prefix: header.prefix, header: header.encode() }
    }

    /// Encrypts a chunk in its place, and writes the tag into the last bytes of `bytes`.
    pub(super) fn seal(&self, place: Place, bytes: &mut [u8]) {
        let (text, tag) = bytes.split_at_mut(place.plaintext);
        #[expect(clippy::expect_used, reason = "a chunk is shorter than any cipher's limit")]
        let made = self
            .chunks
            .encrypt_inout_detached(&self.nonce(place), &self.header, InOutBuf::from(text))
            .expect("64 KiB are within what the cipher takes");
        tag.copy_from_slice(&made);
    }

    /// Decrypts a chunk and its tag in their place, and gives the chunk.
    pub(super) fn open<'a>(
        &self,
        place: Place,
        bytes: &'a mut [u8],
    ) -> Result<&'a [u8], GoodsError> {
        let damaged = GoodsError::Damaged { chunk: place.index };
        let Some((text, tag)) = bytes.split_last_chunk_mut::<TAG_BYTES>() else {
            return Err(damaged);
        };
        self.chunks
            .decrypt_inout_detached(
                &self.nonce(place),
                &self.header,
                InOutBuf::from(&mut *text),
                &Tag::from(*tag),
            )
            .map_err(|_| damaged)?;
        Ok(text)
    }

    fn nonce(&self, place: Place) -> XNonce {
        let mut nonce = [0; PREFIX_BYTES + 5];
        let (prefix, rest) = nonce.split_at_mut(PREFIX_BYTES);
        let (index, last) = rest.split_at_mut(4);
        prefix.copy_from_slice(&self.prefix);
        index.copy_from_slice(&place.index.to_be_bytes());
        last.copy_from_slice(&[u8::from(place.last)]);
        XNonce::from(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_opens_in_its_place_alone() {
        let key = GoodsKey::from_bytes(&[1; 32]);
        let header = Header::new(4, key.hash(), [1; PREFIX_BYTES]).unwrap();
        let cipher = Cipher::new(&key, &header);
        let place = Place { index: 0, last: false, plaintext: 4 };
        let mut sealed = *b"text................";
        cipher.seal(place, &mut sealed);
        assert_ne!(&sealed[..4], b"text");
        assert_eq!(cipher.open(place, &mut sealed.clone()).unwrap(), b"text");
        let others = [Place { index: 1, ..place }, Place { last: true, ..place }];
        for other in others {
            assert!(cipher.open(other, &mut sealed.clone()).is_err());
        }
        for bit in 0..8 * sealed.len() {
            let mut altered = sealed;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(cipher.open(place, &mut altered).is_err(), "bit {bit}");
        }
        let again = Header::new(4, key.hash(), [2; PREFIX_BYTES]).unwrap();
        assert!(Cipher::new(&key, &again).open(place, &mut sealed).is_err());
    }
}
