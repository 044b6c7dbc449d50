//! Encrypted goods being read: header, chunks in their places, checksum at the end.

use std::io::{ErrorKind, Read};
use std::ops::ControlFlow;

use auction::settlement_terms::Goods;
use zeroize::Zeroizing;

use super::checksum::Tree;
use super::cipher::TAG_BYTES;
use super::header::{self, Header, Place};
use super::{CHUNK_BYTES, GoodsError};

/// Goods of which the header has been read.
pub(super) struct Encrypted<R> {
    reader: R,
    header: Header,
    expected: Option<Goods>,
}

impl<R: Read> Encrypted<R> {
    /// Reads the header.
    pub(super) fn begin(mut reader: R) -> Result<Self, GoodsError> {
        let mut bytes = [0; header::BYTES];
        fill(&mut reader, &mut bytes, header::BYTES as u64)?;
        Ok(Self { header: Header::decode(&bytes)?, reader, expected: None })
    }

    /// Refuses other goods than these: what the header shows at once, the rest at the end.
    pub(super) fn expecting(mut self, expected: &Goods) -> Result<Self, GoodsError> {
        let (got, length) = (self.header.key_hash, self.header.encrypted_length());
        if got != expected.key_hash {
            return Err(GoodsError::SealedUnderOther { got, expected: expected.key_hash });
        }
        if length != expected.bytes {
            return Err(GoodsError::Length { got: length, expected: expected.bytes });
        }
        self.expected = Some(*expected);
        Ok(self)
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Reads all chunks, gives each with its tag to `each`, and says what goods they were: the
    /// expected ones, where some were.
    pub(super) fn read(
        mut self,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
        mut each: impl FnMut(Place, &mut [u8]) -> Result<(), GoodsError>,
    ) -> Result<Goods, GoodsError> {
        let length = self.header.encrypted_length();
        let mut tree = Tree::default();
        tree.push(&self.header.encode());
        let mut done = header::BYTES as u64;
        // `each` may decrypt in it.
        let mut buffer = Zeroizing::new(vec![0; CHUNK_BYTES + TAG_BYTES]);
        for place in self.header.places() {
            let bytes = &mut buffer[..place.plaintext + TAG_BYTES];
            fill(&mut self.reader, bytes, length)?;
            tree.push(bytes);
            each(place, bytes)?;
            done += bytes.len() as u64;
            if progress(done).is_break() {
                return Err(GoodsError::Stopped);
            }
        }
        if !is_at_end(&mut self.reader)? {
            return Err(GoodsError::GoesOn { expected: length });
        }
        let checksum = tree.checksum(done);
        match self.expected {
            Some(expected) if expected.checksum != checksum => {
                Err(GoodsError::Checksum { got: checksum, expected: expected.checksum })
            }
            _ => Ok(Goods { key_hash: self.header.key_hash, checksum, bytes: done }),
        }
    }
}

/// Whether nothing more comes.
pub(super) fn is_at_end(reader: &mut impl Read) -> Result<bool, GoodsError> {
    match reader.read_exact(&mut [0]) {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(true),
        Err(error) => Err(GoodsError::Read(error)),
    }
}

fn fill(reader: &mut impl Read, bytes: &mut [u8], expected: u64) -> Result<(), GoodsError> {
    reader.read_exact(bytes).map_err(|source| match source.kind() {
        ErrorKind::UnexpectedEof => GoodsError::CutOff { expected },
        _ => GoodsError::Read(source),
    })
}
