//! Segments: files of one size, full of zeros before use, and what stands at their beginning.

use auction::layout::Digest;

use crate::bytes::Reader;

/// Width of a segment's header in bytes.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 128;
const MAGIC: &[u8; 8] = b"gavelseg";
const VERSION: u32 = 1;

/// What stands at the beginning of a segment. It is flushed, and so is every batch before
/// `first`, before the segment gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) ledger: Digest,
    /// The segment's place in the journal, from 1.
    pub(crate) sequence: u64,
    /// The number of the first batch in it. What the segment before holds from that number on
    /// was never acknowledged, or has been copied here.
    pub(crate) first: u64,
    /// Entries, epoch and chain before `first`.
    pub(crate) first_entry: u64,
    pub(crate) epoch: u32,
    pub(crate) before: Digest,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut out = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.ledger.0);
        for value in [self.sequence, self.first, self.first_entry] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.before.0);
        let mut header = [0; SEGMENT_HEADER_BYTES];
        // 112 bytes of fields, then zeros.
        header[..out.len()].copy_from_slice(&out);
        let crc = crc32fast::hash(&header[12..]);
        header[8..12].copy_from_slice(&crc.to_le_bytes());
        header
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SEGMENT_HEADER_BYTES] = bytes.first_chunk()?;
        let mut reader = Reader::new(bytes);
        if reader.array()? != *MAGIC
            || reader.u32()? != crc32fast::hash(&bytes[12..])
            || reader.u32()? != VERSION
        {
            return None;
        }
        let (ledger, sequence) = (reader.digest()?, reader.u64()?);
        let (first, first_entry) = (reader.u64()?, reader.u64()?);
        let epoch = reader.u32()?;
        reader.u32()?;
        Some(Self { ledger, sequence, first, first_entry, epoch, before: reader.digest()? })
    }
}

/// The name of a segment in use.
pub(crate) fn segment_name(sequence: u64) -> String {
    format!("segment-{sequence:010}")
}

/// The place that a segment's name tells.
pub(crate) fn segment_sequence(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?;
    (digits.len() == 10).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_names_read_back() {
        let header = SegmentHeader {
            ledger: Digest([1; 32]),
            sequence: 2,
            first: 3,
            first_entry: 4,
            epoch: 5,
            before: Digest([6; 32]),
        };
        let bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Some(header));
        for bit in 0..SEGMENT_HEADER_BYTES * 8 {
            let mut altered = bytes;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&altered), None, "bit {bit}");
        }
        assert_eq!(segment_sequence(&segment_name(42)), Some(42));
        assert_eq!(segment_sequence("segment-42"), None);
        assert_eq!(segment_sequence("spare-0000000042"), None);
    }
}
