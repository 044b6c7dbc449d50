//! Signed tree heads, and receipts that anyone can check with the server's key alone.

use auction::keys::{BadSignature, Signature};
use auction::layout::Digest;
use auction::spec::Time;

use super::tree::{consistent, included, leaf_hash};
use crate::layout::{Label, Signer, Statement};
use crate::ledger::{Charter, Code, RawEntry, SignedRequest};

/// A tree head: the number of entries and the root over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How often the journal was restored from a backup.
    pub epoch: u32,
    /// Entries covered: the head's number.
    pub size: u64,
    /// The Merkle root over them (RFC 9162).
    pub root: Digest,
    /// The journal's time at that moment.
    pub time: Time,
}

/// A head under the server's signature. Two of one size with different roots, or two without
/// consistency, convict the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHead {
    /// What is signed.
    pub head: Head,
    /// The server's signature.
    pub signature: Signature,
}

/// Why a head or receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The path does not lead from the entry to the root.
    #[error("the path does not lead from entry {0} to the root")]
    NotIncluded(u64),
    /// The entry cannot be read.
    #[error("entry {0} is malformed")]
    Malformed(u64),
}

impl Head {
    fn statement(&self, charter: &Charter) -> Statement {
        let mut statement = Statement::new(Label::Head, &charter.id());
        statement.u64(u64::from(self.epoch)).u64(self.size).fixed(&self.root.0).u64(self.time.0);
        statement
    }

    pub(crate) fn sign(self, server: &Signer, charter: &Charter) -> SignedHead {
        SignedHead { head: self, signature: server.sign(&self.statement(charter)) }
    }

    /// Whether `newer` continues this head, by a proof from
    /// [`crate::bookkeeper::Bookkeeper::consistency`].
    #[must_use]
    pub fn continues_to(&self, newer: &Self, proof: &[Digest]) -> bool {
        self.epoch <= newer.epoch
            && self.time <= newer.time
            && consistent((self.size, self.root), (newer.size, newer.root), proof)
    }
}

impl SignedHead {
    /// Verifies the server's signature.
    ///
    /// # Errors
    /// [`Unproven::Signature`] when it does not hold.
    pub fn verify(&self, charter: &Charter) -> Result<Head, Unproven> {
        self.head.statement(charter).verify(&charter.server(), &self.signature)?;
        Ok(self.head)
    }

    /// Whether the two are the server's own word for two histories: one number in one epoch,
    /// two roots.
    #[must_use]
    pub fn convicts_with(&self, other: &Self, charter: &Charter) -> bool {
        let (Ok(one), Ok(two)) = (self.verify(charter), other.verify(charter)) else {
            return false;
        };
        (one.epoch, one.size) == (two.epoch, two.size) && one.root != two.root
    }
}

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
}

impl Receipt {
    /// Verifies head and path, and reads the entry.
    ///
    /// # Errors
    /// [`Unproven`] says what does not hold.
    pub fn verify(&self, charter: &Charter) -> Result<Proven, Unproven> {
        let head = self.head.verify(charter)?;
        let leaf = leaf_hash(self.batch, self.time, &self.entry);
        if !included(leaf, self.number, head.size, &self.path, head.root) {
            return Err(Unproven::NotIncluded(self.number));
        }
        let malformed = Unproven::Malformed(self.number);
        let raw = RawEntry::split(&self.entry).ok_or(malformed)?;
        let requests = raw.requests.iter().map(|bytes| SignedRequest::decode(bytes));
        Ok(Proven {
            requests: requests.collect::<Result<_, _>>().map_err(|_| malformed)?,
            codes: raw.codes,
            attachment: raw.attachment.map(<[u8]>::to_vec),
            time: self.time,
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
