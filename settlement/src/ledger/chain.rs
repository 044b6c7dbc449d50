//! Chains: requests that commit together or not at all, and what may ride with them.

use auction::layout::Digest;
use sha2::{Digest as _, Sha256};

use super::code::Code;
use super::few::Few;
use super::ids::Charter;
use super::readmitted::{RawReadmitted, Readmitted};
use super::request::Action;
use super::signed::{Authority, MAX_REQUEST_BYTES, VerifiedRequest};
use crate::bytes::Reader;

/// Most requests in one chain.
pub const MAX_CHAIN_REQUESTS: usize = 64;
/// Longest attachment, in bytes.
pub const MAX_ATTACHMENT_BYTES: usize = 256 << 10;

/// Set in an entry's first byte, beside the number of requests, where an attachment ends it. The
/// two share a byte so that the leaf of a transfer fills four blocks of SHA-256 and not five.
const WITH_ATTACHMENT: u8 = 0x80;
/// First byte of an entry that came back after a restore, where another has the number of its
/// requests: what proves that it was lost follows, and then the entry as it was.
const READMITTED: u8 = 0;

/// Opaque bytes that are journaled with a chain exactly if it commits. They may hold a secret
/// (a goods key), so they are not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment(Vec<u8>);

impl Attachment {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Their SHA-256 hash.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(&self.0).into())
    }
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attachment({} bytes)", self.0.len())
    }
}

/// Requests that commit whole or not at all, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    requests: Few<VerifiedRequest>,
    attachment: Option<Attachment>,
    readmitted: Option<Box<Readmitted>>,
}

/// Why requests make no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No request, or too many.
    #[error("got {0} requests, expected 1 to {MAX_CHAIN_REQUESTS}")]
    Length(usize),
    /// Too long an attachment.
    #[error("got an attachment of {0} bytes, expected at most {MAX_ATTACHMENT_BYTES}")]
    Attachment(usize),
}

impl From<VerifiedRequest> for Chain {
    fn from(request: VerifiedRequest) -> Self {
        Self { requests: Few::one(request), attachment: None, readmitted: None }
    }
}

impl Chain {
    /// A chain of requests, with at most one attachment.
    ///
    /// # Errors
    /// [`ChainError`] beyond the limits.
    pub fn new(
        requests: Vec<VerifiedRequest>,
        attachment: Option<Vec<u8>>,
    ) -> Result<Self, ChainError> {
        Self::of(requests.into(), attachment)
    }

    fn of(requests: Few<VerifiedRequest>, attachment: Option<Vec<u8>>) -> Result<Self, ChainError> {
        if requests.is_empty() || requests.len() > MAX_CHAIN_REQUESTS {
            return Err(ChainError::Length(requests.len()));
        }
        match attachment {
            Some(bytes) if bytes.len() > MAX_ATTACHMENT_BYTES => {
                Err(ChainError::Attachment(bytes.len()))
            }
            bytes => Ok(Self { requests, attachment: bytes.map(Attachment), readmitted: None }),
        }
    }

    /// The same as what a restore has lost and comes back: it is judged by the time at which it was
    /// committed. Whether that is so, whoever calls this has seen.
    pub(crate) fn readmitted_as(self, readmitted: Readmitted) -> Self {
        Self { readmitted: Some(Box::new(readmitted)), ..self }
    }

    /// Where and when it was committed before, of what came back after a restore.
    #[must_use]
    pub fn readmitted(&self) -> Option<&Readmitted> {
        self.readmitted.as_deref()
    }

    /// Whether another chain asks for the same, whether or not one of the two came back after a
    /// restore.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        self.requests == other.requests && self.attachment == other.attachment
    }

    /// The requests, in order.
    #[must_use]
    pub fn requests(&self) -> &[VerifiedRequest] {
        &self.requests
    }

    /// What rides with them.
    #[must_use]
    pub fn attachment(&self) -> Option<&Attachment> {
        self.attachment.as_ref()
    }

    /// The place of a purchase that does not come alone with what was bought: whoever brings an
    /// order without the goods key, or ties it to something else, brings nothing about.
    pub(super) fn misplaced_purchase(&self) -> Option<usize> {
        let is_purchase =
            |one: &VerifiedRequest| matches!(one.request().action, Action::Purchase(_));
        let place = self.requests.iter().position(is_purchase)?;
        (self.requests.len() > 1 || self.attachment.is_none()).then_some(place)
    }

    /// Whether the postings module signed any of it: then no refusal is final.
    #[must_use]
    pub fn has_postings(&self) -> bool {
        self.requests.iter().any(|request| request.authority() == Authority::Postings)
    }

    /// An upper bound of the length of its journal entry, in bytes.
    #[must_use]
    pub fn entry_bytes(&self) -> usize {
        let requests: usize = self.requests.iter().map(|one| one.as_bytes().len() + 3).sum();
        let readmitted = self.readmitted().map_or(0, |proof| 1 + proof.encoded_bytes());
        let attached = self.attachment.as_ref().map_or(0, |attached| attached.0.len());
        5 + requests + attached + readmitted
    }

    /// Appends the journal entry: the signed requests byte for byte, the codes, and the
    /// attachment only if the chain was committed: a refused one leaves no goods key behind.
    pub(crate) fn encode_entry(
        &self,
        codes: impl Iterator<Item = Code> + Clone,
        out: &mut Vec<u8>,
    ) {
        let committed = codes.clone().all(|code| code == Code::Done);
        let attachment = self.attachment.as_ref().filter(|_| committed);
        if let Some(readmitted) = self.readmitted() {
            out.push(READMITTED);
            readmitted.encode(out);
        }
        // At most MAX_CHAIN_REQUESTS of at most MAX_REQUEST_BYTES: both fit.
        out.push(self.requests.len() as u8 | attachment.map_or(0, |_| WITH_ATTACHMENT));
        for request in &self.requests {
            out.extend_from_slice(&(request.as_bytes().len() as u16).to_le_bytes());
            out.extend_from_slice(request.as_bytes());
        }
        out.extend(codes.map(Code::number));
        if let Some(attachment) = attachment {
            // At most MAX_ATTACHMENT_BYTES.
            out.extend_from_slice(&(attachment.0.len() as u32).to_le_bytes());
            out.extend_from_slice(&attachment.0);
        }
    }
}

/// A journal entry: a chain and the codes that it was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The chain; its requests not verified again.
    pub chain: Chain,
    /// One code for each request.
    pub codes: Few<Code>,
}

impl Entry {
    /// Reads an entry of this server's own journal.
    pub(crate) fn decode(bytes: &[u8], charter: &Charter) -> Option<Self> {
        let raw = RawEntry::split(bytes)?;
        let requests =
            raw.requests.iter().map(|bytes| VerifiedRequest::from_journal(bytes, charter));
        let requests = requests.collect::<Option<Few<_>>>()?;
        let chain = Chain::of(requests, raw.attachment.map(<[u8]>::to_vec)).ok()?;
        let chain = match raw.readmitted {
            Some(readmitted) => chain.readmitted_as(readmitted.believed(charter)?),
            None => chain,
        };
        Some(Self { chain, codes: raw.codes })
    }
}

/// The parts of an entry, nothing in them read yet.
pub(crate) struct RawEntry<'a> {
    pub(crate) requests: Few<&'a [u8]>,
    pub(crate) codes: Few<Code>,
    pub(crate) attachment: Option<&'a [u8]>,
    /// Of what came back after a restore.
    pub(crate) readmitted: Option<RawReadmitted<'a>>,
    /// The entry without that: as it was before it was lost.
    pub(crate) original: &'a [u8],
}

impl<'a> RawEntry<'a> {
    pub(crate) fn split(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let readmitted = if bytes.first() == Some(&READMITTED) {
            reader.u8()?;
            Some(RawReadmitted::read(&mut reader)?)
        } else {
            None
        };
        let original = reader.slice(reader.left())?;
        Some(Self { readmitted, ..Self::split_original(original)? })
    }

    fn split_original(original: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(original);
        let first = reader.u8()?;
        let count = usize::from(first & !WITH_ATTACHMENT);
        if count == 0 || count > MAX_CHAIN_REQUESTS {
            return None;
        }
        let mut request = || {
            let length = usize::from(reader.u16()?);
            if length > MAX_REQUEST_BYTES { None } else { reader.slice(length) }
        };
        let requests = (0..count).map(|_| request()).collect::<Option<Few<_>>>()?;
        let codes = (0..count).map(|_| Code::from_number(reader.u8()?));
        let codes = codes.collect::<Option<Few<_>>>()?;
        let attachment = if first & WITH_ATTACHMENT == 0 {
            None
        } else {
            let length = usize::try_from(reader.u32()?).ok()?;
            Some(reader.slice(length)?)
        };
        let all = Self { requests, codes, attachment, readmitted: None, original };
        reader.is_empty().then_some(all)
    }
}
