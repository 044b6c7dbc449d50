//! Reading fixed-width fields from bytes that may be anything.

use auction::keys::{PublicKey, Signature};
use auction::layout::Digest;

/// What is left to read. Every getter answers `None` when too little is left.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    pub(crate) fn digest(&mut self) -> Option<Digest> {
        self.array().map(Digest)
    }

    pub(crate) fn key(&mut self) -> Option<PublicKey> {
        self.array().map(PublicKey)
    }

    pub(crate) fn signature(&mut self) -> Option<Signature> {
        self.array().map(Signature)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_is_none_and_takes_nothing() {
        let mut reader = Reader::new(&[1, 0, 2]);
        assert_eq!(reader.u64(), None);
        assert_eq!(reader.u16(), Some(1));
        assert_eq!(reader.slice(2), None);
        assert_eq!(reader.u8(), Some(2));
        assert!(reader.is_empty());
    }
}
