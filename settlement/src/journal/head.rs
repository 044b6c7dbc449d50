//! Receipts that anyone can check with the server's key alone.

use auction::layout::Digest;
use auction::spec::Time;
use witness::{Inclusion, SignedHead, Unproven};

use super::tree::leaf_hash;
use crate::ledger::{Charter, Code, LostCommit, RawEntry, SignedRequest};

/// Proof that an entry stands in the journal: number, journal time, head and path.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's number.
    pub number: u64,
    /// The batch that it was committed in.
    pub batch: u64,
    /// The batch's time.
    pub time: Time,
    /// The entry: signed requests, codes, attachment. It may hold a goods key.
    pub entry: Vec<u8>,
    /// A head that covers it.
    pub head: SignedHead,
    /// The path from the entry to the head's root.
    pub path: Vec<Digest>,
}

/// What a receipt proves.
#[derive(Clone, PartialEq, Eq)]
pub struct Proven {
    /// The requests as they were signed, not verified.
    pub requests: Vec<SignedRequest>,
    /// What became of each.
    pub codes: Vec<Code>,
    /// What was committed with them.
    pub attachment: Option<Vec<u8>>,
    /// When.
    pub time: Time,
    /// Where and when it was committed before, of what a restore had lost and what came back; the
    /// server's word for that is verified.
    pub readmitted: Option<LostCommit>,
}

impl Receipt {
    /// The proof without the entry, for those whom the entry does not concern.
    #[must_use]
    pub fn inclusion(&self) -> Inclusion {
        let leaf = leaf_hash(self.batch, self.time, &self.entry);
        Inclusion { number: self.number, leaf, head: self.head, path: self.path.clone() }
    }

    /// Verifies head and path, and reads the entry.
    ///
    /// # Errors
    /// [`Unproven`] says what does not hold.
    pub fn verify(&self, charter: &Charter) -> Result<Proven, Unproven> {
        self.inclusion().verify(&charter.ledger_key())?;
        let malformed = Unproven::Malformed(self.number);
        let raw = RawEntry::split(&self.entry).ok_or(malformed)?;
        let readmitted = raw.readmitted.map(|readmitted| readmitted.commit);
        if let Some(commit) = &readmitted {
            let before = commit.inclusion(raw.original).verify(&charter.ledger_key());
            before.map_err(|_| Unproven::NotReadmitted(self.number))?;
        }
        let requests = raw.requests.iter().map(|bytes| SignedRequest::decode(bytes));
        Ok(Proven {
            requests: requests.collect::<Result<_, _>>().map_err(|_| malformed)?,
            codes: raw.codes.to_vec(),
            attachment: raw.attachment.map(<[u8]>::to_vec),
            time: self.time,
            readmitted,
        })
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Receipt(entry {} of batch {}, {} bytes)",
            self.number,
            self.batch,
            self.entry.len()
        )
    }
}

impl std::fmt::Debug for Proven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proven({:?}, attachment: {})", self.codes, self.attachment.is_some())
    }
}
