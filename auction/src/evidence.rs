//! Evidence in a file of its own, for somebody who has seen nothing: one container for every
//! kind, and what a judge says. SETTLEMENT, section "Evidence".
//!
//! A file is eight bytes that say so and in which version, two bytes that say of which kind, and
//! the evidence. What a kind holds and how it is judged stands where its words are made: here
//! ([`crate::dispute`]), with the witnesses, with the settlement.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::PublicKey;
use crate::wire::{WireError, decode, encode};

/// First bytes of an evidence file, its format version last.
const MAGIC: &[u8; 8] = b"gavelEV\x02";
/// The same of the first version, which knew one kind.
const MAGIC_1: &[u8; 8] = b"gavelEV\x01";

macro_rules! kinds {
    ($($(#[doc = $text:literal])+ $name:ident = $number:literal;)+) => {
        /// What a file of evidence holds. The numbers are part of the format and never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Kind {
            $($(#[doc = $text])+ $name = $number,)+
        }

        impl Kind {
            /// Every kind, in order of number.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            fn from_number(number: u16) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| *kind as u16 == number)
            }
        }
    };
}

kinds! {
    /// Two words of an accumulator, or a receipt and the list without its bid.
    Accumulator = 1;
    /// A share that its bidder signed and that does not open.
    Share = 2;
    /// An accumulator's refusal of a bid.
    Refusal = 3;
    /// Words of a settlement server about its history.
    History = 32;
    /// A bond ticket that no bond stands behind.
    Ticket = 64;
    /// The payment of an auction.
    Payment = 65;
}

/// Evidence of one kind.
pub trait Evidence: Serialize + DeserializeOwned {
    /// Which kind.
    const KIND: Kind;
    /// Longest encoding that is read, in bytes.
    const MAX_BYTES: usize;

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`WireError`] when it cannot be encoded.
    fn to_file(&self) -> Result<Vec<u8>, WireError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&(Self::KIND as u16).to_le_bytes());
        bytes.extend(encode(self)?);
        Ok(bytes)
    }
}

/// A file of evidence whose kind is known; nothing in it is read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceFile<'a> {
    kind: Kind,
    body: &'a [u8],
}

/// Why bytes are no file of evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotEvidence {
    /// Something else.
    #[error("not evidence: the file does not begin as files of evidence do")]
    Other,
    /// A kind of a later version.
    #[error("evidence of kind {0}, which this version does not know: a newer one may judge it")]
    Kind(u16),
    /// The rest does not decode.
    #[error("the evidence is damaged: {0}")]
    Damaged(#[from] WireError),
}

impl<'a> EvidenceFile<'a> {
    /// Whether bytes begin as a file of evidence does, of whatever version.
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC[..7])
    }

    /// Finds out of which kind a file is.
    ///
    /// # Errors
    /// [`NotEvidence`].
    pub fn open(bytes: &'a [u8]) -> Result<Self, NotEvidence> {
        if let Some(body) = bytes.strip_prefix(MAGIC_1) {
            return Ok(Self { kind: Kind::Accumulator, body });
        }
        let rest = bytes.strip_prefix(MAGIC).ok_or(NotEvidence::Other)?;
        let (number, body) = rest.split_first_chunk::<2>().ok_or(NotEvidence::Other)?;
        let number = u16::from_le_bytes(*number);
        let kind = Kind::from_number(number).ok_or(NotEvidence::Kind(number))?;
        Ok(Self { kind, body })
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Reads evidence of this kind.
    ///
    /// # Errors
    /// [`NotEvidence::Damaged`], also where the file is of another kind.
    pub fn read<T: Evidence>(&self) -> Result<T, NotEvidence> {
        if self.kind != T::KIND {
            let reason = format!("expected evidence of kind {:?}", T::KIND);
            return Err(WireError::Malformed { reason }.into());
        }
        Ok(decode(self.body, T::MAX_BYTES)?)
    }
}

/// Who can be convicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A bidder, under the key that he made for this auction.
    Bidder,
    /// The accumulator of this number.
    Accumulator(usize),
    /// A settlement server.
    Server,
    /// A seller.
    Seller,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bidder => f.write_str("bidder"),
            Self::Accumulator(number) => write!(f, "accumulator {number}"),
            Self::Server => f.write_str("settlement server"),
            Self::Seller => f.write_str("seller"),
        }
    }
}

/// Somebody against whom something is proved: his own signatures say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conviction {
    /// Who, by what he is in the case.
    pub role: Role,
    /// Under which key.
    pub key: PublicKey,
    /// What he did, after "has".
    pub deed: String,
}

/// What a judge says of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ruling {
    /// What it is about: a name and a value each.
    pub about: Vec<(&'static str, String)>,
    /// Who is convicted.
    pub convicted: Vec<Conviction>,
    /// What else is proved.
    pub proved: Vec<String>,
    /// What is not proved, and who could show what to settle it.
    pub open: Vec<String>,
}

impl Ruling {
    /// A ruling about something, with nothing said yet.
    #[must_use]
    pub fn about(about: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { about: about.into_iter().collect(), ..Self::default() }
    }

    /// Convicts somebody.
    #[must_use]
    pub fn convict(mut self, role: Role, key: PublicKey, deed: impl Into<String>) -> Self {
        self.convicted.push(Conviction { role, key, deed: deed.into() });
        self
    }

    /// Says what else is proved.
    #[must_use]
    pub fn prove(mut self, words: impl Into<String>) -> Self {
        self.proved.push(words.into());
        self
    }

    /// Says what is not proved.
    #[must_use]
    pub fn leave_open(mut self, words: impl Into<String>) -> Self {
        self.open.push(words.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Words(Vec<u8>);

    impl Evidence for Words {
        const KIND: Kind = Kind::Share;
        const MAX_BYTES: usize = 64;
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Others(Vec<u8>);

    impl Evidence for Others {
        const KIND: Kind = Kind::Refusal;
        const MAX_BYTES: usize = 64;
    }

    #[test]
    fn evidence_is_read_as_what_it_was_written_and_within_its_limit() {
        let bytes = Words(vec![1, 2, 3]).to_file().unwrap();
        assert!(EvidenceFile::is_one(&bytes));
        let file = EvidenceFile::open(&bytes).unwrap();
        assert_eq!(file.kind(), Kind::Share);
        assert_eq!(file.read::<Words>(), Ok(Words(vec![1, 2, 3])));
        assert!(file.read::<Others>().is_err());
        let long = Words(vec![0; 100]).to_file().unwrap();
        assert!(EvidenceFile::open(&long).unwrap().read::<Words>().is_err());
        for length in 0..bytes.len() {
            let read = EvidenceFile::open(&bytes[..length]).and_then(|file| file.read::<Words>());
            assert!(read.is_err(), "{length} bytes");
        }
    }

    #[test]
    fn later_kinds_are_named_and_other_files_are_not_taken_for_evidence() {
        let mut bytes = Words(vec![]).to_file().unwrap();
        bytes[8] = 0xff;
        assert_eq!(EvidenceFile::open(&bytes), Err(NotEvidence::Kind(0x00ff)));
        assert_eq!(EvidenceFile::open(b"gavelTR\x01"), Err(NotEvidence::Other));
        assert_eq!(EvidenceFile::open(b"gavelEV\x09\x01\x00"), Err(NotEvidence::Other));
        let first = [&b"gavelEV\x01"[..], &[7]].concat();
        assert_eq!(EvidenceFile::open(&first).unwrap().kind(), Kind::Accumulator);
    }
}
