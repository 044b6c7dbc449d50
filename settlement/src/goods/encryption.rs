//! Goods that are not stored encrypted: any part of them is made when it is asked for, and is
//! the same each time.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;

use auction::settlement_terms::Goods;
use zeroize::Zeroizing;

use super::checksum::Tree;
use super::cipher::{Cipher, TAG_BYTES};
use super::encrypted::is_at_end;
pub use super::header::PREFIX_BYTES;
use super::header::{self, Header, Place};
use super::{CHUNK_BYTES, GoodsError, GoodsKey};

/// The encrypted form of one file. Two files must never be encrypted under one key and prefix:
/// the key should be fresh, or follow from what the file holds.
pub struct Encryption {
    header: Header,
    cipher: Cipher,
}

impl Encryption {
    /// The encrypted form of a file of so many bytes.
    ///
    /// # Errors
    /// [`GoodsError::TooLong`] when it is longer than goods may be.
    pub fn new(
        key: &GoodsKey,
        plaintext_length: u64,
        prefix: [u8; PREFIX_BYTES],
    ) -> Result<Self, GoodsError> {
        let header = Header::new(plaintext_length, key.hash(), prefix)?;
        Ok(Self { cipher: Cipher::new(key, &header), header })
    }

    /// Its length in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.header.encrypted_length()
    }

    /// What an offer has to name: the whole file is encrypted once, and thrown away.
    ///
    /// # Errors
    /// [`GoodsError`] when the file cannot be read or is of another length.
    pub fn measure(
        &self,
        reader: impl Read,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Goods, GoodsError> {
        self.encrypt(reader, std::io::sink(), progress)
    }

    /// Encrypts everything to `writer`, and says what goods these are.
    ///
    /// # Errors
    /// [`GoodsError`] when the file cannot be read, is of another length, or the goods cannot be
    /// written.
    pub fn encrypt(
        &self,
        mut reader: impl Read,
        mut writer: impl Write,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Goods, GoodsError> {
        let mut tree = Tree::default();
        let encoded = self.header.encode();
        tree.push(&encoded);
        writer.write_all(&encoded).map_err(GoodsError::Write)?;
        let mut done = encoded.len() as u64;
        let mut buffer = Zeroizing::new(vec![0; CHUNK_BYTES + TAG_BYTES]);
        for place in self.header.places() {
            let bytes = self.chunk(&mut reader, place, &mut buffer)?;
            tree.push(bytes);
            writer.write_all(bytes).map_err(GoodsError::Write)?;
            done += bytes.len() as u64;
            if progress(done).is_break() {
                return Err(GoodsError::Stopped);
            }
        }
        if !is_at_end(&mut reader)? {
            return Err(GoodsError::FileGrew { length: self.header.plaintext_length() });
        }
        Ok(Goods { key_hash: self.header.key_hash, checksum: tree.checksum(done), bytes: done })
    }

    /// At most `most` bytes of the encrypted form, from `offset` on; fewer at its end.
    ///
    /// # Errors
    /// [`GoodsError`] when the file cannot be read or has become shorter.
    pub fn read_at(
        &self,
        file: &mut (impl Read + Seek),
        offset: u64,
        most: usize,
    ) -> Result<Vec<u8>, GoodsError> {
        let end = self.bytes().min(offset.saturating_add(most as u64));
        let mut out = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or(0));
        let mut at = offset;
        let mut buffer = Zeroizing::new(vec![0; CHUNK_BYTES + TAG_BYTES]);
        while at < end {
            let (first, piece): (u64, &[u8]) = if at < header::BYTES as u64 {
                buffer[..header::BYTES].copy_from_slice(&self.header.encode());
                (0, &buffer[..header::BYTES])
            } else {
                let step = (CHUNK_BYTES + TAG_BYTES) as u64;
                let number = (at - header::BYTES as u64) / step;
                // Below the number of chunks, since `at` is below the length.
                let place = self.header.place(u32::try_from(number).unwrap_or(u32::MAX));
                file.seek(SeekFrom::Start(number * CHUNK_BYTES as u64))
                    .map_err(GoodsError::Read)?;
                (header::BYTES as u64 + number * step, self.chunk(file, place, &mut buffer)?)
            };
            let stop = end.min(first + piece.len() as u64);
            // Within the piece, which has at least one byte from `at` on.
            out.extend_from_slice(&piece[(at - first) as usize..(stop - first) as usize]);
            at = stop;
        }
        Ok(out)
    }

    /// Reads one chunk of the file and encrypts it in `buffer`.
    fn chunk<'a>(
        &self,
        reader: &mut impl Read,
        place: Place,
        buffer: &'a mut [u8],
    ) -> Result<&'a [u8], GoodsError> {
        let length = self.header.plaintext_length();
        let short = |source: std::io::Error| match source.kind() {
            ErrorKind::UnexpectedEof => GoodsError::FileShrank { length },
            _ => GoodsError::Read(source),
        };
        // The buffer holds a whole chunk and its tag.
        let bytes = &mut buffer[..place.plaintext + TAG_BYTES];
        reader.read_exact(&mut bytes[..place.plaintext]).map_err(short)?;
        self.cipher.seal(place, bytes);
        Ok(bytes)
    }
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encryption({} bytes)", self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{open, unwatched};
    use super::*;
    use std::io::Cursor;

    #[test]
    fn any_part_is_that_of_the_whole() {
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 77] {
            let plaintext: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let key = GoodsKey::from_bytes(&[3; 32]);
            let encryption = Encryption::new(&key, length as u64, [9; PREFIX_BYTES]).unwrap();
            let mut whole = Vec::new();
            let goods =
                encryption.encrypt(plaintext.as_slice(), &mut whole, &mut unwatched).unwrap();
            assert_eq!((goods.bytes, encryption.bytes()), (whole.len() as u64, goods.bytes));
            assert_eq!(encryption.measure(plaintext.as_slice(), &mut unwatched).unwrap(), goods);
            let mut back = Vec::new();
            open(whole.as_slice(), &mut back, &key, &goods, &mut unwatched).unwrap();
            assert_eq!(back, plaintext);
            let mut file = Cursor::new(&plaintext);
            let ends = [0, 1, 72, 73, 74, CHUNK_BYTES, CHUNK_BYTES + 89, whole.len(), usize::MAX];
            for from in ends.map(|end| end.min(whole.len())) {
                for most in [1, 100, CHUNK_BYTES + 16, 3 * CHUNK_BYTES] {
                    let part = encryption.read_at(&mut file, from as u64, most).unwrap();
                    let to = whole.len().min(from + most);
                    assert_eq!(part, whole[from..to], "{length}: {from} + {most}");
                }
            }
            assert!(encryption.read_at(&mut file, u64::MAX, 9).unwrap().is_empty());
        }
    }

    #[test]
    fn a_file_of_another_length_is_refused() {
        let key = GoodsKey::from_bytes(&[3; 32]);
        let encryption = Encryption::new(&key, 100, [9; PREFIX_BYTES]).unwrap();
        let measured = |length| encryption.measure(vec![0; length].as_slice(), &mut unwatched);
        assert!(matches!(measured(99), Err(GoodsError::FileShrank { length: 100 })));
        assert!(matches!(measured(101), Err(GoodsError::FileGrew { length: 100 })));
        let read = encryption.read_at(&mut Cursor::new(vec![0; 99]), 80, 10);
        assert!(matches!(read, Err(GoodsError::FileShrank { .. })));
    }
}
