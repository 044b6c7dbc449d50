//! Commits that a stated restore has lost and whose receipts come back. SETTLEMENT, section
//! "Readmission".
//!
//! The ledger takes no such chain on anybody's word: the journal keeps, with the requests, where
//! and when they were committed and the server's own signature over it, so that whoever replays it
//! can hold the one against the other ([`crate::readmission`]).

use auction::keys::Signature;
use auction::layout::Digest;
use auction::spec::Time;
use witness::tree::{MAX_PATH, leaf_hash};
use witness::{Head, Inclusion, SignedHead};

use super::chain::MAX_CHAIN_REQUESTS;
use super::ids::Charter;
use super::signed::{MAX_REQUEST_BYTES, VerifiedRequest};
use crate::bytes::Reader;

/// Longest encoding beside the requests themselves, in bytes.
pub(crate) const MAX_READMITTED_BYTES: usize =
    148 + 1 + MAX_PATH * 32 + 1 + MAX_CHAIN_REQUESTS * (MAX_REQUEST_BYTES + 2);

/// Where and when a server says that it committed an entry which a restore has lost since: what a
/// receipt says beside the entry. As received: [`LostCommit::inclusion`] is to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostCommit {
    /// The entry's number then.
    pub number: u64,
    /// Its batch.
    pub batch: u64,
    /// Its time: what it was judged by, and is judged by again.
    pub time: Time,
    /// A head of that epoch over it.
    pub head: SignedHead,
    /// The path from the entry to the head's root.
    pub path: Vec<Digest>,
}

/// What is journaled with a chain that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readmitted {
    commit: LostCommit,
    holds: Vec<VerifiedRequest>,
}

/// The same in an entry, nothing in it read further.
pub(crate) struct RawReadmitted<'a> {
    pub(crate) commit: LostCommit,
    pub(crate) holds: Vec<&'a [u8]>,
}

impl LostCommit {
    /// The proof that these bytes are the entry.
    #[must_use]
    pub fn inclusion(&self, entry: &[u8]) -> Inclusion {
        let leaf = leaf_hash(self.batch, self.time, entry);
        Inclusion { number: self.number, leaf, head: self.head, path: self.path.clone() }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for value in [self.number, self.batch, self.time.0] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        let Head { epoch, since, size, root, time } = self.head.head;
        out.extend_from_slice(&epoch.to_le_bytes());
        for value in [since, size, time.0] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&root.0);
        out.extend_from_slice(&self.head.signature.0);
        // At most MAX_PATH, as whoever verified it saw.
        out.push(self.path.len() as u8);
        self.path.iter().for_each(|node| out.extend_from_slice(&node.0));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (number, batch, time) = (reader.u64()?, reader.u64()?, Time(reader.u64()?));
        let epoch = reader.u32()?;
        let (since, size, then) = (reader.u64()?, reader.u64()?, Time(reader.u64()?));
        let root = reader.digest()?;
        let signature: Signature = reader.signature()?;
        let head = SignedHead { head: Head { epoch, since, size, root, time: then }, signature };
        let nodes = usize::from(reader.u8()?);
        if nodes > MAX_PATH {
            return None;
        }
        let path = (0..nodes).map(|_| reader.digest()).collect::<Option<_>>()?;
        Some(Self { number, batch, time, head, path })
    }
}

impl Readmitted {
    /// With the requests that made the holds which the chain ends: of a hold that has expired since
    /// the ledger keeps nothing but the hash.
    pub(crate) fn new(commit: LostCommit, holds: Vec<VerifiedRequest>) -> Self {
        Self { commit, holds }
    }

    /// Where and when it was committed before.
    #[must_use]
    pub fn commit(&self) -> &LostCommit {
        &self.commit
    }

    /// The request that made a hold, by the hash of what was signed.
    pub(super) fn hold(&self, content: &Digest) -> Option<&VerifiedRequest> {
        self.holds.iter().find(|hold| hold.content() == *content)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.commit.encode(out);
        // No more than the chain has requests.
        out.push(self.holds.len() as u8);
        for hold in &self.holds {
            out.extend_from_slice(&(hold.as_bytes().len() as u16).to_le_bytes());
            out.extend_from_slice(hold.as_bytes());
        }
    }

    /// The length of the encoding.
    pub(super) fn encoded_bytes(&self) -> usize {
        let holds: usize = self.holds.iter().map(|hold| hold.as_bytes().len() + 2).sum();
        148 + 1 + self.commit.path.len() * 32 + 1 + holds
    }
}

impl<'a> RawReadmitted<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let commit = LostCommit::read(reader)?;
        let count = usize::from(reader.u8()?);
        if count > MAX_CHAIN_REQUESTS {
            return None;
        }
        let mut holds = Vec::with_capacity(count);
        for _ in 0..count {
            let length = usize::from(reader.u16()?);
            if length > MAX_REQUEST_BYTES {
                return None;
            }
            holds.push(reader.slice(length)?);
        }
        Some(Self { commit, holds })
    }

    /// As this server's own journal says.
    pub(super) fn believed(self, charter: &Charter) -> Option<Readmitted> {
        let holds = self.holds.iter().map(|bytes| VerifiedRequest::from_journal(bytes, charter));
        Some(Readmitted { commit: self.commit, holds: holds.collect::<Option<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_reads_back_at_its_length_and_not_cut_short() {
        let head = Head { epoch: 1, since: 2, size: 30, root: Digest([4; 32]), time: Time(50) };
        let head = SignedHead { head, signature: Signature([6; 64]) };
        let path = vec![Digest([7; 32]), Digest([8; 32])];
        let commit = LostCommit { number: 9, batch: 10, time: Time(11), head, path };
        let readmitted = Readmitted::new(commit.clone(), Vec::new());
        let mut bytes = Vec::new();
        readmitted.encode(&mut bytes);
        assert_eq!(bytes.len(), readmitted.encoded_bytes());
        assert!(bytes.len() <= MAX_READMITTED_BYTES);
        let mut reader = Reader::new(&bytes);
        let read = RawReadmitted::read(&mut reader).unwrap();
        assert!(reader.is_empty() && read.holds.is_empty());
        assert_eq!(read.commit, commit);
        for length in 0..bytes.len() {
            assert!(RawReadmitted::read(&mut Reader::new(&bytes[..length])).is_none(), "{length}");
        }
    }
}
