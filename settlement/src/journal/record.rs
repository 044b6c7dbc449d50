//! One batch in the journal: a header that vouches for itself and its body.

use auction::layout::Digest;
use auction::spec::Time;

use super::tree::{Leaf, leaf_hash};
use crate::bytes::Reader;
use crate::layout::{Label, Statement};
use crate::parallel;

/// Width of a record's header in bytes.
pub(crate) const HEADER_BYTES: usize = 136;
/// Records begin at multiples of this, so that they can be found past a damaged one.
pub(crate) const ALIGNMENT: usize = 8;
const MAGIC: &[u8; 8] = b"gavelrec";

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A committed batch.
    Batch = 1,
    /// Says what is flushed, where no batch follows soon. It has no number of its own and no
    /// place in the chain.
    Mark = 2,
    /// Begins a new epoch after a restore.
    Epoch = 3,
}

/// A record's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// How often the journal was restored from a backup.
    pub(crate) epoch: u32,
    /// The batch's number, from 1; on a mark, that of the last batch.
    pub(crate) number: u64,
    /// The last batch that was known to be flushed when this was written.
    pub(crate) flushed: u64,
    pub(crate) time: Time,
    /// Entries in all batches before.
    pub(crate) first_entry: u64,
    pub(crate) entries: u32,
    /// Holds that were swept at the start of the batch.
    pub(crate) expired: u32,
    pub(crate) body_bytes: u64,
    pub(crate) body_crc: u32,
    /// The chain over all batches before, and with this one.
    pub(crate) before: Digest,
    pub(crate) after: Digest,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.body_crc.to_le_bytes());
        out.extend_from_slice(&(self.kind as u32).to_le_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        for value in [self.number, self.flushed, self.time.0, self.first_entry] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&self.expired.to_le_bytes());
        out.extend_from_slice(&self.body_bytes.to_le_bytes());
        out.extend_from_slice(&self.before.0);
        out.extend_from_slice(&self.after.0);
        let mut header = [0; HEADER_BYTES];
        // The fields above are HEADER_BYTES wide, as the test below shows.
        header.copy_from_slice(&out);
        let crc = crc32fast::hash(&header[12..]);
        header[8..12].copy_from_slice(&crc.to_le_bytes());
        header
    }

    /// Reads a header and checks that it is whole.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let mut reader = Reader::new(bytes);
        if reader.array()? != *MAGIC || reader.u32()? != crc32fast::hash(&bytes[12..]) {
            return None;
        }
        let body_crc = reader.u32()?;
        let kind = match reader.u32()? {
            1 => Kind::Batch,
            2 => Kind::Mark,
            3 => Kind::Epoch,
            _ => return None,
        };
        Some(Self {
            kind,
            epoch: reader.u32()?,
            number: reader.u64()?,
            flushed: reader.u64()?,
            time: Time(reader.u64()?),
            first_entry: reader.u64()?,
            entries: reader.u32()?,
            expired: reader.u32()?,
            body_bytes: reader.u64()?,
            body_crc,
            before: reader.digest()?,
            after: reader.digest()?,
        })
    }

    /// The chain after this record, given the hashes of its entries, which cover its body.
    pub(crate) fn chain(&self, leaves: &[Leaf]) -> Digest {
        let mut statement = Statement::new(Label::Chain, &self.before);
        statement.u64(self.kind as u64).u64(u64::from(self.epoch));
        statement.u64(self.number).u64(self.flushed).u64(self.time.0).u64(self.first_entry);
        statement.u64(u64::from(self.entries)).u64(u64::from(self.expired));
        for leaf in leaves {
            statement.fixed(leaf);
        }
        statement.hash()
    }

    /// The whole record's length with its padding.
    pub(crate) fn record_bytes(&self) -> Option<usize> {
        padded(HEADER_BYTES.checked_add(usize::try_from(self.body_bytes).ok()?)?)
    }
}

/// The next multiple of the alignment.
pub(crate) fn padded(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(ALIGNMENT)
}

/// A record as it lies in a segment: whole, but not yet compared with what came before it.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) header: Header,
    pub(crate) body: &'a [u8],
    pub(crate) length: usize,
}

impl<'a> Record<'a> {
    /// Reads the record at the beginning of `bytes`.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let header = Header::decode(bytes).ok_or("a batch's header does not match its CRC")?;
        let length = header.record_bytes().ok_or("a batch is longer than memory")?;
        let body = HEADER_BYTES
            .checked_add(header.body_bytes as usize)
            .and_then(|end| bytes.get(HEADER_BYTES..end))
            .filter(|_| length <= bytes.len())
            .ok_or("a batch is longer than its segment")?;
        if crc32fast::hash(body) != header.body_crc {
            return Err("a batch does not match its CRC");
        }
        Ok(Self { header, body, length })
    }

    /// The entries of the body, in order.
    pub(crate) fn entries(&self) -> Result<Vec<&'a [u8]>, &'static str> {
        let mut reader = Reader::new(self.body);
        // Each takes 4 bytes at least, so that a wrong count reserves little.
        let mut entries =
            Vec::with_capacity((self.header.entries as usize).min(self.body.len() / 4));
        for _ in 0..self.header.entries {
            let length = reader.u32().ok_or("a batch ends within an entry")?;
            entries.push(reader.slice(length as usize).ok_or("a batch ends within an entry")?);
        }
        if reader.is_empty() { Ok(entries) } else { Err("a batch is longer than its entries") }
    }

    /// The leaf hashes of the entries.
    pub(crate) fn leaves(&self, entries: &[&[u8]]) -> Vec<Leaf> {
        let (number, time) = (self.header.number, self.header.time);
        parallel::map(entries, |entry| leaf_hash(number, time, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_and_every_altered_bit_is_found() {
        let header = Header {
            kind: Kind::Batch,
            epoch: 1,
            number: 2,
            flushed: 1,
            time: Time(3),
            first_entry: 4,
            entries: 5,
            expired: 6,
            body_bytes: 7,
            body_crc: 8,
            before: Digest([9; 32]),
            after: Digest([10; 32]),
        };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Some(header));
        for bit in 0..HEADER_BYTES * 8 {
            let mut altered = bytes;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&altered), None, "bit {bit}");
        }
    }
}
